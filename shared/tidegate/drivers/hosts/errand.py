"""What is wanted of a host over however many connections it takes, and how far it has come."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final, Self

from tidegate import hostrunner
from tidegate.drivers.hosts import Bundle, Fact, HostRun, LogPiece, Seen, Wish
from tidegate.drivers.hosts.lines import ProtocolBroken, quoted

_JOURNAL_BUDGET: Final = 32 << 20
_DEFAULT_LOG_BYTES: Final = 10 << 20
_MOST_APPSPECS: Final = 20
_WISHES: Final = {Wish.CANCEL: "cancel", Wish.KILL: "kill"}


@dataclass(frozen=True, slots=True)
class Runner:
    """The program that hosts run, and the command that starts it there."""

    command: str
    source: bytes
    sha256: str

    @classmethod
    @cache
    def ours(cls) -> "Runner":
        """Return the one that this distribution holds."""
        return cls(hostrunner.COMMAND, hostrunner.runner_source(), hostrunner.RUNNER_SHA256)

    def by_sudo(self) -> "Runner":
        """Return the same, started as root by sudo, which must not ask for a password."""
        return replace(self, command=f"exec sudo -n {self.command.removeprefix('exec ')}")


@dataclass(slots=True)
class Progress:
    """How far an errand has come; it outlives connections."""

    journal: int
    logs: dict[str, int]
    has_begun: bool
    may_be_over: bool
    """The last fact told the end, or was told to the caller earlier and may have."""
    heard_at: float = 0.0
    wishes: list[str] = field(default_factory=list)
    """What is asked of the run, in order; every connection asks it once."""
    uploads: int = 0
    appspecs: int = 0
    """How many AppSpecs the host had read."""

    @classmethod
    def since(cls, seen: Seen) -> Self:
        begun = seen.journal > 0
        return cls(seen.journal, dict(seen.logs), has_begun=begun, may_be_over=begun)

    def hear(self, at: float) -> None:
        """Note that the run, or the one that follows it on the host, gave a sign of life."""
        self.heard_at = max(self.heard_at, at)

    def may_ask_again(self) -> bool:
        """Count one more AppSpec, and tell whether an honest host may have that many read."""
        self.appspecs += 1
        return self.appspecs <= _MOST_APPSPECS

    def note(self, line: Fact | LogPiece) -> None:
        """Go on behind *line*.

        Raises:
            ProtocolBroken: It lies before what was delivered already.
        """
        if isinstance(line, Fact):
            if line.offset <= self.journal:
                raise ProtocolBroken("it sent a fact twice")
            self.journal, self.has_begun = line.offset, True
            self.may_be_over = line.body["fact"] == "end"
        else:
            if line.at < self.logs.get(line.event, 0):
                raise ProtocolBroken(f"it sent log bytes of {quoted(line.event)!r} twice")
            self.logs[line.event] = line.at + len(line.data)

    def wish(self, wish: Wish) -> bool:
        """Note what is wished, and return whether that is new."""
        word = _WISHES.get(wish)
        if word is None or word in self.wishes:
            return False
        self.wishes.append(word)
        return True


@dataclass(frozen=True, slots=True)
class Errand:
    """A run to start or to follow; without one, a probe."""

    runner: Runner
    run: HostRun | None = None
    state_dir: str | None = None

    @property
    def bundle(self) -> Bundle | None:
        return self.run.bundle if self.run else None

    @property
    def events(self) -> Collection[str]:
        """The names of the lifecycle events of the run."""
        events = self.run.spec.get("events") if self.run else None
        return events if isinstance(events, list | tuple) else ()

    @property
    def budget(self) -> int:
        """How many bytes an honest host may send over one connection, with room to spare."""
        limits = self.run.spec.get("limits") if self.run else None
        limit = limits.get("log_bytes") if isinstance(limits, Mapping) else None
        log_bytes = limit if isinstance(limit, int) else _DEFAULT_LOG_BYTES
        return _JOURNAL_BUDGET + 2 * log_bytes * len(self.events)

    def check(self, line: Fact | LogPiece) -> None:
        """Refuse news of an event that the run does not have.

        Raises:
            ProtocolBroken: It has no such event.
        """
        name = line.event if isinstance(line, LogPiece) else line.body.get("name")
        concerns_event = isinstance(line, LogPiece) or line.body["fact"] == "event"
        if concerns_event and name not in self.events:
            raise ProtocolBroken(
                f"it told of an event {quoted(str(name))!r} that was not asked for"
            )

    def read(self, text: bytes) -> bytes:
        """Return the line that tells the host what an AppSpec says."""
        reader = self.run.read_appspec if self.run else None
        if reader is None:
            return b'{"error":"Nobody here reads AppSpecs."}\n'
        try:
            said = reader(text)
        except Exception as error:  # noqa: BLE001 - the text is the host's, and so is the problem
            said = {"error": f"Tidegate failed at this AppSpec itself ({type(error).__name__})."}
        return json.dumps(said).encode() + b"\n"

    @property
    def attaches_only(self) -> bool:
        return self.run is not None and self.run.attach_only

    @property
    def _op(self) -> str:
        if self.run is None:
            return "probe"
        return "attach" if self.run.attach_only else "run"

    def header(self, marker: str, progress: Progress) -> bytes:
        """Return the line that says all this to the host."""
        header: dict[str, object] = {
            "v": 1,
            "marker": marker,
            "runner": {"sha256": self.runner.sha256, "size": len(self.runner.source)},
            "state_dir": self.state_dir,
            "op": self._op,
            "key": self.run.key if self.run else "probe",
            "seen": {"journal": progress.journal, "logs": progress.logs},
            "wish": progress.wishes[-1] if progress.wishes else None,
            "bundle": None,
            "spec": dict(self.run.spec) if self.run else {},
        }
        if self.bundle is not None:
            bundle = self.bundle
            header["bundle"] = {"sha256": bundle.sha256, "size": bundle.size, "type": bundle.type}
        return json.dumps(header, separators=(",", ":")).encode() + b"\n"
