"""What deployments found where their revisions lie, and which bytes are still needed."""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from tidegate.domain.ids import DeploymentId, RevisionId
from tidegate.domain.revision import FetchedBundle
from tidegate.store.tables import DeploymentRow, GroupRow, RevisionRow


class Bundles:
    """Keeps what was fetched."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, deployment_id: DeploymentId) -> FetchedBundle | None:
        """Return what a deployment keeps to, if it has found anything yet."""
        row = self._session.execute(
            select(DeploymentRow.bundle_sha256, DeploymentRow.bundle).where(
                DeploymentRow.id == deployment_id, DeploymentRow.bundle_sha256.is_not(None)
            )
        ).one_or_none()
        if row is None:
            return None
        found = row.bundle or {}
        return FetchedBundle(
            sha256=row.bundle_sha256, bundle_type=found["type"], appspec=found["appspec"]
        )

    def keep(self, deployment_id: DeploymentId, bundle: FetchedBundle) -> None:
        """Have a deployment keep to what it found, unless it found something before."""
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.id == deployment_id, DeploymentRow.bundle_sha256.is_(None))
            .values(
                bundle_sha256=bundle.sha256,
                bundle={"type": bundle.bundle_type, "appspec": dict(bundle.appspec)},
            )
            .execution_options(synchronize_session=False)
        )

    def of_last_success(self, revision_id: RevisionId, deployment_id: str) -> FetchedBundle | None:
        """Return what a deployment found, if it was one of that revision."""
        query = select(DeploymentRow.revision_id).where(DeploymentRow.id == deployment_id)
        if self._session.scalar(query) != revision_id:
            return None
        return self.of(DeploymentId(deployment_id))

    def is_needed(self, sha256: str) -> bool:
        """Tell whether any revision or deployment needs the bytes with this digest."""
        registered = select(RevisionRow.id).where(RevisionRow.sha256 == sha256).limit(1)
        found = select(DeploymentRow.id).where(DeploymentRow.bundle_sha256 == sha256).limit(1)
        return any(self._session.scalar(query) is not None for query in (registered, found))

    def needed(self, *, since: datetime) -> set[str]:
        """Return the digests of bundles that were used since then or that a group may need."""
        return self._registered(since) | self._found(since)

    def _registered(self, since: datetime) -> set[str]:
        active = select(DeploymentRow.revision_id).join(
            GroupRow, GroupRow.active_deployment_id == DeploymentRow.id
        )
        targets = select(GroupRow.target_revision_id).where(
            GroupRow.target_revision_id.is_not(None)
        )
        digests = self._session.scalars(
            select(RevisionRow.sha256).where(
                RevisionRow.sha256.is_not(None),
                or_(
                    RevisionRow.registered_at >= since,
                    RevisionRow.last_used_at >= since,
                    RevisionRow.id.in_(active),
                    RevisionRow.id.in_(targets),
                ),
            )
        )
        return {sha256 for sha256 in digests if sha256}

    def _found(self, since: datetime) -> set[str]:
        active = select(GroupRow.active_deployment_id)
        successful = select(GroupRow.last_successful_id)
        digests = self._session.scalars(
            select(DeploymentRow.bundle_sha256).where(
                DeploymentRow.bundle_sha256.is_not(None),
                or_(
                    DeploymentRow.created_at >= since,
                    DeploymentRow.id.in_(active.where(GroupRow.active_deployment_id.is_not(None))),
                    DeploymentRow.id.in_(
                        successful.where(GroupRow.last_successful_id.is_not(None))
                    ),
                ),
            )
        )
        return {sha256 for sha256 in digests if sha256}
