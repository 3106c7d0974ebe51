"""What a group knows of its hosts from earlier deployments."""

from typing import Any

from sqlalchemy import insert, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from tidegate.domain.fleet import Installation
from tidegate.domain.ids import DeploymentId, GroupId, RevisionId, TargetId
from tidegate.store.tables import GroupRow, InstallationRow


class Installations:
    """Reads and writes revision and health of hosts, per group."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, group_id: GroupId) -> dict[TargetId, Installation]:
        """Return what *group_id* knows of each host that it ever deployed to."""
        rows = self._session.scalars(
            select(InstallationRow).where(InstallationRow.group_id == group_id)
        )
        return {
            TargetId(row.target_id): Installation(
                revision_id=None if row.revision_id is None else RevisionId(row.revision_id),
                healthy=row.healthy,
            )
            for row in rows
        }

    def record(
        self,
        group_id: GroupId,
        target_id: TargetId,
        installation: Installation,
        *,
        deployment_id: DeploymentId,
    ) -> None:
        """Write how a deployment left a host."""
        values = {
            "revision_id": installation.revision_id,
            "healthy": installation.healthy,
            "deployment_id": deployment_id,
        }
        changed = self._session.execute(
            update(InstallationRow)
            .where(InstallationRow.group_id == group_id, InstallationRow.target_id == target_id)
            .values(**values)
            .returning(InstallationRow.target_id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if changed is None:
            # The group may be gone: a stopped deployment's last scripts end when they end.
            columns = {"group_id": group_id, "target_id": target_id, **values}
            row = select(*(literal(value, _type(name)) for name, value in columns.items()))
            there = select(GroupRow.id).where(GroupRow.id == group_id).exists()
            self._session.execute(
                insert(InstallationRow).from_select(list(columns), row.where(there))
            )


def _type(column: str) -> TypeEngine[Any]:
    return InstallationRow.__table__.columns[column].type
