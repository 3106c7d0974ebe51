"""Where revisions lie, as CodeDeploy's clients say it and are told."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.domain.revision_rules import APPSPECS, ARCHIVES
from tidegate.store.deployment_reading import Located
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.shapes.revisions import (
    AppSpecContent,
    GitHubLocation,
    RawString,
    RevisionLocation,
    S3Location,
)

_BUNDLE_TYPES: Final = {name.casefold(): name for name in (*ARCHIVES, *APPSPECS)}


def read_location(wanted: RevisionLocation | None) -> Source:
    """Return the source that a location names.

    Raises:
        AwsError: There is none, or it has not what its type needs.
    """
    if wanted is None:
        raise AwsError("RevisionRequiredException", "RevisionLocation must be specified")
    kind = wanted.revision_type or ""
    if kind not in _READERS:
        raise _invalid(
            f"The revisionType must be one of {', '.join(_READERS)}, and not {kind[:80]!r}."
        )
    member, read = _READERS[kind]
    given = {name for name in _MEMBERS if getattr(wanted, name) is not None}
    if given != {member}:
        raise _invalid(
            f"A revision of the type {kind} has the member {_MEMBERS[member]}, and no other one."
        )
    return read(wanted)


def location_of(
    revision: Revision | Located, *, with_content: bool = False
) -> RevisionLocation | None:
    """Return the location of a revision; one that was uploaded by `/v1` has none on AWS."""
    source = revision.source
    content = source.content if with_content else None
    match source.type:
        case SourceType.S3:
            return RevisionLocation(revision_type="S3", s3_location=_s3_location(revision))
        case SourceType.GITHUB:
            commit = GitHubLocation(repository=source.repository, commit_id=source.commit)
            return RevisionLocation(revision_type="GitHub", git_hub_location=commit)
        case SourceType.STRING:
            string = RawString(content=content, sha256=source.sha256)
            return RevisionLocation(revision_type="String", string=string)
        case SourceType.APPSPEC_CONTENT:
            appspec = AppSpecContent(content=content, sha256=source.sha256)
            return RevisionLocation(revision_type="AppSpecContent", app_spec_content=appspec)
        case SourceType.ARTIFACT | SourceType.HTTP:
            return None


def _s3_location(revision: Revision | Located) -> S3Location:
    source = revision.source
    return S3Location(
        bucket=source.bucket,
        key=source.key,
        bundle_type=source.bundle_type or revision.bundle_type or _type_by_name(source.key),
        version=source.version or None,
        e_tag=source.etag or None,
    )


def _type_by_name(key: str) -> str:
    """Return what the name of a bundle promises, while nobody has looked into it."""
    ending = key.rpartition(".")[2].casefold()
    return {"zip": "zip", "tar": "tar"}.get(ending, "tgz")


def _read_s3(wanted: RevisionLocation) -> Source:
    location = wanted.s3_location or S3Location()
    if not location.bucket or not location.key:
        raise _invalid("An S3 location needs a bucket and a key.")
    bundle_type = _BUNDLE_TYPES.get((location.bundle_type or "").casefold())
    if bundle_type is None:
        raise _invalid(
            f"The bundleType must be one of {', '.join(_BUNDLE_TYPES.values())}, and not "
            f"{(location.bundle_type or '')[:80]!r}."
        )
    return Source(
        type=SourceType.S3,
        bucket=location.bucket,
        key=location.key,
        bundle_type=bundle_type,
        version=location.version or "",
        etag=location.e_tag or "",
    )


def _read_git_hub(wanted: RevisionLocation) -> Source:
    location = wanted.git_hub_location or GitHubLocation()
    if not location.repository or not location.commit_id:
        raise _invalid("A GitHub location needs a repository and a commitId.")
    return Source(type=SourceType.GITHUB, repository=location.repository, commit=location.commit_id)


def _read_string(wanted: RevisionLocation) -> Source:
    return _read_text(SourceType.STRING, wanted.string or RawString())


def _read_appspec(wanted: RevisionLocation) -> Source:
    return _read_text(SourceType.APPSPEC_CONTENT, wanted.app_spec_content or AppSpecContent())


def _read_text(type_: SourceType, text: RawString | AppSpecContent) -> Source:
    content, sha256 = text.content or "", (text.sha256 or "").lower()
    if not content and not sha256:
        raise _invalid("An AppSpec needs its content; one that was sent before, its sha256.")
    digest = sha256 or hashlib.sha256(content.encode()).hexdigest()
    return Source(type=type_, sha256=digest, content=content)


def _invalid(sentence: str) -> AwsError:
    return AwsError("InvalidRevisionException", sentence)


_MEMBERS: Final = {
    "s3_location": "s3Location",
    "git_hub_location": "gitHubLocation",
    "string": "string",
    "app_spec_content": "appSpecContent",
}
_READERS: Final[Mapping[str, tuple[str, Callable[[RevisionLocation], Source]]]] = {
    "S3": ("s3_location", _read_s3),
    "GitHub": ("git_hub_location", _read_git_hub),
    "String": ("string", _read_string),
    "AppSpecContent": ("app_spec_content", _read_appspec),
}
