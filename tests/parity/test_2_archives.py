"""§2: what is unpacked from sound archives, of which top folder, and of which type."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from parity.bundles import MOMENT, File, Folder, HardLink, Link, appspec, pack, sh
from parity.machine import GROUP, Machine

DOWNLOAD = ("DownloadBundle",)
SPEC = appspec()
WHOLE = {
    "appspec.yml": SPEC,
    "plain": "text\n",
    "run.sh": sh("true"),
    "secret": File("s", 0o600),
    ".hidden": "h",
    "deep/er/file": "d",
    "empty": Folder(),
    "with blank": "b",
    "ünï/cödé": "u",
    "link": Link("plain"),
    "dangling": Link("nowhere/at/all"),
    "absolute": Link("/etc/hostname"),
    "to-folder": Link("deep"),
}


def tree(folder: Path) -> dict[str, object]:
    """Everything below a folder: text of links, bytes of files, None for folders."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else None
        if path.is_dir()
        else path.read_bytes()
        for path in folder.rglob("*")
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("kind", ["directory", "tar", "tgz", "zip"])
def test_all_of_a_bundle_arrives(anybodys: Machine, kind):
    done = anybodys.deploy(WHOLE, kind=kind, events=DOWNLOAD).succeeded()

    found = tree(done.archive)
    parents = {"deep", "deep/er", "ünï"}
    assert found.keys() == WHOLE.keys() | parents
    assert found["plain"] == b"text\n"
    assert found["empty"] is None
    assert (found["link"], found["dangling"]) == ("plain", "nowhere/at/all")
    assert (found["absolute"], found["to-folder"]) == ("/etc/hostname", "deep")
    assert mode(done.archive / "run.sh") == 0o755
    assert mode(done.archive / "secret") == 0o600
    assert {path.lstat().st_uid for path in done.archive.rglob("*")} == {anybodys.user_id}


@pytest.mark.parametrize("kind", ["directory", "tar", "tgz"])
def test_times_and_hard_links_arrive(machine: Machine, kind):
    files = {"appspec.yml": SPEC, "one": "1", "two": HardLink("one")}

    done = machine.deploy(files, kind=kind, events=DOWNLOAD).succeeded()

    one, two = done.archive / "one", done.archive / "two"
    assert two.read_bytes() == b"1"
    assert not one.samefile(two)
    assert one.stat().st_mtime == MOMENT


def test_the_pointer_to_the_most_recent_download_is_written(anybodys: Machine):
    done = anybodys.deploy({"appspec.yml": SPEC}, events=DOWNLOAD).succeeded()

    pointer = anybodys.root / "deployment-instructions" / f"{GROUP}_most_recent_install"
    assert pointer.read_text() == str(done.folder)
    assert not (pointer.parent / f"{GROUP}_last_successful_install").exists()


def test_a_download_that_is_repeated_replaces_what_was_there(machine: Machine):
    first = machine.deploy({"appspec.yml": SPEC, "old": "1"}, events=DOWNLOAD, deployment_id="d-1")
    (first.archive / "by-hand").write_text("x")

    again = machine.deploy(
        {"appspec.yml": SPEC, "new": "2"}, events=(*DOWNLOAD, *DOWNLOAD), deployment_id="d-1"
    )

    assert tree(again.succeeded().archive).keys() == {"appspec.yml", "new"}


def test_set_id_bits_are_dropped(anybodys: Machine):
    files = {"appspec.yml": SPEC, "uid": File("", 0o4755), "gid": File("", 0o2755)}

    for kind in ("tar", "zip"):
        done = anybodys.deploy(files, kind=kind, events=DOWNLOAD).succeeded()

        assert mode(done.archive / "uid") == 0o755
        assert mode(done.archive / "gid") == 0o755


def test_root_gives_members_of_a_tar_to_their_owners(rooted: Machine):
    files = {"appspec.yml": SPEC, "theirs": File("", 0o644, uid=65534)}

    done = rooted.deploy(files, kind="tar", events=DOWNLOAD).succeeded()

    assert (done.archive / "theirs").stat().st_uid == 65534


