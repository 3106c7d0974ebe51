"""What the demo shows: where it stands, each deployment live, and a table at the end."""

import http.client
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate.clock import Clock, SystemClock, monotonic
from tidegate_cli.client import Document
from tidegate_cli.demo_hosts import ADDRESS, DemoHost
from tidegate_cli.output import on_terminal
from tidegate_cli.plain import PlainView
from tidegate_cli.progress import Progress
from tidegate_cli.screen import frame
from tidegate_cli.waiting import View

_ASK_EVERY: Final = 1.0
_WIDE: Final = 120
_FITS_CONFIG: Final = 100
_STYLES: Final = {"1": "bold blue", "2": "bold green", "3": "bold red"}
_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One deployment of the demo, beside what was planned."""

    deployment: str
    revision: str
    config: str
    status: str
    seconds: float
    expected: str
    as_planned: bool


def served_by(host: DemoHost) -> str:
    """Return what a host's page says now, as its visitor sees it."""
    connection = http.client.HTTPConnection(ADDRESS, host.site_port, timeout=1)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return _NOTHING
    finally:
        connection.close()
    return text if answer.status == http.HTTPStatus.OK else f"{answer.status} {answer.reason}"


def revision_in(page: str) -> str:
    """Return the revision that a page names, else the page."""
    return page.rpartition("revision ")[2] if "revision " in page else page


class DemoScreen:
    """Draws the demo on a terminal; the system's own picture, and below it what others see."""

    def __init__(
        self, console: Console, look: Callable[[], RenderableType], clock: Clock | None = None
    ) -> None:
        self._console = console
        self._look = look
        self._clock = clock or SystemClock()
        self._live: Live | None = None
        self._trouble: str | None = None
        self._seen: RenderableType = ""
        self._asked_at = float("-inf")

    def begin(self, progress: Progress) -> None:
        self._live = Live(
            self._frame(progress),
            console=self._console,
            auto_refresh=False,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def note(self, progress: Progress, events: Sequence[Document]) -> None:
        if events or monotonic() - self._asked_at >= _ASK_EVERY:
            self._ask()
        if self._live is not None:
            self._live.update(self._frame(progress), refresh=True)

    def worry(self, trouble: str | None) -> None:
        self._trouble = trouble

    def end(self, progress: Progress) -> None:
        self._trouble = None
        self._ask()
        self.note(progress, ())
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _ask(self) -> None:
        self._seen = self._look()
        self._asked_at = monotonic()

    def _frame(self, progress: Progress) -> Group:
        picture = frame(
            progress, console=self._console, now=self._clock.now(), trouble=self._trouble
        )
        return Group(picture, self._seen, Text(""))


def served_line(served: dict[str, str]) -> Text:
    """Return which revision each host serves, a colour for each."""
    line = Text("serves revision", style="dim", no_wrap=True, overflow="ellipsis")
    for name, page in served.items():
        revision = revision_in(page)
        line.append(f"   {name} ", "none")
        line.append(revision, _STYLES.get(revision, "yellow"))
    return line


class Stage:
    """Tells the story on a stream: in colour and live on a terminal, else in plain lines."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._live = on_terminal(out)
        width = None if self._live else _WIDE
        self._console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)

    def view(self, look: Callable[[], RenderableType]) -> View:
        """Return what shows deployments; on a terminal also what *look* returns."""
        return DemoScreen(self._console, look) if self._live else PlainView(self._out)

    def say(self, text: str, style: str = "") -> None:
        """Say something in a line of its own, however long."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def head(self, text: str) -> None:
        """Begin a chapter."""
        self.say(f"\n{text}", "bold cyan")

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Say what takes a moment."""
        begun = monotonic()
        if self._live:
            with self._console.status(Text(f"{text} …")):
                yield
        else:
            yield
        self.say(f"{text}: {monotonic() - begun:.1f} s", "dim")

    def table(self, rows: Sequence[Row]) -> None:
        """Show how all deployments ended."""
        # The title of each chapter has said the config already.
        is_wide = self._console.width >= _FITS_CONFIG
        left_out = set() if is_wide else {"config"}
        table = Table(
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1) if is_wide else (0, 1, 0, 0),
            header_style="bold",
        )
        shown = [_cells(row) for row in rows]
        heads = [head for head in shown[0] if head not in left_out] if shown else []
        for head in heads:
            table.add_column(head, justify="right" if head == "seconds" else "left", no_wrap=True)
        for cells in shown:
            table.add_row(*(cells[head] for head in heads))
        self._console.print(table)


def _cells(row: Row) -> dict[str, str | Text]:
    return {
        "deployment": row.deployment,
        "revision": row.revision,
        "config": row.config,
        "ended": Text(row.status, "green" if row.status == "Succeeded" else "red"),
        "seconds": f"{row.seconds:.1f}",
        "expected": row.expected,
        "": Text("ok", "green") if row.as_planned else Text("NO", "bold red"),
    }
