"""The course of a deployment that moves traffic: its steps, and how each stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.machine import Machine


class StepKind(StrEnum):
    LOOK = "look"
    """See that the traffic can be moved, and note how all stands before that."""
    HOOK = "hook"
    """Call a hook and wait for its word."""
    PREPARE = "prepare"
    """Have the new side stand there, without traffic."""
    TEST = "test"
    """Give the new side the test traffic."""
    READY = "ready"
    """Wait for somebody to say that the traffic may move."""
    SHIFT = "shift"
    """Give the new side its next share of the traffic."""
    TERMINATION = "termination"
    """Keep the old side for a while."""
    FINISH = "finish"
    """Remove the old side."""
    RESTORE = "restore"
    """Bring all to how it was before."""


class Word(StrEnum):
    """What a hook, or somebody who is waited for, says (CodeDeploy's LifecycleEventStatus)."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


WAITS: Final = frozenset({StepKind.READY, StepKind.TERMINATION})
"""Steps for which nothing is done out there."""
CHANGES: Final = frozenset(
    {StepKind.PREPARE, StepKind.TEST, StepKind.SHIFT, StepKind.FINISH, StepKind.RESTORE}
)
"""Steps that change something out there."""


class StepStatus(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"


class StepMove(StrEnum):
    BEGIN = "begin"
    SUCCEED = "succeed"
    FAIL = "fail"
    SKIP = "skip"


_S = StepStatus
_M = StepMove

STEP_MACHINE: Final = Machine(
    name="step",
    initial=_S.PENDING,
    moves={
        (_S.PENDING, _M.BEGIN): _S.IN_PROGRESS,
        (_S.PENDING, _M.SKIP): _S.SKIPPED,
        (_S.IN_PROGRESS, _M.SUCCEED): _S.SUCCEEDED,
        (_S.IN_PROGRESS, _M.FAIL): _S.FAILED,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseStep:
    """One step of a deployment."""

    number: int
    kind: StepKind
    event: str
    """The lifecycle event that it belongs to; empty for what happens between events."""
    weight: int | None = None
    """Of a shift, the share that the new side gets, in percent."""
    hook: str = ""
    """Of a hook, what is called."""
    execution_id: str = ""
    """By which a hook that has begun says how it went."""
    word: Word | None = None
    """What was said of a step that waits for a word."""
    status: StepStatus = StepStatus.PENDING
    due_at: datetime | None = None
    """When it is to begin; None stands for as soon as those before it are done."""
    until: datetime | None = None
    """Since it has begun: how long is waited for it, or how long the wait lasts."""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def name(self) -> str:
        """Return what it is called in history, as in `3 shift 20 %`."""
        what = f"{self.weight} %" if self.weight is not None else self.event
        return " ".join(filter(None, (str(self.number), self.kind, what)))

    @property
    def is_open(self) -> bool:
        return self.status in (_S.PENDING, _S.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Well:
    """The step in progress went well on all targets."""

    read_back: tuple[float, ...] = ()
    """Of a step that moves traffic: the shares of the replacements as they were found, in percent.
    """
    remark: str = ""
    """What the user should know though it went well."""


@dataclass(frozen=True, slots=True)
class Badly:
    """The step in progress went wrong."""

    code: ErrorCode
    reason: str


Outcome: TypeAlias = Well | Badly


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the step in progress has come on one target."""

    is_done: bool
    failure: Badly | None = None
    weight: float | None = None
    """The replacement's share of the traffic as it was last read back, in percent."""
    note: str = ""
    """What the driver said of it last."""


def segment_of(number: int) -> str:
    """Return the name of a step as the chain of a target carries it."""
    return f"step-{number}"


def is_step(segment: str) -> bool:
    """Tell whether a segment is a step, and not a run on a host."""
    return segment.startswith("step-")
