"""Targets as they stand, read with their events by statements that pass by the ORM."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from tidegate.domain.errors import TargetNotFound
from tidegate.domain.ids import DeploymentId, HostId, TargetId
from tidegate.domain.lifecycle import DiagnosticCode, EventStatus
from tidegate.domain.lifecycle import LifecycleEvent as Event
from tidegate.domain.target import FINAL_TARGET_STATUSES, Target, TargetStatus
from tidegate.store.statements import plain_table
from tidegate.store.tables import LifecycleEventRow, TargetRow

_TARGETS: Final = plain_table(TargetRow)
_EVENTS: Final = plain_table(LifecycleEventRow)
_PAGE: Final = (
    select(_TARGETS)
    .where(_TARGETS.c.deployment_id == bindparam("id_"), _TARGETS.c.position > bindparam("after"))
    .order_by(_TARGETS.c.position)
    .limit(bindparam("most"))
)
_GOING_ON: Final = (
    select(_TARGETS)
    .where(
        _TARGETS.c.deployment_id == bindparam("id_"),
        _TARGETS.c.status.not_in(FINAL_TARGET_STATUSES),
    )
    .order_by(_TARGETS.c.position)
)
_EVENTS_OF: Final = (
    select(_EVENTS)
    .where(
        _EVENTS.c.deployment_id == bindparam("id_"),
        _EVENTS.c.target_id.in_(bindparam("targets", expanding=True)),
    )
    .order_by(_EVENTS.c.target_id, _EVENTS.c.position)
)


class TargetReading:
    """Reads targets."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, deployment_id: DeploymentId, target_id: TargetId) -> Target:
        """Return one target with its lifecycle events.

        Raises:
            TargetNotFound: The deployment has no such target.
        """
        row = self._session.get(TargetRow, (deployment_id, target_id), populate_existing=True)
        if row is None:
            raise TargetNotFound(target_id)
        return _target(row, self.events_of(deployment_id, [target_id]).get(target_id, []))

    def page(
        self,
        deployment_id: DeploymentId,
        *,
        status: TargetStatus | None = None,
        limit: int = 100,
        after: int = -1,
    ) -> list[Target]:
        """Return targets with their events, in their order, that come after position *after*."""
        query = _PAGE if status is None else _PAGE.where(_TARGETS.c.status == status)
        wanted = {"id_": deployment_id, "after": after, "most": limit}
        return self._with_events(deployment_id, self._session.execute(query, wanted).all())

    def going_on(self, deployment_id: DeploymentId) -> list[Target]:
        """Return all targets that are not final, with their events, in their order."""
        rows = self._session.execute(_GOING_ON, {"id_": deployment_id}).all()
        return self._with_events(deployment_id, rows)

    def _with_events(self, deployment_id: DeploymentId, rows: Sequence[Any]) -> list[Target]:
        events = self.events_of(deployment_id, [row.target_id for row in rows])
        return [_target(row, events.get(row.target_id, [])) for row in rows]

    def named(self, deployment_id: DeploymentId, ids: Sequence[TargetId]) -> list[Target]:
        """Return those targets that the deployment has, with events, in the order of *ids*."""
        rows = self._session.scalars(
            select(TargetRow).where(
                TargetRow.deployment_id == deployment_id, TargetRow.target_id.in_(ids)
            )
        )
        known = {row.target_id: row for row in rows}
        events = self.events_of(deployment_id, list(known))
        found = [known[id_] for id_ in dict.fromkeys(ids) if id_ in known]
        return [_target(row, events.get(row.target_id, [])) for row in found]

    def names(
        self,
        deployment_id: DeploymentId,
        *,
        statuses: Sequence[TargetStatus] = (),
        limit: int = 100,
        after: int = -1,
    ) -> list[tuple[int, TargetId]]:
        """Return position and id of targets, in their order, that come after position *after*."""
        query = select(TargetRow.position, TargetRow.target_id).where(
            TargetRow.deployment_id == deployment_id, TargetRow.position > after
        )
        if statuses:
            # Once each: PostgreSQL takes 65,535 parameters at most.
            query = query.where(TargetRow.status.in_(set(statuses)))
        rows = self._session.execute(query.order_by(TargetRow.position).limit(limit))
        return [(position, TargetId(id_)) for position, id_ in rows]

    def ids(self, deployment_id: DeploymentId) -> list[TargetId]:
        """Return all targets of a deployment that moves traffic, which are few."""
        rows = self._session.scalars(
            select(TargetRow.target_id)
            .where(TargetRow.deployment_id == deployment_id)
            .order_by(TargetRow.position)
        )
        return [TargetId(target_id) for target_id in rows]

    def events_of(
        self, deployment_id: DeploymentId, target_ids: Sequence[str]
    ) -> dict[str, list[Event]]:
        """Return the lifecycle events of targets, each target's in their order."""
        wanted = {"id_": deployment_id, "targets": target_ids}
        rows = self._session.execute(_EVENTS_OF, wanted)
        events: dict[str, list[Event]] = {}
        for row in rows:
            events.setdefault(row.target_id, []).append(_event(row))
        return events


def _target(row: Any, events: Sequence[Event]) -> Target:
    return Target(
        deployment_id=DeploymentId(row.deployment_id),
        id=TargetId(row.target_id),
        host_id=HostId(row.host_id),
        position=row.position,
        status=TargetStatus(row.status),
        attempt=row.attempt,
        message=row.message,
        is_lost=row.lost,
        started_at=row.started_at,
        finished_at=row.finished_at,
        last_updated_at=row.last_updated_at,
        events=tuple(events),
    )


def _event(row: Any) -> Event:
    return Event(
        name=row.name,
        position=row.position,
        status=EventStatus(row.status),
        started_at=row.started_at,
        finished_at=row.finished_at,
        exit_code=row.exit_code,
        error_code=None if row.error_code is None else DiagnosticCode(row.error_code),
        script=row.script,
        message=row.message,
        log_size=row.log_size,
    )
