"""Errors that operations declare and that never come from here, each with the reason."""

from typing import Final

_ROLE = "The service role is stored, and nobody asks AWS whether it can be assumed."
_HOOKS = "Auto Scaling groups are stored, and no lifecycle hooks are made in them."
_RATE = "Only for whom others are ahead of each time: test_overtaken.py has it."
_ALONE = "Targets are found by their deployment alone, which outlives its application and group."
_WRITTEN = "Nobody can write such a group; what one lacks is told by InvalidLoadBalancerInfo."
_ID = "DeploymentTargetDoesNotExist and InvalidDeploymentTargetId say what is wrong with an id."
_LOST = "A deployment config that a group names cannot be deleted."

UNREACHABLE: Final[dict[tuple[str, str], str]] = {
    ("BatchGetDeploymentGroups", "DeploymentConfigDoesNotExist"): _LOST,
    ("GetDeploymentGroup", "DeploymentConfigDoesNotExist"): _LOST,
    ("CreateApplication", "Throttling"): _RATE,
    ("CreateDeployment", "Throttling"): _RATE,
    ("CreateDeploymentGroup", "Throttling"): _RATE,
    ("UpdateDeploymentGroup", "Throttling"): _RATE,
    ("CreateDeploymentGroup", "LifecycleHookLimitExceeded"): _HOOKS,
    ("UpdateDeploymentGroup", "LifecycleHookLimitExceeded"): _HOOKS,
    ("DeleteApplication", "InvalidRole"): _ROLE,
    ("DeleteDeploymentGroup", "InvalidRole"): _ROLE,
    ("CreateDeployment", "InvalidRole"): _ROLE,
    ("CreateDeployment", "InvalidECSService"): _WRITTEN,
    ("CreateDeployment", "InvalidTrafficRoutingConfiguration"): _WRITTEN,
    (
        "CreateDeployment",
        "InvalidAutoScalingGroup",
    ): "InvalidTargetInstances says what is wrong with those of a request.",
    (
        "CreateDeployment",
        "InvalidGitHubAccountToken",
    ): "GitHub is not asked before the deployment runs, which fails then.",
    ("ContinueDeployment", "InvalidDeploymentStatus"): "The status is always known.",
    ("StopDeployment", "DeploymentGroupDoesNotExist"): "It is stopped without its group.",
    (
        "StopDeployment",
        "UnsupportedActionForDeploymentType",
    ): "CloudFormation deploys nothing here, and all else can be stopped.",
    ("GetDeploymentTarget", "InvalidInstanceName"): _ID,
    ("BatchGetDeploymentTargets", "InstanceDoesNotExist"): _ID,
    ("ListDeploymentInstances", "InvalidTargetFilterName"): "Its filters are members of their own.",
    ("ListDeploymentInstances", "ApplicationDoesNotExist"): _ALONE,
    ("ListDeploymentInstances", "DeploymentGroupDoesNotExist"): _ALONE,
    ("ListDeploymentTargets", "ApplicationDoesNotExist"): _ALONE,
    ("ListDeploymentTargets", "DeploymentGroupDoesNotExist"): _ALONE,
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
