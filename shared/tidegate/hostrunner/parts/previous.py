"""What the previous revision installed, and how the host looks without it."""

import binascii
import errno
import os
import stat

from tidegate.hostrunner.parts.base import Failure, read_file, reason, shown
from tidegate.hostrunner.parts.needs import may_displace, may_write

CONTEXT = b"semanage\0"
ODD = b"/.tidegate/"
MOST_LINKS = 40


def list_text(lines: "list[bytes]") -> bytes:
    """Return a list as the agent reads it, which trims lines and ends them at any newline.

    What it could not read is written as a path that it does not find, and so passes over.
    """
    plain = (
        line if b"\n" not in line and line == line.strip() else ODD + binascii.hexlify(line)
        for line in lines
    )
    return b"".join(line + b"\n" for line in plain)


def list_lines(text: bytes) -> "list[bytes]":
    # A last line without its end was being written when something died.
    return [plain_line(line) for line in text.split(b"\n")[:-1] if line.strip()]


def plain_line(line: bytes) -> bytes:
    if line.startswith(ODD):
        try:
            return binascii.unhexlify(line[len(ODD) :])
        except ValueError:
            return line
    return line


class Previous:
    """The list of what was installed; without it the host looks as the agent's clean-up leaves it.

    Paths are real ones: without links in their folders.
    """

    def __init__(self, path: str) -> None:
        self.text = read_file(path)
        self.lines = list_lines(self.text)
        self.contexts = [line[len(CONTEXT) :] for line in self.lines if line.startswith(CONTEXT)]
        self.real = {b"/": b"/"}  # type: dict[bytes, bytes | None]
        self.gone = {}  # type: dict[bytes, os.stat_result]
        self.followed = set()  # type: set[bytes]
        self.warnings = []  # type: list[str]

    def clear(self) -> None:
        """Find out what the agent would remove: files, links, and folders that are empty then."""
        for path in [path for path in map(self.place, reversed(self.lines)) if path]:
            info = self.look(path)
            if info and (not stat.S_ISDIR(info.st_mode) or self.is_removable(path, info)):
                self.gone[path] = info
        for path in reversed(list(self.gone)):
            above = os.path.dirname(path)
            may_go = above in self.gone or may_write(above)
            if stat.S_ISDIR(self.gone[path].st_mode) and not may_go:
                del self.gone[path]
        self.followed.clear()

    def place(self, line: bytes) -> "bytes | None":
        """Return where what *line* names is; none if nothing can be there."""
        path = clean(line)
        if not line.startswith(b"/") or path == b"/":
            return None
        folder = self.folder(os.path.dirname(path))
        return os.path.join(folder, os.path.basename(path)) if folder else None

    def folder(self, path: bytes) -> "bytes | None":
        """Return the real path of a folder, or none where there is none."""
        way = []
        while path not in self.real:
            way.append(path)
            path = os.path.dirname(path)
        for step in reversed(way):
            above = self.real[os.path.dirname(step)]
            here = above and os.path.join(above, os.path.basename(step))
            self.real[step] = self.real_folder(here) if here else None
        return self.real[way[0] if way else path]

    def real_folder(self, path: bytes) -> "bytes | None":
        info = self.look(path)
        if info and stat.S_ISLNK(info.st_mode):
            try:
                return self.behind(path)
            except Failure as failure:
                self.warnings.append("What was installed there stays: %s" % failure.message)
                return None
        return path if info and stat.S_ISDIR(info.st_mode) else None

    def is_removable(self, path: bytes, info: "os.stat_result") -> bool:
        above = os.path.dirname(path)
        try:
            names = os.listdir(path)
        except OSError:
            return False
        parent = os.lstat(above)
        return (
            all(os.path.join(path, name) in self.gone for name in names)
            and info.st_dev == parent.st_dev  # or another file system begins there
            and may_displace(info, parent)
            and (may_write(above) or parent.st_uid == os.geteuid())
        )

    def look(self, path: bytes) -> "os.stat_result | None":
        """Return what will lie at *path* once the previous revision is gone."""
        return None if path in self.gone else look_at(path)

    def behind(self, link: bytes, links: int = 0) -> bytes:
        """Return the real path of the folder that a link leads to.

        Raises:
            Failure: It leads to none, or where whoever owns the link could not have gone.
        """
        fd = os.open(link, getattr(os, "O_PATH", 0) | os.O_NOFOLLOW)
        try:
            owner = os.fstat(fd).st_uid
            text = os.readlink(b"", dir_fd=fd)
        except OSError as error:
            raise Failure(
                "The link %s cannot be read: %s." % (shown(link), reason(error))
            ) from None
        finally:
            os.close(fd)
        self.followed.add(link)
        path = b"/" if text.startswith(b"/") else os.path.dirname(link)
        for part in text.split(b"/"):
            path = self.step(path, part, link, links)
        folder = self.look(path)
        if os.geteuid() == 0 and owner not in (0, folder.st_uid if folder else 0):
            raise Failure(
                "The link %s is of user %d, who could lead it anywhere, and leads to the folder %s"
                " of another. Give it to root (chown -h root), or name that folder instead."
                % (shown(link), owner, shown(path))
            )
        return path

    def step(self, path: bytes, part: bytes, link: bytes, links: int) -> bytes:
        if part in (b"", b"."):
            return path
        if part == b"..":
            return os.path.dirname(path)
        path = os.path.join(path, part)
        info = self.look(path)
        if info and stat.S_ISLNK(info.st_mode) and links < MOST_LINKS:
            return self.behind(path, links + 1)
        if not info or not stat.S_ISDIR(info.st_mode):
            raise Failure(
                "%s on this host is a link, and where it leads is no folder (%s)."
                % (shown(link), shown(path))
            )
        return path


def look_at(path: bytes) -> "os.stat_result | None":
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return None
        raise


def clean(path: bytes) -> bytes:
    # POSIX lets two leading slashes mean something else; here they do not.
    return b"/" + os.path.normpath(path).lstrip(b"/")
