"""Where an AppSpec is found: in a file, a folder, an archive, or on stdin."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

from tidegate.appspec import Holds, one_line
from tidegate.domain.errors import Refused
from tidegate.drivers.bundles.archive import inspect_archive, looks_like_archive
from tidegate.drivers.bundles.errors import AppSpecMissing
from tidegate_cli.errors import BadFolder

NAME: Final = "appspec.yml"
_NAMES: Final = (NAME, "appspec.yaml", "appspec.json")
_HEAD: Final = 512
_MOST_TEXT: Final = 1024 * 1024 + 1
"""One more than an AppSpec may have, so that what is too large shows itself."""
_MOST_ARCHIVE: Final = 1_000_000_000
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSpecFile:
    """The text of an AppSpec, and the bundle around it."""

    name: str
    """What messages call it."""
    text: bytes
    holds: Holds | None = None
    """Tells what the bundle holds; None for a file of its own."""

    @property
    def is_misnamed(self) -> bool:
        """A bundle for servers is looked into for one name only."""
        return self.holds is not None and not self.name.endswith(f"/{NAME}")


def find_appspec(path: Path) -> AppSpecFile:
    """Return the AppSpec that a path leads to; `-` is stdin.

    Raises:
        BadFolder: There is none, or it cannot be read.
    """
    shown = _shown(path)
    try:
        if str(path) == "-":
            return _in_stream(sys.stdin.buffer, "<stdin>")
        if path.is_dir():
            return _in_folder(path, shown)
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return _in_stream(file, shown)
            text = _read(file, _MOST_TEXT)
        if looks_like_archive(text[:_HEAD]):
            return _in_archive(path, shown)
    except OSError as error:
        raise BadFolder(f"{shown} cannot be read: {error.strerror or error}.") from None
    return AppSpecFile(name=shown, text=text)


def _shown(path: Path) -> str:
    return one_line(os.fsencode(path).decode(errors="backslashreplace"))


def _in_folder(folder: Path, shown: str) -> AppSpecFile:
    for name in _NAMES:
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                text = _read(file, _MOST_TEXT)
            named = name if shown == "." else f"{shown.rstrip('/')}/{name}"
            return AppSpecFile(name=named, text=text, holds=lambda path: _lies_in(folder, path))
    raise BadFolder(f"{shown} holds no {NAME}; every revision needs one at its top.")


def _lies_in(folder: Path, path: str) -> bool:
    try:
        return os.path.lexists(folder / path)
    except ValueError:
        # No name has a zero byte in it.
        return False


def _in_stream(stream: BinaryIO, shown: str) -> AppSpecFile:
    head = _read(stream, _MOST_TEXT)
    if not looks_like_archive(head[:_HEAD]):
        return AppSpecFile(name=shown, text=head)
    with _kept(head, stream, shown) as path:
        return _in_archive(path, shown)


def _in_archive(path: Path, shown: str) -> AppSpecFile:
    missing = ""
    for name in _NAMES:
        try:
            contents = inspect_archive(path, appspec_filename=name)
        except AppSpecMissing as error:
            missing = missing or str(error)
        except Refused as error:
            raise BadFolder(f"{shown}: {error}") from None
        else:
            return AppSpecFile(
                name=f"{shown}/{name}", text=contents.appspec_text, holds=contents.holds
            )
    raise BadFolder(f"{shown}: {missing}")


def _read(stream: BinaryIO, most: int) -> bytes:
    """Read up to *most* bytes, however small the pieces are that a pipe gives."""
    pieces, left = [], most
    while left and (piece := stream.read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


@contextmanager
def _kept(head: bytes, stream: BinaryIO, shown: str) -> Iterator[Path]:
    """Give what a stream brings as a file."""
    with NamedTemporaryFile(prefix="tidegate-validate-") as file:
        left = _MOST_ARCHIVE - file.write(head)
        while piece := stream.read(_PIECE):
            left -= file.write(piece)
            if left < 0:
                raise BadFolder(f"{shown} is an archive of more than {_MOST_ARCHIVE:,} bytes.")
        file.flush()
        yield Path(file.name)
