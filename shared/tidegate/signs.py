"""Signs of life that processes leave on their machine; `tidegate healthcheck` looks at them.

Containers ask often, so that nothing here imports what takes long.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tidegate.clock import monotonic

FRESH: Final = 20.0
"""Seconds for which a sign counts."""
_LARGEST: Final = 4096


def default_data_dir() -> Path:
    """Return the folder of a system that names none."""
    return Path.home() / ".local" / "share" / "tidegate"


def signs_folder(environment: Mapping[str, str]) -> Path:
    """Return where the processes of this environment leave their signs."""
    if given := environment.get("TIDEGATE_RUN_DIR"):
        return Path(given).expanduser()
    data = environment.get("TIDEGATE_DATA_DIR")
    return (Path(data).expanduser() if data else default_data_dir()) / "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a process that lives has said of itself."""

    age: float | None = None
    """Seconds since it said so; None for one that says nothing and has to be asked."""
    why: str = ""
    """What is wrong with it, as a sentence."""
    ask: tuple[str, int, str] | None = None
    """Host, port and path where it answers."""


class Sign:
    """The sign of one process, locked for as long as the process lives."""

    def __init__(self, folder: Path, part: str) -> None:
        self._folder = folder
        self._part = part
        self._file: int | None = None

    def say(self, why: str = "") -> None:
        """Say that all is well, or *why* it is not.

        Raises:
            OSError: The folder cannot be written to.
        """
        self._write({"at": monotonic(), "why": why})

    def answers_at(self, host: str, port: int, path: str) -> None:
        """Say where this process can be asked whether it is well.

        Raises:
            OSError: The folder cannot be written to.
        """
        self._write({"ask": [host, port, path]})

    def _write(self, said: Mapping[str, Any]) -> None:
        if self._file is None:
            self._file = self._made()
        # In one write, and of one length: who reads meanwhile sees the one or the other.
        os.pwrite(self._file, json.dumps(said).encode()[:_LARGEST].ljust(_LARGEST), 0)

    def _made(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{self._part}@{socket.gethostname()}.{os.getpid()}"
        draft = self._folder / f".{name}"
        file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        # Locked before it is seen, so that one without a lock is of a process that is gone.
        fcntl.flock(file, fcntl.LOCK_EX)
        for path, lives in _of(self._folder, self._part):
            if not lives:
                path.unlink(missing_ok=True)
        draft.rename(self._folder / name)
        return file


def look(folder: Path, part: str) -> list[Found]:
    """Return what all living processes of one kind on this machine say of themselves."""
    return [_read(path) for path, lives in _of(folder, part) if lives]


def _of(folder: Path, part: str) -> Iterator[tuple[Path, bool]]:
    for path in sorted(folder.glob(f"{part}@{socket.gethostname()}.*")):
        with suppress(FileNotFoundError):
            yield path, _is_locked(path)


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> Found:
    try:
        said = json.loads(path.read_bytes()[:_LARGEST] or b"{}")
        if "ask" in said:
            host, port, where = said["ask"]
            return Found(ask=(str(host), int(port), str(where)))
        # After a restart of the machine its clock may be behind what was said before.
        return Found(age=abs(monotonic() - float(said["at"])), why=str(said["why"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Found(age=0.0, why="It has not said yet how it is.")
