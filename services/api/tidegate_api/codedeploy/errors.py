"""What AWS calls the situations in which a request is refused: the one place of translation."""

from collections.abc import Mapping
from typing import Final

from tidegate.domain.errors import (
    ApplicationNotFound,
    ConfigInUse,
    ConfigNotFound,
    ConfigPredefined,
    DeploymentActive,
    DeploymentNotFound,
    GitHubTokenNotFound,
    GroupNotFound,
    NoSpace,
    NotFound,
    Refused,
    RevisionNotFound,
    TargetNotFound,
    TooLarge,
)
from tidegate.store.sealing import NoSecretKey, WrongSecretKey

_WORDS: Final = {
    "minimum_healthy_hosts": "minimumHealthyHosts",
    "traffic_routing": "trafficRoutingConfig",
    "cursor": "nextToken",
}
"""Names of fields, as `/v1` has them and as AWS does."""

_NOT_FOUND: Final[Mapping[type[NotFound], str]] = {
    ApplicationNotFound: "No application found for name: {}",
    GroupNotFound: "No Deployment Group found for name: {}",
    ConfigNotFound: "No Deployment Configuration found for name: {}",
    RevisionNotFound: "No revision found for: {}",
    DeploymentNotFound: "The deployment {} could not be found",
    TargetNotFound: "The deployment has no target {}",
    GitHubTokenNotFound: "No GitHub account token found for name: {}",
}
"""What AWS says of what is not there."""
_CODES: Final[Mapping[type[Refused], tuple[str, int]]] = {
    ConfigPredefined: ("InvalidOperationException", 400),
    ConfigInUse: ("DeploymentConfigInUseException", 400),
    TooLarge: ("RequestEntityTooLargeException", 413),
    NoSpace: ("ServiceUnavailable", 503),
    NoSecretKey: ("ServiceUnavailable", 503),
    WrongSecretKey: ("ServiceUnavailable", 503),
}
"""Code and status of situations whose own code is not AWS's."""
THROTTLED: Final = frozenset(
    {"CreateApplication", "CreateDeployment", "CreateDeploymentGroup", "UpdateDeploymentGroup"}
)
"""Operations whose clients know a ThrottlingException."""


class AwsError(Exception):
    """A refusal with AWS's code."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def translated(error: Refused) -> AwsError:
    """Return what AWS calls a refusal."""
    if isinstance(error, DeploymentActive):
        # Clients read the other deployment's id in this very sentence.
        sentence = (
            f"The Deployment Group '{error.group}' already has an active Deployment "
            f"'{error.deployment_id}'"
        )
        return AwsError(error.code, sentence)
    if isinstance(error, NotFound) and type(error) in _NOT_FOUND:
        return AwsError(error.code, _NOT_FOUND[type(error)].format(error.name))
    for kind, (code, status) in _CODES.items():
        if isinstance(error, kind):
            return AwsError(code, in_aws_words(str(error)), status=status)
    code = getattr(error, "situation", error.code)
    known = code if code.endswith("Exception") else "InvalidInputException"
    return AwsError(known, in_aws_words(str(error)))


def overtaken(operation: str) -> AwsError:
    """Return how an operation ends that others were ahead of each time; clients send it again."""
    sentence = "Others changed the same at the same time, and were first; send the request again."
    if operation in THROTTLED:
        return AwsError("ThrottlingException", sentence)
    return AwsError("ServiceUnavailable", sentence, status=503)


def in_aws_words(sentence: str) -> str:
    """Return a sentence with the fields in it called as AWS calls them."""
    for ours, theirs in _WORDS.items():
        sentence = sentence.replace(ours, theirs)
    return sentence
