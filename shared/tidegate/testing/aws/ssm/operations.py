"""The six operations: a request becomes an answer."""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tidegate.testing.aws.ssm.command import (
    STATUS_OF,
    UNKNOWN_TO_INSTANCES,
    Command,
    Invocation,
)
from tidegate.testing.aws.ssm.host import AGENT_VERSION, Host
from tidegate.testing.aws.ssm.limits import Refused
from tidegate.testing.aws.ssm.service import RunCommandService

DOCUMENT: Final = "AWS-RunShellScript"
_SECONDS: Final = re.compile(
    "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"
)
"""What the document allows for `executionTimeout`; what is below five it leaves to the agent."""
_MOST_DESCRIBED: Final = 10
Request = Mapping[str, Any]
Key = tuple[float, str, str]


def send_command(service: RunCommandService, region: str, request: Request) -> Request:
    """Run the commands of AWS-RunShellScript on instances that are named."""
    if request["DocumentName"] != DOCUMENT:
        raise Refused("InvalidDocument", f"Document {request['DocumentName']} does not exist.")
    ids = request.get("InstanceIds") or []
    if request.get("Targets") or not ids:
        raise Refused("ValidationException", "Instances have to be told by their ids here.")
    if len(set(ids)) < len(ids):
        raise Refused("DuplicateInstanceId", "You cannot specify an instance ID more than once.")
    parameters = _checked_parameters(service, request.get("Parameters") or {})
    unfit = [one for one in ids if service.host_in(region, one) is None]
    if unfit:
        told = f"Instances [[{', '.join(unfit)}]] not in a valid state for account 123456789012"
        raise Refused("InvalidInstanceId", told)
    if any(service.hosts[one].platform == "Windows" for one in ids):
        raise Refused("UnsupportedPlatformType", f"{DOCUMENT} is not for Windows.")
    return {"Command": service.send(region, request, parameters, ids).shown()}


def _checked_parameters(service: RunCommandService, told: Request) -> Request:
    known = {"commands", "workingDirectory", "executionTimeout"}
    if unknown := told.keys() - known:
        raise Refused("InvalidParameters", f"Parameter {min(unknown)} is not defined in document.")
    if not told.get("commands"):
        raise Refused("InvalidParameters", "Parameter commands is missing.")
    if any(len(told.get(name, [""])) != 1 for name in known - {"commands"}):
        raise Refused("InvalidParameters", "A parameter that is a string has one value.")
    if not _SECONDS.fullmatch(told.get("executionTimeout", ["3600"])[0]):
        raise Refused("InvalidParameters", "executionTimeout fails to satisfy its pattern.")
    most = service.switches.parameter_bytes
    if len(json.dumps(told).encode()) > most:
        raise Refused("MaxDocumentSizeExceeded", f"The parameters are longer than {most} bytes.")
    return told


def get_command_invocation(service: RunCommandService, region: str, request: Request) -> Request:
    """Tell of one invocation, with its output when it has ended."""
    command = _visible(service, region, request["CommandId"])
    one = command.invocations.get(request["InstanceId"]) if command else None
    if command is None or one is None or one.details == UNKNOWN_TO_INSTANCES:
        raise Refused("InvocationDoesNotExist")
    if request.get("PluginName", "aws:runShellScript") != "aws:runShellScript":
        raise Refused("InvalidPluginName")
    return command.result_shown(one)


def list_command_invocations(service: RunCommandService, region: str, request: Request) -> Request:
    """Tell of invocations, the latest first; of what is not found it tells nothing."""
    found = [
        ((command.sent_at, command.id, one.instance_id), (command, one))
        for command in _wanted(service, region, request)
        for one in command.invocations.values()
        if one.details != UNKNOWN_TO_INSTANCES
        and request.get("InstanceId") in (None, one.instance_id)
        and _passes(command, one.details, request)
    ]
    page, more = _page(found, service, request)

    def shown(both: tuple[Command, Invocation]) -> Request:
        return both[0].invocation_shown(both[1], details=bool(request.get("Details")))

    return {"CommandInvocations": [shown(both) for both in page], **more}


def list_commands(service: RunCommandService, region: str, request: Request) -> Request:
    """Tell of commands, the latest first, with their parameters."""
    found = [
        ((command.sent_at, command.id, ""), command)
        for command in _wanted(service, region, request)
        if request.get("InstanceId") in (None, *command.invocations)
        and _passes(command, command.details, request)
    ]
    page, more = _page(found, service, request)
    return {"Commands": [command.shown() for command in page], **more}


def cancel_command(service: RunCommandService, region: str, request: Request) -> Request:
    """Ask that a command be cancelled, everywhere or on some instances."""
    command, ids = service.commands.get(request["CommandId"]), request.get("InstanceIds") or []
    if command is None or command.region != region:
        raise Refused("InvalidCommandId")
    if len(set(ids)) < len(ids):
        raise Refused("DuplicateInstanceId")
    if set(ids) - command.invocations.keys():
        raise Refused("InvalidInstanceId")
    service.cancel(command, list(ids))
    return {}


