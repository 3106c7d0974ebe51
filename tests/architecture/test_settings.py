"""The table of settings tells the truth."""

import os
import re
import subprocess
import sys
from pathlib import Path

from architecture.tree import text_of
from tidegate.secret_files import secret_names
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


def test_the_page_names_each_secret_that_may_lie_in_a_file():
    (sentence,) = re.findall(
        r"`TIDEGATE_<NAME>_FILE` names it for (.*)\.$", text_of("docs/settings.md"), re.MULTILINE
    )

    assert set(re.findall(r"`([A-Z_]+)`", sentence)) == {n.upper() for n in secret_names(Settings)}


def test_every_option_of_up_has_its_environment_name_in_the_table():
    tidegate = Path(sys.executable).with_name("tidegate")
    helped = subprocess.run(
        [tidegate, "up", "--help"],
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    options = set(re.findall(r"^\W+(--[a-z-]+)", helped, re.MULTILINE)) - {"--help"}
    names = set(re.findall(r"env\s+var:\s+(\w+)", helped))

    assert names == {f"TIDEGATE_{option[2:].replace('-', '_').upper()}" for option in options}
    assert names
    assert names <= documented().keys()
