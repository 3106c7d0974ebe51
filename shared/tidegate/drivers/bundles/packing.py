"""Packing a folder into a bundle, so that the same tree gives the same bytes."""

import gzip
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tidegate.drivers.bundles.errors import AppSpecMissing, BadArchive
from tidegate.drivers.bundles.files import disk_errors


def pack_folder(folder: Path, out: Path, *, appspec_filename: str = "appspec.yml") -> Path:
    """Pack all of *folder* into the tgz archive *out* and return *out*.

    Entries are sorted and belong to root; modes, links and the times of files (whole seconds) stay.

    Raises:
        AppSpecMissing: The folder has no AppSpec.
        BadArchive: It holds something that cannot be packed.
    """
    if not folder.is_dir():
        raise BadArchive(f"There is no folder {str(folder)!r} to pack.")
    if not (folder / appspec_filename).is_file():
        raise AppSpecMissing(
            f"The folder {str(folder)!r} has no {appspec_filename}; "
            "a bundle needs one at its top, in exactly this spelling."
        )
    with _made(out) as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
        _pack(folder, zipped, out)
    return out


def pack_as_is(folder: Path, out: Path) -> Path:
    """Pack all of *folder*, with or without an AppSpec, into the tar archive *out*; return *out*.

    Raises:
        BadArchive: It holds something that cannot be packed.
    """
    if not folder.is_dir():
        raise BadArchive(f"There is no folder {str(folder)!r}.")
    with _made(out) as file:
        _pack(folder, file, out)
    return out


@contextmanager
def _made(out: Path) -> Iterator[BinaryIO]:
    try:
        with disk_errors(out.parent), out.open("wb") as file:
            yield file
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _pack(folder: Path, file: BinaryIO | gzip.GzipFile, out: Path) -> None:
    written = out.stat()
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in _walk(folder):
            if not os.path.samestat(written, path.lstat()):
                _add(tar, folder, path)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)


def _add(tar: tarfile.TarFile, folder: Path, path: Path) -> None:
    status = path.lstat()
    entry = tarfile.TarInfo(str(path.relative_to(folder)))
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.mtime = int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
        tar.addfile(entry)
    elif stat.S_ISDIR(status.st_mode):
        entry.type, entry.mtime = tarfile.DIRTYPE, 0
        tar.addfile(entry)
    elif stat.S_ISREG(status.st_mode):
        _add_file(tar, entry, path)
    else:
        raise BadArchive(f"{str(path)!r} is neither file, folder nor link and cannot be packed.")


def _add_file(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    try:
        with path.open("rb") as content:
            entry.size = os.fstat(content.fileno()).st_size
            tar.addfile(entry, content)
    except PermissionError:
        raise BadArchive(f"{str(path)!r} may not be read by you and cannot be packed.") from None
    except OSError as error:
        if error.errno is None:
            raise BadArchive(f"{str(path)!r} changed while it was packed; try again.") from None
        raise
