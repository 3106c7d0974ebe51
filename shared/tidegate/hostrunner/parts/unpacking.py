"""A folder that is filled from an archive, of which nothing is trusted."""

import errno
import os

from tidegate.hostrunner.parts.base import (
    AT_ONCE,
    FOLDER,
    NEW_FILE,
    Failure,
    reason,
    shown,
    write_all,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

# Unpacked bytes that one packed byte may stand for, minded from so many on.
RATIO = 250
RATIO_FROM = 64 << 20
DEEPEST = 100
LONGEST_NAME = 255
LONGEST_LINK_TEXT = 4095


def in_quotes(name: bytes) -> str:
    """Return an entry's name, fit for a message."""
    text = name[:200].decode("utf-8", "backslashreplace")
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return "'%s%s'" % (text, "..." if len(name) > 200 else "")


def is_bomb(unpacked: int, packed: int) -> bool:
    """Tell whether it grows as no honest content does."""
    return unpacked > RATIO_FROM and unpacked > packed * RATIO


class Unpacking:
    """A folder that is being filled from an archive, and that nothing in the archive can leave."""

    def __init__(self, folder: bytes, kind: str, packed: int, spec: "dict[str, Any]") -> None:
        limits = spec.get("limits") or {}
        self.folder = folder
        # As the agent has it, whatever the type of the archive says.
        self.phrase = "Error extracting %s archive" % ("zip" if kind == "zip" else "tar")
        self.packed = packed
        self.most_bytes = int(limits.get("unpacked_bytes", 4 << 30))
        self.most_entries = int(limits.get("entries", 100000))
        self.mode_bits = 0o7777 if spec.get("allow_setid") else 0o777
        if kind == "directory":  # the agent copies it, and copies are made with the umask
            self.mode_bits &= ~int(spec.get("umask", 0o022))
        self.size = 0
        self.entries = 0
        self.name = b""  # of the entry at work
        self.kinds = {b"": "folder"}  # type: dict[bytes, str]
        self.folder_modes = []  # type: list[tuple[bytes, int, tuple[int, int] | None]]

    # What is wrong

    def refuse(self, name: bytes, why: str) -> "NoReturn":
        raise Failure("%s: %s %s." % (self.phrase, in_quotes(name), why))

    def broken(self, what: object) -> "NoReturn":
        text = " ".join(str(what).split()).rstrip(".")[:300] or "it ends too early"
        raise Failure("%s: the archive is broken (%s)." % (self.phrase, text))

    def stuck(self, error: OSError) -> "NoReturn":
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = shown(os.path.dirname(self.folder))
            why = "does not fit on the disk of %s; free some space there" % where
        else:
            why = "cannot be unpacked (%s)" % reason(error)
        self.refuse(self.name, why)

    # What is where

    def at(self, path: bytes) -> bytes:
        return os.path.join(self.folder, path)

    def enter(self, name: bytes, kind: str) -> bytes:
        """Return where the entry *name* goes, its parents made and nothing there yet."""
        self.name = name
        self.entries += 1
        if self.entries > self.most_entries:
            self.too_many(name)
        path = self.normal(name)
        self.enter_parents(name, path)
        before = self.kinds.get(path)
        if before and before != kind and "folder" in (before, kind):
            self.refuse(name, "is a folder and something else too")
        if kind != "folder" and not path:
            self.refuse(name, "is a folder and something else too")
        if kind != "folder":
            if before:
                os.unlink(self.at(path))  # named twice: the later one wins
            self.put(path, kind)
        elif not before:
            self.make_folder(path)
        return path

    def normal(self, name: bytes) -> bytes:
        """Return the path below the folder."""
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if name.startswith(b"/") or b".." in parts:
            self.refuse(name, "would be written outside the folder of the revision")
        if b"\0" in name:
            self.refuse(name, "has a zero byte in its name")
        if len(parts) > DEEPEST:
            self.refuse(name, "lies more than %d folders deep" % DEEPEST)
        if any(len(part) > LONGEST_NAME for part in parts):
            self.refuse(name, "has a part of more than %d bytes in its name" % LONGEST_NAME)
        return b"/".join(parts)

    def enter_parents(self, name: bytes, path: bytes) -> None:
        # What is a folder stays one, so above a known folder there is nothing left to check.
        missing = []
        parent = os.path.dirname(path)
        while parent not in self.kinds:
            missing.append(parent)
            parent = os.path.dirname(parent)
        if self.kinds[parent] == "link":
            self.refuse(name, "would be written through the link %s" % in_quotes(parent))
        if self.kinds[parent] == "file":
            self.refuse(name, "lies below %s, which is a file" % in_quotes(parent))
        for folder in reversed(missing):
            self.make_folder(folder)

    def make_folder(self, path: bytes) -> None:
        os.mkdir(self.at(path), 0o755)
        self.put(path, "folder")

    def put(self, path: bytes, kind: str) -> None:
        self.kinds[path] = kind
        if len(self.kinds) - 1 > self.most_entries:  # folders that no entry names count as well
            self.too_many(self.name)

    def too_many(self, name: bytes) -> "NoReturn":
        self.refuse(name, "is one more than the limit of {:,} entries".format(self.most_entries))

    def grow(self, name: bytes, size: int) -> None:
        self.size += size
        if self.size > self.most_bytes:
            why = "makes it unpack to more than the limit of {:,} bytes".format(self.most_bytes)
            self.refuse(name, why)
        if is_bomb(self.size, self.packed):
            why = "makes it unpack to more than %d times its packed size" % RATIO
            self.refuse(name, why)

    # Entries

    def file(
        self, name: bytes, content: "Any", *, size: int, mode: int, mtime: float, owner: "Any"
    ) -> None:
        """Unpack a file of *size* bytes; what is read of the archive is never more than that."""
        path = self.enter(name, "file")
        self.grow(name, size)
        fd = os.open(self.at(path), NEW_FILE, 0o600)
        try:
            while True:
                data = content.read(AT_ONCE)
                if not data:
                    break
                write_all(fd, data)
            if owner:
                os.fchown(fd, *owner)
            os.fchmod(fd, mode & self.mode_bits)
            try:
                os.utime(fd, (mtime, mtime))
            except OverflowError:
                return  # a time that no file can have, which matters to nobody
        finally:
            os.close(fd)

    def folder_entry(self, name: bytes, mode: int, owner: "Any") -> None:
        path = self.enter(name, "folder")
        if path:
            # Whoever unpacks it has to work in it, whatever its mode.
            self.folder_modes.append((path, mode & self.mode_bits | 0o700, owner))

    def symlink(self, name: bytes, text: bytes, owner: "Any") -> None:
        """Keep a link as it is: where it leads matters to whoever follows it, and we do not."""
        if len(text) > LONGEST_LINK_TEXT:
            why = "is a link with a text of more than {:,} bytes".format(LONGEST_LINK_TEXT)
            self.refuse(name, why)
        path = self.at(self.enter(name, "link"))
        os.symlink(text, path)
        if owner:
            os.chown(path, owner[0], owner[1], follow_symlinks=False)

    def hard_link(self, name: bytes, target: bytes, owner: "Any") -> None:
        """Copy a file that was unpacked before: to change one of them is not to change both."""
        self.name = name
        source = b"/".join(part for part in target.split(b"/") if part not in (b"", b"."))
        if target.startswith(b"/") or self.kinds.get(source) != "file":
            why = "is a hard link to %s, which is no file before it" % in_quotes(target)
            self.refuse(name, why)
        fd = os.open(self.at(source), os.O_RDONLY | os.O_NOFOLLOW)
        with open(fd, "rb", buffering=0) as content:
            info = os.fstat(fd)
            mode, mtime = info.st_mode, info.st_mtime
            self.file(name, content, size=info.st_size, mode=mode, mtime=mtime, owner=owner)

    def special(self, name: bytes) -> "NoReturn":
        self.refuse(name, "is a device, a FIFO or of another kind that no bundle may hold")

    def finish(self) -> None:
        # From the bottom up: whoever is given a folder may change what lies in it.
        for path, mode, owner in sorted(self.folder_modes, reverse=True, key=lambda one: one[0]):
            self.name = path
            fd = os.open(self.at(path), FOLDER)
            try:
                if owner:
                    os.fchown(fd, *owner)
                os.fchmod(fd, mode)
            finally:
                os.close(fd)
