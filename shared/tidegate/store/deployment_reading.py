"""Deployments as they stand, read by statements that many ask for: they pass by the ORM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row as ResultRow
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import (
    AutoRollback,
    ComputePlatform,
    Creator,
    Deployment,
    DeploymentStatus,
    ErrorCode,
    RollbackEvent,
)
from tidegate.domain.errors import DeploymentNotFound
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId, RevisionId
from tidegate.store.aws_settings import aws_from_json
from tidegate.store.deployment_lists import Key, Wanted, newest
from tidegate.store.deployment_options import options_from_json
from tidegate.store.statements import plain_table
from tidegate.store.tables import DeploymentRow, TargetRow

_DEPLOYMENTS: Final = plain_table(DeploymentRow)
_TARGETS: Final = plain_table(TargetRow)
_ASIDE: Final = ("bundle", "bundle_failure")
"""What may be long, and is asked for by itself."""
_SHOWN: Final = [column for column in _DEPLOYMENTS.c if column.name not in _ASIDE]
_BY_ID: Final = select(*_SHOWN).where(_DEPLOYMENTS.c.id == bindparam("id_"))
_OVERVIEW: Final = select(_TARGETS.c.deployment_id, _TARGETS.c.status, func.count()).group_by(
    _TARGETS.c.deployment_id, _TARGETS.c.status
)
_OVERVIEW_OF_ONE: Final = _OVERVIEW.where(_TARGETS.c.deployment_id == bindparam("id_"))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A deployment, and what its group settled for it."""

    deployment: Deployment
    aws: AwsGroup


class DeploymentReading:
    """Reads deployments."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, deployment_id: DeploymentId) -> Deployment:
        """Return one deployment with its overview.

        Raises:
            DeploymentNotFound: There is none.
        """
        found = self.known([deployment_id])
        if not found:
            raise DeploymentNotFound(deployment_id)
        return found[0]

    def page(
        self,
        wanted: Wanted | None = None,
        *,
        limit: int = 100,
        after: tuple[datetime, str] | None = None,
    ) -> list[Deployment]:
        """Return those that are *wanted*, newest first, that come after the one of key *after*."""
        keys = self.keys(wanted or Wanted(), limit=limit, after=after)
        return self.known([DeploymentId(key.id) for key in keys])

    def keys(
        self, wanted: Wanted, *, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Key]:
        """Return the keys of what `page` returns."""
        return newest(self._session, wanted, limit=limit, after=after)

    def known(self, ids: Sequence[DeploymentId]) -> list[Deployment]:
        """Return those deployments that there are, in the order of *ids*, with their overviews."""
        rows, overviews = self._rows(ids)
        return [deployment_of(row, overviews.get(row.id, {})) for row in rows]

    def recorded(self, ids: Sequence[DeploymentId]) -> list[Recorded]:
        """Return what `known` returns, with the settings of the groups as they were."""
        rows, overviews = self._rows(ids)
        return [
            Recorded(
                deployment_of(row, overviews.get(row.id, {})),
                aws_from_json(row.group_settings.get("aws", {})),
            )
            for row in rows
        ]

    def overview(self, ids: Sequence[DeploymentId]) -> dict[str, dict[str, int]]:
        """Return the number of targets by status for each of several deployments."""
        counts: dict[str, dict[str, int]] = {}
        if len(ids) == 1:
            found = self._session.execute(_OVERVIEW_OF_ONE, {"id_": ids[0]})
        elif ids:
            found = self._session.execute(_OVERVIEW.where(_TARGETS.c.deployment_id.in_(ids)))
        else:
            return counts
        for deployment_id, status, count in found:
            counts.setdefault(deployment_id, {})[status] = count
        return counts

    def _rows(
        self, ids: Sequence[DeploymentId]
    ) -> tuple[list[ResultRow[Any]], dict[str, dict[str, int]]]:
        if len(ids) == 1:
            found = self._session.execute(_BY_ID, {"id_": ids[0]}).all()
        elif ids:
            found = self._session.execute(select(*_SHOWN).where(_DEPLOYMENTS.c.id.in_(ids))).all()
        else:
            return [], {}
        known = {row.id: row for row in found}
        rows = [known[id_] for id_ in dict.fromkeys(ids) if id_ in known]
        begun = [DeploymentId(row.id) for row in rows if row.started_at is not None]
        return rows, self.overview(begun)


def deployment_of(row: DeploymentRow | ResultRow[Any], overview: Mapping[str, int]) -> Deployment:
    """Return the deployment that a row is of."""
    return Deployment(
        id=DeploymentId(row.id),
        region=row.region,
        application_id=ApplicationId(row.application_id),
        application=row.application,
        group_id=GroupId(row.group_id),
        group=row.group if isinstance(row, DeploymentRow) else row.group_name,
        compute_platform=ComputePlatform(row.compute_platform),
        revision_id=RevisionId(row.revision_id),
        previous_revision_id=_revision_id(row.previous_revision_id),
        config_name=row.config_name,
        creator=Creator(row.creator),
        options=options_from_json(row.options),
        auto_rollback=AutoRollback(
            enabled=row.auto_rollback["enabled"],
            events=tuple(RollbackEvent(event) for event in row.auto_rollback["events"]),
        ),
        status=DeploymentStatus(row.status),
        version=row.version,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        error_code=None if row.error_code is None else ErrorCode(row.error_code),
        error_message=row.error_message,
        minimum_healthy=row.minimum_healthy,
        total_targets=row.total_targets,
        overview=overview,
        rollback_deployment_id=_deployment_id(row.rollback_deployment_id),
        rollback_triggering_deployment_id=_deployment_id(row.rollback_triggering_id),
        rollback_message=row.rollback_message,
        bundle_sha256=row.bundle_sha256 or "",
        status_messages=tuple(row.status_messages),
        external_id=row.external_id,
    )


def _revision_id(value: str | None) -> RevisionId | None:
    return None if value is None else RevisionId(value)


def _deployment_id(value: str | None) -> DeploymentId | None:
    return None if value is None else DeploymentId(value)
