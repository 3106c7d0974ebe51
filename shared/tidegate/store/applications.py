"""Applications in the catalog."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ApplicationExists, ApplicationNotFound
from tidegate.domain.group import Application
from tidegate.domain.ids import ApplicationId
from tidegate.store.tables import ApplicationRow


class Applications:
    """Writes and reads applications."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def application(self, name: str) -> Application:
        """Return the application called *name*.

        Raises:
            ApplicationNotFound: There is none.
        """
        row = self._session.scalar(select(ApplicationRow).where(ApplicationRow.name == name))
        if row is None:
            raise ApplicationNotFound(name)
        return _application(row)

    def applications_page(self, *, limit: int, after: str | None = None) -> list[Application]:
        """Return applications by name."""
        query = select(ApplicationRow).order_by(ApplicationRow.name).limit(limit)
        if after is not None:
            query = query.where(ApplicationRow.name > after)
        return [_application(row) for row in self._session.scalars(query)]

    def add_application(
        self, application_id: ApplicationId, name: str, platform: ComputePlatform, *, at: datetime
    ) -> Application:
        """Create an application.

        Raises:
            ApplicationExists: There is one of that name.
        """
        row = ApplicationRow(id=application_id, name=name, compute_platform=platform, created_at=at)
        self._session.add(row)
        try:
            self._session.flush()
        except IntegrityError:
            raise ApplicationExists(name) from None
        return _application(row)

    def delete_application(self, application_id: ApplicationId) -> None:
        """Delete an application with its groups and revisions; history stays."""
        self._session.execute(
            delete(ApplicationRow)
            .where(ApplicationRow.id == application_id)
            .execution_options(synchronize_session=False)
        )


def _application(row: ApplicationRow) -> Application:
    return Application(
        id=ApplicationId(row.id),
        name=row.name,
        compute_platform=ComputePlatform(row.compute_platform),
        created_at=row.created_at,
    )
