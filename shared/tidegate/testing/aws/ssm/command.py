"""Commands and their invocations, one for each instance, and what is told of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tidegate.testing.aws.ssm.switches import Mishap, Switches

DEFAULT_EXECUTION: Final = 3600
_LEAST_EXECUTION, _MOST_EXECUTION = 5, 172_800
_KEPT_STDOUT, _KEPT_STDERR, _KEPT_IN_LIST = 24_000, 8_000, 2_400
_CUT: Final = b"--output truncated--"
_CUT_OUT, _CUT_ERROR = b"\n---Output truncated---", b"\n---Error truncated----"
_TITLE: Final = b"\n----------ERROR-------\n"
KILLED: Final = 137

STATUS_OF: Final = {
    "Pending": "Pending",
    "Delayed": "Delayed",
    "InProgress": "InProgress",
    "Cancelling": "Cancelling",
    "Success": "Success",
    "Failed": "Failed",
    "Cancelled": "Cancelled",
    "DeliveryTimedOut": "TimedOut",
    "ExecutionTimedOut": "TimedOut",
    "Undeliverable": "Failed",
    "InvalidPlatform": "Failed",
    "AccessDenied": "Failed",
    "Terminated": "Cancelled",
    "Incomplete": "Failed",
    "RateExceeded": "Failed",
}
"""The status that goes with details."""
UNKNOWN_TO_INSTANCES: Final = "RateExceeded"
"""What befalls a command as a whole: it has no invocations."""
_BEFORE_THE_END: Final = ("Pending", "Delayed", "InProgress", "Cancelling")
_COUNT_AS_ERRORS: Final = ("Failed", "ExecutionTimedOut")


@dataclass(kw_only=True)
class Invocation:
    """A command on one instance."""

    instance_id: str
    details: str = "Pending"
    code: int = -1
    stdout: bytes = b""
    stderr: bytes = b""
    urls: tuple[str, str] = ("", "")
    dispatched_at: float | None = None
    begun_at: float | None = None
    ended_at: float | None = None
    mishap: Mishap | None = None
    logged: dict[str, int] = field(default_factory=dict)
    """How much of each output is in CloudWatch Logs."""

    @property
    def is_final(self) -> bool:
        return self.details not in _BEFORE_THE_END

    @property
    def awaits_delivery(self) -> bool:
        return self.details in ("Pending", "Delayed")

    @property
    def failed(self) -> bool:
        """Whether it counts against MaxErrors."""
        return self.details in _COUNT_AS_ERRORS

    def end(self, details: str, *, at: float, code: int = -1) -> None:
        """Have it end so, unless it has ended: the first end stands."""
        if not self.is_final:
            self.details, self.code, self.ended_at = details, code, at


@dataclass(kw_only=True)
class Command:
    """What was sent."""

    id: str
    region: str
    sent_at: float
    request: Mapping[str, Any]
    switches: Switches
    invocations: dict[str, Invocation]
    next_round_at: float = 0.0
    round: int = 0
    cancelled: bool = False
    told: dict[str, str] = field(default_factory=dict)
    """The details that an event last told, of each instance and, under no name, of the whole."""
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def delivery_timeout(self) -> int:
        return int(self.request.get("TimeoutSeconds", DEFAULT_EXECUTION))

    @property
    def execution_timeout(self) -> int:
        """Seconds that the agent allows: what it cannot read it takes for the default."""
        told = (self.parameters.get("executionTimeout") or [""])[0]
        if not told.isdecimal() or not _LEAST_EXECUTION <= int(told) <= _MOST_EXECUTION:
            return DEFAULT_EXECUTION
        return int(told)

    @property
    def begins_until(self) -> float:
        return self.sent_at + self.delivery_timeout * self.switches.delivery_scale

    @property
    def delivered_until(self) -> float:
        both = self.delivery_timeout + self.execution_timeout
        return self.sent_at + both * self.switches.delivery_scale

    @property
    def at_once(self) -> int:
        return max(1, self._share(self.request.get("MaxConcurrency", "50")))

    @property
    def errors_allowed(self) -> int:
        return self._share(self.request.get("MaxErrors", "0"))

    @property
    def is_final(self) -> bool:
        return all(one.is_final for one in self.invocations.values())

    @property
    def too_many_failed(self) -> bool:
        return sum(one.failed for one in self.invocations.values()) > self.errors_allowed

    @property
    def details(self) -> str:
        found = Counter(one.details for one in self.invocations.values())
        if not self.is_final:
            begun = found["InProgress"] or any(one.is_final for one in self.invocations.values())
            return "Cancelling" if self.cancelled else "InProgress" if begun else "Pending"
        if self.cancelled:
            return "Cancelled"
        if set(found) == {"Success"}:
            return "Success"
        if len(found) == 1:
            return next(iter(found))
        return "Failed" if self.too_many_failed else "Incomplete"

    def is_visible(self, now: float) -> bool:
        return now >= self.sent_at + self.switches.visible_after

    def spelled(self, details: str) -> str:
        if not self.switches.spaced:
            return details
        return "".join(f" {c}" if c.isupper() else c for c in details).strip()

    def shown(self) -> dict[str, Any]:
        """Return what ListCommands tells."""
        request, details = self.request, self.details
        ends = [one.details for one in self.invocations.values() if one.is_final]
        return {
            "CommandId": self.id,
            "DocumentName": request["DocumentName"],
            "DocumentVersion": request.get("DocumentVersion", "$DEFAULT"),
            "Comment": request.get("Comment", ""),
            "ExpiresAfter": self.sent_at + self.delivery_timeout + self.execution_timeout,
            "Parameters": self.parameters,
            "InstanceIds": request.get("InstanceIds", []),
            "Targets": request.get("Targets", []),
            "RequestedDateTime": self.sent_at,
            "Status": STATUS_OF[details],
            "StatusDetails": self.spelled(details),
            "OutputS3BucketName": request.get("OutputS3BucketName", ""),
            "OutputS3KeyPrefix": request.get("OutputS3KeyPrefix", ""),
            "MaxConcurrency": request.get("MaxConcurrency", "50"),
            "MaxErrors": request.get("MaxErrors", "0"),
            "TargetCount": len(self.invocations),
            "CompletedCount": len(ends),
            "ErrorCount": sum(one in _COUNT_AS_ERRORS for one in ends),
            "DeliveryTimedOutCount": ends.count("DeliveryTimedOut"),
            "TimeoutSeconds": self.delivery_timeout,
        }

    def invocation_shown(self, one: Invocation, *, details: bool) -> dict[str, Any]:
        """Return what ListCommandInvocations tells."""
        plugin = {
            "Name": "aws:runShellScript",
            "Status": STATUS_OF[one.details],
            "StatusDetails": self.spelled(one.details),
            "ResponseCode": one.code,
            "ResponseStartDateTime": one.begun_at or 0,
            "ResponseFinishDateTime": one.ended_at or 0,
            "Output": _text(in_list(one.stdout, one.stderr)) if one.is_final else "",
            "StandardOutputUrl": one.urls[0],
            "StandardErrorUrl": one.urls[1],
            "OutputS3BucketName": self.request.get("OutputS3BucketName", ""),
            "OutputS3KeyPrefix": self.request.get("OutputS3KeyPrefix", ""),
        }
        return {
            "CommandId": self.id,
            "InstanceId": one.instance_id,
            "InstanceName": "",
            "Comment": self.request.get("Comment", ""),
            "DocumentName": self.request["DocumentName"],
            "DocumentVersion": self.request.get("DocumentVersion", "$DEFAULT"),
            "RequestedDateTime": self.sent_at,
            "Status": STATUS_OF[one.details],
            "StatusDetails": self.spelled(one.details),
            "StandardOutputUrl": one.urls[0],
            "StandardErrorUrl": one.urls[1],
            "CommandPlugins": [plugin] if details else [],
        }

    def result_shown(self, one: Invocation) -> dict[str, Any]:
        """Return what GetCommandInvocation tells."""
        return {
            "CommandId": self.id,
            "InstanceId": one.instance_id,
            "Comment": self.request.get("Comment", ""),
            "DocumentName": self.request["DocumentName"],
            "DocumentVersion": self.request.get("DocumentVersion", "$DEFAULT"),
            "PluginName": "aws:runShellScript",
            "ResponseCode": one.code,
            "ExecutionStartDateTime": _moment(one.begun_at),
            "ExecutionElapsedTime": _elapsed(one.begun_at, one.ended_at),
            "ExecutionEndDateTime": _moment(one.ended_at),
            "Status": STATUS_OF[one.details],
            "StatusDetails": self.spelled(one.details),
            "StandardOutputContent": _told(one, one.stdout, _KEPT_STDOUT),
            "StandardOutputUrl": one.urls[0],
            "StandardErrorContent": _told(one, one.stderr, _KEPT_STDERR),
            "StandardErrorUrl": one.urls[1],
            "CloudWatchOutputConfig": {
                "CloudWatchLogGroupName": "",
                "CloudWatchOutputEnabled": False,
                **(self.request.get("CloudWatchOutputConfig") or {}),
            },
        }

    def _share(self, told: str) -> int:
        if told.endswith("%"):
            return len(self.invocations) * int(told[:-1]) // 100
        return int(told)


def in_list(stdout: bytes, stderr: bytes, most: int = _KEPT_IN_LIST) -> bytes:
    """Return both as one, cut as the agent does before it tells (its iohandler.go)."""
    title = _TITLE if stderr else b""
    room = most - len(title)
    if len(stdout) + len(stderr) < room:
        return stdout + title + stderr
    half = room // 2
    if len(stdout) > half and len(stderr) > half:
        each = (room - len(_CUT_OUT) - len(_CUT_ERROR)) // 2
        return stdout[:each] + _CUT_OUT + title + stderr[:each] + _CUT_ERROR
    if len(stdout) < half:
        return stdout + title + stderr[: room - len(_CUT_ERROR) - len(stdout)] + _CUT_ERROR
    return stdout[: room - len(_CUT_OUT) - len(stderr)] + _CUT_OUT + title + stderr


def cut(output: bytes, most: int) -> bytes:
    """Return the first of an output, with the agent's mark if that is not all (runpluginutil)."""
    return output if len(output) <= most else output[: most - len(_CUT)] + _CUT


def _told(one: Invocation, output: bytes, most: int) -> str:
    return _text(cut(output, most)) if one.is_final else ""


def _text(output: bytes) -> str:
    return output.decode(errors="replace")


def _moment(at: float | None) -> str:
    if at is None:
        return ""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _elapsed(begun_at: float | None, ended_at: float | None) -> str:
    if begun_at is None or ended_at is None:
        return ""
    hours, rest = divmod(timedelta(seconds=ended_at - begun_at), timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    parts = f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""
    return f"PT{''.join(parts)}{rest.total_seconds():.3f}S"
