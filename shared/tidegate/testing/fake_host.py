"""Hosts that do what a test tells them, and keep a journal as the real runner does."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.clock import Clock
from tidegate.drivers.hosts import (
    Fact,
    Failed,
    Finished,
    HostAddress,
    HostRun,
    LetGo,
    LogPiece,
    Outcome,
    Report,
    ReportTo,
    Seen,
    Wish,
)

STOPPED: Final = "The deployment was stopped while this event ran."
_PATIENCE: Final = 0.002


def _sound(_host: str, _spec: Mapping[str, object], _event: str) -> int:
    return 0


@dataclass(slots=True)
class FakeRun:
    """One run on one host: a journal that grows by steps, whoever looks."""

    key: str
    spec: Mapping[str, Any]
    host: "FakeHost"
    journal: list[dict[str, object]] = field(default_factory=list)
    logs: dict[str, bytes] = field(default_factory=dict)
    is_cancelled: bool = False
    is_killed: bool = False
    next_event: int = 0
    running: str | None = None
    outcome: str | None = None
    has_died: bool = False

    @property
    def deployment_id(self) -> str:
        return str(self.spec["deployment_id"])

    @property
    def is_active(self) -> bool:
        return self.outcome is None and not self.has_died

    def step(self) -> bool:
        """Do one thing; tell whether anything could be done."""
        if not self.is_active:
            return False
        if not self.host.enter(self):
            return self._wait()
        if self.running is not None:
            return self._end_event(self.running)
        if self.next_event == len(self.spec["events"]):
            return self._end("stopped" if self.is_cancelled else "succeeded")
        if self.is_cancelled:
            return self._skip_rest("stopped")
        return self._begin_event(self.spec["events"][self.next_event])

    def _wait(self) -> bool:
        if self.is_cancelled:
            return self._skip_rest("stopped")
        holder = self.host.locks[str(self.spec["group_id"])].deployment_id
        fact: dict[str, object] = {"fact": "waiting", "for": holder}
        if self.journal[-1].items() >= fact.items():
            return False
        self.note(fact)
        return True

    def _begin_event(self, name: str) -> bool:
        self.host.ran[(self.deployment_id, self.host.name, name)] += 1
        self.running = name
        self.note({"fact": "event", "name": name, "status": "InProgress"})
        return True

    def _end_event(self, name: str) -> bool:
        if name in self.host.hanging and not self.is_killed:
            return False
        self.running, self.next_event = None, self.next_event + 1
        log = f"LifecycleEvent - {name}\n".encode()
        self.logs[name] = log
        code = self.host.fleet.exit_code(self.host.name, self.spec, name)
        bad = bool(code) or self.is_cancelled
        self.note(
            _event(
                name,
                "Failed" if bad else "Succeeded",
                exit_code=code,
                error_code="UnknownError"
                if self.is_cancelled
                else "ScriptFailed"
                if code
                else "Success",
                script="scripts/hook.sh",
                message=STOPPED if self.is_cancelled else f"exit {code}" if code else "Succeeded",
                log_size=len(log),
            )
        )
        ignored = name == "ApplicationStop" and self.spec["ignore_application_stop_failures"]
        if self.is_cancelled:
            return self._skip_rest("stopped")
        return self._skip_rest("failed") if bad and not ignored else True

    def _skip_rest(self, outcome: str) -> bool:
        for name in self.spec["events"][self.next_event :]:
            self.note(_event(name, "Skipped", error_code="Success"))
        self.next_event = len(self.spec["events"])
        return self._end(outcome)

    def _end(self, outcome: str) -> bool:
        self.outcome = outcome
        self.note({"fact": "end", "outcome": outcome})
        self.host.leave(self)
        return True

    def die(self) -> None:
        """End without an end: the machine was restarted, or the runner killed."""
        self.has_died = True
        self.host.leave(self)

    def note(self, fact: dict[str, object]) -> None:
        self.journal.append({**fact, "at": self.host.fleet.clock.now().timestamp()})

    def news(self, seen: int, logs: Mapping[str, int]) -> list[Report]:
        """Return what came after fact *seen* and after those bytes of logs."""
        reports: list[Report] = []
        for offset, body in enumerate(self.journal[seen:], seen + 1):
            name = str(body.get("name"))
            log = self.logs.get(name, b"")
            if "log_size" in body and len(log) > logs.get(name, 0):
                known = logs.get(name, 0)
                reports.append(LogPiece(name, known, log[known:]))
            reports.append(Fact(offset, body))
        return reports


def _event(name: str, status: str, **more: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "exit_code": None,
        "script": "",
        "message": "",
        "log_size": 0,
        "warnings": [],
    }
    return {"fact": "event", "name": name, "status": status, **plain, **more}


@dataclass(slots=True)
class FakeHost:
    """One machine: what is wrong with it, and what ran there."""

    name: str
    fleet: "FakeHosts"
    runs: dict[str, FakeRun] = field(default_factory=dict)
    locks: dict[str, FakeRun] = field(default_factory=dict)
    """Which run holds the lock of each group."""
    ran: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often an event began, by deployment, host and event."""
    hanging: set[str] = field(default_factory=set)
    """Events that do not end until they are taken out of here."""
    refusal: Failed | None = None
    """What every connection meets."""
    is_silent: bool = False

    def run(self, order: HostRun, *, is_cancelled: bool) -> FakeRun:
        """Return the run of that key, begun if it is new."""
        if order.key not in self.runs:
            run = FakeRun(order.key, order.spec, self, is_cancelled=is_cancelled)
            run.note({"fact": "begun", "boot": "1", "pid": 1})
            self.runs[order.key] = run
        return self.runs[order.key]

    def enter(self, run: FakeRun) -> bool:
        return self.locks.setdefault(str(run.spec["group_id"]), run) is run

    def leave(self, run: FakeRun) -> None:
        if self.locks.get(str(run.spec["group_id"])) is run:
            del self.locks[str(run.spec["group_id"])]

    def step(self) -> bool:
        """Let every run here do one thing; tell whether any could."""
        moved = [run.step() for run in list(self.runs.values())]
        return any(moved)

    def restart(self) -> None:
        """Kill what runs here."""
        for run in self.runs.values():
            if run.is_active:
                run.die()


