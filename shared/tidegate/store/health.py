"""Signs of life of workers, beat and sweep, and what metrics count."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from tidegate.store.statements import plain_table
from tidegate.store.tables import (
    DeploymentRow,
    HeartbeatRow,
    LifecycleEventRow,
    TotalRow,
)

BEAT: Final = "beat"
SWEEP: Final = "sweep"
PRUNED: Final = "prune"
"""When retention was last asked for, by whichever sweep found it due."""
WORKER_KINDS: Final = {
    "control": "worker:control",
    "hosts": "worker:hosts",
    "traffic": "worker:traffic",
}
LEASES_LOST: Final = "leases_lost"
"""How many targets were ever taken from a worker that showed no life."""
_HEARTBEATS: Final = plain_table(HeartbeatRow)
_ALIVE: Final = select(_HEARTBEATS.c.name).where(
    _HEARTBEATS.c.name == bindparam("name_"), _HEARTBEATS.c.seen_at >= bindparam("since")
)


class Heartbeats:
    """Writes and reads signs of life."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def beat(self, name: str, kind: str, at: datetime, *, trouble: str | None = None) -> None:
        """Note that *name* was alive *at*, and what it lacks for its work."""
        changed = self._session.execute(
            update(HeartbeatRow)
            .where(HeartbeatRow.name == name)
            .values(at=at, kind=kind, trouble=trouble)
            .returning(HeartbeatRow.name)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if changed is None:
            new = insert(HeartbeatRow).values(name=name, kind=kind, at=at, trouble=trouble)
            self._session.execute(new)

    def leave(self, name: str) -> None:
        """Forget *name* and what it served beside: it has stopped on purpose."""
        its = HeartbeatRow.name.startswith(f"{name}/", autoescape=True)
        self._session.execute(delete(HeartbeatRow).where((HeartbeatRow.name == name) | its))

    def last(self, kind: str) -> datetime | None:
        """Return when anybody of *kind* was last alive."""
        return self._session.scalar(
            select(func.max(HeartbeatRow.at)).where(HeartbeatRow.kind == kind)
        )

    def alive(self, kind: str, *, since: datetime) -> list[str]:
        """Return the names of those of *kind* that were alive after *since*."""
        return list(
            self._session.scalars(
                select(HeartbeatRow.name)
                .where(HeartbeatRow.kind == kind, HeartbeatRow.at >= since)
                .order_by(HeartbeatRow.name)
            )
        )

    def troubles(self, *, since: datetime) -> list[tuple[str, str, str]]:
        """Return name, kind and sentence of those alive after *since* that lack something."""
        rows = self._session.execute(
            select(HeartbeatRow.name, HeartbeatRow.kind, HeartbeatRow.trouble)
            .where(HeartbeatRow.at >= since, HeartbeatRow.trouble.is_not(None))
            .order_by(HeartbeatRow.name)
        )
        return [(name, kind, trouble or "") for name, kind, trouble in rows]

    def is_alive(self, name: str, *, since: datetime) -> bool:
        """Tell whether *name* has shown life since then."""
        return self._session.scalar(_ALIVE, {"name_": name, "since": since}) is not None

    def forget_before(self, moment: datetime) -> None:
        """Delete what has not been alive since *moment*."""
        self._session.execute(delete(HeartbeatRow).where(HeartbeatRow.at < moment))

    def alive_by_kind(self, *, since: datetime) -> dict[str, int]:
        """Return how many of each kind were alive after *since*."""
        rows = self._session.execute(
            select(HeartbeatRow.kind, func.count())
            .where(HeartbeatRow.at >= since)
            .group_by(HeartbeatRow.kind)
        )
        return {kind: count for kind, count in rows}  # noqa: C416 - rows are no tuples

    def total(self, name: str) -> int:
        """Return how often something ever happened."""
        return self._session.scalar(select(TotalRow.total).where(TotalRow.name == name)) or 0

    def deployments_by_status(self) -> dict[str, int]:
        """Return the number of deployments by status."""
        rows = self._session.execute(
            select(DeploymentRow.status, func.count()).group_by(DeploymentRow.status)
        )
        return {status: count for status, count in rows}  # noqa: C416 - rows are no tuples

    def hook_seconds(self) -> Sequence[tuple[str, int, float]]:
        """Return for each lifecycle event how many ended and how long they took together."""
        rows = self._session.execute(
            select(
                LifecycleEventRow.name,
                func.count(LifecycleEventRow.seconds),
                func.sum(LifecycleEventRow.seconds),
            )
            .where(LifecycleEventRow.seconds.is_not(None))
            .group_by(LifecycleEventRow.name)
            .order_by(LifecycleEventRow.name)
        )
        return [(name, count, float(total or 0)) for name, count, total in rows]
