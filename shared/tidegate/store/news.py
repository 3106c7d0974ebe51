"""News of deployments and targets, read in the unit of work in which it comes to be."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tidegate.domain.arn import instance_arn
from tidegate.domain.deployment import (
    DEPLOYMENT_MACHINE,
    ComputePlatform,
    Deployment,
    DeploymentStatus,
)
from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import DeploymentId
from tidegate.domain.notices import DeploymentNews, InstanceNews
from tidegate.domain.target import TargetStatus
from tidegate.store.deployment_reading import counts_of
from tidegate.store.deployments import Deployments
from tidegate.store.tables import HostRow, TargetRow
from tidegate.store.targets import Targets

MOST_AT_ONCE = 500
"""So many targets are named in one statement."""


class NewsReader:
    """Reads what there is to tell of moves that were just written."""

    def __init__(
        self, session: Session, deployments: Deployments, targets: Targets, account_id: str
    ) -> None:
        self._session = session
        self._deployments = deployments
        self._targets = targets
        self._account_id = account_id

    def of(
        self, deployment_id: DeploymentId, moves: Sequence[Transition]
    ) -> list[DeploymentNews | InstanceNews]:
        """Return the news of *moves* in their order; only servers have instances."""
        deployment = self._deployments.lock(deployment_id)
        instances = self._instances(deployment, moves)
        news: list[DeploymentNews | InstanceNews] = []
        for move in moves:
            if move.subject is Subject.DEPLOYMENT:
                news.append(self._of_deployment(deployment, move))
            elif instance := instances.get(str(move.target)):
                arn, events = instance
                news.append(
                    InstanceNews(
                        **self._where(deployment),
                        at=move.at,
                        instance_id=str(move.target),
                        instance_arn=arn,
                        status=TargetStatus(move.to),
                        events=events,
                    )
                )
        return news

    def _of_deployment(self, deployment: Deployment, move: Transition) -> DeploymentNews:
        status = DeploymentStatus(move.to)
        is_final = DEPLOYMENT_MACHINE.is_final(status)
        overview = self._deployments.overview([deployment.id]) if is_final else {}
        return DeploymentNews(
            **self._where(deployment),
            at=move.at,
            status=status,
            created_at=deployment.created_at,
            completed_at=deployment.completed_at if is_final else None,
            overview=counts_of(status, overview.get(deployment.id, {})),
            error_code=(deployment.error_code or "") if is_final else "",
            error_message=deployment.error_message if is_final else "",
            rollback_triggering_deployment_id=deployment.rollback_triggering_deployment_id or "",
            rollback_message=deployment.rollback_message,
        )

    def _where(self, deployment: Deployment) -> dict[str, Any]:
        return {
            "region": deployment.region,
            "account_id": self._account_id,
            "application": deployment.application,
            "group": deployment.group,
            "group_id": deployment.group_id,
            "deployment_id": deployment.id,
        }

    def _instances(
        self, deployment: Deployment, moves: Sequence[Transition]
    ) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """Return ARN and lifecycle events of each target that moved."""
        ids = [str(move.target) for move in moves if move.subject is Subject.TARGET]
        if deployment.compute_platform is not ComputePlatform.SERVER:
            return {}
        return {
            id_: (
                arn or instance_arn(deployment.region, self._account_id, id_, suffix),
                tuple(events),
            )
            for some in _pieces(ids)
            for id_, suffix, arn, events in self._with_events(deployment.id, some)
        }

    def _with_events(
        self, deployment_id: DeploymentId, ids: Sequence[str]
    ) -> Iterator[tuple[str, str, str, Sequence[Any]]]:
        rows = self._session.execute(
            select(TargetRow.target_id, HostRow.instance_suffix, HostRow.instance)
            .join(HostRow, HostRow.id == TargetRow.host_id)
            .where(TargetRow.deployment_id == deployment_id, TargetRow.target_id.in_(ids))
        ).all()
        events = self._targets.events_of(deployment_id, ids)
        for id_, suffix, instance in rows:
            # One of EC2 has an ARN of its own.
            yield id_, suffix, instance["arn"] if instance else "", events.get(id_, ())


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), MOST_AT_ONCE):
        yield ids[start : start + MOST_AT_ONCE]
