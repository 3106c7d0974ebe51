"""History: transitions numbered 1, 2, 3 … within their deployment, in the order of commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from tidegate.domain.aws_group import Trigger
from tidegate.domain.history import RecordedTransition, Subject, Transition
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.store.aws_settings import triggers_from_json
from tidegate.store.statements import plain_table
from tidegate.store.tables import DeploymentRow, TransitionRow

_DEPLOYMENTS: Final = plain_table(DeploymentRow)
_TAKE_NUMBERS: Final = (
    update(_DEPLOYMENTS)
    .where(_DEPLOYMENTS.c.id == bindparam("id_"))
    .values(last_transition=_DEPLOYMENTS.c.last_transition + bindparam("count_"))
    # Whether a trigger asks to be told comes along: to learn it costs no statement.
    .returning(_DEPLOYMENTS.c.last_transition, _DEPLOYMENTS.c.group_settings["aws"]["triggers"])
)
_APPEND: Final = insert(plain_table(TransitionRow))


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one deployment in a unit of work."""

    deployment_id: DeploymentId
    moves: Sequence[Transition]
    triggers: tuple[Trigger, ...]
    """Those of its group, as they were when it was created."""


class History:
    """Writes and reads transitions."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._new: dict[DeploymentId, list[Transition]] = {}

    def record(self, deployment_id: DeploymentId, transitions: Sequence[Transition]) -> None:
        """Have *transitions* appended at the end of the unit of work."""
        if transitions:
            self._new.setdefault(deployment_id, []).extend(transitions)

    def flush(self) -> list[Moved]:
        """Append what was recorded, and return it.

        Taking the numbers locks the deployment's row until the commit, so that nobody can see
        number 8 before number 7 is there: a reader that remembers a number misses nothing.
        """
        moved: list[Moved] = []
        for deployment_id, transitions in self._new.items():
            last, triggers = self._session.execute(
                _TAKE_NUMBERS, {"id_": deployment_id, "count_": len(transitions)}
            ).one()
            moved.append(Moved(deployment_id, transitions, triggers_from_json(triggers or ())))
            first = last - len(transitions) + 1
            self._session.execute(
                _APPEND,
                [
                    _row(deployment_id, first + index, move)
                    for index, move in enumerate(transitions)
                ],
            )
        self._new = {}
        return moved

    def after(
        self, deployment_id: DeploymentId, number: int, *, limit: int = 500
    ) -> list[RecordedTransition]:
        """Return what came after *number*, oldest first."""
        rows = self._session.scalars(
            select(TransitionRow)
            .where(TransitionRow.deployment_id == deployment_id, TransitionRow.number > number)
            .order_by(TransitionRow.number)
            .limit(limit)
        )
        return [_recorded(row) for row in rows]

    def last_of_deployment(self, deployment_id: DeploymentId) -> Transition:
        """Return what became of a deployment itself last."""
        row = self._session.scalars(
            select(TransitionRow)
            .where(
                TransitionRow.deployment_id == deployment_id,
                TransitionRow.subject == Subject.DEPLOYMENT,
            )
            .order_by(TransitionRow.number.desc())
            .limit(1)
        ).one()
        return _recorded(row).transition


def _row(deployment_id: DeploymentId, number: int, move: Transition) -> dict[str, object]:
    return {
        "deployment_id": deployment_id,
        "number": number,
        "subject": move.subject,
        "target_id": move.target,
        "name": move.name,
        "source": move.source,
        "to_status": move.to,
        "happened_at": move.at,
        "actor": move.actor,
        "reason": move.reason,
    }


def _recorded(row: TransitionRow) -> RecordedTransition:
    return RecordedTransition(
        number=row.number,
        deployment_id=DeploymentId(row.deployment_id),
        transition=Transition(
            subject=Subject(row.subject),
            target=None if row.target_id is None else TargetId(row.target_id),
            name=row.name,
            source=row.source,
            to=row.to,
            at=row.at,
            actor=row.actor,
            reason=row.reason,
        ),
    )
