"""What of the demo can be told without running it."""

from pathlib import Path

import pytest

from tidegate.appspec import parse_appspec
from tidegate.drivers.bundles.archive import pack_folder
from tidegate_cli.demo_hosts import COUNT, host_names
from tidegate_cli.demo_sample import BREAKS_ON, LANGUAGES, greetings_of, write_revision
from tidegate_cli.demo_view import revision_in, served_line


@pytest.mark.parametrize("revision", [1, 2, 3])
def test_a_revision_is_the_same_bytes_in_every_run(tmp_path: Path, revision: int):
    packed = [
        pack_folder(write_revision(revision, tmp_path / name), tmp_path / f"{name}.tgz")
        for name in ("first", "second")
    ]

    assert packed[0].read_bytes() == packed[1].read_bytes()


def test_the_samples_appspec_is_sound_and_its_scripts_can_be_run(tmp_path: Path):
    folder = write_revision(1, tmp_path / "sample")

    spec = parse_appspec((folder / "appspec.yml").read_bytes()).as_json()

    locations = [hook["location"] for hooks in spec["hooks"].values() for hook in hooks]
    assert len(locations) == 4
    assert all((folder / location).stat().st_mode & 0o111 for location in locations)


def test_only_revision_3_fails_and_only_on_the_second_host():
    fails = {
        (revision, name)
        for revision in (1, 2, 3)
        for name, language in zip(host_names(), LANGUAGES, strict=True)
        if language not in greetings_of(revision)
    }

    assert fails == {(3, "web-2")}
    assert LANGUAGES.count(BREAKS_ON) == 1
    assert len(LANGUAGES) == COUNT


@pytest.mark.parametrize(
    ("page", "revision"),
    [
        ("Hello from web-1, revision 2", "2"),
        ("500 Internal Server Error", "500 Internal Server Error"),
        ("nothing", "nothing"),
    ],
)
def test_a_page_says_its_revision(page: str, revision: str):
    assert revision_in(page) == revision


def test_the_line_below_the_table_says_who_serves_what():
    line = served_line({"web-1": "Hello from web-1, revision 2", "web-2": "nothing"})

    assert line.plain == "serves revision   web-1 2   web-2 nothing"
