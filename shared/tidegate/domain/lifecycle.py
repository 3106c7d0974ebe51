"""Lifecycle events: what happens on a target, in which order, and how each ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.machine import Machine


class EventStatus(StrEnum):
    """CodeDeploy's LifecycleEventStatus."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    UNKNOWN = "Unknown"


class EventMove(StrEnum):
    BEGIN = "begin"
    SUCCEED = "succeed"
    FAIL = "fail"
    SKIP = "skip"


_S = EventStatus
_E = EventMove

EVENT_MACHINE: Final = Machine(
    name="lifecycle event",
    initial=_S.PENDING,
    moves={
        (_S.PENDING, _E.BEGIN): _S.IN_PROGRESS,
        (_S.PENDING, _E.SKIP): _S.SKIPPED,
        (_S.PENDING, _E.FAIL): _S.FAILED,
        (_S.IN_PROGRESS, _E.SUCCEED): _S.SUCCEEDED,
        (_S.IN_PROGRESS, _E.FAIL): _S.FAILED,
    },
)

FINAL_EVENT_STATUSES: Final = (_S.SUCCEEDED, _S.FAILED, _S.SKIPPED)
OPEN_EVENT_STATUSES: Final = (_S.PENDING, _S.IN_PROGRESS)

HOST_EVENTS: Final = (
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
)
"""In-place on servers without a load balancer, as the CodeDeploy user guide orders them."""

RESTART_EVENTS: Final = tuple(
    name for name in HOST_EVENTS if name not in {"DownloadBundle", "Install"}
)
"""Those that are left of them where nothing is downloaded or installed."""

HOST_SEGMENT: Final = f"{HOST_EVENTS[0]}-{HOST_EVENTS[-1]}"
"""Name of the contiguous host events that run in one session."""

LAMBDA_EVENTS: Final = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
"""Of a function, as the user guide's "AppSpec 'hooks' section" orders them."""

TEST_EVENTS: Final = ("AllowTestTraffic", "AfterAllowTestTraffic")

ECS_EVENTS: Final = ("BeforeInstall", "Install", "AfterInstall", *TEST_EVENTS, *LAMBDA_EVENTS)
"""Of a service, as the same section orders them."""

PREVIOUS_REVISION_EVENTS: Final = frozenset(
    {"BeforeBlockTraffic", "AfterBlockTraffic", "ApplicationStop"}
)
"""Run from the last installed revision; the only ones whose failure may be ignored."""


def events_of(*, is_restart: bool) -> Sequence[str]:
    """Return the events that a deployment has on each host."""
    return RESTART_EVENTS if is_restart else HOST_EVENTS


def traffic_events(platform: ComputePlatform, *, has_test_traffic: bool) -> Sequence[str]:
    """Return the events that a deployment has which moves traffic."""
    if platform is ComputePlatform.LAMBDA:
        return LAMBDA_EVENTS
    return [name for name in ECS_EVENTS if has_test_traffic or name not in TEST_EVENTS]


class DiagnosticCode(StrEnum):
    """CodeDeploy's LifecycleErrorCode."""

    SUCCESS = "Success"
    SCRIPT_MISSING = "ScriptMissing"
    SCRIPT_NOT_EXECUTABLE = "ScriptNotExecutable"
    SCRIPT_TIMED_OUT = "ScriptTimedOut"
    SCRIPT_FAILED = "ScriptFailed"
    UNKNOWN_ERROR = "UnknownError"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent:
    """One lifecycle event of one target, as it stands."""

    name: str
    position: int
    status: EventStatus
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    error_code: DiagnosticCode | None = None
    script: str = ""
    message: str = ""
    log_size: int = 0
    """Bytes that the whole log has, also those that were cut."""


def target_succeeded(events: Sequence[LifecycleEvent], *, ignore_stop_failures: bool) -> bool:
    """Tell whether a target whose events are all final ended well."""
    return all(
        event.status is _S.SUCCEEDED
        or (ignore_stop_failures and event.name in PREVIOUS_REVISION_EVENTS)
        for event in events
    )
