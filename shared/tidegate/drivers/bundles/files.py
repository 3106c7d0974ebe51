"""Writing streams to files so that a failure leaves nothing behind."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tidegate.domain.errors import NoSpace, TooLarge

HALF_WRITTEN: Final = ".part"
"""How the names of files end that are still being written."""
RESERVE: Final = 64 * 1024 * 1024
"""Bytes that stay free on the disk."""
SETTING: Final = "TIDEGATE_MAX_UPLOAD_BYTES"
_CHECK_EVERY: Final = 8 * 1024 * 1024
_A_DAY: Final = timedelta(days=1)

FreeSpace = Callable[[Path], int]


def free_space(folder: Path) -> int:
    """Return how many bytes can still be written under *folder*."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written to its end but does not have its name yet."""

    path: Path
    sha256: str
    size: int

    def move_to(self, target: Path) -> None:
        """Give the file its name, at once and for good."""
        with disk_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            self.path.replace(target)
            _sync_folder(target.parent)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk or quota into the refusal that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoSpace(str(folder)) from None
        raise


@contextmanager
def written(
    chunks: Iterable[bytes],
    folder: Path,
    *,
    limit: int,
    reserve: int = RESERVE,
    free: FreeSpace = free_space,
) -> Iterator[Written]:
    """Write *chunks* to a file in *folder*, which is gone afterwards unless it was moved.

    Raises:
        TooLarge: There is more than *limit* bytes.
        NoSpace: The disk is full, or would have less than *reserve* bytes left.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=HALF_WRITTEN, dir=folder)
    path = Path(name)
    try:
        with disk_errors(folder):
            sha256, size = _write(handle, _within(chunks, folder, limit, reserve, free))
        yield Written(path, sha256, size)
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _write(handle: int, chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(handle, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _within(
    chunks: Iterable[bytes], folder: Path, limit: int, reserve: int, free: FreeSpace
) -> Iterator[bytes]:
    size, checked = 0, -_CHECK_EVERY
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge("bundle", limit, SETTING)
        if size - checked >= _CHECK_EVERY:
            checked = size
            if free(folder) < reserve + len(chunk):
                raise NoSpace(str(folder))
        yield chunk


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def drop_half_written(folder: Path, *, now: datetime, older_than: timedelta = _A_DAY) -> int:
    """Remove files below *folder* that were left half written; return how many they were."""
    dropped = 0
    for path in folder.rglob(f"*{HALF_WRITTEN}"):
        with contextlib.suppress(FileNotFoundError):
            if now - modified_at(path) > older_than:
                path.unlink()
                dropped += 1
    return dropped


def modified_at(path: Path) -> datetime:
    """Return when a file was last written.

    Raises:
        FileNotFoundError: There is no such file.
    """
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
