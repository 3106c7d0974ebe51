"""Lifecycle events as rows: each moves by the table, guarded by its old status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import (
    EVENT_MACHINE,
    OPEN_EVENT_STATUSES,
    DiagnosticCode,
    EventMove,
    EventStatus,
)
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


class LifecycleEvents:
    """Moves the lifecycle events of targets."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(
        self, deployment_id: DeploymentId, target_id: TargetId, name: str, *, at: datetime
    ) -> bool:
        """Move a Pending event to InProgress; tell whether it was this call that did."""
        values = {"started_at": at}
        return self._move(deployment_id, target_id, name, EventMove.BEGIN, values) is not None

    def end(
        self, deployment_id: DeploymentId, target_id: TargetId, name: str, end: EventEnd
    ) -> EventStatus | None:
        """Move an event to its end; return where it came from if it was this call that did."""
        values: dict[str, Any] = {
            "finished_at": end.at,
            "exit_code": end.exit_code,
            "error_code": end.error_code,
            "script": end.script,
            "message": end.message,
            "seconds": end.seconds,
        }
        return self._move(deployment_id, target_id, name, end.move, values)

    def _move(
        self,
        deployment_id: DeploymentId,
        target_id: TargetId,
        name: str,
        move: EventMove,
        values: Mapping[str, Any],
    ) -> EventStatus | None:
        # The likely source comes last in the table and is tried first.
        for source in reversed(EVENT_MACHINE.sources_of(move)):
            changed = self._session.execute(
                update(LifecycleEventRow)
                .where(*_is(deployment_id, target_id, name), LifecycleEventRow.status == source)
                .values(status=EVENT_MACHINE.after(source, move), **values)
                .returning(LifecycleEventRow.name)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            if changed is not None:
                return source
        return None

    def grow_log(
        self, deployment_id: DeploymentId, target_id: TargetId, name: str, size: int
    ) -> None:
        """Note how far the log of an event is known."""
        self._session.execute(
            update(LifecycleEventRow)
            .where(*_is(deployment_id, target_id, name))
            .values(log_size=size)
            .execution_options(synchronize_session=False)
        )

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


def _is(deployment_id: DeploymentId, target_id: TargetId, name: str) -> tuple[Any, ...]:
    return (
        LifecycleEventRow.deployment_id == deployment_id,
        LifecycleEventRow.target_id == target_id,
        LifecycleEventRow.name == name,
    )
