"""Unpacking a zip archive, whatever system it was made on."""

import stat
import time

from tidegate.hostrunner.parts.base import raw
from tidegate.hostrunner.parts.unpacking import LONGEST_LINK_TEXT, Unpacking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WINDOWS = 0
UNIX = 3
ENCRYPTED = 0x1
UTF_8 = 0x800
READ_ONLY = 0x1
STORED_OR_DEFLATED = (0, 8)
EXTENDED_TIMESTAMP = 0x5455
LONGEST_COMMENT = 65535


def unpack_zip(bundle: bytes, unpacking: Unpacking) -> None:
    import zipfile

    with open(bundle, "rb") as file:
        try:
            count_records(file, unpacking)
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    unpack_entry(archive, entry, unpacking)
        except zipfile.BadZipFile as error:
            unpacking.broken(error)


def count_records(file: "Any", unpacking: Unpacking) -> None:
    """Count the records of the directory before anything holds them in memory."""
    position, size = directory_of(file, unpacking)
    end, count = position + size, 0
    while position < end:
        file.seek(position)
        record = file.read(46)
        count += 1
        if count > unpacking.most_entries:
            limit = "{:,}".format(unpacking.most_entries)
            unpacking.broken("it holds more than the limit of %s entries" % limit)
        if not record.startswith(b"PK\1\2"):
            unpacking.broken("its directory is damaged")
        position += 46 + sum(number(record, at, 2) for at in (28, 30, 32))


def directory_of(file: "Any", unpacking: Unpacking) -> "tuple[int, int]":
    """Return where the central directory begins, and its size."""
    file_size = file.seek(0, 2)
    file.seek(max(0, file_size - LONGEST_COMMENT - 22))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < 22:
        unpacking.broken("it is no zip archive, or its end is missing")
    end = file_size - len(tail) + at
    size = number(tail, at + 12, 4)
    if at >= 20 and tail[at - 20 :].startswith(b"PK\6\7"):
        end -= 76
        file.seek(max(0, end))
        size = number(file.read(56), 40, 8)
    if size > end:
        unpacking.broken("its directory is larger than the file")
    return end - size, size


def number(data: bytes, at: int, size: int, signed: bool = False) -> int:
    return int.from_bytes(data[at : at + size], "little", signed=signed)


def unpack_entry(archive: "Any", entry: "Any", unpacking: Unpacking) -> None:
    name = unpacking.name = zip_name(entry)
    # As unzip: only what was packed on Unix can be a link, or anything but file and folder.
    kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == UNIX else 0
    if "\0" in entry.orig_filename:
        unpacking.refuse(raw(entry.orig_filename), "has a zero byte in its name")
    if entry.flag_bits & ENCRYPTED:
        unpacking.refuse(name, "is encrypted")
    if entry.compress_type not in STORED_OR_DEFLATED:
        why = "has the compression method %d; use deflate" % entry.compress_type
        unpacking.refuse(name, why)
    if name.endswith(b"/"):
        unpacking.folder_entry(name, zip_mode(entry, True), None)
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        unpacking.special(name)
    else:
        with archive.open(entry) as content:
            if kind == stat.S_IFLNK:
                unpacking.symlink(name, content.read(LONGEST_LINK_TEXT + 1), None)
            else:
                mode, mtime, size = zip_mode(entry, False), zip_time(entry), entry.file_size
                unpacking.file(name, content, size=size, mode=mode, mtime=mtime, owner=None)


def zip_mode(entry: "Any", folder: bool) -> int:
    """Return the mode that unzip would give the entry."""
    unix = entry.external_attr >> 16  # type: int
    if entry.create_system == UNIX and unix:
        return unix
    writable = not entry.external_attr & READ_ONLY
    default = 0o755 if folder else 0o644 if writable else 0o444
    # Some packers name Windows and keep a Unix mode, which counts if it says the same.
    agrees = unix & 0o700 == (0o400 | (0o200 if writable else 0) | (0o100 if folder else 0))
    return unix if entry.create_system == WINDOWS and agrees else default


def zip_time(entry: "Any") -> float:
    """Return when the file was changed: in seconds of UTC where the archive has them."""
    extra = entry.extra  # type: bytes
    while len(extra) >= 4:
        kind, size = number(extra, 0, 2), number(extra, 2, 2)
        if kind == EXTENDED_TIMESTAMP and 5 <= size <= len(extra) - 4 and extra[4] & 1:
            return number(extra, 5, 4, signed=True)
        extra = extra[4 + size :]
    return time.mktime(tuple(entry.date_time) + (0, 0, -1))


def zip_name(entry: "Any") -> bytes:
    name = entry.filename  # type: str
    if entry.create_system == WINDOWS:
        name = name.replace("\\", "/")
    if entry.flag_bits & UTF_8:
        return raw(name)
    try:  # packers on Linux write UTF-8 without saying so
        data = name.encode("cp437")
        if entry.create_system != UNIX:
            data.decode("utf-8")
    except UnicodeError:
        return raw(name)
    return data
