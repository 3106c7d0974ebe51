"""An artifact store in a folder: the bytes of `abcdef…` lie in `ab/cdef…`."""

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from tidegate.drivers.bundles import Artifact
from tidegate.drivers.bundles.errors import ArtifactMissing, StoreUnavailable
from tidegate.drivers.bundles.files import (
    RESERVE,
    FreeSpace,
    drop_half_written,
    free_space,
    modified_at,
    written,
)

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_CLOSED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_REST: Final = re.compile(r"[0-9a-f]{62}")


class FolderStore:
    """Keeps artifacts in a folder on a local or shared disk."""

    def __init__(self, root: Path, reserve: int = RESERVE, *, free: FreeSpace = free_space) -> None:
        self._root = root
        self._reserve = reserve
        self._free = free

    def check(self) -> None:
        # A folder that is missing is not made: it may be one that is to be mounted.
        try:
            with os.scandir(self._root) as entries:
                next(entries, None)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise StoreUnavailable(
                f"The folder {self._root} of the artifact store cannot be read ({why}); mount it "
                "here so that the user of this process may read it, or make it if it is a new one."
            ) from None
        # Uploads are written there, and what workers fetch from elsewhere.
        if not os.access(self._root, os.W_OK | os.X_OK, effective_ids=True):
            raise self._closed()

    def put(self, chunks: Iterable[bytes], *, limit: int) -> Artifact:
        incoming = self._root / "incoming"
        try:
            with written(
                chunks, incoming, limit=limit, reserve=self._reserve, free=self._free
            ) as file:
                file.move_to(self._path(file.sha256))
                return Artifact(file.sha256, file.size)
        except OSError as error:
            if error.errno in _CLOSED:
                raise self._closed() from None
            raise

    def fetch(self, sha256: str, into: Path) -> Path:  # noqa: ARG002 - the file is here already
        if not self.has(sha256):
            raise ArtifactMissing(sha256)
        return self._path(sha256)

    def find(self, sha256: str) -> Artifact | None:
        if not DIGEST.fullmatch(sha256):
            return None
        return _artifact(self._path(sha256))

    def has(self, sha256: str) -> bool:
        return self.find(sha256) is not None

    def delete(self, sha256: str) -> None:
        if DIGEST.fullmatch(sha256):
            self._path(sha256).unlink(missing_ok=True)

    def list(self) -> Iterator[Artifact]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            if _REST.fullmatch(path.name) and (artifact := _artifact(path)):
                yield artifact

    def drop_leftovers(self, *, now: datetime) -> int:
        return drop_half_written(self._root, now=now)

    def _closed(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The folder {self._root} of the artifact store cannot be written to; mount it "
            "writable, and let the user of this process write there."
        )

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:]


def _artifact(path: Path) -> Artifact | None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        sha256 = f"{path.parent.name}{path.name}"
        return Artifact(sha256, path.stat().st_size, stored_at=modified_at(path))
    return None
