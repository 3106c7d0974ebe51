"""What is told of commands unasked: events of EventBridge, and outputs in CloudWatch Logs."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from tidegate.testing.aws.ssm.command import STATUS_OF, Command, Invocation

_OF_COMMAND: Final = "EC2 Command Status-change Notification"
_OF_INVOCATION: Final = "EC2 Command Invocation Status-change Notification"
_STREAM: Final = "{command}/{instance}/aws-runShellScript/{name}"


def tell_changes(command: Command) -> None:
    """Put an event on the region's bus for each status that has changed since the last time.

    "Monitoring Systems Manager events" of the user guide has samples; that of a command shows its
    parameters to whoever gets it.
    """
    if "moto.events.models" not in sys.modules:
        return  # nobody can have made a rule
    common = {
        "command-id": command.id,
        "document-name": command.request["DocumentName"],
        "requested-date-time": _moment(command.sent_at),
    }
    found = {"": command.details, **{one: i.details for one, i in command.invocations.items()}}
    for instance, details in found.items():
        if command.told.get(instance) == details:
            continue
        command.told[instance] = details
        status = {**common, "status": STATUS_OF[details]}
        if instance:
            node = "managed-instance" if instance.startswith("mi-") else "instance"
            service = "ssm" if instance.startswith("mi-") else "ec2"
            arn = f"arn:aws:{service}:{command.region}:{DEFAULT_ACCOUNT_ID}:{node}/{instance}"
            _put(command.region, _OF_INVOCATION, {**status, "instance-id": instance}, arn)
        else:
            parameters = {name: list(told) for name, told in command.parameters.items()}
            _put(command.region, _OF_COMMAND, {**status, "parameters": parameters})


def _put(region: str, what: str, detail: Mapping[str, Any], *arns: str) -> None:
    event = {
        "Source": "aws.ssm",
        "DetailType": what,
        "Detail": json.dumps(detail),
        "Resources": list(arns),
    }
    get_backend("events")[DEFAULT_ACCOUNT_ID][region].put_events([event])


def log_output(
    command: Command, one: Invocation, outputs: Mapping[str, bytes], now: float, *, at_end: bool
) -> None:
    """Put what was printed since the last time into CloudWatch Logs, where the command asks so.

    While it runs only whole lines are; the agent makes the group and the streams.
    """
    config = command.request.get("CloudWatchOutputConfig") or {}
    if not config.get("CloudWatchOutputEnabled"):
        return
    group = config.get("CloudWatchLogGroupName") or f"/aws/ssm/{command.request['DocumentName']}"
    logs = get_backend("logs")[DEFAULT_ACCOUNT_ID][command.region]
    for name, output in outputs.items():
        begin = one.logged.get(name, 0)
        end = len(output) if at_end else output.rfind(b"\n") + 1
        if end <= begin:
            continue
        one.logged[name] = end
        stream = _STREAM.format(command=command.id, instance=one.instance_id, name=name)
        logs.ensure_log_group(group)
        logs.ensure_log_stream(group, stream)
        text = output[begin:end].decode(errors="replace")
        at = int(now * 1000)
        events = [{"timestamp": at, "message": line} for line in text.splitlines() if line]
        if events:
            logs.put_log_events(group, stream, events)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
