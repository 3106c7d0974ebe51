"""Names in requests: there, and as CodeDeploy takes them."""

from collections.abc import Sequence
from typing import TypeVar

from tidegate.domain.errors import Invalid
from tidegate.domain.ids import DEPLOYMENT_ID_PATTERN, DeploymentId
from tidegate.engine.checks import check_name
from tidegate_api.codedeploy.errors import AwsError

Entry = TypeVar("Entry")


def application_name(name: str | None) -> str:
    """Return the name of an application.

    Raises:
        AwsError: It is missing, or none that an application can have.
    """
    return _checked(name, "application", "Application name", "ApplicationName")


def group_name(name: str | None) -> str:
    """Return the name of a deployment group.

    Raises:
        AwsError: It is missing, or none that a group can have.
    """
    return _checked(name, "deployment group", "Deployment Group name", "DeploymentGroupName")


def config_name(name: str | None) -> str:
    """Return the name of a deployment config.

    Raises:
        AwsError: It is missing, or none that a config can have.
    """
    return _checked(name, "deployment config", "Deployment Config name", "DeploymentConfigName")


def instance_name(name: str | None) -> str:
    """Return the name of an on-premises instance.

    Raises:
        AwsError: It is missing, or none that an instance can have.
    """
    return _checked(name, "on-premises instance", "Instance name", "InstanceName")


def deployment_id(name: str | None) -> DeploymentId:
    """Return the id of a deployment.

    Raises:
        AwsError: It is missing, or none that a deployment can have.
    """
    if not name:
        raise AwsError("DeploymentIdRequiredException", "Deployment ID must be specified")
    if not DEPLOYMENT_ID_PATTERN.fullmatch(name):
        raise AwsError(
            "InvalidDeploymentIdException",
            f"{name[:40]!r} is no deployment ID: one has d- and nine capital letters or digits.",
        )
    return DeploymentId(name)


def batch(
    entries: Sequence[Entry] | None, *, most: int, what: str, required: str
) -> Sequence[Entry]:
    """Return the entries of a BatchGet.

    Raises:
        AwsError: There is none, or there are more than *most*.
    """
    if not entries:
        raise AwsError(f"{required}RequiredException", f"One or more {what} must be specified")
    if len(entries) > most:
        raise AwsError(
            "BatchLimitExceededException",
            f"These are {len(entries)} {what}; the limit of one request is {most}.",
        )
    return entries


def _checked(name: str | None, kind: str, words: str, stem: str) -> str:
    if not name:
        raise AwsError(f"{stem}RequiredException", f"{words} must be specified")
    try:
        check_name(kind, name)
    except Invalid as refusal:
        raise AwsError(f"Invalid{stem}Exception", str(refusal)) from None
    return name
