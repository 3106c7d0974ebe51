"""A deployment on a terminal: hosts by lifecycle events, redrawn as it goes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate.clock import Clock, SystemClock
from tidegate_cli.alarm_view import alarm_lines
from tidegate_cli.client import Document
from tidegate_cli.plain import headline
from tidegate_cli.progress import EventProgress, Progress, TargetProgress, moment
from tidegate_cli.times import spell
from tidegate_cli.traffic_screen import traffic_parts
from tidegate_cli.traffic_view import coming, moves_traffic, remarks
from tidegate_cli.verdict import is_final, sentence

SHORT: Final = {
    "ApplicationStop": "Stop",
    "DownloadBundle": "Download",
    "BeforeInstall": "Before",
    "Install": "Install",
    "AfterInstall": "After",
    "ApplicationStart": "Start",
    "ValidateService": "Validate",
}
MARKS: Final = {
    "Pending": ("·", ".", "dim"),
    "InProgress": ("▶", ">", "cyan"),
    "Succeeded": ("✔", "ok", "green"),
    "Failed": ("✘", "FAILED", "bold red"),
    "Skipped": ("○", "-", "yellow"),
    "Unknown": ("?", "?", "yellow"),
    "Ready": ("●", "o", "cyan"),
}
WIDE: Final = 100
MESSAGES: Final = 3
FRAME_LINES: Final = 8
FEWEST_ROWS: Final = 5
FIRST: Final = {"InProgress": 0, "Failed": 1, "Ready": 2, "Pending": 3, "Skipped": 4}


class LiveView:
    """Redraws the table whenever something happened, or a moment went by."""

    def __init__(self, console: Console, clock: Clock | None = None) -> None:
        self._console = console
        self._clock = clock or SystemClock()
        self._live: Live | None = None
        self._trouble: str | None = None

    def begin(self, progress: Progress) -> None:
        self._live = Live(
            self._frame(progress),
            console=self._console,
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def note(self, progress: Progress, events: Sequence[Document]) -> None:
        del events
        if self._live is not None:
            self._live.update(self._frame(progress), refresh=True)

    def worry(self, trouble: str | None) -> None:
        self._trouble = trouble

    def end(self, progress: Progress) -> None:
        self._trouble = None
        self.note(progress, ())
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _frame(self, progress: Progress) -> RenderableType:
        return frame(progress, console=self._console, now=self._clock.now(), trouble=self._trouble)


def frame(
    progress: Progress, *, console: Console, now: datetime, trouble: str | None = None
) -> Group:
    """Return the whole picture, cut to the height of the terminal."""
    alarms = list(_alarms(progress, now))
    told = list(_remarks(progress))
    fits = max(console.height - FRAME_LINES - MESSAGES - len(alarms) - len(told), FEWEST_ROWS)
    parts: list[RenderableType] = [*_head(progress, now), *alarms]
    if moves_traffic(progress.deployment):
        parts.extend(traffic_parts(progress, console=console, now=now, fits=fits))
    else:
        parts.extend(_targets(progress, fits, console=console, now=now))
    parts.extend(_messages(progress))
    parts.extend(told)
    if trouble:
        parts.append(Text(f"{trouble} Trying again.", style="yellow", overflow="ellipsis"))
    return Group(*parts)


def _alarms(progress: Progress, now: datetime) -> Iterator[Text]:
    for text, style in alarm_lines(progress.deployment, now):
        yield Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _targets(
    progress: Progress, fits: int, *, console: Console, now: datetime
) -> Iterator[RenderableType]:
    shown, rest = choose(list(progress.targets.values()), fits)
    if shown:
        yield _table(progress, shown, console=console, now=now)
    if rest:
        yield Text(f"… and {len(rest)} more: {_counted(rest)}", style="dim")
    if next_ := coming(progress.deployment, now):
        yield Text(next_, style="bold")


def choose(
    targets: Sequence[TargetProgress], fits: int
) -> tuple[list[TargetProgress], list[TargetProgress]]:
    """Return the targets to show and those to count: what runs or failed is shown first."""
    if len(targets) <= fits:
        return list(targets), []
    ranked = sorted(targets, key=lambda target: FIRST.get(target.status, len(FIRST)))
    return ranked[:fits], ranked[fits:]


def _head(progress: Progress, now: datetime) -> list[Text]:
    deployment = progress.deployment
    head = Text(headline(deployment), style="bold", overflow="ellipsis", no_wrap=True)
    total = len(progress.targets)
    done = sum(is_done(target) for target in progress.targets.values())
    status = Text(progress.status, style=MARKS.get(progress.status, ("", "", "cyan"))[2])
    if total:
        status.append(f"  {done} of {total} done: {_counted(progress.targets.values())}", "none")
    elapsed = _elapsed(deployment, now)
    if elapsed:
        status.append(f"  {elapsed}", "dim")
    lines = [head, status]
    if is_final(deployment) and deployment.get("error"):
        lines.append(Text(sentence(deployment), style="red"))
    return lines


def is_done(target: TargetProgress) -> bool:
    return target.status in {"Succeeded", "Failed", "Skipped"}


def _table(
    progress: Progress, shown: Sequence[TargetProgress], *, console: Console, now: datetime
) -> Table:
    names = progress.event_names()
    wide = console.width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", expand=False)
    table.add_column(
        "host", no_wrap=True, overflow="ellipsis", max_width=max(console.width // 4, 8)
    )
    for name in names:
        table.add_column(SHORT.get(name, name), no_wrap=True)
    for target in shown:
        style = MARKS.get(target.status, ("", "", ""))[2]
        cells = [
            _cell(target.event(name), console=console, now=now if wide else None) for name in names
        ]
        table.add_row(Text(target.name, style=style), *cells)
    return table


def _cell(event: EventProgress, *, console: Console, now: datetime | None) -> Text:
    mark, plain, style = MARKS.get(event.status, ("?", "?", ""))
    cell = Text(mark if console.encoding.startswith("utf") else plain, style=style)
    if now is not None and event.started_at is not None and event.status != "Skipped":
        seconds = ((event.finished_at or now) - event.started_at).total_seconds()
        cell.append(f" {spell(max(seconds, 0))}", "dim")
    return cell


def _messages(progress: Progress) -> list[Text]:
    """Return why targets failed or wait, the failed ones first."""
    told = [
        target
        for status in ("Failed", "InProgress", "Pending")
        for target in progress.targets.values()
        if target.status == status and target.message
    ]
    return [
        Text.assemble(
            (f"{target.name}: ", "bold red" if target.status == "Failed" else "yellow"),
            " ".join(target.message.split()),
            no_wrap=True,
            overflow="ellipsis",
        )
        for target in told[:MESSAGES]
    ]


def _remarks(progress: Progress) -> Iterator[Text]:
    """Yield what else there is to say: at the end in full, as it may say what is left to do."""
    is_over = is_final(progress.deployment)
    for remark in remarks(progress.deployment):
        overflow: Literal["fold", "ellipsis"] = "fold" if is_over else "ellipsis"
        yield Text(remark, style="yellow", no_wrap=not is_over, overflow=overflow)


def _counted(targets: Iterable[TargetProgress]) -> str:
    counts = Counter(target.status for target in targets)
    order = sorted(counts, key=lambda status: (FIRST.get(status, len(FIRST)), status))
    return ", ".join(f"{counts[status]} {status}" for status in order)


def _elapsed(deployment: Document, now: datetime) -> str:
    begun = moment(deployment.get("started_at") or deployment.get("created_at"))
    if begun is None:
        return ""
    ended = moment(deployment.get("completed_at")) or now.astimezone(UTC)
    return spell(max((ended - begun).total_seconds(), 0))
