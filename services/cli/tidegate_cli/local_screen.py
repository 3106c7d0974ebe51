"""A local deployment as it happens: what scripts write, and how events end."""

import codecs
from codecs import IncrementalDecoder
from typing import TextIO

from tidegate.domain.lifecycle import EventStatus
from tidegate.drivers.hosts import Fact, LogPiece, Report
from tidegate_cli.local_record import EventRecord


class Screen:
    """Prints to one stream; where that is closed, the deployment goes on in silence."""

    def __init__(self, out: TextIO) -> None:
        self._out: TextIO | None = out
        self._decoder = _decoder()
        self._log_ends: dict[str, int] = {}

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._print(f"{sentence}\n")

    def show(self, report: Report, event: EventRecord | None) -> None:
        """Print what a report tells of *event*."""
        match report:
            case LogPiece():
                self._show_log(report)
            case Fact() if event is not None and not event.is_open:
                self._decoder = _decoder()
                self.say(outcome(event))
            case Fact(body={"fact": "waiting", "for": holder}):
                self.say(f"Waits for deployment {holder}, whose script still runs on this machine.")
            case _:
                pass

    def _show_log(self, piece: LogPiece) -> None:
        left_out = piece.at - self._log_ends.get(piece.event, 0)
        if left_out > 0:
            self.say(f"… {left_out} bytes of the log of {piece.event} are left out here …")
        self._log_ends[piece.event] = piece.at + len(piece.data)
        self._print(self._decoder.decode(piece.data))

    def _print(self, text: str) -> None:
        if self._out is None:
            return
        encoding = self._out.encoding or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding))
            self._out.flush()
        except (OSError, ValueError):
            self._out = None


def outcome(event: EventRecord) -> str:
    """Return how an event ended, in a line."""
    match event.status:
        case EventStatus.SUCCEEDED if event.noop:
            return f"{event.name} had nothing to run"
        case EventStatus.SUCCEEDED:
            return f"{event.name} succeeded in {event.seconds:.2f} s"
        case EventStatus.FAILED:
            return f"{event.name} failed: {event.message}"
        case _:
            return f"{event.name} was skipped"


def _decoder() -> IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")
