"""Tags of applications, deployment groups and deployment configs."""

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tidegate.domain.arn import Arn, ResourceKind
from tidegate.domain.errors import ApplicationNotFound, ConfigNotFound, GroupNotFound
from tidegate.store.tables import ApplicationRow, ConfigRow, GroupRow

Tagged = ApplicationRow | GroupRow | ConfigRow
R = TypeVar("R", ApplicationRow, GroupRow, ConfigRow)


class ResourceTags:
    """Writes and reads tags."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, arn: Arn, *, lock: bool = False) -> dict[str, str]:
        """Return the tags of a resource; with *lock* nobody else changes them until the commit.

        Raises:
            ApplicationNotFound, GroupNotFound, ConfigNotFound: There is none.
        """
        return dict(self._row(arn, lock=lock).tags)

    def put(self, arn: Arn, tags: Mapping[str, str]) -> None:
        """Give a resource these tags and no others.

        Raises:
            ApplicationNotFound, GroupNotFound, ConfigNotFound: There is none.
        """
        self._row(arn, lock=True).tags = dict(tags)
        self._session.flush()

    def _row(self, arn: Arn, *, lock: bool) -> Tagged:
        match arn.kind:
            case ResourceKind.APPLICATION:
                return self._application(arn.region, arn.name, lock=lock)
            case ResourceKind.GROUP:
                return self._group(arn, lock=lock)
            case ResourceKind.CONFIG:
                return self._config(arn, lock=lock)

    def _application(self, region: str, name: str, *, lock: bool) -> ApplicationRow:
        row = self._one(
            select(ApplicationRow).where(
                ApplicationRow.region == region, ApplicationRow.name == name
            ),
            lock=lock,
        )
        if row is None:
            raise ApplicationNotFound(name)
        return row

    def _group(self, arn: Arn, *, lock: bool) -> GroupRow:
        application, name = arn.names
        owner = self._application(arn.region, application, lock=False)
        row = self._one(
            select(GroupRow).where(GroupRow.application_id == owner.id, GroupRow.name == name),
            lock=lock,
        )
        if row is None:
            raise GroupNotFound(name)
        return row

    def _config(self, arn: Arn, *, lock: bool) -> ConfigRow:
        row = self._one(
            select(ConfigRow).where(ConfigRow.region == arn.region, ConfigRow.name == arn.name),
            lock=lock,
        )
        if row is None:
            raise ConfigNotFound(arn.name)
        return row

    def _one(self, query: Select[R], *, lock: bool) -> R | None:
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return self._session.scalar(query)
