"""Bundles: where they are kept, how they are fetched, and what an artifact store can do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes in a store, known by their digest."""

    sha256: str
    """Lower-case hex."""
    size: int
    stored_at: datetime | None = field(default=None, compare=False, kw_only=True)
    """When they were last put there; known where a store lists or finds them."""


class ArtifactStore(Protocol):
    """Keeps bytes under their sha256. Every method may be called twice and must not mind.

    All methods raise `StoreUnavailable` when the store itself cannot be used.
    """

    def check(self) -> None:
        """Do nothing if the store can be read.

        Raises:
            StoreUnavailable: It cannot; the sentence says why.
        """

    def put(self, chunks: Iterable[bytes], *, limit: int) -> Artifact:
        """Store what *chunks* yields, and leave nothing behind on failure.

        Raises:
            TooLarge: It is more than *limit* bytes.
            NoSpace: The disk is full, or would be.
        """

    def fetch(self, sha256: str, into: Path) -> Path:
        """Return a local file that holds the bytes; a remote store caches it in the folder *into*.

        Raises:
            ArtifactMissing: The store has no such bytes.
            NoSpace: The disk is full.
        """

    def find(self, sha256: str) -> Artifact | None:
        """Return what is stored under a digest."""

    def has(self, sha256: str) -> bool:
        """Tell whether something is stored under a digest."""

    def delete(self, sha256: str) -> None:
        """Forget the bytes; that there are none is fine."""

    def list(self) -> Iterator[Artifact]:
        """Yield all that is stored, in no particular order."""

    def drop_leftovers(self, *, now: datetime) -> int:
        """Remove what interrupted transfers left more than a day ago; return how many they were."""


def artifact_store(url: str, *, reserve: int | None = None) -> ArtifactStore:
    """Return the store that *url* names: a folder, `file:///folder` or `s3://bucket/prefix`.

    *reserve* is how many bytes stay free on the disk that uploads are written to.

    Raises:
        NoSuchStore: It names none.
    """
    # boto3 takes long to import, and who only looks into archives does not need it.
    from tidegate.drivers.bundles.registry import store_for  # noqa: PLC0415

    return store_for(url, reserve=reserve)
