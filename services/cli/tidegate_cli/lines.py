"""What supervised programs print, line by line, each behind the name of its program."""

import os
from typing import Final, TextIO

OURSELVES: Final = "tidegate"
_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_WIDTH: Final = 15


class LineLog:
    """Writes prefixed lines to a stream, in colour where a person looks at it.

    A reader that goes away silences the log, a full disk loses lines; the programs go on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self._coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        self._colours: dict[str, int] = {}

    def write(self, name: str, line: bytes) -> None:
        """Write one line of a program."""
        self.print(f"{self._prefix(name)}{line.decode(errors='replace').rstrip()}")

    def say(self, sentence: str) -> None:
        """Write a sentence of our own."""
        self.print(f"{self._prefix(OURSELVES)}{sentence}")

    def print(self, text: str) -> None:
        """Write a line as it is."""
        if self._stream is None:
            return
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._stream = None
        except OSError:
            # A full disk under a log file costs this line; there may be space for the next.
            return

    def _prefix(self, name: str) -> str:
        head = f"{name:<{_WIDTH}} | "
        if not self._coloured:
            return head
        if name == OURSELVES:
            return f"\x1b[1m{head}\x1b[0m"
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"\x1b[{colour}m{head}\x1b[0m"
