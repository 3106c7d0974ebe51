"""What a host driver does, the values that it takes and gives, and which ones are installed."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, Protocol, TypeAlias

_NONE_SEEN: Final[Mapping[str, int]] = MappingProxyType({})

ReadAppSpec: TypeAlias = Callable[[bytes], Mapping[str, object]]
"""Turns an AppSpec's text into `{"appspec": …}`, or into `{"error": …}` with the agent's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAddress:
    """How a host is reached."""

    name: str
    settings: Mapping[str, object]
    """What the driver needs to know, in the driver's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A revision's archive, as a file on this machine."""

    sha256: str
    size: int
    type: Literal["zip", "tar", "tgz", "directory"]
    """A `directory` is a tar of a folder, to be taken as it is."""
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRun:
    """A run of lifecycle events on one host, once."""

    key: str
    """Names this run for good: a driver asked twice for one key runs it once."""
    spec: Mapping[str, object]
    bundle: Bundle | None = None
    attach_only: bool = False
    """Follow the run if it has begun; if it never did, fail with `unknown_run`."""
    read_appspec: ReadAppSpec | None = field(default=None, compare=False)
    """Reads an AppSpec that only the host has; without it, such a revision cannot be used."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a run's journal and logs are known already."""

    journal: int = 0
    logs: Mapping[str, int] = field(default_factory=lambda: _NONE_SEEN)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the run's journal."""

    offset: int
    """Where the journal goes on after this line."""
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some bytes of an event's log. Where *at* jumps, what lies between was cut."""

    event: str
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class HostKeyLearned:
    """The key that a host presented when it was trusted on first use."""

    host_key: str


Report: TypeAlias = Fact | LogPiece | HostKeyLearned


class Wish(enum.Enum):
    """What the one who follows a run wants of it next."""

    GO_ON = "go on"
    CANCEL = "cancel"
    """End after the script that runs."""
    KILL = "kill"
    """End the script that runs, too."""
    LET_GO = "let go"
    """Stop following; the run goes on."""


FailureCode: TypeAlias = Literal[
    "unreachable",
    "name_unresolved",
    "host_key_mismatch",
    "host_key_unknown",
    "permission_denied",
    "no_python",
    "python_too_old",
    "refused",
    "lost",
    "rebooted",
    "unknown_run",
    "misconfigured",
    "protocol",
]


@dataclass(frozen=True, slots=True)
class Finished:
    """The run ended, and its end was reported; or the probe was answered."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot be followed to its end, and why."""

    code: FailureCode
    message: str
    retryable: bool = False
    """Following the same run again later may end better."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """The caller let go; the run goes on."""


Outcome: TypeAlias = Finished | Failed | LetGo
ReportTo: TypeAlias = Callable[[Sequence[Report]], Wish]


class HostDriver(Protocol):
    """Runs lifecycle events on hosts. Every method may be called twice and must not mind."""

    def follow(
        self, address: HostAddress, run: HostRun, *, seen: Seen, report: ReportTo
    ) -> Outcome:
        """Start *run* where it has not begun, and report what it does until it ends.

        A run to attach to only is never started.

        *report* is called in the calling thread with what arrived, and with nothing at least once
        a second; what it answers is the caller's wish. What it raises ends the call, not the run.
        """
        ...

    def probe(self, address: HostAddress) -> Outcome:
        """Say whether the host could run something now."""
        ...

    def close(self) -> None:
        """Let go of every run and free what this driver holds."""
        ...


class NoSuchDriver(LookupError):
    """A driver is named that is not installed."""

    def __init__(self, name: str, installed: Sequence[str]) -> None:
        self.name = name
        self.installed = tuple(installed)
        known = ", ".join(installed) or "none"
        super().__init__(f"No host driver {name!r}; installed: {known}.")


def host_driver(name: str) -> type[HostDriver]:
    """Return the class of the host driver called *name*.

    Raises:
        NoSuchDriver: None of that name is installed.
    """
    installed: dict[str, EntryPoint] = {
        entry.name: entry for entry in entry_points(group="tidegate.hosts")
    }
    if name not in installed:
        raise NoSuchDriver(name, sorted(installed))
    driver: type[HostDriver] = installed[name].load()
    return driver
