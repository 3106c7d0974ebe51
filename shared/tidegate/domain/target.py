"""A target: what gets deployed to, within one deployment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.ids import DeploymentId, HostId, TargetId
from tidegate.domain.lifecycle import LifecycleEvent
from tidegate.domain.machine import Machine


class TargetStatus(StrEnum):
    """CodeDeploy's TargetStatus."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    UNKNOWN = "Unknown"
    READY = "Ready"


class TargetEvent(StrEnum):
    BEGIN = "begin"
    SUCCEED = "succeed"
    FAIL = "fail"
    SKIP = "skip"


_S = TargetStatus
_E = TargetEvent

TARGET_MACHINE: Final = Machine(
    name="target",
    initial=_S.PENDING,
    moves={
        (_S.PENDING, _E.BEGIN): _S.IN_PROGRESS,
        (_S.PENDING, _E.SKIP): _S.SKIPPED,
        (_S.PENDING, _E.FAIL): _S.FAILED,
        (_S.IN_PROGRESS, _E.SUCCEED): _S.SUCCEEDED,
        (_S.IN_PROGRESS, _E.FAIL): _S.FAILED,
        (_S.IN_PROGRESS, _E.SKIP): _S.SKIPPED,
    },
)

FINAL_TARGET_STATUSES: Final = tuple(s for s in TargetStatus if TARGET_MACHINE.is_final(s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One host within one deployment."""

    deployment_id: DeploymentId
    id: TargetId
    host_id: HostId
    position: int
    status: TargetStatus
    attempt: int
    message: str
    """Why it failed, or what it waits for."""
    is_lost: bool = False
    """Whether its host fell silent under a run whose end is still worth asking for."""
    started_at: datetime | None
    finished_at: datetime | None
    last_updated_at: datetime
    events: tuple[LifecycleEvent, ...] = ()
