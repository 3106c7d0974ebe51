"""§2: hostile archives are refused by name before anything is written outside."""

import io
import tarfile
from pathlib import Path

import pytest

from parity.bundles import Entry, File, Folder, HardLink, Link, Special, appspec, pack
from parity.machine import Machine

SPEC = {"appspec.yml": File(appspec())}
EVIL = File("evil", 0o755)

TARS: dict[str, tuple[dict[str, Entry], str]] = {
    "absolute": ({"@/outside": EVIL}, "@/outside"),
    "dots": ({"../../outside": EVIL}, "../../outside"),
    "dots-inside": ({"a/../../outside": EVIL}, "a/../../outside"),
    "dots-that-stay": ({"a/../b": EVIL}, "a/../b"),
    "folder-above": ({"../outside/": Folder()}, "../outside"),
    "through-a-link": ({"l": Link("@"), "l/outside": EVIL}, "l/outside"),
    "through-a-link-to-dots": ({"l": Link("../.."), "l/outside": EVIL}, "l/outside"),
    "through-two-links": (
        {"a": Link("b"), "b": Link("@"), "a/outside": EVIL},
        "a/outside",
    ),
    "folder-through-a-link": ({"l": Link("@"), "l/outside": Folder()}, "l/outside"),
    "hard-link-to-the-host": ({"h": HardLink("/etc/hostname")}, "h"),
    "hard-link-above": ({"h": HardLink("../../../x")}, "h"),
    "hard-link-through-a-link": ({"l": Link("/etc"), "h": HardLink("l/hostname")}, "h"),
    "hard-link-to-a-link": ({"l": Link("/etc/hostname"), "h": HardLink("l")}, "h"),
    "hard-link-to-nothing": ({"h": HardLink("not-yet"), "not-yet": EVIL}, "h"),
    "character-device": ({"dev": Special(tarfile.CHRTYPE)}, "dev"),
    "block-device": ({"dev": Special(tarfile.BLKTYPE)}, "dev"),
    "pipe": ({"pipe": Special(tarfile.FIFOTYPE)}, "pipe"),
    "below-a-file": ({"f": EVIL, "f/g": EVIL}, "f/g"),
}
ZIPS = {
    name: TARS[name]
    for name in ("absolute", "dots", "dots-inside", "through-a-link", "pipe", "below-a-file")
}


def refused(machine: Machine, entries: dict[str, Entry], name: str, kind: str) -> None:
    """Deploy it, and insist that nothing came of it."""
    here = machine.here
    mended = {
        here(each): Link(here(entry.text)) if isinstance(entry, Link) else entry
        for each, entry in entries.items()
    }
    path = machine.give(pack({**SPEC, **mended}, kind, machine.path(f"hostile.{kind}")))
    before = set(machine.place.iterdir())

    done = machine.deploy(path, kind=kind)

    phrase = f"Error extracting {'zip' if kind == 'zip' else 'tar'} archive"
    assert done.message.startswith(phrase), done.message
    done.failed("DownloadBundle", here(name))
    assert not done.archive.exists()
    new = {each.name.partition("-")[0] for each in set(machine.place.iterdir()) - before}
    assert new == {"root", "stdout", "stderr"}


@pytest.mark.parametrize(("entries", "name"), TARS.values(), ids=TARS)
def test_a_hostile_tar_is_refused_by_the_name_of_its_entry(machine: Machine, entries, name):
    refused(machine, entries, name, "tar")


@pytest.mark.parametrize(("entries", "name"), ZIPS.values(), ids=ZIPS)
def test_a_hostile_zip_is_refused_by_the_name_of_its_entry(machine: Machine, entries, name):
    refused(machine, entries, name, "zip")


@pytest.mark.parametrize("kind", ["tgz", "zip"])
def test_an_ordinary_user_is_protected_as_well(ordinary: Machine, kind):
    refused(ordinary, *TARS["through-a-link"], kind)


@pytest.mark.parametrize("kind", ["tgz", "zip"])
def test_a_bomb_is_refused(machine: Machine, kind):
    bomb = {**SPEC, "zeros": File(b"\0" * (80 << 20))}
    path = pack(bomb, kind, machine.path(f"bomb.{kind}"))

    done = machine.deploy(path, kind=kind, events=("DownloadBundle",))

    done.failed("DownloadBundle", "Error extracting", "zeros")
    assert not done.archive.exists()


def test_too_many_entries_are_refused(machine: Machine):
    path = machine.path("many.tar")
    with tarfile.open(path, "w") as archive:
        for number in range(100_001):
            archive.addfile(tarfile.TarInfo(f"{number}"), io.BytesIO())

    done = machine.deploy(path, kind="tar", events=("DownloadBundle",))

    done.failed("DownloadBundle", "Error extracting tar archive", "100,000")


def test_a_pipe_in_a_folder_fails_the_download_and_hangs_nobody(anybodys: Machine):
    done = anybodys.deploy({**SPEC, "pipe": Special()}, events=("DownloadBundle", "Install"))

    done.failed("DownloadBundle", "pipe")


@pytest.mark.parametrize("kind", ["directory", "tar", "zip"])
def test_a_link_that_leads_out_is_kept_and_nothing_is_read_through_it(anybodys: Machine, kind):
    anybodys.folder("host", {"secret": "s"})
    link = Link(str(anybodys.path("host")))
    for source in ("out/secret", "out/"):
        spec = anybodys.here(appspec(files=[{"source": source, "destination": "@/srv"}]))

        done = anybodys.deploy({"appspec.yml": File(spec), "out": link}, kind=kind)

        done.failed("Install", "leads out")
        assert (done.archive / "out").is_symlink()
        assert not anybodys.path("srv").exists()


def test_a_link_out_of_an_installed_folder_is_installed_as_a_link(anybodys: Machine):
    anybodys.folder("host", {"secret": "s"})
    files = {
        "appspec.yml": appspec(files=[{"source": "www", "destination": "@/srv"}]),
        "www/out": Link(str(anybodys.path("host"))),
    }

    anybodys.deploy(files).succeeded()

    assert Path(anybodys.path("srv/out")).readlink() == anybodys.path("host")
