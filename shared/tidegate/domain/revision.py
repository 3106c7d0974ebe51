"""A revision: one version of an application's bundle or AppSpec, and where it lies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from typing_extensions import override

from tidegate.domain.ids import ApplicationId, RevisionId


class SourceType(StrEnum):
    ARTIFACT = "artifact"
    """Uploaded: it lies in the artifact store under its sha256."""
    S3 = "s3"
    HTTP = "http"
    GITHUB = "github"
    STRING = "string"
    """An AppSpec that came with the request, as clients of old sent it for Lambda."""
    APPSPEC_CONTENT = "appspec_content"
    """An AppSpec that came with the request."""


TEXTS: Final = frozenset({SourceType.STRING, SourceType.APPSPEC_CONTENT})
"""Sources that are all there: nothing has to be fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a revision lies, or what it says."""

    type: SourceType
    sha256: str = ""
    """The one digest that may be installed. Empty where CodeDeploy's clients name an S3 object or
    a commit: then each deployment keeps to what its own fetch found."""
    bucket: str = ""
    key: str = ""
    version: str = ""
    etag: str = ""
    """As it was sent, with or without its quotes."""
    bundle_type: str = ""
    """What an S3 object is said to be: tar, tgz, zip, YAML or JSON."""
    url: str = ""
    repository: str = ""
    """Owner and name, with a slash between."""
    commit: str = ""
    content: str = ""
    """The AppSpec itself; empty where only its digest is named."""

    @property
    def identity(self) -> str:
        """Return what makes this source this one."""
        telling: tuple[str, ...]
        match self.type:
            case SourceType.GITHUB:
                telling = (self.repository, self.commit.lower())
            case SourceType.STRING | SourceType.APPSPEC_CONTENT:
                telling = (self.sha256,)
            case SourceType.S3 if not self.sha256:
                telling = (self.bucket, self.key, self.version, self.bare_etag, self.bundle_type)
            case _:
                telling = (self.sha256, self.bucket, self.key, self.version, self.url)
                return " ".join((self.type, *telling))
        return json.dumps([self.type, *telling])

    @property
    def bare_etag(self) -> str:
        return self.etag.strip('"')

    @override
    def __str__(self) -> str:
        match self.type:
            case SourceType.S3:
                version = f" in version {self.version}" if self.version else ""
                return f"s3://{self.bucket}/{self.key}{version}"
            case SourceType.GITHUB:
                return f"commit {self.commit} of {self.repository}"
            case SourceType.HTTP:
                return self.url
            case SourceType.ARTIFACT:
                return f"the bundle with the sha256 {self.sha256}"
            case SourceType.STRING | SourceType.APPSPEC_CONTENT:
                return f"the AppSpec with the sha256 {self.sha256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedBundle:
    """What lay at a source when a deployment first fetched it."""

    sha256: str
    bundle_type: str
    appspec: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    id: RevisionId
    application_id: ApplicationId
    application: str
    source: Source
    """Where many revisions are listed, without the content of AppSpecs."""
    size: int | None
    bundle_type: str | None
    appspec: Mapping[str, object] | None
    """The AppSpec in force, normalised; None until a worker has fetched the bundle."""
    description: str = ""
    registered_at: datetime
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    groups: tuple[str, ...] = field(default=())
    """Groups whose target revision this is."""

    @property
    def is_pinned(self) -> bool:
        """Whether it always has the same bytes; if not, each deployment keeps to what it found."""
        return bool(self.source.sha256)

    def as_fetched(self, bundle: FetchedBundle) -> "Revision":
        """Return this revision as a deployment has it that found *bundle*."""
        return replace(
            self,
            source=replace(self.source, sha256=bundle.sha256),
            bundle_type=bundle.bundle_type,
            appspec=bundle.appspec,
        )
