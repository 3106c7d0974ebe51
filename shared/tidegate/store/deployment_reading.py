"""Deployments as they stand, read by statements that many ask for: they pass by the ORM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row as ResultRow
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import (
    DEPLOYMENT_MACHINE,
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
from tidegate.domain.revision import Source
from tidegate.domain.target import TargetStatus
from tidegate.store.aws_settings import aws_from_json
from tidegate.store.deployment_lists import Key, Wanted, newest
from tidegate.store.deployment_options import options_from_json
from tidegate.store.revisions import source_from_json
from tidegate.store.statements import plain_table
from tidegate.store.tables import DeploymentRow, RevisionRow, TargetRow

_DEPLOYMENTS: Final = plain_table(DeploymentRow)
_TARGETS: Final = plain_table(TargetRow)
_ASIDE: Final = ("bundle", "bundle_failure")
"""What may be long, and is asked for by itself."""
_SHOWN: Final = [column for column in _DEPLOYMENTS.c if column.name not in _ASIDE]
_REVISION: Final = plain_table(RevisionRow).alias("revision")
_PREVIOUS: Final = plain_table(RevisionRow).alias("previous")
_ALONE: Final = select(*_SHOWN)
_WITH_REVISIONS: Final = select(
    *_SHOWN,
    _REVISION.c.source.label("revision_source"),
    _REVISION.c.bundle_type.label("revision_bundle_type"),
    _PREVIOUS.c.source.label("previous_source"),
    _PREVIOUS.c.bundle_type.label("previous_bundle_type"),
).select_from(
    _DEPLOYMENTS.outerjoin(_REVISION, _REVISION.c.id == _DEPLOYMENTS.c.revision_id).outerjoin(
        _PREVIOUS, _PREVIOUS.c.id == _DEPLOYMENTS.c.previous_revision_id
    )
)
_BY_ID: Final = {
    query: query.where(_DEPLOYMENTS.c.id == bindparam("id_")) for query in (_ALONE, _WITH_REVISIONS)
}
TO_LOCK: Final = _BY_ID[_ALONE].with_for_update()
"""One deployment, for whoever changes it."""
_OVERVIEW: Final = select(_TARGETS.c.deployment_id, _TARGETS.c.status, func.count()).group_by(
    _TARGETS.c.deployment_id, _TARGETS.c.status
)
_OVERVIEW_OF_ONE: Final = _OVERVIEW.where(_TARGETS.c.deployment_id == bindparam("id_"))


@dataclass(frozen=True, slots=True)
class Located:
    """Where a revision lies, as far as it is shown."""

    source: Source
    bundle_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A deployment, what its group settled for it, and its revisions as long as they exist."""

    deployment: Deployment
    aws: AwsGroup
    revision: Located | None
    previous: Located | None


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
        rows, overviews = self._rows(_ALONE, ids)
        return [deployment_of(row, overviews.get(row.id, {})) for row in rows]

    def recorded(self, ids: Sequence[DeploymentId]) -> list[Recorded]:
        """Return what `known` returns, with the settings of the groups as they were."""
        rows, overviews = self._rows(_WITH_REVISIONS, ids)
        return [
            Recorded(
                deployment=deployment_of(row, overviews.get(row.id, {})),
                aws=aws_from_json(row.group_settings.get("aws", {})),
                revision=_located(row.revision_source, row.revision_bundle_type),
                previous=_located(row.previous_source, row.previous_bundle_type),
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
        self, query: Select[Any], ids: Sequence[DeploymentId]
    ) -> tuple[list[ResultRow[Any]], dict[str, dict[str, int]]]:
        if len(ids) == 1:
            found = self._session.execute(_BY_ID[query], {"id_": ids[0]}).all()
        elif ids:
            found = self._session.execute(query.where(_DEPLOYMENTS.c.id.in_(ids))).all()
        else:
            return [], {}
        known = {row.id: row for row in found}
        rows = [known[id_] for id_ in dict.fromkeys(ids) if id_ in known]
        begun = [DeploymentId(row.id) for row in rows if row.started_at is not None]
        return rows, self.overview(begun)


def _located(source: Mapping[str, Any] | None, bundle_type: str | None) -> Located | None:
    if source is None:
        return None
    return Located(source_from_json(source), bundle_type)


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
        overview=counts_of(DeploymentStatus(row.status), overview),
        rollback_deployment_id=_deployment_id(row.rollback_deployment_id),
        rollback_triggering_deployment_id=_deployment_id(row.rollback_triggering_id),
        rollback_message=row.rollback_message,
        bundle_sha256=row.bundle_sha256 or "",
        status_messages=tuple(row.status_messages),
        external_id=row.external_id,
        paused_at=row.paused_at,
        watches_alarms=bool(row.watches_alarms),
        has_kept_blue=bool(row.has_kept_blue),
    )


def counts_of(status: DeploymentStatus, counts: Mapping[str, int]) -> Mapping[str, int]:
    """Return the number of targets by status, as they are to be understood.

    What waits when a deployment has ended is skipped, though of thousands not all at once.
    """
    waiting = counts.get(TargetStatus.PENDING, 0)
    if not waiting or not DEPLOYMENT_MACHINE.is_final(status):
        return counts
    known = {name: count for name, count in counts.items() if name != TargetStatus.PENDING}
    return {**known, TargetStatus.SKIPPED: counts.get(TargetStatus.SKIPPED, 0) + waiting}


def _revision_id(value: str | None) -> RevisionId | None:
    return None if value is None else RevisionId(value)


def _deployment_id(value: str | None) -> DeploymentId | None:
    return None if value is None else DeploymentId(value)
