"""What commands print: tables for people, aligned text for pipes, JSON for machines."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, object]
Column = tuple[str, Callable[[Row], object]]

GOOD: Final = frozenset({"Succeeded"})
BAD: Final = frozenset({"Failed"})
BUSY: Final = frozenset({"InProgress", "Created", "Queued", "Baking", "Ready"})


def write(text: str, out: IO[str]) -> None:
    """Print *text* and a line's end, at once."""
    out.write(f"{text}\n")
    out.flush()


def say(sentence: str) -> None:
    """Tell the person something that is not the result."""
    write(sentence, sys.stderr)


def show(text: str) -> None:
    """Print a result."""
    write(text, sys.stdout)


def show_json(value: object) -> None:
    """Print a result as one line of JSON."""
    write(json.dumps(value, ensure_ascii=False), sys.stdout)


def on_terminal(stream: IO[str]) -> bool:
    """Tell whether a person looks at *stream*."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def cell(value: object) -> str:
    """Return a value as a table shows it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict():
            return " ".join(f"{key}={each}" for key, each in value.items()) or "-"
        case list() | tuple():
            return ", ".join(cell(each) for each in value) or "-"
        case _:
            return str(value) or "-"


def moment(value: object) -> str:
    """Return a time of the API to the second, as it is: in UTC."""
    text = str(value or "")
    whole, dot, _ = text.partition(".")
    return f"{whole}Z" if dot else text


def size(value: object) -> str:
    """Return a number of bytes in a unit that fits."""
    if not isinstance(value, int):
        return "-"
    amount = float(value)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def show_table(rows: Iterable[Row], columns: Sequence[Column], *, nothing: str) -> None:
    """Print rows under their columns; *nothing* goes to stderr when there are none."""
    cells = [[cell(value(row)) for _, value in columns] for row in rows]
    heads = [head for head, _ in columns]
    if on_terminal(sys.stdout):
        if cells:
            _rich_table(heads, cells)
        else:
            say(nothing)
        return
    show("\n".join(aligned([[head.upper() for head in heads], *cells])))


def show_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print one thing, a line for each of its facts; a title in bold on a terminal."""
    lines = [(name, cell(value)) for name, value in facts]
    if not on_terminal(sys.stdout):
        show("\n".join(aligned([[f"{name}:", value] for name, value in lines])))
        return
    grid = Table.grid(padding=(0, 2))
    for name, value in lines:
        grid.add_row(Text(name, style="bold"), colour(value))
    _console().print(grid)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns stand below each other, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def colour(text: str) -> Text:
    """Return a status in its colour, anything else as it is."""
    if text in GOOD:
        return Text(text, style="green")
    if text in BAD:
        return Text(text, style="bold red")
    return Text(text, style="cyan" if text in BUSY else "")


def _rich_table(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    console = _console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for position, head in enumerate(heads):
        column = [row[position] for row in cells]
        # An id, a status or a time is worth nothing in pieces; the last column gives way, and so
        # does a long name, beside which nothing else would have room.
        is_short = max(map(len, column)) <= console.width // 3
        whole = is_short and position < len(heads) - 1 and not any(" " in text for text in column)
        table.add_column(head, overflow="fold", no_wrap=whole)
    for row in cells:
        table.add_row(*map(colour, row))
    console.print(table)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
