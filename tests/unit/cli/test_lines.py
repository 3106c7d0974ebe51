"""Lines of several programs in one log."""

import io
from typing import Any

import pytest

from tidegate_cli.lines import LineLog


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class BrokenPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_each_line_says_whose_it_is():
    stream = io.StringIO()
    log = LineLog(stream)

    log.write("api", b"listening \xff\r")
    log.say("All is well.")

    assert stream.getvalue().splitlines() == [
        "api             | listening \N{REPLACEMENT CHARACTER}",
        "tidegate        | All is well.",
    ]


def test_a_person_sees_names_in_colours_that_stay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    log = LineLog(stream)

    for name in ("api", "beat", "api"):
        log.write(name, b"tick")

    first, second, third = stream.getvalue().splitlines()
    assert first == third
    assert first.startswith("\x1b[36mapi")
    assert second.startswith("\x1b[33mbeat")


def test_who_wants_no_colour_gets_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()

    LineLog(stream).write("api", b"tick")

    assert "\x1b" not in stream.getvalue()


def test_a_reader_that_went_away_is_no_reason_to_end():
    log = LineLog(BrokenPipe())

    said: Any = [log.say("Nobody hears this."), log.say("Nor this.")]

    assert said == [None, None]
