"""Use cases on revisions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tidegate.domain.errors import Invalid
from tidegate.domain.group import Application
from tidegate.domain.ids import revision_id
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.store.unit_of_work import UnitOfWork

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
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
    """A revision that is to be registered."""

    source: Source
    description: str = ""
    facts: BundleFacts = field(default=_NOTHING_KNOWN)


def register_revision(
    application_name: str, request: RevisionRequest, *, uow: UnitOfWork
) -> tuple[Revision, bool]:
    """Register a revision, and tell whether it is new: the same source is the same revision.

    Raises:
        ApplicationNotFound: There is no such application.
        Invalid: A value cannot be taken.
    """
    application = uow.catalog.application(application_name)
    check_source(request.source)
    check_description(request.description)
    wanted = revision_id(application.id, request.source.identity)
    known = uow.catalog.revision_by_id(wanted)
    if known is not None:
        return known, False
    revision = _revision(application, request, uow)
    uow.catalog.add_revision(revision)
    return revision, True


def check_description(description: str) -> None:
    """Refuse a description that is too long.

    Raises:
        Invalid: It is.
    """
    if len(description) > MOST_DESCRIPTION:
        raise Invalid(
            f"The description has {len(description)} characters; the limit is {MOST_DESCRIPTION}.",
            code="DescriptionTooLongException",
        )


def check_source(source: Source) -> None:
    """Refuse a source that cannot be fetched or checked.

    Raises:
        Invalid: It cannot.
    """
    if not _SHA256.fullmatch(source.sha256):
        raise Invalid(
            "A sha256 has 64 digits of 0-9 and a-f; `sha256sum FILE` prints it.",
            code="InvalidRevisionException",
        )
    if source.type is SourceType.S3:
        _check_s3(source)
    elif source.type is SourceType.HTTP:
        _check_url(source.url)


def _check_s3(source: Source) -> None:
    if not _BUCKET.fullmatch(source.bucket):
        raise Invalid(
            f"{source.bucket[:80]!r} cannot be the name of an S3 bucket.",
            code="InvalidRevisionException",
        )
    if not 1 <= len(source.key.encode()) <= 1024:
        raise Invalid(
            "The key of an S3 object has 1 to 1,024 bytes.", code="InvalidRevisionException"
        )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and len(url) <= 2048
        secret = parts.password is not None
    except ValueError:
        sound = secret = False
    if secret:
        raise Invalid("A URL with a password in it is not kept; give one without.")
    if not sound or re.search(r"[\s\x00-\x1f]", url):
        raise Invalid(
            f"{url[:80]!r} is no http or https URL of at most 2,048 characters.",
            code="InvalidRevisionException",
        )


def _revision(application: Application, request: RevisionRequest, uow: UnitOfWork) -> Revision:
    return Revision(
        id=revision_id(application.id, request.source.identity),
        application_id=application.id,
        application=application.name,
        source=request.source,
        size=request.facts.size,
        bundle_type=request.facts.bundle_type,
        appspec=request.facts.appspec,
        description=request.description,
        registered_at=uow.now(),
    )
