"""Steps and errands as rows: written at the start, moved by the table, read with what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from tidegate.domain.course import (
    STEP_MACHINE,
    Badly,
    CourseStep,
    Standing,
    StepKind,
    StepMove,
    StepStatus,
    Word,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.errors import Stale
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.traffic import Found, Json, Made, Move
from tidegate.store.course_tables import ErrandRow, MadeRow, StepRow
from tidegate.store.moves import found_from_json, found_to_json, move_from_json, move_to_json
from tidegate.store.statements import change, insert_unless_there, plain_table
from tidegate.store.tables import TargetRow

_STEPS: Final = plain_table(StepRow)
_ERRANDS: Final = plain_table(ErrandRow)
_TARGETS: Final = plain_table(TargetRow)
_COURSE: Final = (
    select(_STEPS).where(_STEPS.c.deployment_id == bindparam("id_")).order_by(_STEPS.c.number)
)
_STANDINGS: Final = (
    select(_TARGETS.c.segment_done, _ERRANDS.c.failure, _ERRANDS.c.found, _ERRANDS.c.note)
    .join(
        _ERRANDS,
        (_ERRANDS.c.deployment_id == _TARGETS.c.deployment_id)
        & (_ERRANDS.c.target_id == _TARGETS.c.target_id),
    )
    .where(_TARGETS.c.deployment_id == bindparam("id_"))
    .order_by(_TARGETS.c.position)
)
_ALL_ERRANDS: Final = (
    select(_ERRANDS)
    .where(_ERRANDS.c.deployment_id == bindparam("id_"))
    .order_by(_ERRANDS.c.target_id)
)
_SOME_ERRANDS: Final = _ALL_ERRANDS.where(
    _ERRANDS.c.target_id.in_(bindparam("targets", expanding=True))
)
_FORGET_TROUBLES: Final = (
    update(_ERRANDS)
    .where(_ERRANDS.c.deployment_id == bindparam("id_"))
    .values(failure=None, failing_since=None, tries=0, note="")
)
_LAST_MOVE: Final = {
    StepStatus.IN_PROGRESS: StepMove.FAIL,
    StepStatus.PENDING: StepMove.SKIP,
}
"""Of a deployment that goes no further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptErrand:
    """What one target of a deployment is about, as the rows know it."""

    target_id: TargetId
    move: Move
    before: Mapping[str, Json] | None = None
    found: Found | None = None
    failing_since: datetime | None = None
    tries: int = 0
    note: str = ""


