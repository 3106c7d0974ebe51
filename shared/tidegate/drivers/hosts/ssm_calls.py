"""The calls of Systems Manager that are made, one by one, and never twice by themselves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

from tidegate.drivers.aws_calls import THROTTLED, CallFailed, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.aws_roles import ASSUME_ROLE
from tidegate.drivers.hosts.ssm_wants import Common

DELIVERY: Final = 60
"""Seconds in which the agent has to take a command; SendCommand takes no less than 30."""
EXECUTION: Final = 60
DOCUMENT: Final = "AWS-RunShellScript"
_PAGE: Final = 50
_SERVICE: Final = "Systems Manager"
_NAMED: Final = re.compile(r"m?i-[0-9a-f]+")
_DENIED: Final = re.compile(r"instance/(m?i-[0-9a-f]+)")
"""Which resource a right is missing for; who lacks it may be called by the id of an instance."""
NOT_VALID: Final = "InvalidInstanceId"
_OF_SOME: Final = frozenset({NOT_VALID, "UnsupportedPlatformType"})
"""What one instance of a command brings upon all of them."""
_NOT_YET: Final = frozenset({"InternalServerError", "InvalidCommandId", "InvocationDoesNotExist"})
"""A command that was just sent may not be known everywhere."""

T = TypeVar("T")
Page: TypeAlias = tuple[list[T], str]
"""Some of what was asked for, and the token of what follows; empty when that is all."""


class Throttled(Exception):
    """Too many calls were made."""


class Unanswered(Exception):
    """Nobody knows whether the call was carried out; the text says why."""

    def __init__(self, sentence: str, *, unmade: bool = False) -> None:
        self.unmade = unmade
        """Whether it is known after all: it was not."""
        super().__init__(sentence)


class Refused(Exception):
    """The call was refused, and will be the next time."""

    def __init__(self, failed: CallFailed) -> None:
        self.code = failed.code
        super().__init__(str(failed))


class NotValid(Exception):
    """Some of the instances cannot be sent anything; which ones may be left open."""

    def __init__(self, sentence: str, code: str = NOT_VALID) -> None:
        self.code = code
        self.is_denial = code not in _OF_SOME
        """Whether they are fine, and Tidegate may not send to them; then one of them is named."""
        named = _DENIED if self.is_denial else _NAMED
        self.instances = frozenset(named.findall(sentence))
        super().__init__(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How a command fares on one instance."""

    instance: str
    status: str
    """`StatusDetails` without blanks, in lower case: of that, AWS's own pages write two ways."""
    code: int
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What Systems Manager says of an instance."""

    ping: str
    platform: str
    agent: str


class SsmCalls:
    """Systems Manager in one region, asked by one role."""

    def __init__(self, clients: Clients, region: str, role: str) -> None:
        self._clients = clients
        self._region = region
        self._role = role

    def send(self, instances: Sequence[str], script: str, *, comment: str, common: Common) -> str:
        """Send a command, and return its id.

        Raises:
            Throttled, Unanswered, Refused, NotValid: It was not sent, or nobody knows.
        """
        bucket: dict[str, str] = {}
        if common.output_bucket:
            bucket["OutputS3BucketName"] = common.output_bucket
        if common.output_prefix:
            bucket["OutputS3KeyPrefix"] = common.output_prefix
        answer = self._call(
            "send_command",
            DocumentName=DOCUMENT,
            InstanceIds=list(instances),
            Comment=comment,
            TimeoutSeconds=DELIVERY,
            MaxConcurrency=str(_PAGE),
            MaxErrors="100%",
            Parameters={"commands": [script], "executionTimeout": [str(EXECUTION)]},
            **bucket,
        )
        return str(answer["Command"]["CommandId"])

    def find(self, comment: str, *, since: datetime) -> str | None:
        """Return the id of the command with that comment, where it is known by now."""
        after = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = self._call(
            "list_commands",
            MaxResults=_PAGE,
            Filters=[{"key": "InvokedAfter", "value": after}],
        )
        found = [c["CommandId"] for c in answer.get("Commands", ()) if c.get("Comment") == comment]
        return str(found[0]) if found else None

    def invocations(self, command: str, page: str = "") -> Page[Invocation]:
        """Return how a command fares, as far as Systems Manager knows it by now."""
        answer = self._page(
            page, "list_command_invocations", CommandId=command, Details=True, MaxResults=_PAGE
        )
        return list(map(_invocation, answer.get("CommandInvocations", ()))), _next(answer)

    def status(self, command: str) -> str:
        """Return the status of a whole command, spelled as in `Invocation`; empty if unknown."""
        answer = self._call("list_commands", CommandId=command)
        return next((_status(one) for one in answer.get("Commands", ())), "")

    def output(self, command: str, instance: str) -> str:
        """Return what a command printed on an instance, up to 24,000 characters."""
        answer = self._call("get_command_invocation", CommandId=command, InstanceId=instance)
        return str(answer.get("StandardOutputContent", ""))

    def seen(self, instances: Sequence[str], page: str = "") -> Page[tuple[str, Seen]]:
        """Return what Systems Manager says of those instances that it knows."""
        filters = [{"Key": "InstanceIds", "Values": list(instances)}]
        answer = self._page(
            page, "describe_instance_information", Filters=filters, MaxResults=_PAGE
        )
        found = [
            (
                one["InstanceId"],
                Seen(
                    ping=str(one.get("PingStatus", "")),
                    platform=str(one.get("PlatformType", "")),
                    agent=str(one.get("AgentVersion", "")),
                ),
            )
            for one in answer.get("InstanceInformationList", ())
        ]
        return found, _next(answer)

    def _page(self, page: str, operation: str, **wanted: Any) -> Any:
        return self._call(operation, **wanted, **({"NextToken": page} if page else {}))

    def _call(self, operation: str, **wanted: Any) -> Any:
        try:
            with aws_errors(_SERVICE, f"the region {self._region}"):
                client = self._clients.of(self._region, self._role)
                return getattr(client, operation)(**wanted)
        except CallFailed as failed:
            raise _meaning(failed) from None


def _meaning(failed: CallFailed) -> Exception:
    if failed.code in THROTTLED:
        return Throttled(str(failed))
    if failed.code in _OF_SOME:
        return NotValid(str(failed), failed.code)
    if failed.operation == "SendCommand" and _DENIED.search(str(failed)):
        return NotValid(str(failed), failed.code)
    if failed.may_pass or failed.code in _NOT_YET:
        # Who may not even take on a role has called nothing by it.
        return Unanswered(str(failed), unmade=failed.unmade or failed.operation == ASSUME_ROLE)
    return Refused(failed)


def _next(answer: Any) -> str:
    return str(answer.get("NextToken") or "")


def _status(found: Any) -> str:
    return "".join(str(found.get("StatusDetails") or found.get("Status", "")).split()).lower()


def _invocation(found: Any) -> Invocation:
    plugins = found.get("CommandPlugins") or [{}]
    return Invocation(
        instance=found["InstanceId"],
        status=_status(found),
        code=int(plugins[0].get("ResponseCode", -1)),
        output=str(plugins[0].get("Output") or ""),
    )
