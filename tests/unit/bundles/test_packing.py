"""Packing a folder: everything is in it, and the same tree gives the same bytes."""

import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tidegate.drivers.bundles.archive import (
    AppSpecMissing,
    BadArchive,
    inspect_archive,
    pack_as_is,
    pack_folder,
)
from tidegate.testing.archives import APPSPEC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "scripts" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "appspec.yml").write_bytes(APPSPEC)
    (folder / ".hidden").write_text("too")
    (folder / "scripts" / "start.sh").write_text("#!/bin/sh\n")
    (folder / "scripts" / "start.sh").chmod(0o755)
    (folder / "scripts" / "ünïcode").write_text("ü")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder-link").symlink_to("scripts")
    (folder / "hard").hardlink_to(folder / ".hidden")
    return folder


def test_everything_is_packed_and_passes_inspection(folder: Path, tmp_path: Path):
    path = pack_folder(folder, tmp_path / "out.tgz")

    assert inspect_archive(path).type == "tgz"
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
    assert list(members) == [
        ".hidden",
        "appspec.yml",
        "empty",
        "folder-link",
        "hard",
        "link",
        "scripts",
        "scripts/deep",
        "scripts/start.sh",
        "scripts/ünïcode",
    ]
    assert members["link"].linkname == "/etc/passwd"
    assert members["folder-link"].issym()
    assert members["hard"].isreg()
    assert members["hard"].size == 3
    assert members["scripts/start.sh"].mode == 0o755
    assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "")}


def test_the_same_tree_gives_the_same_bytes(folder: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)

    first = pack_folder(folder, tmp_path / "1").read_bytes()
    second = pack_folder(copy, tmp_path / "other-name").read_bytes()

    assert first == second


def test_times_of_files_stay(folder: Path, tmp_path: Path):
    os.utime(folder / "appspec.yml", (1_700_000_000.7, 1_700_000_000.7))

    with tarfile.open(pack_folder(folder, tmp_path / "out")) as archive:
        assert archive.getmember("appspec.yml").mtime == 1_700_000_000


def test_a_bundle_written_into_the_folder_does_not_hold_itself(folder: Path):
    path = pack_folder(folder, folder / "bundle.tgz")

    with tarfile.open(path) as archive:
        assert "bundle.tgz" not in archive.getnames()


def test_a_folder_without_appspec_is_refused(folder: Path, tmp_path: Path):
    (folder / "appspec.yml").rename(folder / "appspec.yaml")

    with pytest.raises(AppSpecMissing, match=r"has no appspec\.yml; a bundle needs one"):
        pack_folder(folder, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_what_is_no_folder_is_refused(tmp_path: Path):
    with pytest.raises(BadArchive, match="There is no folder"):
        pack_folder(tmp_path / "nowhere", tmp_path / "out")


def test_a_fifo_is_refused_by_name_and_nothing_is_left(folder: Path, tmp_path: Path):
    os.mkfifo(folder / "pipe")

    with pytest.raises(BadArchive, match="/pipe' is neither file, folder nor link"):
        pack_folder(folder, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_folder_is_packed_as_it_is_even_without_an_appspec(folder, tmp_path):
    (folder / "appspec.yml").unlink()

    with tarfile.open(pack_as_is(folder, tmp_path / "out.tar"), "r:") as archive:
        names = set(archive.getnames())

    assert names == {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_pipe_in_a_folder_is_refused_and_leaves_no_archive(folder, tmp_path):
    os.mkfifo(folder / "pipe")

    with pytest.raises(BadArchive, match="pipe' is neither file, folder nor link"):
        pack_as_is(folder, tmp_path / "out.tar")

    assert not (tmp_path / "out.tar").exists()
