"""Revisions in the catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from tidegate.domain.errors import ApplicationNotFound, RevisionNotFound
from tidegate.domain.ids import ApplicationId, RevisionId
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.store.statements import insert_unless_there
from tidegate.store.tables import ApplicationRow, GroupRow, RevisionRow


class Revisions:
    """Writes and reads revisions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def revision(self, application_id: ApplicationId, revision_id: RevisionId) -> Revision:
        """Return a revision of an application.

        Raises:
            RevisionNotFound: The application has none of that id.
        """
        found = self._revisions(
            _whole().where(
                RevisionRow.id == revision_id, RevisionRow.application_id == application_id
            )
        )
        if not found:
            raise RevisionNotFound(revision_id)
        return found[0]

    def revision_by_id(self, revision_id: RevisionId) -> Revision | None:
        """Return a revision, if it still exists."""
        found = self._revisions(_whole().where(RevisionRow.id == revision_id))
        return found[0] if found else None

    def revisions_by_id(self, ids: Iterable[RevisionId]) -> list[Revision]:
        """Return those of several revisions that still exist."""
        wanted = list(ids)
        return (
            self._revisions(select_revisions().where(RevisionRow.id.in_(wanted))) if wanted else []
        )

    def revisions_page(
        self,
        application_id: ApplicationId,
        *,
        limit: int,
        after: tuple[datetime, str] | None = None,
    ) -> list[Revision]:
        """Return the revisions of an application, newest first."""
        query = select_revisions().where(RevisionRow.application_id == application_id)
        if after is not None:
            at, last = after
            query = query.where(
                or_(
                    RevisionRow.registered_at < at,
                    and_(RevisionRow.registered_at == at, RevisionRow.id < last),
                )
            )
        query = query.order_by(RevisionRow.registered_at.desc(), RevisionRow.id.desc())
        return self._revisions(query.limit(limit))

    def add_revision(self, revision: Revision) -> bool:
        """Register a revision, and tell whether nobody else has registered it meanwhile.

        Raises:
            ApplicationNotFound: Its application was deleted meanwhile.
        """
        source = revision.source
        added = insert_unless_there(
            self._session,
            RevisionRow,
            id=revision.id,
            application_id=revision.application_id,
            type=source.type,
            s3_bucket=source.bucket or None,
            s3_key=source.key or None,
            source=asdict(replace(source, content="")),
            content=source.content or None,
            sha256=source.sha256 or None,
            size=revision.size,
            bundle_type=revision.bundle_type,
            appspec=None if revision.appspec is None else dict(revision.appspec),
            description=revision.description,
            registered_at=revision.registered_at,
        )
        try:
            return self._session.scalar(added.returning(RevisionRow.id)) is not None
        except IntegrityError:
            raise ApplicationNotFound(revision.application) from None

    def describe_revision(self, revision_id: RevisionId, description: str) -> None:
        """Give a revision another description."""
        self._session.execute(
            update(RevisionRow)
            .where(RevisionRow.id == revision_id)
            .values(description=description)
            .execution_options(synchronize_session=False)
        )

    def mark_revision_used(self, revision_id: RevisionId, at: datetime) -> None:
        """Note that a deployment uses a revision."""
        self._session.execute(
            update(RevisionRow)
            .where(RevisionRow.id == revision_id)
            .values(first_used_at=func.coalesce(RevisionRow.first_used_at, at), last_used_at=at)
            .execution_options(synchronize_session=False)
        )

    def store_bundle(
        self,
        revision_id: RevisionId,
        *,
        size: int,
        bundle_type: str,
        appspec: Mapping[str, object] | None,
    ) -> None:
        """Keep what was learnt when the bundle was fetched and read."""
        self._session.execute(
            update(RevisionRow)
            .where(RevisionRow.id == revision_id)
            .values(
                size=size,
                bundle_type=bundle_type,
                appspec=None if appspec is None else dict(appspec),
            )
            .execution_options(synchronize_session=False)
        )

    def _revisions(self, query: Select[RevisionRow, ApplicationRow]) -> list[Revision]:
        pairs = [(row[0], row[1]) for row in self._session.execute(query)]
        groups = self._groups_at([row.id for row, _ in pairs])
        return [revision_of(row, application, groups.get(row.id, ())) for row, application in pairs]

    def _groups_at(self, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        wanted = list(ids)
        if not wanted:
            return {}
        rows = self._session.execute(
            select(GroupRow.target_revision_id, GroupRow.name)
            .where(GroupRow.target_revision_id.in_(wanted), GroupRow.name.is_not(None))
            .order_by(GroupRow.name)
        )
        groups: dict[str, tuple[str, ...]] = {}
        for revision_id, name in rows:
            groups[revision_id or ""] = (*groups.get(revision_id or "", ()), name or "")
        return groups


def select_revisions() -> Select[RevisionRow, ApplicationRow]:
    """Return the query for revisions and their applications, without the content of AppSpecs."""
    return select(RevisionRow, ApplicationRow).join(
        ApplicationRow, ApplicationRow.id == RevisionRow.application_id
    )


def _whole() -> Select[RevisionRow, ApplicationRow]:
    return select_revisions().options(undefer(RevisionRow.content))


def revision_of(row: RevisionRow, application: ApplicationRow, groups: tuple[str, ...]) -> Revision:
    """Return the revision that a row is."""
    return Revision(
        id=RevisionId(row.id),
        application_id=ApplicationId(row.application_id),
        application=application.name or "",
        source=_source(row),
        size=row.size,
        bundle_type=row.bundle_type,
        appspec=row.appspec,
        description=row.description,
        registered_at=row.registered_at,
        first_used_at=row.first_used_at,
        last_used_at=row.last_used_at,
        groups=groups,
    )


def _source(row: RevisionRow) -> Source:
    # What was not asked for is not there, and is not to be loaded row by row.
    content = vars(row).get("content") or ""
    return source_from_json(row.source, content=content)


def source_from_json(source: Mapping[str, Any], *, content: str = "") -> Source:
    """Return a source as it was written; the content of an AppSpec has a column of its own."""
    return Source(**{**source, "type": SourceType(source["type"]), "content": content})
