"""What a test tells the stand-in to do otherwise, and what it heard."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

ADMIN: Final = "/stand-in/ssm/"
"""The path below which tests tell and ask."""


@dataclass(kw_only=True)
class Switches:
    """Times are in seconds. What was sent keeps the switches of its time where it has begun."""

    delivery_scale: float = 1.0
    """How long a second of a command's time-outs lasts, as far as its delivery is concerned."""
    execution_scale: float = 1.0
    """How long a second of a script's `executionTimeout` lasts."""
    dispatch_after: float = 0.0
    """How long each round of instances, one, then two, then four, waits before it is dispatched."""
    ramp: bool = True
    """Whether there are such rounds; else all that MaxConcurrency allows go at once."""
    visible_after: float = 0.3
    """How long what was sent is not found; AWS's lists are consistent only after a while."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """How many calls of an operation are let through in a second; `*` is of each other one."""
    burst: float = 1.0
    """How many calls may come at once when there were none before."""
    parameter_bytes: int = 10 * 1024
    """How long the parameters of a command may be as JSON. No page of AWS's says it; this is the
    least of the figures that are told."""
    page: int = 50
    """How much is on a page at most, whatever is asked for."""
    buffered: int = 5
    """How many commands an agent takes beside those that it works on."""
    workers: int = 5
    """How many commands an agent works on at a time."""
    worker_lost_after: float = 1.0
    """How long an agent looks for a worker that is gone; the real one's minute."""
    reboot_after: float = 1.0
    """How long a host is away that reboots."""
    stale_ping: float = 0.0
    """How long an instance is still told to be online whose agent is not; on AWS some minutes."""
    log_every: float = 1.0
    """How often an agent puts what a script has printed into CloudWatch Logs."""
    spaced: bool = False
    """Whether details are spelled as in AWS's pages, "Execution Timed Out". Recorded answers say
    "ExecutionTimedOut"."""

    def changed(self, **changes: Any) -> Self:
        """Return them with these changes.

        Raises:
            TypeError: There is no such switch.
        """
        return type(self)(**{**asdict(self), **changes})


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """What happens to a command on its way to an instance."""

    details: str
    """What its status's details will be, in one word, as in `DeliveryTimedOut`."""
    instance_id: str | None = None
    """On its way to whom; to all instances of the next command if to none by name."""
    runs: bool = False
    """Whether the script runs all the same."""
    after: float = 0.0
    """Seconds until the status is so."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to a call."""

    operation: str
    code: str = ""
    """The error that is answered; if none, the connection is reset."""
    status: int = 400
    done: bool = False
    """Whether the call is carried out all the same."""


@dataclass(kw_only=True)
class Call:
    """A call that came, and what was said."""

    operation: str
    region: str
    access_key_id: str
    at: float
    """In seconds since 1970."""
    request: Any
    answer: Any = None
    error: str = ""


class Throttle:
    """Lets through so many calls of each operation, as a bucket of tokens does."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}

    def lets_through(self, operation: str, switches: Switches, *, now: float) -> bool:
        """Tell whether one more call may come now; if so it counts."""
        rate = switches.rates.get(operation, switches.rates.get("*"))
        if rate is None:
            return True
        tokens, at = self._seen.get(operation, (switches.burst, now))
        tokens = min(switches.burst, tokens + rate * (now - at))
        through = tokens >= 1
        self._seen[operation] = (tokens - 1 if through else tokens, now)
        return through


class Heard:
    """The calls that came."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def counts(self) -> dict[str, int]:
        """Return how many calls of each operation came, those that were refused too."""
        counts: dict[str, int] = defaultdict(int)
        for call in self.calls:
            counts[call.operation] += 1
        return dict(counts)
