"""Targets as rows: written at the start, read with their events, skipped, failed, completed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, text, update

from tidegate.domain.fleet import Fleet
from tidegate.domain.ids import DeploymentId, GroupId, HostId, TargetId
from tidegate.domain.lifecycle import EventStatus
from tidegate.domain.target import Target, TargetEvent, TargetStatus
from tidegate.store.statements import change, plain_table
from tidegate.store.tables import DeploymentRow, LifecycleEventRow, TargetRow
from tidegate.store.target_ends import Ending, TargetEnds

_TARGETS: Final = plain_table(TargetRow)
_EVENTS: Final = plain_table(LifecycleEventRow)
_ADD: Final = insert(_TARGETS)
_ADD_EVENTS: Final = insert(_EVENTS)
_MOST_NAMES: Final = 1000
"""So many fit into one statement of either database."""


@dataclass(frozen=True, slots=True)
class NewTarget:
    id: TargetId
    host_id: HostId
    position: int
    status: TargetStatus = TargetStatus.PENDING


class Targets(TargetEnds):
    """Reads and changes targets and their lifecycle events."""

    def add_all(
        self,
        deployment_id: DeploymentId,
        targets: Sequence[NewTarget],
        *,
        segment: str,
        events: Sequence[str],
        at: datetime,
    ) -> None:
        """Write targets of a deployment with all their lifecycle events, each Pending."""
        if not targets:
            return
        rows = [_new_row(deployment_id, target, segment, at) for target in targets]
        self._session.execute(_ADD, rows)
        skipped = {t.id for t in targets if t.status is TargetStatus.SKIPPED}
        self._session.execute(
            _ADD_EVENTS,
            [
                {
                    "deployment_id": deployment_id,
                    "target_id": target.id,
                    "name": name,
                    "position": position,
                    "status": EventStatus.SKIPPED if target.id in skipped else EventStatus.PENDING,
                    "script": "",
                    "message": "",
                    "log_size": 0,
                }
                for target in targets
                for position, name in enumerate(events)
            ],
        )

    def take_stock(self) -> None:
        """Have PostgreSQL count its targets, so that plans of small tables are made anew.

        It would do so by itself within minutes; until then each new event scans all targets.
        """
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(text(f"ANALYZE {_TARGETS.name}, {_EVENTS.name}"))

    def fleet(self, deployment_id: DeploymentId, *, in_progress_for: timedelta) -> Fleet:
        """Return how many targets of a deployment stand where, counted in SQL."""
        rows = self._session.execute(
            select(TargetRow.status, TargetRow.dispatched, func.count())
            .where(TargetRow.deployment_id == deployment_id)
            .group_by(TargetRow.status, TargetRow.dispatched)
        )
        counts: Counter[str] = Counter()
        queued = 0
        for status, dispatched, count in rows:
            counts[_place(status, dispatched=dispatched)] += count
            queued += count if dispatched and status == TargetStatus.PENDING else 0
        return Fleet(**counts, queued=queued, in_progress_for=in_progress_for)

    def written(
        self, deployment_id: DeploymentId, among: Sequence[TargetId] | None = None
    ) -> dict[TargetId, NewTarget]:
        """Return which targets a deployment has that has not begun; only those *among* some."""
        columns = (TargetRow.target_id, TargetRow.host_id, TargetRow.position, TargetRow.status)
        query = select(*columns).where(TargetRow.deployment_id == deployment_id)
        if among is not None:
            query = query.where(TargetRow.target_id.in_(among))
        return {
            TargetId(id_): NewTarget(TargetId(id_), HostId(host), position, TargetStatus(status))
            for id_, host, position, status in self._session.execute(query)
        }

    def remove(self, deployment_id: DeploymentId, target_ids: Sequence[TargetId]) -> None:
        """Delete targets of a deployment that has not begun."""
        for begin in range(0, len(target_ids), _MOST_NAMES):
            self._session.execute(
                delete(TargetRow)
                .where(
                    TargetRow.deployment_id == deployment_id,
                    TargetRow.target_id.in_(target_ids[begin : begin + _MOST_NAMES]),
                )
                .execution_options(synchronize_session=False)
            )

    def busy_before(self, deployment_id: DeploymentId, group_id: GroupId) -> bool:
        """Tell whether a target of an earlier deployment of the group is still at work."""
        found = self._session.scalar(
            select(TargetRow.target_id)
            .join(DeploymentRow, DeploymentRow.id == TargetRow.deployment_id)
            .where(
                DeploymentRow.group_id == group_id,
                DeploymentRow.id != deployment_id,
                TargetRow.status == TargetStatus.IN_PROGRESS,
            )
            .limit(1)
        )
        return found is not None

    def request_cancel(self, deployment_id: DeploymentId) -> int:
        """Ask whoever holds a target of this deployment to end after the current script."""
        ids = self._session.scalars(
            update(TargetRow)
            .where(
                TargetRow.deployment_id == deployment_id,
                TargetRow.status == TargetStatus.IN_PROGRESS,
            )
            .values(cancel_requested=True)
            .returning(TargetRow.target_id)
            .execution_options(synchronize_session=False)
        ).all()
        return len(ids)

    def complete(
        self,
        target: Target,
        event: TargetEvent,
        *,
        at: datetime,
        message: str,
        look_back_at: datetime | None = None,
    ) -> bool:
        """Move *target* to its end; tell whether it was this call that did.

        Unless it is asked *look_back_at* some time, its host is not heard of any more.
        """
        move = Ending(event, target.status, at=at, actor="tidegate", reason=message)
        changed = change(
            self._session,
            TargetRow,
            where={
                "deployment_id": target.deployment_id,
                "target_id": target.id,
                "status": target.status,
            },
            values={
                "status": move.to,
                "finished_at": at,
                "last_updated_at": at,
                "due_at": look_back_at,
                "lease_owner": None,
                "sends": 0,
                "lost": look_back_at is not None,
                "message": message,
            },
            returning="target_id",
        )
        if changed is None:
            return False
        self._history.record(target.deployment_id, [move.of(target.id)])
        return True


def _place(status: str, *, dispatched: bool) -> str:
    match TargetStatus(status):
        case TargetStatus.PENDING:
            return "running" if dispatched else "waiting"
        case TargetStatus.SUCCEEDED:
            return "succeeded"
        case TargetStatus.FAILED:
            return "failed"
        case TargetStatus.SKIPPED:
            return "skipped"
        case TargetStatus.IN_PROGRESS | TargetStatus.READY | TargetStatus.UNKNOWN:
            return "running"


def _new_row(
    deployment_id: DeploymentId, target: NewTarget, segment: str, at: datetime
) -> dict[str, Any]:
    return {
        "deployment_id": deployment_id,
        "target_id": target.id,
        "host_id": target.host_id,
        "position": target.position,
        "segment": segment,
        "status": target.status,
        "dispatched": False,
        "attempt": 0,
        "sends": 0,
        "segment_done": False,
        "cancel_requested": False,
        "lost": False,
        "journal_offset": 0,
        "message": "",
        "last_updated_at": at,
    }
