"""Where an AWS is, and Tidegate as AWS's clients see it."""

import json
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_SOON: Final = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an AWS is, or what speaks as one, and by which key it is called."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str

    def client(self, service: str) -> Any:
        """Return a client of a service there."""
        session: Any = boto3.session.Session(
            self.access_key_id, self.secret_access_key, region_name=self.region
        )
        return session.client(service, endpoint_url=self.url, config=_SOON)


class CodeDeployFace:
    """A Tidegate that is spoken to as CodeDeploy."""

    def __init__(self, place: Place) -> None:
        self._codedeploy = place.client("codedeploy")

    def watch(self, application: str, group: str, *, alarm: str) -> None:
        """Have an alarm stop a group's deployments, and these and failures be rolled back."""
        self._codedeploy.update_deployment_group(
            applicationName=application,
            currentDeploymentGroupName=group,
            alarmConfiguration={"enabled": True, "alarms": [{"name": alarm}]},
            autoRollbackConfiguration={
                "enabled": True,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
            },
        )

    def say_of_hook(self, called_with: str, status: str) -> bool:
        """Answer as a hook that was called with these words; return whether anybody heard it."""
        told = json.loads(called_with)
        try:
            self._codedeploy.put_lifecycle_event_hook_execution_status(
                deploymentId=told["DeploymentId"],
                lifecycleEventHookExecutionId=told["LifecycleEventHookExecutionId"],
                status=status,
            )
        except (BotoCoreError, ClientError):
            return False
        return True