class FakeHosts:
    """A host driver whose hosts live in this process; safe for many threads.

    Runs go on by themselves while somebody follows them, unless *by_hand*: then only when a test
    calls `FakeHost.step`. *wait* is called whenever a follower has nothing to do.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        by_hand: bool = False,
        wait: Callable[[], object] = lambda: time.sleep(_PATIENCE),
        exit_code: Callable[[str, Mapping[str, object], str], int] = _sound,
    ) -> None:
        self.clock = clock
        self.exit_code = exit_code
        self.hosts: dict[str, FakeHost] = {}
        self.is_closed = False
        self._by_hand = by_hand
        self._wait = wait
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> FakeHost:
        with self._lock:
            return self.hosts.setdefault(name, FakeHost(name, self))

    @property
    def ran(self) -> Counter[tuple[str, str, str]]:
        """How often each event began, by deployment, host and event."""
        with self._lock:
            return sum((host.ran for host in self.hosts.values()), Counter())

    def follow(
        self, address: HostAddress, run: HostRun, *, seen: Seen, report: ReportTo
    ) -> Outcome:
        host = self[address.name]
        wish = report(())
        if wish is Wish.LET_GO or self.is_closed:
            return LetGo()
        trouble = self._trouble(host, run, seen)
        if trouble is not None:
            return trouble
        with self._lock:
            there = host.run(run, is_cancelled=wish is not Wish.GO_ON)
        return self._follow(host, there, seen, report)

    def _trouble(self, host: FakeHost, run: HostRun, seen: Seen) -> Failed | None:
        if host.is_silent:
            return _silence(has_begun=seen.journal > 0)
        known = host.runs.get(run.key)
        is_unknown = known is None and run.attach_only
        if is_unknown or seen.journal > (len(known.journal) if known else 0):
            return Failed("unknown_run", f"Host {host.name!r} does not know the run.")
        return host.refusal

    def _follow(self, host: FakeHost, run: FakeRun, seen: Seen, report: ReportTo) -> Outcome:
        at, logs = seen.journal, dict(seen.logs)
        while not self.is_closed:
            if host.is_silent:
                return _silence(has_begun=at > 0)
            with self._lock:
                moved = not self._by_hand and run.step()
                news = run.news(at, logs)
            wish = report(news)
            at += sum(isinstance(one, Fact) for one in news)
            logs.update({n.event: n.at + len(n.data) for n in news if isinstance(n, LogPiece)})
            if wish in (Wish.CANCEL, Wish.KILL):
                run.is_cancelled = run.is_cancelled or run.is_active
                run.is_killed = run.is_killed or wish is Wish.KILL
            ending = self._ending(run, at)
            if ending is not None:
                return ending
            if wish is Wish.LET_GO:
                return LetGo()
            if not moved:
                self._wait()
        return LetGo()

    def _ending(self, run: FakeRun, at: int) -> Finished | Failed | None:
        if at < len(run.journal):
            return None
        if run.outcome is not None:
            return Finished()
        return Failed("rebooted", "The host was restarted.") if run.has_died else None

    def probe(self, address: HostAddress) -> Outcome:
        host = self[address.name]
        return _silence(has_begun=False) if host.is_silent else host.refusal or Finished()

    def close(self) -> None:
        self.is_closed = True


def _silence(*, has_begun: bool) -> Failed:
    code, how = ("lost", "has not been heard from") if has_begun else ("unreachable", "is silent")
    return Failed(code, f"The host {how}.", retryable=True)  # type: ignore[arg-type]


def reports_of(run: FakeRun) -> Sequence[Report]:
    """Return all that a run has to tell."""
    return run.news(0, {})
