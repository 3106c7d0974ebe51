"""Errors that operations declare and that never come from here, each with the reason."""

from typing import Final

_ROLE = "The service role is stored, and nobody asks AWS whether it can be assumed."
_HOOKS = "Auto Scaling groups are stored, and no lifecycle hooks are made in them."
_RATE = "There is no limit on how often one may call."
_LOST = "A deployment config that a group names cannot be deleted."

UNREACHABLE: Final[dict[tuple[str, str], str]] = {
    ("BatchGetDeploymentGroups", "DeploymentConfigDoesNotExist"): _LOST,
    ("GetDeploymentGroup", "DeploymentConfigDoesNotExist"): _LOST,
    ("CreateApplication", "Throttling"): _RATE,
    ("CreateDeploymentGroup", "Throttling"): _RATE,
    ("UpdateDeploymentGroup", "Throttling"): _RATE,
    ("CreateDeploymentGroup", "LifecycleHookLimitExceeded"): _HOOKS,
    ("UpdateDeploymentGroup", "LifecycleHookLimitExceeded"): _HOOKS,
    ("DeleteApplication", "InvalidRole"): _ROLE,
    ("DeleteDeploymentGroup", "InvalidRole"): _ROLE,
    ("GetDeploymentConfig", "InvalidComputePlatform"): "The request names no compute platform.",
    (
        "RegisterOnPremisesInstance",
        "IamUserArnRequired",
    ): "IamArnRequired took its place: an instance may have the ARN of a session instead.",
    ("UntagResource", "InvalidTagsToAdd"): "Nothing is added.",
    (
        "ListGitHubAccountTokenNames",
        "ResourceValidation",
    ): "No rule of a name is left for it: the request has none.",
    (
        "DeleteGitHubAccountToken",
        "ResourceValidation",
    ): "InvalidGitHubAccountTokenName says what is wrong with a name.",
    ("ListGitHubAccountTokenNames", "OperationNotSupported"): "There are tokens in every region.",
    ("DeleteGitHubAccountToken", "OperationNotSupported"): "There are tokens in every region.",
}
"""By operation and error, without its last word."""
