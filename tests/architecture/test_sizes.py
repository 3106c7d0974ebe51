"""A file fits into the head and a function on a screen."""

from architecture.tree import functions_of, python_files, text_of

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40

# A migration is history: it is as long as what it did, and is never edited.
HISTORY = "shared/tidegate/store/migrations/versions/"

# Functions over the limit, as "file::Class.function": lines. A number may fall, never rise.
LONG_FUNCTIONS: dict[str, int] = {}


def sized_files() -> list[str]:
    return [name for name in python_files() if not name.startswith(HISTORY)]


def test_files_are_short():
    sizes = {name: len(text_of(name).splitlines()) for name in sized_files()}

    too_long = {name: lines for name, lines in sizes.items() if lines > MOST_LINES_OF_A_FILE}

    assert too_long == {}


def test_functions_are_short_and_the_long_ones_do_not_grow():
    sizes = {
        f"{name}::{function}": lines
        for name in sized_files()
        for function, lines in functions_of(name)
        if lines > MOST_LINES_OF_A_FUNCTION
    }

    too_long = {
        place: lines
        for place, lines in sizes.items()
        if lines > LONG_FUNCTIONS.get(place, MOST_LINES_OF_A_FUNCTION)
    }

    assert too_long == {}


def test_no_exception_is_larger_than_it_must_be():
    sizes = {
        f"{name}::{function}": lines
        for name in sized_files()
        for function, lines in functions_of(name)
    }

    loose = {place: lines for place, lines in LONG_FUNCTIONS.items() if sizes.get(place) != lines}

    assert loose == {}, "write down the new, smaller number, or drop the line"