class Courses:
    """Reads and changes the steps of deployments, and what their targets are about."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        deployment_id: DeploymentId,
        course: Sequence[CourseStep],
        errands: Sequence[KeptErrand],
    ) -> None:
        """Write the course of a deployment, whose targets are there already."""
        self._session.execute(
            insert(StepRow), [{"deployment_id": deployment_id, **_columns(step)} for step in course]
        )
        self._session.execute(
            insert(ErrandRow),
            [
                {
                    "deployment_id": deployment_id,
                    "target_id": errand.target_id,
                    "move": move_to_json(errand.move),
                    "before": errand.before,
                    "found": errand.found and found_to_json(errand.found),
                    "tries": 0,
                    "note": "",
                }
                for errand in errands
            ],
        )

    def course(self, deployment_id: DeploymentId) -> list[CourseStep]:
        """Return the steps of a deployment in their order; none where it moves no traffic."""
        return [_step(row) for row in self._session.execute(_COURSE, {"id_": deployment_id})]

    def change(
        self, deployment_id: DeploymentId, step: CourseStep, move: StepMove | None, **changes: Any
    ) -> CourseStep:
        """Move a step, guarded by its old status, and write *changes* to it; return it so.

        Raises:
            IllegalTransition: The table has no such move.
            Stale: Somebody else moved it meanwhile.
        """
        status = STEP_MACHINE.after(step.status, move) if move else step.status
        changed = change(
            self._session,
            StepRow,
            where={"deployment_id": deployment_id, "number": step.number, "status": step.status},
            values={"status": status, **changes},
            returning="number",
        )
        if changed is None:
            raise Stale(deployment_id)
        return replace(step, status=status, **changes)

    def schedule(self, deployment_id: DeploymentId, due: Mapping[int, datetime]) -> None:
        """Set when steps are due, by their numbers."""
        self._session.execute(
            update(_STEPS)
            .where(
                _STEPS.c.deployment_id == deployment_id,
                _STEPS.c.number == bindparam("at_number"),
            )
            .values(due_at=bindparam("to_due_at")),
            [{"at_number": number, "to_due_at": at} for number, at in due.items()],
        )

    def end_rest(
        self, deployment_id: DeploymentId, *, at: datetime
    ) -> list[tuple[CourseStep, CourseStep]]:
        """Fail the step in progress, if there is one, and skip all that have not begun.

        Return these as they were, each with what it is now.
        """
        return [
            (step, self.change(deployment_id, step, _LAST_MOVE[step.status], finished_at=at))
            for step in self.course(deployment_id)
            if step.is_open
        ]

    def kinds_begun(self, deployment_id: DeploymentId) -> set[StepKind]:
        """Return which kinds of steps of a deployment have begun."""
        rows = self._session.scalars(
            select(StepRow.kind)
            .where(StepRow.deployment_id == deployment_id, StepRow.started_at.is_not(None))
            .distinct()
        )
        return {StepKind(kind) for kind in rows}

    def called_as(self, deployment_id: DeploymentId, execution_id: str) -> CourseStep | None:
        """Return the hook that was called by an id, if there is one."""
        row = self._session.execute(
            select(_STEPS).where(
                _STEPS.c.execution_id == execution_id, _STEPS.c.deployment_id == deployment_id
            )
        ).one_or_none()
        return None if row is None else _step(row)

    def standings(self, deployment_id: DeploymentId) -> list[Standing]:
        """Return how far the step in progress has come, target by target."""
        rows = self._session.execute(_STANDINGS, {"id_": deployment_id})
        return [
            Standing(done, _failure(failure), None if found is None else found["weight"], note)
            for done, failure, found, note in rows
        ]

    def errands(
        self, deployment_id: DeploymentId, target_ids: Sequence[TargetId] = ()
    ) -> list[KeptErrand]:
        """Return what the targets of a deployment are about, or those of them that are named."""
        if target_ids:
            wanted = {"id_": deployment_id, "targets": target_ids}
            rows = self._session.execute(_SOME_ERRANDS, wanted)
        else:
            rows = self._session.execute(_ALL_ERRANDS, {"id_": deployment_id})
        return [_errand(row) for row in rows]

    def forget_troubles(self, deployment_id: DeploymentId) -> None:
        """Begin a step with a clean sheet on all targets."""
        self._session.execute(_FORGET_TROUBLES, {"id_": deployment_id})

    def note(self, deployment_id: DeploymentId, target_id: TargetId, **changes: Any) -> None:
        """Write what became known of a target."""
        found = changes.get("found")
        if isinstance(found, Found):
            changes["found"] = found_to_json(found)
        change(
            self._session,
            ErrandRow,
            where={"deployment_id": deployment_id, "target_id": target_id},
            values=changes,
            returning="target_id",
        )

    def note_made(
        self, deployment_id: DeploymentId, target_id: TargetId, made: Sequence[Made], at: datetime
    ) -> None:
        """Write what stands out there because of a deployment."""
        for one in made:
            self._session.execute(
                insert_unless_there(
                    self._session,
                    MadeRow,
                    deployment_id=deployment_id,
                    target_id=target_id,
                    kind=one.kind,
                    name=one.name,
                    made_at=at,
                )
            )

    def made(self, deployment_id: DeploymentId, target_id: TargetId) -> list[Made]:
        """Return what a deployment made for a target and nobody has removed."""
        rows = self._session.scalars(
            select(MadeRow).where(
                MadeRow.deployment_id == deployment_id,
                MadeRow.target_id == target_id,
                MadeRow.gone_at.is_(None),
            )
        )
        return [Made(kind=row.kind, name=row.name) for row in rows]

    def note_gone(self, deployment_id: DeploymentId, target_id: TargetId, at: datetime) -> None:
        """Write that all is removed which a deployment had made for a target."""
        self._session.execute(
            update(MadeRow)
            .where(
                MadeRow.deployment_id == deployment_id,
                MadeRow.target_id == target_id,
                MadeRow.gone_at.is_(None),
            )
            .values(gone_at=at)
            .execution_options(synchronize_session=False)
        )


def _columns(step: CourseStep) -> dict[str, Any]:
    return {
        "number": step.number,
        "kind": step.kind,
        "event": step.event,
        "weight": step.weight,
        "hook": step.hook,
        "status": step.status,
    }


def _step(row: Any) -> CourseStep:
    return CourseStep(
        number=row.number,
        kind=StepKind(row.kind),
        event=row.event,
        weight=row.weight,
        hook=row.hook,
        execution_id=row.execution_id or "",
        word=None if row.word is None else Word(row.word),
        status=StepStatus(row.status),
        due_at=row.due_at,
        until=row.until,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _failure(body: Mapping[str, Any] | None) -> Badly | None:
    return None if body is None else Badly(ErrorCode(body["code"]), body["reason"])


def _errand(row: Any) -> KeptErrand:
    return KeptErrand(
        target_id=TargetId(row.target_id),
        move=move_from_json(row.move),
        before=row.before,
        found=None if row.found is None else found_from_json(row.found),
        failing_since=row.failing_since,
        tries=row.tries,
        note=row.note,
    )
