"""Runs to give to a host driver, and followers that remember what they were told."""

import hashlib
import io
import secrets
import tarfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from tidegate.drivers.hosts import (
    Bundle,
    Fact,
    HostAddress,
    HostDriver,
    HostRun,
    LogPiece,
    Outcome,
    Report,
    Seen,
    Wish,
)

SERVER_EVENTS: Final = (
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
)
_PATIENCE: Final = 30.0


def pack(folder: Path, files: Mapping[str, bytes]) -> Bundle:
    """Return a bundle of *files*, all of them executable, that lies in *folder*."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in {"appspec.yml": b"version: 0.0\nos: linux\n", **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    data = packed.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / digest
    path.write_bytes(data)
    return Bundle(sha256=digest, size=len(data), type="tgz", path=path)


def run_of(
    hooks: Mapping[str, str],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    group_id: str | None = None,
) -> HostRun:
    """Return a run, with a key of its own, of shell scripts by lifecycle event."""
    scripts = {f"{event}.sh": f"#!/bin/sh\n{text}\n".encode() for event, text in hooks.items()}
    deployment_id = "d-" + secrets.token_hex(5).upper()[:9]
    key = hashlib.sha256(deployment_id.encode()).hexdigest()
    spec: dict[str, object] = {
        "deployment_id": deployment_id,
        "application_name": "app",
        "group_id": group_id or f"group-{secrets.token_hex(6)}",
        "group_name": "group",
        "target": "host",
        "creator": "user",
        "events": list(SERVER_EVENTS),
        "appspec": _appspec(hooks),
        "environment": dict(environment or {}),
        "revision": {},
        "ignore_application_stop_failures": False,
        "file_exists_behavior": "DISALLOW",
        "working_directory": "archive",
        "max_revisions": 5,
        "limits": {"unpacked_bytes": 1 << 30, "entries": 10_000, "log_bytes": 10 << 20},
    }
    bundle = pack(folder, {**scripts, **(files or {})})
    return HostRun(key=f"{deployment_id}.{key}", spec=spec, bundle=bundle)


def _appspec(events: Iterable[str]) -> dict[str, object]:
    return {
        "version": 0.0,
        "os": "linux",
        "file_exists_behavior": None,
        "files": [],
        "permissions": [],
        "hooks": {
            event: [{"location": f"{event}.sh", "timeout": 60, "runas": None, "sudo": False}]
            for event in events
        },
    }


class Follower:
    """Follows a run in a thread of its own, and remembers what it was told."""

    def __init__(
        self,
        driver: HostDriver,
        address: HostAddress,
        run: HostRun,
        *,
        seen: Seen | None = None,
        before: Callable[[], object] = lambda: None,
    ) -> None:
        """Call *before* at each report, before anything else."""
        self.reports: list[Report] = []
        self.batches: list[int] = []
        self.outcome: Outcome | None = None
        self.raised: BaseException | None = None
        self._before = before
        self._wish = Wish.GO_ON
        self._to_raise: Exception | None = None
        self._news = threading.Condition()
        self._thread = threading.Thread(
            target=self._follow, args=[driver, address, run, seen or Seen()], daemon=True
        )

    def start(self) -> Self:
        self._thread.start()
        return self

    def wish(self, wish: Wish) -> None:
        """Answer this from the next report on."""
        self._wish = wish

    def fail_with(self, error: Exception) -> None:
        """Raise this at the next report."""
        self._to_raise = error

    def wait_for(self, condition: Callable[[Self], object], what: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: condition(self), _PATIENCE), what

    def join(self, within: float = _PATIENCE) -> Outcome:
        """Wait for the end, so many seconds at most, and return the outcome."""
        self._thread.join(within)
        assert not self._thread.is_alive(), "the follower goes on"
        if self.raised is not None:
            raise self.raised
        assert self.outcome is not None
        return self.outcome

    @property
    def facts(self) -> list[Fact]:
        return [report for report in self.reports if isinstance(report, Fact)]

    def log(self, event: str) -> bytes:
        """Return what came of an event's log."""
        return b"".join(
            report.data
            for report in self.reports
            if isinstance(report, LogPiece) and report.event == event
        )

    def statuses(self) -> dict[str, str]:
        """Return the last known status of each lifecycle event."""
        return {
            str(fact.body["name"]): str(fact.body["status"])
            for fact in self.facts
            if fact.body["fact"] == "event"
        }

    def is_running(self, event: str) -> bool:
        return self.statuses().get(event) == "InProgress"

    @property
    def ended(self) -> str | None:
        """How the run ended, if its end was reported."""
        ends = [fact.body["outcome"] for fact in self.facts if fact.body["fact"] == "end"]
        return str(ends[0]) if ends else None

    def _follow(self, driver: HostDriver, address: HostAddress, run: HostRun, seen: Seen) -> None:
        try:
            self.outcome = driver.follow(address, run, seen=seen, report=self._report)
        except BaseException as raised:  # noqa: BLE001
            self.raised = raised
        with self._news:
            self._news.notify_all()

    def _report(self, reports: Sequence[Report]) -> Wish:
        self._before()
        with self._news:
            self.reports.extend(reports)
            self.batches.append(len(reports))
            self._news.notify_all()
        if self._to_raise is not None:
            raise self._to_raise
        return self._wish
