"""What others say, as it may stand in a sentence of ours."""

from typing import Final

LONGEST: Final = 300


def in_one_line(text: str, *, most: int = LONGEST) -> str:
    """Return the beginning of *text* in one line, without what would upset whoever shows it."""
    return tidy(text)[:most]


def tidy(text: str) -> str:
    """Return *text* in one line, without what would upset whoever shows it.

    Zero bytes and half characters are kept by no database and sent by no API, and what moves the
    cursor of a terminal is not for the words of a container or the label of a metric to say.
    """
    words = "".join(each if each.isprintable() else " " for each in text).split()
    return " ".join(words)
