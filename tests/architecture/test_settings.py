"""The table of settings tells the truth."""

import re

from architecture.tree import text_of
from tidegate.settings import Settings

ROW = re.compile(r"^\| *`(TIDEGATE_[A-Z0-9_]+)` *\|(.*)\|$", re.MULTILINE)


def documented() -> dict[str, str]:
    return dict(ROW.findall(text_of("docs/settings.md")))


def declared() -> set[str]:
    return {f"TIDEGATE_{name.upper()}" for name in Settings.model_fields}


def test_every_setting_is_in_the_table_and_every_row_is_a_setting():
    assert set(documented()) == declared()


def test_the_table_says_what_each_setting_means():
    silent = [name for name, rest in documented().items() if len(rest.split("|")) < 2]

    assert documented()
    assert silent == []
