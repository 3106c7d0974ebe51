"""A revision: one version of an application's bundle, and where it lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidegate.domain.ids import ApplicationId, RevisionId


class SourceType(StrEnum):
    ARTIFACT = "artifact"
    """Uploaded: it lies in the artifact store under its sha256."""
    S3 = "s3"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a bundle lies. *sha256* is always known: nothing else may be installed."""

    type: SourceType
    sha256: str
    bucket: str = ""
    key: str = ""
    version: str = ""
    url: str = ""

    @property
    def identity(self) -> str:
        """Return what makes this source this one."""
        return f"{self.type} {self.sha256} {self.bucket} {self.key} {self.version} {self.url}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    id: RevisionId
    application_id: ApplicationId
    application: str
    source: Source
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
