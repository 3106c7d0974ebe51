"""Lifecycle events as rows: each moves by the table, guarded by its old status."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import (
    EVENT_MACHINE,
    OPEN_EVENT_STATUSES,
    DiagnosticCode,
    EventMove,
    EventStatus,
)
from tidegate.store.statements import change
from tidegate.store.tables import LifecycleEventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEnd:
    """How a lifecycle event ended."""

    move: EventMove
    at: datetime
    seconds: float | None = None
    exit_code: int | None = None
    error_code: DiagnosticCode | None = None
    script: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNews:
    """What has become known of an event since it was written last."""

    began_at: datetime | None = None
    end: EventEnd | None = None
    log_size: int | None = None
    """How far its log is known now."""


class LifecycleEvents:
    """Moves the lifecycle events of targets."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def write(
        self, deployment_id: DeploymentId, target_id: TargetId, name: str, news: EventNews
    ) -> Sequence[tuple[EventStatus, EventStatus]]:
        """Write *news*, in one statement where the row stands where it should.

        Returns the moves that this call made: none when the row had moved on already.
        """
        key = {"deployment_id": deployment_id, "target_id": target_id, "name": name}
        values: dict[str, Any] = {} if news.log_size is None else {"log_size": news.log_size}
        for way in _ways(news):
            into = {"status": way[-1][1], **values, **_values_of(news, way)}
            if self._change({**key, "status": way[0][0]}, into):
                return way
        if values:
            self._change(key, values)
        return ()

    def end(
        self, deployment_id: DeploymentId, target_id: TargetId, name: str, end: EventEnd
    ) -> EventStatus | None:
        """Move an event to its end; return where it came from if it was this call that did."""
        made = self.write(deployment_id, target_id, name, EventNews(end=end))
        return made[0][0] if made else None

    def _change(self, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        changed = change(
            self._session, LifecycleEventRow, where=where, values=values, returning="name"
        )
        return changed is not None

    def log_sizes(self, deployment_id: DeploymentId, target_id: TargetId) -> dict[str, int]:
        """Return how far the log of each event of a target is known."""
        rows = self._session.execute(
            select(LifecycleEventRow.name, LifecycleEventRow.log_size).where(
                LifecycleEventRow.deployment_id == deployment_id,
                LifecycleEventRow.target_id == target_id,
                LifecycleEventRow.log_size > 0,
            )
        )
        return {name: size for name, size in rows}  # noqa: C416 - rows are no tuples

    def still_open(
        self, deployment_id: DeploymentId, target_id: TargetId
    ) -> Sequence[tuple[str, EventStatus]]:
        """Return the events of a target that are not final, in their order."""
        rows = self._session.execute(
            select(LifecycleEventRow.name, LifecycleEventRow.status)
            .where(
                LifecycleEventRow.deployment_id == deployment_id,
                LifecycleEventRow.target_id == target_id,
                LifecycleEventRow.status.in_(OPEN_EVENT_STATUSES),
            )
            .order_by(LifecycleEventRow.position)
        )
        return [(name, EventStatus(status)) for name, status in rows]


_Way: TypeAlias = "tuple[tuple[EventStatus, EventStatus], ...]"


def _ways(news: EventNews) -> Iterator[_Way]:
    """Yield the moves that *news* may mean for a row, the likeliest first."""
    begin = (EventStatus.PENDING, EventStatus.IN_PROGRESS)
    if news.end is None:
        if news.began_at is not None:
            yield (begin,)
        return
    ends = [
        (source, EVENT_MACHINE.after(source, news.end.move))
        for source in reversed(EVENT_MACHINE.sources_of(news.end.move))
    ]
    if news.began_at is not None:
        yield from ((begin, end) for end in ends if end[0] == begin[1])
    yield from ((end,) for end in ends)


def _values_of(news: EventNews, way: _Way) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if way[0][1] is EventStatus.IN_PROGRESS:
        values["started_at"] = news.began_at
    if news.end is not None:
        values |= {
            "finished_at": news.end.at,
            "exit_code": news.end.exit_code,
            "error_code": news.end.error_code,
            "script": news.end.script,
            "message": news.end.message,
            "seconds": news.end.seconds,
        }
    return values
