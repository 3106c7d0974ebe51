"""Targets that end before their turn: skipped, or failed as nothing can be deployed to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import OPEN_EVENT_STATUSES, DiagnosticCode, EventStatus
from tidegate.domain.target import TARGET_MACHINE, TargetEvent, TargetStatus
from tidegate.store.history import History
from tidegate.store.statements import plain_table
from tidegate.store.tables import LifecycleEventRow, TargetRow
from tidegate.store.target_reading import TargetReading

_TARGETS: Final = plain_table(TargetRow)
_EVENTS: Final = plain_table(LifecycleEventRow)
_FAIL_EVENT: Final = (
    update(_EVENTS)
    .where(
        _EVENTS.c.deployment_id == bindparam("id_"),
        _EVENTS.c.target_id == bindparam("target"),
        _EVENTS.c.name == bindparam("event"),
    )
    .values(
        status=EventStatus.FAILED,
        message=bindparam("why"),
        error_code=DiagnosticCode.UNKNOWN_ERROR,
        started_at=bindparam("now"),
        finished_at=bindparam("now"),
    )
)
_FAIL_TARGET: Final = (
    update(_TARGETS)
    .where(
        _TARGETS.c.deployment_id == bindparam("id_"),
        _TARGETS.c.target_id == bindparam("target"),
    )
    .values(
        status=TargetStatus.FAILED,
        message=bindparam("why"),
        finished_at=bindparam("now"),
        last_updated_at=bindparam("now"),
        due_at=None,
    )
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a target comes to its end."""

    event: TargetEvent
    source: TargetStatus
    at: datetime
    actor: str
    reason: str

    @property
    def to(self) -> TargetStatus:
        """The status that it has then."""
        return TARGET_MACHINE.after(self.source, self.event)

    def of(self, target_id: str) -> Transition:
        """Return the move of one target, for its history."""
        return Transition(
            subject=Subject.TARGET,
            target=TargetId(target_id),
            name=self.event,
            source=self.source,
            to=self.to,
            at=self.at,
            actor=self.actor,
            reason=self.reason,
        )


class TargetEnds(TargetReading):
    """Ends targets that nobody has taken."""

    def __init__(self, session: Session, history: History) -> None:
        super().__init__(session)
        self._history = history

    def waiting(self, deployment_id: DeploymentId, *, most: int) -> list[TargetId]:
        """Return *most* targets that nobody has taken, first those that somebody may take."""
        ids = self._session.scalars(
            select(TargetRow.target_id)
            .where(
                TargetRow.deployment_id == deployment_id, TargetRow.status == TargetStatus.PENDING
            )
            .order_by(TargetRow.dispatched.desc(), TargetRow.position)
            .limit(most)
        )
        return [TargetId(target_id) for target_id in ids]

    def skip(
        self,
        deployment_id: DeploymentId,
        target_ids: Sequence[TargetId],
        *,
        at: datetime,
        actor: str,
        reason: str,
    ) -> int:
        """Skip those of some targets that nobody has taken; return how many there were."""
        return self._end_pending(
            deployment_id, TargetEvent.SKIP, target_ids, at=at, actor=actor, reason=reason
        )

    def _end_pending(
        self,
        deployment_id: DeploymentId,
        event: TargetEvent,
        target_ids: Sequence[TargetId],
        *,
        at: datetime,
        actor: str,
        reason: str,
    ) -> int:
        move = Ending(event, TargetStatus.PENDING, at=at, actor=actor, reason=reason)
        ids = self._session.scalars(
            update(TargetRow)
            .where(
                TargetRow.deployment_id == deployment_id,
                TargetRow.status == TargetStatus.PENDING,
                TargetRow.target_id.in_(target_ids),
            )
            .values(status=move.to, finished_at=at, last_updated_at=at, due_at=None, message=reason)
            .returning(TargetRow.target_id)
            .execution_options(synchronize_session=False)
        ).all()
        if not ids:
            return 0
        self._skip_events(deployment_id, ids, at)
        self._history.record(deployment_id, [move.of(target_id) for target_id in sorted(ids)])
        return len(ids)

    def fail_alike(
        self,
        deployment_id: DeploymentId,
        target_ids: Sequence[TargetId],
        *,
        event: str,
        at: datetime,
        message: str,
    ) -> int:
        """Fail targets that nobody has taken at lifecycle event *event*, as if they came to it."""
        those = (
            LifecycleEventRow.deployment_id == deployment_id,
            LifecycleEventRow.target_id.in_(target_ids),
        )
        position = (
            select(func.min(LifecycleEventRow.position))
            .where(*those, LifecycleEventRow.name == event)
            .scalar_subquery()
        )
        for condition, values in (
            (LifecycleEventRow.position < position, {"status": EventStatus.SUCCEEDED}),
            (
                LifecycleEventRow.name == event,
                {
                    "status": EventStatus.FAILED,
                    "message": message,
                    "error_code": DiagnosticCode.UNKNOWN_ERROR,
                },
            ),
        ):
            self._session.execute(
                update(LifecycleEventRow)
                .where(*those, condition)
                .values(started_at=at, finished_at=at, **values)
                .execution_options(synchronize_session=False)
            )
        return self._end_pending(
            deployment_id, TargetEvent.FAIL, target_ids, at=at, actor="tidegate", reason=message
        )

    def fail_each(
        self,
        deployment_id: DeploymentId,
        sentences: Mapping[TargetId, str],
        *,
        event: str,
        at: datetime,
    ) -> int:
        """Fail those that have a sentence and that nobody has taken, at their first *event*.

        They may be thousands, so that no statement for one of them reads what others have.
        """
        waiting = self._session.scalars(
            select(TargetRow.target_id).where(
                TargetRow.deployment_id == deployment_id, TargetRow.status == TargetStatus.PENDING
            )
        )
        ids = sorted(sentences.keys() & set(waiting))
        if not ids:
            return 0
        those: list[dict[str, Any]] = [
            {"id_": deployment_id, "target": id_, "why": sentences[TargetId(id_)], "now": at}
            for id_ in ids
        ]
        begun = TargetEvent.FAIL, TargetStatus.PENDING, at, "tidegate"
        moves = [Ending(*begun, one["why"]).of(one["target"]) for one in those]
        self._session.execute(_FAIL_EVENT, [{**one, "event": event} for one in those])
        self._session.execute(_FAIL_TARGET, those)
        self._skip_events(deployment_id, ids, at)
        self._history.record(deployment_id, moves)
        return len(ids)

    def _skip_events(
        self, deployment_id: DeploymentId, target_ids: Iterable[str], at: datetime
    ) -> None:
        self._session.execute(
            update(LifecycleEventRow)
            .where(
                LifecycleEventRow.deployment_id == deployment_id,
                LifecycleEventRow.target_id.in_(list(target_ids)),
                LifecycleEventRow.status.in_(OPEN_EVENT_STATUSES),
            )
            .values(status=EventStatus.SKIPPED, finished_at=at)
            .execution_options(synchronize_session=False)
        )
