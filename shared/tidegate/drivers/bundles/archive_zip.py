"""Looking through a zip archive, without unpacking it."""

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from tidegate.drivers.bundles.archive_tree import AppSpecFinder, Limits, Tree, led_to
from tidegate.drivers.bundles.errors import BadArchive

PHRASE: Final = "Error extracting zip archive"
_CHUNK: Final = 64 * 1024
_LONGEST_LINK: Final = 4095
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_BYTES: Final = 20
_LONGEST_COMMENT: Final = 65535
_FULL: Final = 0xFFFFFFFF
_RECORD: Final = struct.Struct("<4s24x3H12x")


def look_through_zip(file: BinaryIO, tree: Tree, finder: AppSpecFinder, *, limits: Limits) -> None:
    """Check every entry of an archive, also its checksum, and offer it to *finder*.

    Raises:
        BadArchive: It is broken, or hostile, or too large.
    """
    with _breakage(tree):
        _count_entries(file, tree, limits.entries)
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                _take(archive, info, tree, finder)


@contextmanager
def _breakage(tree: Tree) -> Iterator[None]:
    try:
        yield
    except BadArchive:
        raise
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:
        tree.broken(error)
    except OSError as error:
        # An entry that claims to lie before the beginning of the file.
        if error.errno != errno.EINVAL:
            raise
        tree.broken("an entry lies outside of it")


def _take(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, tree: Tree, finder: AppSpecFinder
) -> None:
    name = info.filename
    if info.create_system == 0:
        name = name.replace("\\", "/")
    read: Callable[[], bytes] | None = None
    mode = info.external_attr >> 16
    if name.endswith("/"):
        path = tree.add_folder(name)
    elif stat.S_ISLNK(mode):
        if info.file_size > _LONGEST_LINK:
            tree.refuse(name, f"is a link with a text of more than {_LONGEST_LINK:,} bytes")
        path = tree.add_link(name)
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR):
        path, read = tree.add_file(name, info.file_size), lambda: archive.read(info)
    else:
        tree.refuse(name, "is a device, a FIFO or of another kind that no bundle may hold")
    _check_content(archive, info, name, tree)
    leads_to = None
    if read is None and stat.S_ISLNK(mode):
        leads_to = led_to(path, os.fsdecode(archive.read(info)))
    finder.offer(path, info.file_size, read, leads_to=leads_to)


def _check_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, tree: Tree) -> None:
    if info.flag_bits & _ENCRYPTED:
        tree.refuse(name, "is encrypted")
    if info.compress_type not in _METHODS:
        tree.refuse(name, f"has the compression method {info.compress_type}; use deflate")
    with archive.open(info) as content:
        while content.read(_CHUNK):
            pass


def _count_entries(file: BinaryIO, tree: Tree, most: int) -> None:
    """Count the records of the directory before anything holds them in memory."""
    position, size = _directory(file)
    end, count = position + size, 0
    while position < end:
        file.seek(position)
        magic, name, extra, comment = _RECORD.unpack(file.read(_RECORD.size))
        count += 1
        if count > most:
            tree.broken(f"it holds more than the limit of {most:,} entries")
        if magic != b"PK\1\2":
            raise zipfile.BadZipFile("Bad magic number for central directory")
        position += _RECORD.size + name + extra + comment


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Return where the central directory begins, and its size."""
    file_size = file.seek(0, 2)
    file.seek(max(0, file_size - _LONGEST_COMMENT - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("File is not a zip file")
    end = file_size - len(tail) + at
    size = _END.unpack_from(tail, at)[5]
    locator_at = at - _LOCATOR_BYTES
    if locator_at >= 0 and tail[locator_at:].startswith(b"PK\6\7"):
        end -= _LOCATOR_BYTES + _END_64.size
        file.seek(max(0, end))
        size = _END_64.unpack(file.read(_END_64.size))[8]
    if size > end:
        raise zipfile.BadZipFile("Corrupt zip file: the directory is larger than the file")
    return end - size, size
