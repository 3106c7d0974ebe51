"""Whether the system is ready, and its figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final

from tidegate.store.health import BEAT, LEASES_LOST, SWEEP, WORKER_KINDS
from tidegate.store.unit_of_work import UnitOfWork

BEAT_WITHIN: Final = timedelta(seconds=10)
WORKER_WITHIN: Final = timedelta(seconds=15)
_FETCHES: Final = "hosts"
"""The queue whose workers take bundles out of the artifact store."""


@dataclass(frozen=True, slots=True)
class Unready:
    """What keeps the system from deploying: a word for machines and a sentence."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one process lacks for its work."""

    worker: str
    reason: str


@dataclass(frozen=True, slots=True)
class HookSeconds:
    """How many lifecycle events of one name ended, and how long they took together."""

    event: str
    count: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    deployments_by_status: dict[str, int]
    hook_seconds: list[HookSeconds]
    outbox_age: float
    """Seconds that the oldest message has waited to be sent."""
    notice_age: float
    """Seconds since the oldest thing happened that is still to be told."""
    notices: Mapping[tuple[str, str], int]
    """How many notices ever passed or were dropped, by channel and outcome."""
    lease_age: float
    """Seconds for which the target that has waited longest has been there to be taken."""
    sweep_lag: float
    """Seconds since the last sweep; without end where there was none."""
    workers: Mapping[str, int]
    """How many workers live, by the queue that they serve."""
    leases_lost: int
    """How many targets were ever taken from a worker that showed no life."""


def unready(uow: UnitOfWork) -> Unready | None:
    """Return why the system is not ready by what its rows show, or None when it is."""
    now = uow.now()
    beat = uow.heartbeats.last(BEAT)
    if beat is None:
        return Unready("NoBeat", "The beat has never ticked; start `tidegate beat`.")
    if now - beat > BEAT_WITHIN:
        seconds = _seconds(now - beat)
        reason = f"The beat has not ticked for {seconds:.0f} s; start `tidegate beat`."
        return Unready("NoBeat", reason)
    since = now - WORKER_WITHIN
    for queue, kind in WORKER_KINDS.items():
        if not uow.heartbeats.alive(kind, since=since):
            reason = f"No worker serves the queue {queue!r}; start `tidegate worker`."
            return Unready("NoWorker", reason)
    return _without_store(uow, since)


def _without_store(uow: UnitOfWork, since: datetime) -> Unready | None:
    """Return that nobody can fetch bundles, if it is so; one who can is enough to deploy."""
    kind = WORKER_KINDS[_FETCHES]
    lacking = [
        (name, why) for name, its, why in uow.heartbeats.troubles(since=since) if its == kind
    ]
    if len(lacking) < len(uow.heartbeats.alive(kind, since=since)):
        return None
    each = " ".join(f"Worker {name}: {why}" for name, why in lacking)
    return Unready("NoStore", f"No worker reaches the artifact store. {each}")


def troubles(uow: UnitOfWork) -> list[Trouble]:
    """Return what each worker that is alive lacks, by its name."""
    found = uow.heartbeats.troubles(since=uow.now() - WORKER_WITHIN)
    return [Trouble(name, reason) for name, _, reason in found]


def metrics(uow: UnitOfWork) -> Metrics:
    """Return the figures of the system as its rows show them."""
    now = uow.now()
    alive = uow.heartbeats.alive_by_kind(since=now - WORKER_WITHIN)
    return Metrics(
        deployments_by_status=uow.heartbeats.deployments_by_status(),
        hook_seconds=[HookSeconds(*row) for row in uow.heartbeats.hook_seconds()],
        outbox_age=_age(uow.outbox.oldest(), now),
        notice_age=_age(uow.notices.oldest(), now),
        notices=uow.notices.totals(),
        lease_age=max(_seconds(uow.leases.longest_wait(now)), 0.0),
        sweep_lag=_age(uow.heartbeats.last(SWEEP), now, never=inf),
        workers={queue: alive.get(kind, 0) for queue, kind in WORKER_KINDS.items()},
        leases_lost=uow.heartbeats.total(LEASES_LOST),
    )


def _age(moment: datetime | None, now: datetime, *, never: float = 0.0) -> float:
    return never if moment is None else max(_seconds(now - moment), 0.0)


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
