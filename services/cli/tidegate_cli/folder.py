"""The data folder of an embedded system: one owner at a time, and readable to nobody else."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tidegate_cli.refusal import CannotStart

_LOCK = "up.lock"


class DataFolder:
    """A folder that belongs to this process from `claim` on until the process ends."""

    def __init__(self, path: Path, *, owner: str = "tidegate up") -> None:
        self._owner = owner
        self.path = path.expanduser().absolute()
        self._lock: int | None = None

    def claim(self) -> Self:
        """Make the folder if need be, and take its lock.

        Raises:
            CannotStart: It cannot be written to, or another process has it.
        """
        # Whatever this process and its children write is for this user only.
        os.umask(0o077)
        try:
            self._prepare()
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotStart(
                f"The data folder {self.path} cannot be written to"
                f" ({error.strerror}); choose another with --data-dir."
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._lock, 20).decode(errors="replace").strip() or "unknown"
            raise CannotStart(
                f"Another `{self._owner}` (pid {owner}) already runs on {self.path}."
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        return self

    def secret(self, name: str, *, given: str = "") -> str:
        """Return the secret in a file: the one that is *given*, else the kept one, else a new."""
        path = self.path / name
        if given:
            write_private(path, f"{given}\n")
        return kept_secret(path, new=secrets.token_urlsafe(18))

    def write(self, name: str, text: str) -> Path:
        """Write a file that only this user can read, in one step."""
        return write_private(self.path / name, text)

    def write_processes(self, processes: Sequence[Mapping[str, object]]) -> None:
        """Say which processes run now; a full disk keeps nothing from running."""
        try:
            self.write("processes.json", json.dumps(processes, indent=2) + "\n")
        except OSError:
            return

    def _prepare(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = (self.path / _LOCK).exists()
        # A folder that holds other things was made for something else: it stays as it is.
        if ours or not any(self.path.iterdir()):
            self.path.chmod(0o700)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise PermissionError(0, "permission denied")


def kept_secret(path: Path, *, new: str) -> str:
    """Return the secret that a file holds; where there is none, *new* is put there."""
    kept = path.read_text().strip() if path.exists() else ""
    if kept:
        path.chmod(0o600)
        return kept
    write_private(path, f"{new}\n")
    return new


def write_private(path: Path, text: str) -> Path:
    """Write a file that only this user can read, in one step."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return draft.replace(path)
