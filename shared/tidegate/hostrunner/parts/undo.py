"""What an install changes, written down first, to be put back or finished by whoever is left."""

import binascii
import errno
import json
import os
import stat

from tidegate.hostrunner.parts.base import (
    Failure,
    raw,
    read_file,
    reason,
    replace_file,
    shown,
    unlink_if_there,
    write_all,
)
from tidegate.hostrunner.parts.permissions import (
    forget_any_context,
    forget_context,
    set_context,
    through_proc,
)
from tidegate.hostrunner.parts.places import Places
from tidegate.hostrunner.parts.previous import list_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PLACING = "placing"
FINISHING = "finishing"
CONTEXT_SET = "context "
EXTENDED = ("system.posix_acl_access", "system.posix_acl_default", "security.selinux")


class Record:
    """One install: all that it changes, by real paths, and how far it is.

    What has happened is read off the disk, where a kill cannot come in between: a file is staged
    until the rename that puts it in place, and set aside until the one that brings it back.
    """

    def __init__(self, path: str, places: Places, body: "dict[str, Any]") -> None:
        self.path = path
        self.places = places
        self.body = body
        self.marks = []  # type: list[str]
        self.problems = []  # type: list[str]

    def save(self) -> None:
        lines = [json.dumps(self.body)] + self.marks
        replace_file(self.path, b"".join(line.encode() + b"\n" for line in lines))

    def mark(self, text: str) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            write_all(fd, text.encode() + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        self.marks.append(text)

    def pairs(self, key: str) -> "list[tuple[bytes, bytes]]":
        return [(raw(one), raw(other)) for one, other in self.body[key]]

    def attempt(self, act: "Callable[..., None]", path: bytes, *more: "Any") -> bool:
        try:
            act(path, *more)
        except (OSError, Failure) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self.problems.append("%s: %s" % (shown(path), why))
            return False
        return True

    # Back to what was

    def undo(self) -> "list[str]":
        """Put everything back, and return what could not be; then the next install tries again."""
        self.places.close()
        for mark in reversed(self.marks):
            if mark.startswith(CONTEXT_SET):
                path, before = self.body["contexts"][int(mark[len(CONTEXT_SET) :])]
                self.attempt(self.put_context_back, raw(path), before)
        contexts, self.problems = self.problems, []
        left = self.undo_files()
        for path, state in reversed(self.body["folders"]):
            self.attempt(self.restore_folder, raw(path), state)
        if self.problems:
            self.list_what_is_left(left)
        for name, before, _ in self.body["notes"]:
            self.attempt(write_note, raw(name), before)
        if not self.problems:
            self.attempt(unlink_if_there, raw(self.path))
        return self.problems + contexts

    def list_what_is_left(self, left: "list[bytes]") -> None:
        """Have the list name it, and know that list as our own the next time."""
        note = next(note for note in self.body["notes"] if note[0] == self.body["list"])
        note[1] = (note[1] or "") + plain_text(list_text(left))
        self.body["lists"].append(binascii.crc32(raw(note[1])))
        self.attempt(lambda _: self.save(), raw(self.path))

    def undo_files(self) -> "list[bytes]":
        """Put back what files and folders there were, and return what is left of this install."""
        backups = dict(self.pairs("aside"))
        planned = [raw(path) for path in self.body["made"]]
        made, missing = [], set(planned)  # type: list[bytes], set[bytes]
        for path in planned:
            if os.path.dirname(path) not in missing and self.is_made(path, backups.get(path)):
                made.append(path)
                missing.remove(path)
        for path in [raw(path) for path, _ in self.body["folders"]] + made:
            self.attempt(self.widen, path)
        left = []
        for path, staged in self.pairs("staged"):
            is_there = os.path.dirname(path) not in missing
            if is_there and not self.attempt(self.unstage, path, staged, path in backups):
                left += [path, staged]
        left += [path for path in reversed(made) if not self.attempt(self.remove, path)]
        for path, backup in reversed(self.pairs("aside")):
            if not self.attempt(self.put_back, path, backup):
                left.append(backup)
        return left

    def put_context_back(self, path: bytes, before: "list[str] | None") -> None:
        forget_any_context(path)
        if before:
            set_context(path, before)

    def widen(self, path: bytes) -> None:
        """Let ourselves into a folder that is ours."""
        if os.geteuid() == 0:
            return
        try:
            fd = self.places.folder(path)
        except (FileNotFoundError, NotADirectoryError):
            return  # it is set aside, with what it holds
        info = os.fstat(fd)
        if info.st_uid == os.geteuid() and info.st_mode & 0o700 != 0o700:
            os.chmod(through_proc(fd) or path, stat.S_IMODE(info.st_mode) | 0o700)

    def is_made(self, path: bytes, backup: "bytes | None") -> bool:
        """Return whether the folder at *path* is one that the install has made."""
        try:
            info = self.places.look(path)
        except OSError:
            return False
        is_clear = backup is None or self.is_there(backup)
        return is_clear and info is not None and stat.S_ISDIR(info.st_mode)

    def unstage(self, path: bytes, staged: bytes, replaces: bool) -> None:
        if self.places.look(staged):
            self.places.unlink(staged)
        elif PLACING in self.marks and not replaces:
            self.places.unlink(path)

    def put_back(self, path: bytes, backup: bytes) -> None:
        old, new = self.places.look(backup), self.places.look(path)
        if not old:
            return
        if new and stat.S_ISDIR(old.st_mode) and not stat.S_ISDIR(new.st_mode):
            self.places.unlink(path)
        self.places.rename(backup, path)
        self.places.unlink(backup)  # renaming a hard link to another of the same file leaves both

    def restore_folder(self, path: bytes, state: "list[Any]") -> None:
        if os.geteuid() not in (0, state[0]):
            return  # nor could anything of it be changed
        try:
            fd = self.places.open_folder(path)
        except FileNotFoundError:
            return
        try:
            set_state(fd, state)
        finally:
            os.close(fd)

    # On to what shall be

    def finish(self) -> "list[str]":
        """Remove what the previous revision had and this one, in place already, has not."""
        left = [
            path for path in map(raw, self.body["remove"]) if not self.attempt(self.remove, path)
        ]
        for path, bits in self.body["close"]:
            self.attempt(self.close_folder, raw(path), bits)
        for path in self.body["forget"]:
            self.attempt(forget_context, raw(path))
        left = [backup for _, backup in self.pairs("aside") if self.is_there(backup)] + left
        if left:
            name = self.body["list"]
            self.attempt(write_note, raw(name), plain_text(list_text(left) + read_file(name)))
        self.attempt(unlink_if_there, raw(self.path))
        return self.problems

    def is_there(self, path: bytes) -> bool:
        try:
            return self.places.look(path) is not None
        except OSError:
            return False

    def remove(self, path: bytes) -> None:
        info = self.places.look(path)
        if not info:
            return
        if not stat.S_ISDIR(info.st_mode):
            self.places.unlink(path)
            return
        try:
            self.places.rmdir(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise  # else it holds what somebody else put there

    def close_folder(self, path: bytes, bits: int) -> None:
        """Take from ourselves the rights that the AppSpec file does not give, at the very end."""
        fd = self.places.open_folder(path)
        try:
            os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) & ~0o300 | bits)
        finally:
            os.close(fd)


