"""What a local run told of its events, as `tidegate local --json` says it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.domain.diagnostics import log_tail
from tidegate.domain.lifecycle import DiagnosticCode, EventStatus
from tidegate.drivers.hosts import Fact, LogPiece, Report

STOPPED: Final = "The deployment was stopped before this event."


@dataclass(slots=True)
class EventRecord:
    """One occurrence of an event."""

    name: str
    began_at: float | None = None
    status: EventStatus = EventStatus.IN_PROGRESS
    noop: bool = False
    seconds: float = 0.0
    error_code: str = ""
    script: str = ""
    message: str = ""
    log: bytearray = field(default_factory=bytearray)

    @property
    def is_open(self) -> bool:
        return self.status is EventStatus.IN_PROGRESS

    def as_json(self) -> dict[str, object]:
        return {
            "event": self.name,
            "status": str(self.status),
            "noop": self.noop,
            "seconds": round(self.seconds, 3),
        }

    def diagnostics(self) -> dict[str, object]:
        # The agent reports the log of scripts, and none where it failed itself.
        log = log_tail(bytes(self.log)) if self.script else ""
        return {
            "error_code": self.error_code or str(DiagnosticCode.UNKNOWN_ERROR),
            "script_name": self.script,
            "message": self.message or STOPPED,
            "log": log,
        }


class Record:
    """All that became of a list of events, each of which may occur more than once."""

    def __init__(self, events: Sequence[str]) -> None:
        self._expected = tuple(events)
        self.events: list[EventRecord] = []
        self.warnings: list[str] = []

    def note(self, report: Report) -> EventRecord | None:
        """Take in what the runner told, and return the event that it is about."""
        if isinstance(report, LogPiece):
            event = self.events[-1]
            event.log += report.data
            return event
        if isinstance(report, Fact) and report.body["fact"] == "event":
            return self._note_event(report)
        return None

    def _note_event(self, fact: Fact) -> EventRecord:
        body = fact.body
        name, at = str(body["name"]), _number(body["at"])
        status = EventStatus(str(body["status"]))
        if status is EventStatus.IN_PROGRESS:
            self.events.append(EventRecord(name, began_at=at))
            return self.events[-1]
        if not self.events or not self.events[-1].is_open:
            self.events.append(EventRecord(name))
        event = self.events[-1]
        event.status = status
        event.noop = body.get("noop") is True
        event.seconds = max(at - event.began_at, 0.0) if event.began_at is not None else 0.0
        if status is EventStatus.FAILED:
            event.error_code = str(body.get("error_code") or "")
            event.script = str(body.get("script") or "")
            event.message = str(body.get("message") or "")
        warnings = body.get("warnings")
        self.warn(map(str, warnings) if isinstance(warnings, list) else ())
        return event

    def warn(self, warnings: Iterable[str]) -> None:
        """Keep each warning once."""
        self.warnings.extend(dict.fromkeys(w for w in warnings if w not in self.warnings))

    def conclude(self, why: str | None) -> None:
        """Let every event have an end: the one at which it stopped failed for *why*, if given."""
        if self.events and self.events[-1].is_open:
            self._fail(self.events[-1], why or STOPPED)
            why = None
        for name in self._expected[len(self.events) :]:
            event = EventRecord(name, status=EventStatus.SKIPPED)
            self.events.append(event)
            if why is not None:
                self._fail(event, why)
                why = None

    @staticmethod
    def _fail(event: EventRecord, why: str) -> None:
        event.status = EventStatus.FAILED
        event.error_code, event.message = DiagnosticCode.UNKNOWN_ERROR, why

    @property
    def failed(self) -> EventRecord | None:
        """The event at which the deployment failed."""
        return next((e for e in self.events if e.status is not EventStatus.SUCCEEDED), None)

    def as_json(self) -> dict[str, object]:
        failed = self.failed
        return {
            "outcome": "failed" if failed else "succeeded",
            "failed_event": failed.name if failed else None,
            "diagnostics": failed.diagnostics() if failed else None,
            "events": [event.as_json() for event in self.events],
            "warnings": list(self.warnings),
        }


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
