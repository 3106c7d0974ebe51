"""Hosts that stand nowhere: each answers as a runner does, and takes the time that its row says.

`installed_in` writes what makes it a host driver that workers find as they find any other.
"""

import threading
import time
from pathlib import Path

from tidegate.drivers.hosts import (
    Fact,
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

DRIVER = "standin"
ENTRY_POINTS = f"[tidegate.hosts]\n{DRIVER} = {Path(__file__).stem}:StandIns\n"
METADATA = f"Metadata-Version: 2.1\nName: {DRIVER}\nVersion: 1\n"
REPORT_EVERY = 1.0
"""Seconds after which a follower is asked what is wished, as the contract of drivers says."""


def installed_in(folder: Path) -> str:
    """Write a distribution that declares the driver; return the PYTHONPATH on which it is found."""
    info = folder / f"{DRIVER}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return f"{folder}:{Path(__file__).parent}"


class StandIns:
    """A `HostDriver` whose runs all succeed, after as many seconds as the host's settings say.

    What an event has told is reported as its next one begins, with its log: eight reports a run.
    """

    def __init__(self) -> None:
        self._closed = threading.Event()

    def follow(
        self, address: HostAddress, run: HostRun, *, seen: Seen, report: ReportTo
    ) -> Outcome:
        journal = _journal(run)
        pause = float(str(address.settings["seconds"])) / (len(journal) - 1)
        for number, news in enumerate(journal):
            if number and not self._waited(pause, report):
                return LetGo()
            if report([one for one in news if not _is_known(one, seen)]) is Wish.LET_GO:
                return LetGo()
        return Finished()

    def probe(self, address: HostAddress) -> Outcome:
        del address
        return Finished()

    def close(self) -> None:
        self._closed.set()

    def _waited(self, seconds: float, report: ReportTo) -> bool:
        """Wait, and tell whether the run is still to be followed."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._closed.wait(min(left, REPORT_EVERY)):
                return False
            if left > REPORT_EVERY and report(()) is Wish.LET_GO:
                return False
        return True


def _journal(run: HostRun) -> list[list[Report]]:
    """What the run tells, by the moments at which it does."""
    events = [str(name) for name in run.spec["events"]]  # type: ignore[attr-defined]
    facts = _Facts()
    moments: list[list[Report]] = [[facts.add({"fact": "begun", "boot": "1", "pid": 1})]]
    for name in events:
        moments[-1].append(facts.add({"fact": "event", "name": name, "status": "InProgress"}))
        log = f"LifecycleEvent - {name}\nScript - hook.sh\n[stdout]{name} of {run.key}\n".encode()
        ended = facts.add(
            {
                "fact": "event",
                "name": name,
                "status": "Succeeded",
                "exit_code": 0,
                "error_code": "Success",
                "script": "hook.sh",
                "message": "Succeeded",
                "log_size": len(log),
                "warnings": [],
            }
        )
        moments.append([LogPiece(name, 0, log), ended])
    moments[-1].append(facts.add({"fact": "end", "outcome": "succeeded"}))
    return moments


class _Facts:
    """Lines of a journal, each with the offset at which the next one begins."""

    def __init__(self) -> None:
        self._offset = 0

    def add(self, body: dict[str, object]) -> Fact:
        told = {**body, "at": time.time()}
        self._offset += len(str(told))
        return Fact(self._offset, told)


def _is_known(report: Report, seen: Seen) -> bool:
    if isinstance(report, Fact):
        return report.offset <= seen.journal
    return isinstance(report, LogPiece) and seen.logs.get(report.event, 0) > 0