def unfinished(path: str, places: Places) -> "Record | None":
    """Return what an install that was killed has left to put back or to finish."""
    lines = read_file(path).decode().split("\n")[:-1]
    if not lines:
        return None
    record = Record(path, places, json.loads(lines[0]))
    record.marks = lines[1:]
    if binascii.crc32(read_file(record.body["list"])) in record.body["lists"]:
        return record
    os.unlink(path)  # since then somebody else, such as the agent, has cleaned up and installed
    return None


def plain_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def write_note(path: bytes, text: "str | None") -> None:
    name = plain_text(path)
    if text is None:
        unlink_if_there(path)
    elif not os.path.exists(path) or read_file(name) != raw(text):
        replace_file(name, raw(text))


def state_of(fd: int) -> "list[Any]":
    """Return what a folder has besides its content; it may be open only as a place."""
    info = os.fstat(fd)
    more = {name: value_of(through_proc(fd) or fd, name) for name in EXTENDED}
    times = [info.st_atime_ns, info.st_mtime_ns]
    return [info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode), times, more]


def value_of(place: "int | bytes", name: str) -> "str | None":
    try:
        return binascii.hexlify(os.getxattr(place, name)).decode()
    except OSError:
        return None


def set_state(fd: int, state: "list[Any]") -> None:
    uid, gid, mode, times, more = state
    info = os.fstat(fd)
    if (info.st_uid, info.st_gid) != (uid, gid):
        os.fchown(fd, uid, gid)
    set_values(fd, more)
    if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
        os.fchmod(fd, mode)
    os.utime(fd, ns=tuple(times))


def set_values(fd: int, values: "dict[str, str | None]") -> None:
    for name, value in values.items():
        if value_of(fd, name) == value:
            continue
        if value is None:
            os.removexattr(fd, name)
        else:
            os.setxattr(fd, name, binascii.unhexlify(value))