def describe_instance_information(
    service: RunCommandService, region: str, request: Request
) -> Request:
    """Tell which instances are managed; those that are off are not."""
    wanted = [(one["Key"], one["Values"]) for one in request.get("Filters") or ()]
    old = request.get("InstanceInformationFilterList") or ()
    wanted += [(one["key"], one["valueSet"]) for one in old]
    tags = {one.id: {tag["key"]: tag["value"] for tag in one.get_tags()}
            for one in service.ec2_instances()}  # fmt: skip
    managed = [host for host in service.hosts.values() if host.region == region and host.is_on]
    shown = [_described(host, stale=service.switches.stale_ping) for host in managed]
    found = [
        ((0.0, one["InstanceId"], ""), one)
        for one in shown
        if all(_has(one, tags.get(one["InstanceId"], {}), key, told) for key, told in wanted)
    ]
    page, more = _page(found, service, {"MaxResults": _MOST_DESCRIBED, **request})
    return {"InstanceInformationList": page, **more}


def _has(shown: Request, tags: Mapping[str, str], key: str, values: Sequence[str]) -> bool:
    told = {"InstanceIds": "InstanceId", "PlatformTypes": "PlatformType"}.get(key, key)
    if key.startswith("tag:"):
        return tags.get(key.removeprefix("tag:")) in values
    if told not in shown:
        raise Refused("InvalidFilterKey", f"There is no filter {key}.")
    return shown[told] in values


def _described(host: Host, *, stale: float) -> dict[str, Any]:
    is_online = host.has_agent or time.time() < host.pinged_at + stale
    return {
        "InstanceId": host.id,
        "PingStatus": "Online" if is_online else "ConnectionLost",
        "LastPingDateTime": host.pinged_at,
        "AgentVersion": AGENT_VERSION,
        "IsLatestVersion": True,
        "PlatformType": host.platform,
        "PlatformName": "Debian GNU/Linux" if host.platform == "Linux" else host.platform,
        "PlatformVersion": "12",
        "ResourceType": "ManagedInstance" if host.id.startswith("mi-") else "EC2Instance",
        "IPAddress": "127.0.0.1",
        "ComputerName": host.id,
    }


def _visible(service: RunCommandService, region: str, command_id: str) -> Command | None:
    command = service.commands.get(command_id)
    now = time.time()
    return command if command and command.region == region and command.is_visible(now) else None


def _wanted(service: RunCommandService, region: str, request: Request) -> Iterable[Command]:
    wanted = [request["CommandId"]] if "CommandId" in request else list(service.commands)
    found = (_visible(service, region, command_id) for command_id in wanted)
    return [command for command in found if command]


def _passes(command: Command, details: str, request: Request) -> bool:
    for one in request.get("Filters") or ():
        key, value = one["key"], one["value"]
        if key in ("InvokedAfter", "InvokedBefore"):
            at = datetime.fromisoformat(value).timestamp()
            passes = command.sent_at >= at if key == "InvokedAfter" else command.sent_at < at
        elif key == "Status":
            passes = value in (STATUS_OF[details], details)
        elif key == "DocumentName":
            passes = value == command.request["DocumentName"]
        else:
            raise Refused("InvalidFilterKey", f"There is no filter {key}.")
        if not passes:
            return False
    return True


def _page(
    found: Sequence[tuple[Key, Any]], service: RunCommandService, request: Request
) -> tuple[list[Any], Request]:
    """Return what comes after the request's token, from the greatest key down."""
    most = min(request.get("MaxResults", service.switches.page), service.switches.page)
    ordered = sorted(found, key=lambda one: one[0], reverse=True)
    if told := request.get("NextToken"):
        try:
            last = tuple(json.loads(base64.urlsafe_b64decode(told)))
        except (binascii.Error, ValueError):
            raise Refused("InvalidNextToken", "The specified token isn't valid.") from None
        ordered = [one for one in ordered if one[0] < last]
    page = ordered[:most]
    if len(ordered) <= most:
        return [one for _, one in page], {}
    token = base64.urlsafe_b64encode(json.dumps(page[-1][0]).encode()).decode()
    return [one for _, one in page], {"NextToken": token}


OPERATIONS: Final[Mapping[str, Callable[[RunCommandService, str, Request], Request]]] = {
    "SendCommand": send_command,
    "GetCommandInvocation": get_command_invocation,
    "ListCommandInvocations": list_command_invocations,
    "ListCommands": list_commands,
    "CancelCommand": cancel_command,
    "DescribeInstanceInformation": describe_instance_information,
}
