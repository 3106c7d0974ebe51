"""The folder of one run, and the facts that are written there."""

import binascii
import errno
import fcntl
import json
import os
import re
import time

from tidegate.hostrunner.parts.base import (
    raw,
    read_file,
    replace_file,
    sync_folder,
    unlink_if_there,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WISHES = ("cancel", "kill")
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")


def log_cap(spec: "dict[str, Any]") -> int:
    return int(spec.get("limits", {}).get("log_bytes", 10485760))


class Run:
    """The folder of one run."""

    def __init__(self, state: str, key: str) -> None:
        self.state = state
        self.key = key
        self.folder = os.path.join(state, "runs", key)
        self.journal = self.path("journal.jsonl")
        self.bundle = self.path("bundle")

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def log(self, event: str) -> str:
        # The name of an event may be any text, and that of a file not.
        name = event if NAME.match(event) else binascii.hexlify(raw(event)).decode()[:200]
        return self.path("logs/%s.log" % name)

    def try_lock(self) -> "int | None":
        fd = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    def has_begun(self) -> bool:
        return b"\n" in read_file(self.journal)

    def ask(self, wish: str) -> None:
        if self.wish() != "kill":
            replace_file(self.path("cancel"), wish.encode())

    def wish(self) -> str:
        return read_file(self.path("cancel")).decode()


class Journal:
    """The facts of a run, one line each, on disk before anything depends on them."""

    def __init__(self, run: Run, knock: "Callable[[], None]") -> None:
        self.run = run
        self.knock = knock
        # Room for the last facts on a disk that a script has filled.
        self.reserve = run.path("reserve")
        with open(self.reserve, "wb") as file:
            file.write(b"\0" * 65536)
        self.fd = os.open(run.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.synced_folders = False

    def fact(self, fact: str, **body: "Any") -> None:
        line = dict(body, fact=fact, at=time.time())
        data = json.dumps(line, sort_keys=True).encode() + b"\n"
        written = 0
        while written < len(data):
            try:
                written += os.write(self.fd, data[written:])
            except OSError as error:
                if error.errno != errno.ENOSPC or not os.path.exists(self.reserve):
                    raise
                os.unlink(self.reserve)
        self.knock()

    def close(self) -> None:
        self.sync()
        unlink_if_there(raw(self.reserve))

    def sync(self) -> None:
        os.fsync(self.fd)
        if not self.synced_folders:
            self.synced_folders = True
            sync_folder(self.run.folder)
            sync_folder(os.path.dirname(self.run.folder))
