"""How far deployments have come, for those who watch many of them: one statement for all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from tidegate.domain.deployment import DEPLOYMENT_MACHINE, DeploymentStatus
from tidegate.domain.ids import DeploymentId
from tidegate.domain.target import FINAL_TARGET_STATUSES, TargetStatus
from tidegate.store.tables import DeploymentRow, TargetRow

_OPEN: Final = [status for status in TargetStatus if status not in FINAL_TARGET_STATUSES]


@dataclass(frozen=True, slots=True)
class Progress:
    last: int
    """Number of the last transition."""
    has_ended: bool
    """The deployment is final and none of its targets runs any more."""


def position_of(session: Session, deployment_id: DeploymentId, target_id: str) -> int | None:
    """Return at which place in its deployment a target stands, if it is there."""
    return session.scalar(
        select(TargetRow.position).where(
            TargetRow.deployment_id == deployment_id, TargetRow.target_id == target_id
        )
    )


def progress_of(session: Session, ids: Iterable[DeploymentId]) -> dict[DeploymentId, Progress]:
    """Return how far each of the deployments has come, without those that are gone."""
    is_busy = exists().where(
        TargetRow.deployment_id == DeploymentRow.id, TargetRow.status.in_(_OPEN)
    )
    rows = session.execute(
        select(
            DeploymentRow.id, DeploymentRow.last_transition, DeploymentRow.status, is_busy
        ).where(DeploymentRow.id.in_(list(ids)))
    )
    return {
        DeploymentId(id_): Progress(
            last, DEPLOYMENT_MACHINE.is_final(DeploymentStatus(status)) and not busy
        )
        for id_, last, status, busy in rows
    }
