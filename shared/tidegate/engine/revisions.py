"""Use cases on revisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tidegate.domain.errors import Invalid, RevisionNotFound
from tidegate.domain.group import Application
from tidegate.domain.ids import revision_id
from tidegate.domain.revision import TEXTS, Revision, Source, SourceType
from tidegate.domain.revision_rules import check_platform, check_source, is_reference
from tidegate.store.unit_of_work import UnitOfWork

MOST_DESCRIPTION: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """What is known of a bundle that was looked into."""

    size: int | None = None
    bundle_type: str | None = None
    appspec: Mapping[str, object] | None = None


_NOTHING_KNOWN: Final = BundleFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRequest:
    """A revision that is to be there."""

    source: Source
    description: str | None = None
    facts: BundleFacts = field(default=_NOTHING_KNOWN)


def register_revision(
    application_name: str, request: RevisionRequest, *, uow: UnitOfWork
) -> tuple[Revision, bool]:
    """Register a revision, and tell whether it is new: the same source is the same revision.

    One that is registered again gets the new description, if there is one, and keeps its times.

    Raises:
        ApplicationNotFound: There is no such application.
        RevisionNotFound: It names an AppSpec by its digest, and nobody has sent that one.
        Invalid: A value cannot be taken.
    """
    application = uow.catalog.application(application_name)
    revision, is_new = revision_for(application, request, uow=uow)
    wanted = request.description
    if wanted is None or wanted == revision.description:
        return revision, is_new
    uow.catalog.describe_revision(revision.id, wanted)
    return replace(revision, description=wanted), is_new


def revision_for(
    application: Application,
    request: RevisionRequest,
    *,
    uow: UnitOfWork,
    at: datetime | None = None,
) -> tuple[Revision, bool]:
    """Return the revision of a source, and whether it was registered just now, as of *at*.

    One that is known stays as it is, whatever the request says of it.

    Raises:
        RevisionNotFound: It names an AppSpec by its digest, and nobody has sent that one.
        Invalid: A value cannot be taken, or the application's platform has no use for it.
    """
    check_source(request.source)
    check_platform(request.source, application.compute_platform)
    check_description(request.description or "")
    wanted = revision_id(application.id, request.source.identity)
    known = uow.catalog.revision_by_id(wanted)
    if known is not None:
        return known, False
    if is_reference(request.source):
        raise RevisionNotFound(str(request.source))
    revision = _revision(application, request, at or uow.now())
    if uow.catalog.add_revision(revision):
        return revision, True
    # Somebody else was a moment faster.
    return uow.catalog.revision(application.id, wanted), False


def find_revision(application: Application, source: Source, *, uow: UnitOfWork) -> Revision:
    """Return what an application has from a source.

    An S3 object that is named without its eTag is also found where its digest was registered with
    it, which is more than CodeDeploy's clients can say.

    Raises:
        RevisionNotFound: It has nothing from there.
        Invalid: It is no source.
    """
    check_source(source)
    known = uow.catalog.revision_by_id(revision_id(application.id, source.identity))
    if known is None and source.type is SourceType.S3 and not source.etag:
        known = uow.catalog.pinned_revision(application.id, source)
    if known is None:
        raise RevisionNotFound(str(source))
    return known


def check_description(description: str, *, most: int = MOST_DESCRIPTION) -> None:
    """Refuse a description that is too long.

    Raises:
        Invalid: It is.
    """
    if len(description) > most:
        raise Invalid(
            f"The description has {len(description)} characters; the limit is {most}.",
            code="DescriptionTooLongException",
        )


def _revision(application: Application, request: RevisionRequest, at: datetime) -> Revision:
    source, facts = request.source, request.facts
    return Revision(
        id=revision_id(application.id, source.identity),
        application_id=application.id,
        application=application.name,
        source=source,
        size=len(source.content.encode()) if source.type in TEXTS else facts.size,
        bundle_type=facts.bundle_type,
        appspec=facts.appspec,
        description=request.description or "",
        registered_at=at,
    )
