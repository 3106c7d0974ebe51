"""What the stand-in tells of commands unasked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from parts.processes import wait_until
from parts.ssm_caller import Caller
from tidegate.testing.aws.place import Place
from tidegate.testing.aws.ssm.handle import RunCommand

INVOCATION = "EC2 Command Invocation Status-change Notification"
COMMAND = "EC2 Command Status-change Notification"


@pytest.fixture
def told(place: Place) -> Iterator[list[dict[str, Any]]]:
    """A queue to which all events of Systems Manager go."""
    sqs, events = place.client("sqs"), place.client("events")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="ssm", EventPattern=json.dumps({"source": ["aws.ssm"]}))
    events.put_targets(Rule="ssm", Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])

    class Told(list[dict[str, Any]]):
        def more(self) -> "Told":
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
            self.extend(json.loads(one["Body"]) for one in got)
            return self

    yield Told()
    events.remove_targets(Rule="ssm", Ids=["1"])
    events.delete_rule(Name="ssm")


def test_events_tell_each_change_and_that_of_a_command_its_parameters(
    run_command: RunCommand, caller: Caller, told: Any
):
    [host] = run_command.make_hosts(1)
    command = caller.send([host.id], "sleep 0.3; exit 3")
    caller.ended(command, host.id)

    def ended(what: str) -> bool:
        found = [one["detail"]["status"] for one in told.more() if one["detail-type"] == what]
        return found[-1:] == ["Failed"]

    wait_until(lambda: ended(INVOCATION) and ended(COMMAND), within=10, what="all is told")

    of_host = [one for one in told if one["detail-type"] == INVOCATION]
    assert [one["detail"]["status"] for one in of_host][-2:] == ["InProgress", "Failed"]
    assert {one["detail"]["instance-id"] for one in of_host} == {host.id}
    of_all = next(one["detail"] for one in told if one["detail-type"] == COMMAND)
    assert of_all["command-id"] == command
    assert of_all["parameters"]["commands"] == ["sleep 0.3; exit 3"]


def test_outputs_are_in_cloudwatch_logs_while_the_script_runs(
    run_command: RunCommand, caller: Caller, place: Place
):
    [host] = run_command.make_hosts(1)
    run_command.configure(visible_after=0, log_every=0.1)
    config = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "outputs"}
    text = "echo first; echo wrong >&2; until [ -e go ]; do sleep 0.05; done; printf last"
    command = caller.send([host.id], text, CloudWatchOutputConfig=config)
    logs = place.client("logs")

    def printed(name: str) -> list[str]:
        stream = f"{command}/{host.id}/aws-runShellScript/{name}"
        try:
            found = logs.get_log_events(logGroupName="outputs", logStreamName=stream)
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [one["message"] for one in found["events"]]

    wait_until(lambda: printed("stdout") == ["first"], within=10, what="it is seen live")
    assert caller.details(command)[host.id] == "InProgress"
    (host.folder / "go").touch()
    told = caller.ended(command, host.id)

    assert (printed("stdout"), printed("stderr")) == (["first", "last"], ["wrong"])
    assert told["CloudWatchOutputConfig"] == config
