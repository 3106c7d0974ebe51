"""Lists of revisions as CodeDeploy's clients ask for them: filtered, and sorted by a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from tidegate.domain.ids import ApplicationId, RevisionId
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.store.revisions import Revisions, revision_of, select_revisions
from tidegate.store.tables import ApplicationRow, GroupRow, RevisionRow


class RevisionTime(StrEnum):
    """What revisions are sorted by. No such time is before all times."""

    REGISTERED = "registered_at"
    FIRST_USED = "first_used_at"
    LAST_USED = "last_used_at"

    def of(self, revision: Revision) -> datetime | None:
        """Return this time of a revision."""
        match self:
            case RevisionTime.REGISTERED:
                return revision.registered_at
            case RevisionTime.FIRST_USED:
                return revision.first_used_at
            case RevisionTime.LAST_USED:
                return revision.last_used_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionQuery:
    """Which revisions of an application are wanted, and in which order."""

    application_id: ApplicationId
    types: Sequence[SourceType]
    s3_bucket: str | None = None
    s3_key_prefix: str = ""
    is_target: bool | None = None
    """Whether they are what a group has; None for both."""
    sort_by: RevisionTime = RevisionTime.REGISTERED
    descending: bool = False

    def passes(self, after: tuple[datetime | None, str] | None) -> list[bool]:
        """Return in which order those with a time (True) and those without (False) are read.

        Databases do not agree on where NULL belongs, and no index serves both at once.
        """
        if self.sort_by is RevisionTime.REGISTERED:
            return [True]
        both = [True, False] if self.descending else [False, True]
        return both if after is None else both[both.index(after[0] is not None) :]


_COLUMNS: Final[Mapping[RevisionTime, InstrumentedAttribute[Any]]] = {
    RevisionTime.REGISTERED: RevisionRow.registered_at,
    RevisionTime.FIRST_USED: RevisionRow.first_used_at,
    RevisionTime.LAST_USED: RevisionRow.last_used_at,
}


class RevisionLists(Revisions):
    """Finds revisions of an application."""

    def sorted_revisions(
        self,
        query: RevisionQuery,
        *,
        limit: int,
        after: tuple[datetime | None, str] | None = None,
    ) -> list[Revision]:
        """Return revisions, without their groups, that come after the one named by *after*."""
        found: list[Revision] = []
        for with_time in query.passes(after):
            page = _ordered(query, after, with_time=with_time).limit(limit - len(found))
            found += [revision_of(row, owner, ()) for row, owner in self._session.execute(page)]
            after = None
            if len(found) == limit:
                break
        return found

    def pinned_revision(self, application_id: ApplicationId, source: Source) -> Revision | None:
        """Return the newest revision of an S3 object whose digest was registered with it."""
        page = (
            select_revisions()
            .where(
                RevisionRow.application_id == application_id,
                RevisionRow.s3_bucket == source.bucket,
                RevisionRow.s3_key == source.key,
                RevisionRow.sha256.is_not(None),
                RevisionRow.source["version"].as_string() == source.version,
            )
            .order_by(RevisionRow.registered_at.desc(), RevisionRow.id.desc())
            .limit(1)
        )
        found = self._session.execute(page).one_or_none()
        return None if found is None else self.revision(application_id, RevisionId(found[0].id))


def _ordered(
    query: RevisionQuery, after: tuple[datetime | None, str] | None, *, with_time: bool
) -> Select[RevisionRow, ApplicationRow]:
    time, id_ = _COLUMNS[query.sort_by], RevisionRow.id
    page = _filtered(query)
    if not with_time:
        page = page.where(time.is_(None))
        if after is not None:
            page = page.where(id_ < after[1] if query.descending else id_ > after[1])
        return page.order_by(id_.desc() if query.descending else id_)
    page = page.where(time.is_not(None))
    if after is not None:
        at, last = after
        beyond = time < at if query.descending else time > at
        behind = id_ < last if query.descending else id_ > last
        page = page.where(or_(beyond, and_(time == at, behind)))
    if query.descending:
        return page.order_by(time.desc(), id_.desc())
    return page.order_by(time, id_)


def _filtered(query: RevisionQuery) -> Select[RevisionRow, ApplicationRow]:
    page = select_revisions().where(
        RevisionRow.application_id == query.application_id, RevisionRow.type.in_(query.types)
    )
    if query.s3_bucket is not None:
        page = page.where(RevisionRow.s3_bucket == query.s3_bucket)
    if prefix := query.s3_key_prefix:
        # LIKE would take small letters for capital ones on SQLite.
        page = page.where(func.substr(RevisionRow.s3_key, 1, len(prefix)) == prefix)
    if query.is_target is not None:
        targets = select(GroupRow.target_revision_id).where(
            GroupRow.application_id == query.application_id,
            GroupRow.target_revision_id.is_not(None),
            GroupRow.name.is_not(None),
        )
        is_target = RevisionRow.id.in_(targets)
        page = page.where(is_target if query.is_target else ~is_target)
    return page
