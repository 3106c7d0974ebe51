"""EC2 instances among the hosts: written as they are found, and read again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tidegate.domain.host import NO_WAY, Origin
from tidegate.domain.ids import IdSource
from tidegate.domain.instances import Instance, InstanceState
from tidegate.domain.target import FINAL_TARGET_STATUSES
from tidegate.store.statements import insert_unless_there
from tidegate.store.tables import HostRow, InstallationRow, TargetRow

_TOGETHER: Final = 500
"""Names in one statement."""


class FoundHosts:
    """Writes the instances of a region as hosts."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def keep_instances(self, instances: Sequence[Instance], *, at: datetime, ids: IdSource) -> None:
        """Write instances that were found, in the order of their ids.

        A host that somebody registered by the id of an instance keeps its tags and its way.
        """
        ordered = sorted(instances, key=lambda one: one.id)
        for start in range(0, len(ordered), _TOGETHER):
            self._keep_some(ordered[start : start + _TOGETHER], at, ids)

    def _keep_some(self, instances: Sequence[Instance], at: datetime, ids: IdSource) -> None:
        # New ones first: somebody else may find the same in the same moment, and whoever waits for
        # another's new rows has locked none that come after them.
        new = [self._new(one.id, at, ids) for one in instances]
        self._session.execute(insert_unless_there(self._session, HostRow), new)
        known = self._known(instances)
        for one in instances:
            row = known[one.id]
            row.instance = instance_to_json(one)
            row.found_at = at
            if row.origin == Origin.EC2:
                row.tags = dict(one.tags)
        self._session.flush()

    def _known(self, instances: Sequence[Instance]) -> dict[str, HostRow]:
        """Return the rows of instances, locked in the order of their names."""
        rows = self._session.scalars(
            select(HostRow)
            .where(HostRow.region == self._region, HostRow.name.in_([one.id for one in instances]))
            .order_by(HostRow.name)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {row.name: row for row in rows}

    def _new(self, name: str, at: datetime, ids: IdSource) -> dict[str, Any]:
        return {
            "id": ids.unique(),
            "region": self._region,
            "name": name,
            "driver": NO_WAY,
            "settings": {},
            "tags": {},
            "variables": {},
            "instance_suffix": "",
            "registered_at": at,
            "origin": Origin.EC2.value,
            "created_at": at,
        }

    def forget_instances(self, *, before: datetime) -> int:
        """Delete instances that no deployment has found since *before*, and what they have.

        Those stay at which something goes on, and those whose host key was learned: another one
        that shows itself there must not be taken for them. History stays.
        """
        # Few targets are open at a time, however many there have ever been.
        at_work = select(TargetRow.host_id).where(
            TargetRow.status.not_in(FINAL_TARGET_STATUSES) | TargetRow.lost
        )
        gone = self._session.scalars(
            delete(HostRow)
            .where(
                HostRow.origin == Origin.EC2,
                HostRow.found_at < before,
                HostRow.settings["host_key"].as_string().is_(None),
                HostRow.id.not_in(at_work),
            )
            .returning(HostRow.name)
            .execution_options(synchronize_session=False)
        ).all()
        for start in range(0, len(gone), _TOGETHER):
            self._session.execute(
                delete(InstallationRow)
                .where(InstallationRow.target_id.in_(gone[start : start + _TOGETHER]))
                .execution_options(synchronize_session=False)
            )
        return len(gone)


def instance_to_json(instance: Instance) -> dict[str, Any]:
    """Return an instance as its host's row keeps it, which has the tags itself."""
    return {name: value for name, value in asdict(instance).items() if name != "tags"}


def instance_from_json(body: Mapping[str, Any], tags: Mapping[str, str]) -> Instance:
    """Return an instance that was kept."""
    return Instance(**{**body, "state": InstanceState(body["state"]), "tags": tags})
