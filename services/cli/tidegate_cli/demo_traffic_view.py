"""What the demo shows of traffic beside what Tidegate tells, and when it lights an alarm."""

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Group
from rich.text import Text

from tidegate.clock import monotonic
from tidegate_cli.client import Document
from tidegate_cli.progress import Progress
from tidegate_cli.traffic_view import BAR, bar, percent
from tidegate_cli.waiting import View

WATCHED_FOR: Final = 2.0
"""Seconds for which a share is seen before the alarm goes on."""
_OLD, _NEW = "blue", "green"


def aws_says(sides: Sequence[tuple[str, float]], alarm: str, state: str) -> Group:
    """Return how the traffic stands, the old side and then the new one, and the alarm."""
    (old, kept), (new, moved) = sides
    filled = bar(moved).count(bar(100)[0])
    traffic = Text.assemble(
        ("AWS says  ", "dim"),
        (f"{old} {percent(kept)} ", _OLD),
        (bar(100)[0] * (BAR - filled), _OLD),
        (bar(100)[0] * filled, _NEW),
        (f" {percent(moved)} {new}", _NEW),
        no_wrap=True,
        overflow="ellipsis",
    )
    lit = "bold red" if state == "ALARM" else "green"
    lamp = Text.assemble((f"          alarm {alarm}: ", "dim"), (state or "unknown", lit))
    return Group(traffic, lamp)


class Lighting:
    """Tells a view all that it hears, and lights an alarm when so much of the traffic has moved."""

    def __init__(
        self,
        view: View,
        light: Callable[[], None],
        *,
        at: float,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._view = view
        self._light = light
        self._at = at
        self._seconds = seconds
        self._seen_at: float | None = None
        self._is_lit = False

    def begin(self, progress: Progress) -> None:
        self._view.begin(progress)

    def note(self, progress: Progress, events: Sequence[Document]) -> None:
        self._view.note(progress, events)
        weights = [(one.get("found") or {}).get("weight") for one in progress.traffic.values()]
        if self._seen_at is None and any((weight or 0) >= self._at for weight in weights):
            self._seen_at = self._seconds()
        if self._is_lit or self._seen_at is None:
            return
        if self._seconds() - self._seen_at >= WATCHED_FOR:
            self._is_lit = True
            self._light()

    def worry(self, trouble: str | None) -> None:
        self._view.worry(trouble)

    def end(self, progress: Progress) -> None:
        self._view.end(progress)
