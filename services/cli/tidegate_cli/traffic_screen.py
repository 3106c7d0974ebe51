"""Traffic that moves, on a terminal: a bar for each target, the steps, and what comes next."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate_cli.progress import Progress, moment
from tidegate_cli.times import clock
from tidegate_cli.traffic_view import (
    bar,
    coming,
    movement,
    percent,
    step_row,
    task_sets,
    who_and_why,
    window,
)

MARKS: Final = {
    "Pending": ("·", ".", "dim"),
    "InProgress": ("▶", ">", "cyan"),
    "Succeeded": ("✔", "ok", "green"),
    "Failed": ("✘", "FAILED", "bold red"),
    "Skipped": ("○", "-", "yellow"),
}
_COLUMNS: Final = (("", False), ("event", True), ("step", True), ("at (UTC)", False), ("", False))
"""Heads, and whether they give way on a narrow terminal: marks and times are never cut."""
MOST_BARS: Final = 5
FEWEST_STEPS: Final = 3
SHORTEST_LABEL: Final = 12
BESIDE_STEPS: Final = 4
"""Lines: what is left out before and after, a pause, what comes next."""


def traffic_parts(
    progress: Progress, *, console: Console, now: datetime, fits: int
) -> Iterator[RenderableType]:
    """Yield the picture of a deployment that moves traffic, in *fits* lines or a few more."""
    plain = not console.encoding.startswith("utf")
    bars = list(_bars(progress, now, plain=plain, width=console.width))
    yield from bars
    if progress.steps:
        left = max(fits - len(bars) - BESIDE_STEPS, FEWEST_STEPS)
        yield _table(progress, now, plain=plain, fits=left)
    if paused := moment(progress.deployment.get("paused_at")):
        told = f"Paused since {clock(paused, now)}{who_and_why(progress.pause)}"
        yield Text(told, style="bold yellow", no_wrap=True, overflow="ellipsis")
    if next_ := coming(progress.deployment, now):
        yield Text(next_, style="bold")


def _bars(progress: Progress, now: datetime, *, plain: bool, width: int) -> Iterator[Text]:
    shown = list(progress.traffic.items())[:MOST_BARS]
    for name, traffic in shown:
        found = traffic.get("found") or {}
        weight = float(found.get("weight") or 0)
        read_at = moment(found.get("read_at"))
        read = f"  read {clock(read_at, now)}" if read_at else "  not read yet"
        share = Text.assemble(
            "  ", (bar(weight, plain=plain), "green"), f" {percent(weight)}", (read, "dim")
        )
        line = _label(name, movement(traffic), max(width - len(share), SHORTEST_LABEL))
        line.append_text(share)
        yield line
        for text in task_sets(traffic):
            yield Text(f"  {text}", style="dim", no_wrap=True, overflow="ellipsis")
        if traffic.get("note"):
            yield Text(f"  {traffic['note']}", style="yellow", no_wrap=True, overflow="ellipsis")
    if rest := len(progress.traffic) - len(shown):
        yield Text(f"… and {rest} more", style="dim")


def _label(name: str, moves: str, room: int) -> Text:
    """Return what moves, and from what to what: a long name gives way, for the share matters."""
    shown = Text(name, style="bold")
    shown.truncate(max(room - len(moves) - 2, SHORTEST_LABEL), overflow="ellipsis")
    label = Text.assemble(shown, f"  {moves}", no_wrap=True, overflow="ellipsis")
    label.truncate(room, overflow="ellipsis")
    return label


def _table(progress: Progress, now: datetime, *, plain: bool, fits: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", expand=False)
    for head, gives_way in _COLUMNS:
        table.add_column(head, no_wrap=not gives_way)
    before, shown = window(progress.steps, fits)
    if before:
        table.add_row("", _cut(f"{before} before", "dim"), "", "", "")
    for step in shown:
        row = step_row(step, now)
        mark, word, style = MARKS.get(row.status, ("?", "?", ""))
        table.add_row(
            Text(word if plain else mark, style=style),
            _cut(row.event),
            _cut(row.what, "" if row.status == "Pending" else style),
            row.at,
            _cut(row.note, "dim"),
        )
    if after := len(progress.steps) - before - len(shown):
        table.add_row("", _cut(f"{after} after", "dim"), "", "", "")
    return table


def _cut(text: str, style: str = "") -> Text:
    """Return what is cut off rather than wrapped where there is no room."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