# The top folder

INNER = {"appspec.yml": SPEC, "file": "f"}
TOP_FOLDERS = {
    "stripped": ({"top/appspec.yml": SPEC, "top/file": "f"}, INNER.keys()),
    "with-an-entry-of-its-own": (
        {"top": Folder(), "top/appspec.yml": SPEC, "top/file": "f"},
        INNER.keys(),
    ),
    "of-two-levels-one": (
        {"a/appspec.yml": SPEC, "a/b/file": "f"},
        {"appspec.yml", "b", "b/file"},
    ),
    "with-something-beside": (
        {"top/file": "f", "__MACOSX/x": "", "appspec.yml": SPEC},
        {"top", "top/file", "__MACOSX", "__MACOSX/x", "appspec.yml"},
    ),
}


@pytest.mark.parametrize("kind", ["tar", "tgz", "zip"])
@pytest.mark.parametrize(("files", "names"), TOP_FOLDERS.values(), ids=TOP_FOLDERS)
def test_a_single_top_folder_is_stripped(machine: Machine, kind, files, names):
    done = machine.deploy(files, kind=kind, events=(*DOWNLOAD, "BeforeInstall")).succeeded()

    assert tree(done.archive).keys() == names


UNSTRIPPED = {
    "a-folder-that-holds-no-appspec": ({"top/file": "f"}, {"top", "top/file"}),
    "an-appspec-two-levels-down": ({"a/b/appspec.yml": SPEC}, {"a", "a/b", "a/b/appspec.yml"}),
    "something-that-is-called-so": ({"top/My-AppSpec.txt": ""}, {"My-AppSpec.txt"}),
    "macosx-beside": (
        {"top/appspec.yml": SPEC, "__MACOSX/x": ""},
        {"top", "top/appspec.yml", "__MACOSX", "__MACOSX/x"},
    ),
}


@pytest.mark.parametrize(("files", "names"), UNSTRIPPED.values(), ids=UNSTRIPPED)
def test_what_is_not_stripped_has_no_appspec_where_it_is_looked_for(machine: Machine, files, names):
    done = machine.deploy(files, kind="zip", events=(*DOWNLOAD, "BeforeInstall"))

    done.failed("BeforeInstall", "did not find an AppSpec file")
    assert tree(done.archive).keys() == names


def test_the_top_folder_of_a_directory_is_not_stripped(machine: Machine):
    done = machine.deploy({"top/appspec.yml": SPEC}, events=(*DOWNLOAD, "BeforeInstall"))

    done.failed("BeforeInstall", "did not find an AppSpec file")
    assert tree(done.archive).keys() == {"top", "top/appspec.yml"}


# Types

MISTYPED = {
    "plain-as-tgz": ("tar", "tgz", "Error extracting tar archive"),
    "zip-as-tar": ("zip", "tar", "Error extracting tar archive"),
    "zip-as-tgz": ("zip", "tgz", "Error extracting tar archive"),
    "tar-as-zip": ("tar", "zip", "Error extracting zip archive"),
}


@pytest.mark.parametrize(("kind", "told", "words"), MISTYPED.values(), ids=MISTYPED)
def test_the_type_that_is_told_wins_over_the_content(machine: Machine, kind, told, words):
    path = machine.bundle({"appspec.yml": SPEC}, kind)

    machine.deploy(path, type=told, events=DOWNLOAD).failed("DownloadBundle", words)


def test_packed_data_is_a_tar_as_well(machine: Machine):
    path = machine.bundle(WHOLE, "tgz")

    done = machine.deploy(path, type="tar", events=DOWNLOAD).succeeded()

    assert (done.archive / "plain").exists()


@pytest.mark.parametrize("kind", ["tar", "tgz", "zip"])
def test_what_is_no_archive_is_refused(anybodys: Machine, kind):
    for data in (b"", b"no archive", b"\0" * 100):
        path = anybodys.path(f"broken-{len(data)}")
        path.write_bytes(data)
        phrase = f"Error extracting {'zip' if kind == 'zip' else 'tar'} archive"

        done = anybodys.deploy(path, type=kind, events=DOWNLOAD)

        done.failed("DownloadBundle", phrase)


