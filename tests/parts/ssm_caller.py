"""A client of the stand-in's Run Command, past Tidegate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from parts.processes import wait_until
from tidegate.testing.aws.place import Place
from tidegate.testing.aws.ssm.handle import RunCommand

FINAL = ("Success", "Failed", "Cancelled", "TimedOut")


@pytest.fixture
def place(run_command: RunCommand) -> Place:
    """Where the stand-in is, past any environment."""
    return Place(
        url=run_command.url,
        region=run_command.region,
        access_key_id="testing",
        secret_access_key="testing",
    )


@dataclass(frozen=True)
class Caller:
    """Who sends commands, and tries nothing twice."""

    ssm: Any

    def send(self, ids: Sequence[str], text: str, *more: str, **how: Any) -> str:
        """Send lines to run, and return the command's id."""
        parameters = {"commands": [text, *more], **how.pop("parameters", {})}
        sent = self.ssm.send_command(
            InstanceIds=list(ids),
            DocumentName="AWS-RunShellScript",
            Parameters=parameters,
            **{"MaxErrors": "100%", **how},
        )
        return str(sent["Command"]["CommandId"])

    def result(self, command_id: str, instance_id: str) -> dict[str, Any]:
        told = self.ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id)
        return dict(told)

    def details(self, command_id: str) -> Mapping[str, str]:
        """Return the status's details of each instance."""
        told = self.ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
        return {one["InstanceId"]: one["StatusDetails"] for one in told}

    def ended(self, command_id: str, instance_id: str) -> dict[str, Any]:
        """Wait until it has ended on an instance, and return what is told."""

        def told() -> dict[str, Any] | None:
            result = self.result(command_id, instance_id)
            return result if result["Status"] in FINAL else None

        found = wait_until(told, within=30, what=f"{command_id} ends on {instance_id}")
        assert found is not None
        return found

    def run(self, instance_id: str, text: str, **how: Any) -> dict[str, Any]:
        """Send lines to one instance, and return how they ended."""
        return self.ended(self.send([instance_id], text, **how), instance_id)

    def wait_for(self, command_id: str, instance_id: str, details: str) -> None:
        wait_until(
            lambda: self.details(command_id).get(instance_id) == details,
            within=30,
            what=f"{command_id} is {details} on {instance_id}",
        )


def caller_of(run_command: RunCommand) -> Caller:
    return Caller(
        boto3.client(
            "ssm",
            region_name=run_command.region,
            endpoint_url=run_command.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )
    )


@pytest.fixture
def caller(run_command: RunCommand) -> Caller:
    """Who finds what is sent at once."""
    run_command.configure(visible_after=0)
    return caller_of(run_command)
