"""Whose turn it is: one deployment of a group at a time runs on this host."""

import fcntl
import os
import time

from tidegate.hostrunner.parts.base import boot_id, started_at
from tidegate.hostrunner.parts.journal import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Turn:
    """The lock of a group, which says whose it is, and whose script is still running."""

    def __init__(self, path: str, deployment: str) -> None:
        self.path = path
        self.deployment = deployment
        self.fd = -1
        self.held = False

    def come(self, run: Run, tell: "Callable[[str], None]") -> bool:
        """Wait for the lock, and tell whose it is; false when the run was cancelled meanwhile."""
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        locked, told = False, ""
        while True:
            locked = locked or self.try_lock()
            holder, busy = self.holder()
            if locked and not busy:
                self.hold()
                return True
            if run.wish():
                return False
            if holder and holder != told:
                told = holder
                tell(holder)
            time.sleep(0.1)

    def try_lock(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def holder(self) -> "tuple[str, bool]":
        """Return whose lock it is, and whether that one's script outlived its runner."""
        words = os.pread(self.fd, 512, 0).decode().split()
        if len(words) == 4:
            alive = words[3] == boot_id() and started_at(int(words[1])) == words[2]
            return words[0], alive
        return "".join(words[:1]), False

    def hold(self, script: "int | None" = None) -> None:
        """Write down whose lock it is, and which process the next run has to wait for as well."""
        self.held = True
        text = self.deployment
        if script is not None:
            text += "\n%d %s %s" % (script, started_at(script), boot_id())
        data = text.encode() + b"\n"
        os.pwrite(self.fd, data, 0)
        os.ftruncate(self.fd, len(data))

    def leave(self) -> None:
        if self.held:
            os.ftruncate(self.fd, 0)
        if self.fd >= 0:
            os.close(self.fd)