@pytest.mark.parametrize("kind", ["tar", "tgz", "zip"])
def test_half_an_archive_is_refused(machine: Machine, kind):
    path = machine.bundle({"appspec.yml": SPEC, "noise": File(os.urandom(40_000))}, kind)
    path.write_bytes(path.read_bytes()[:20_000])

    done = machine.deploy(path, type=kind, events=DOWNLOAD)

    done.failed("DownloadBundle", "Error extracting")
    assert not done.archive.exists()


def test_a_type_that_is_none_fails_the_first_event(anybodys: Machine):
    path = anybodys.bundle({"appspec.yml": SPEC})

    done = anybodys.deploy(path, type="rar")

    done.failed("ApplicationStop", "BundleType", "rar")
    assert set(done.statuses()[1:]) == {"Skipped"}


def test_a_bundle_that_is_not_there_or_another_kind_of_thing_fails_the_download(anybodys: Machine):
    folder, archive = (
        anybodys.bundle({"appspec.yml": SPEC}, kind) for kind in ("directory", "tar")
    )

    anybodys.deploy("/nowhere/b.tgz", type="tgz").failed("DownloadBundle", "/nowhere/b.tgz")
    anybodys.deploy(folder, type="tar").failed("DownloadBundle", str(folder), "is a folder")
    anybodys.deploy(archive, type="directory").failed("DownloadBundle", str(archive), "no folder")


def test_a_bundle_that_may_not_be_read_fails_the_download(ordinary: Machine):
    path = ordinary.bundle({"appspec.yml": SPEC}, "tar")
    path.chmod(0)

    ordinary.deploy(path, type="tar").failed("DownloadBundle", str(path), "permission denied")


# Names in archives


def test_a_zip_from_windows_separates_folders_by_backslashes(machine: Machine):
    path = machine.path("windows.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("appspec.yml", "scripts\\deep\\a.sh"):
            info = zipfile.ZipInfo(name)
            # Python mends backslashes on Windows alone.
            info.filename, info.create_system = name, 0
            archive.writestr(info, SPEC if name == "appspec.yml" else "")

    done = machine.deploy(path, type="zip", events=(*DOWNLOAD, "BeforeInstall")).succeeded()

    assert tree(done.archive).keys() == {
        "appspec.yml",
        "scripts",
        "scripts/deep",
        "scripts/deep/a.sh",
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_of_two_members_of_one_name_the_later_one_wins(machine: Machine, kind):
    path = machine.path(f"twice.{kind}")
    pack({"appspec.yml": SPEC, "./twice": "first", "twice": "second"}, kind, path)

    done = machine.deploy(path, kind=kind, events=DOWNLOAD).succeeded()

    assert (done.archive / "twice").read_text() == "second"


def test_events_without_the_download_read_no_bundle(machine: Machine):
    done = machine.deploy("/nowhere/at/all", type="zip", events=("ApplicationStop",))

    assert done.succeeded().noops() == ["ApplicationStop"]


def test_a_zip_that_unpacks_itself_is_a_zip(anybodys: Machine):
    text = appspec(hooks={"AfterInstall": ["s.sh"]})
    path = anybodys.bundle({"appspec.yml": text, "s.sh": sh("echo ran")}, "zip")
    path.write_bytes(b"#!/bin/sh\nexec unzip $0\n" + path.read_bytes())

    done = anybodys.deploy(path, kind="zip", events=("DownloadBundle", "AfterInstall"))

    assert "[stdout]ran" in done.succeeded().scripts_log


@pytest.mark.parametrize("kind", [None, "directory", "tar", "zip"])
def test_a_bundle_that_is_neither_file_nor_folder_is_not_waited_for(machine: Machine, kind):
    os.mkfifo(machine.path("pipe"))

    done = machine.deploy(machine.path("pipe"), type=kind, events=("DownloadBundle",))

    done.failed("DownloadBundle", str(machine.path("pipe")), "no")
