"""Applications in the catalog."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ApplicationExists, ApplicationNotFound
from tidegate.domain.group import Application
from tidegate.domain.ids import ApplicationId
from tidegate.store.tables import ApplicationRow, DeploymentRow, GroupRow, RevisionRow


class Applications:
    """Writes and reads applications."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def application(self, name: str) -> Application:
        """Return the application called *name*.

        Raises:
            ApplicationNotFound: There is none.
        """
        return _application(self._row(name))

    def applications_named(self, names: Sequence[str]) -> list[Application]:
        """Return the applications called by *names*, in their order.

        Raises:
            ApplicationNotFound: There is none of one of them.
        """
        query = self._applications_here().where(ApplicationRow.name.in_(names))
        known = {row.name: _application(row) for row in self._session.scalars(query)}
        for name in names:
            if name not in known:
                raise ApplicationNotFound(name)
        return [known[name] for name in names]

    def count_applications(self) -> int:
        """Return how many applications there are."""
        query = select(func.count()).select_from(ApplicationRow)
        return self._session.scalar(query.where(*self._application_is_here())) or 0

    def applications_page(self, *, limit: int, after: str | None = None) -> list[Application]:
        """Return applications by name."""
        query = self._applications_here().order_by(ApplicationRow.name).limit(limit)
        if after is not None:
            query = query.where(ApplicationRow.name > after)
        return [_application(row) for row in self._session.scalars(query)]

    def add_application(
        self,
        application_id: ApplicationId,
        name: str,
        platform: ComputePlatform,
        *,
        at: datetime,
        tags: Mapping[str, str] | None = None,
    ) -> Application:
        """Create an application.

        Raises:
            ApplicationExists: There is one of that name.
        """
        row = ApplicationRow(
            id=application_id,
            region=self._region,
            name=name,
            compute_platform=platform,
            tags=dict(tags or {}),
            created_at=at,
        )
        self._session.add(row)
        try:
            self._session.flush()
        except IntegrityError:
            raise ApplicationExists(name) from None
        return _application(row)

    def rename_application(self, application: Application, name: str) -> None:
        """Give an application another name, also where its deployments remember it.

        Raises:
            ApplicationExists: Another one has it.
        """
        change = update(ApplicationRow).where(ApplicationRow.id == application.id)
        try:
            self._session.execute(
                change.values(name=name).execution_options(synchronize_session=False)
            )
        except IntegrityError:
            raise ApplicationExists(name) from None
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.application_id == application.id)
            .values(application=name)
            .execution_options(synchronize_session=False)
        )

    def orphan_application(self, application_id: ApplicationId) -> None:
        """Take its name from an application, so that nobody finds it; its rows stay for now."""
        self._session.execute(
            update(ApplicationRow)
            .where(ApplicationRow.id == application_id)
            .values(name=None)
            .execution_options(synchronize_session=False)
        )

    def delete_orphan(self, application_id: ApplicationId) -> None:
        """Delete what nobody needs of an application without a name.

        Groups go unless they have an active deployment. Revisions that were deployed stay, and
        the nameless row with them, as history shows them.
        """
        nameless = select(ApplicationRow.id).where(
            ApplicationRow.id == application_id, ApplicationRow.name.is_(None)
        )
        for unneeded in (
            delete(GroupRow).where(
                GroupRow.application_id.in_(nameless), GroupRow.active_deployment_id.is_(None)
            ),
            delete(RevisionRow).where(
                RevisionRow.application_id.in_(nameless), RevisionRow.first_used_at.is_(None)
            ),
            delete(ApplicationRow).where(
                ApplicationRow.id.in_(nameless), ~_has(GroupRow), ~_has(RevisionRow)
            ),
        ):
            self._session.execute(unneeded.execution_options(synchronize_session=False))

    def _row(self, name: str) -> ApplicationRow:
        row = self._session.scalar(self._applications_here().where(ApplicationRow.name == name))
        if row is None:
            raise ApplicationNotFound(name)
        return row

    def _applications_here(self) -> Select[ApplicationRow]:
        return select(ApplicationRow).where(*self._application_is_here())

    def _application_is_here(self) -> tuple[ColumnElement[bool], ...]:
        return ApplicationRow.region == self._region, ApplicationRow.name.is_not(None)


def _has(table: type[GroupRow | RevisionRow]) -> ColumnElement[bool]:
    return select(table.id).where(table.application_id == ApplicationRow.id).exists()


def _application(row: ApplicationRow) -> Application:
    return Application(
        id=ApplicationId(row.id),
        region=row.region,
        name=row.name or "",
        compute_platform=ComputePlatform(row.compute_platform),
        created_at=row.created_at,
    )
