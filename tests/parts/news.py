"""A deployment and an instance of which there is something to tell."""

from datetime import UTC, datetime
from typing import Any

from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.notices import DeploymentNews, InstanceNews
from tidegate.domain.target import TargetStatus

AT = datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC)
ACCOUNT = "111122223333"
REGION = "eu-central-1"
_WHERE: Any = {
    "region": REGION,
    "account_id": ACCOUNT,
    "application": "site",
    "group": "blue",
    "group_id": "1a2b",
    "deployment_id": "d-MAIN12345",
    "at": AT,
}
APPLICATION = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:site"
GROUP = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:site/blue"
INSTANCE = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:instance/web-1_AbCdEf0123"


def of_deployment(status: DeploymentStatus, **more: Any) -> DeploymentNews:
    """News of deployment d-MAIN12345, which was created at AT."""
    return DeploymentNews(**{**_WHERE, "created_at": AT, "status": status, **more})


def of_instance(status: TargetStatus, **more: Any) -> InstanceNews:
    """News of web-1 within the same deployment."""
    where = {**_WHERE, "instance_id": "web-1", "instance_arn": INSTANCE, "status": status}
    return InstanceNews(**{**where, **more})
