"""Folders opened one by one: a link that somebody put in between leads nowhere."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
MOST_OPEN = 200


class Places:
    """What lies at real paths; the folders above are kept open for the next that is asked for.

    A name may lead elsewhere by now, if its folder is another's. What is open does not.
    """

    def __init__(self) -> None:
        self.fds = {}  # type: dict[bytes, int]

    def folder(self, path: bytes) -> int:
        """Return the folder at *path*, open as a place to start from."""
        if len(self.fds) > MOST_OPEN:
            self.close()
        way = []
        while path not in self.fds and path != b"/":
            way.append(path)
            path = os.path.dirname(path)
        if path not in self.fds:
            self.fds[path] = os.open(path, WAY)
        fd = self.fds[path]
        for step in reversed(way):
            fd = self.fds[step] = os.open(os.path.basename(step), WAY, dir_fd=fd)
        return fd

    def on(self, act: "Callable[..., Any]", path: bytes, *more: "Any", **named: "Any") -> "Any":
        """Call one of os's functions on what lies at *path*."""
        try:
            fd = self.folder(os.path.dirname(path))
            return act(os.path.basename(path), *more, dir_fd=fd, **named)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None

    def on_both(self, act: "Callable[..., Any]", old: bytes, new: bytes, **named: "Any") -> None:
        """Call one of os's functions on two names in one folder."""
        try:
            fd = self.folder(os.path.dirname(old))
            names = os.path.basename(old), os.path.basename(new)
            act(*names, src_dir_fd=fd, dst_dir_fd=fd, **named)
        except OSError as error:
            raise OSError(error.errno, error.strerror, new) from None

    def look(self, path: bytes) -> "os.stat_result | None":
        try:
            return self.on(os.lstat, path)  # type: ignore[no-any-return]
        except FileNotFoundError:
            return None

    def open_folder(self, path: bytes) -> int:
        """Open the folder at *path* itself, to give it something."""
        try:
            return os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.folder(path))
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None

    def symlink(self, text: bytes, path: bytes) -> None:
        self.on(lambda name, dir_fd: os.symlink(text, name, dir_fd=dir_fd), path)

    def unlink(self, path: bytes) -> None:
        try:
            self.on(os.unlink, path)
        except FileNotFoundError:
            return

    def rename(self, old: bytes, new: bytes) -> None:
        self.on_both(os.rename, old, new)
        self.forget(old)

    def rmdir(self, path: bytes) -> None:
        self.on(os.rmdir, path)
        self.forget(path)

    def forget(self, path: bytes) -> None:
        """Close what is no longer to be found at *path*."""
        if path in self.fds:
            self.close()

    def close(self) -> None:
        for fd in self.fds.values():
            os.close(fd)
        self.fds.clear()
