"""No archive leaves the folder that it is unpacked into; what is sound comes out as packed."""

import gzip
import os
import stat
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Final

import pytest

from contract.hostrunner.archives import Packed, tar_of, tgz_of, tree_of, unpack_all, zip_of
from contract.hostrunner.client import GROUP, Bundle, Host, appspec_of, bundle_of, open_to_all
from contract.hostrunner.conftest import pythons
from contract.hostrunner.refused_archives import REFUSED
from contract.hostrunner.sound_archives import SOUND

CASES: Final = {**REFUSED, **SOUND}
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
NOBODY: Final = 65534


@pytest.fixture(scope="module", params=pythons())
def unpacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """All cases, unpacked by one Python."""
    folder = tmp_path_factory.mktemp("unpacked")
    return folder, unpack_all(CASES, folder, request.param)


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_or_broken_archive_is_refused_and_leaves_nothing(unpacked, name: str):
    folder, said = unpacked

    assert said[name].startswith(REFUSED[name].phrase)
    assert REFUSED[name].words in said[name]
    assert said[name].endswith(".")
    assert len(said[name]) < 600
    assert list((folder / name).iterdir()) == []


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_archive_comes_out_as_it_was_packed(unpacked, name: str):
    folder, said = unpacked

    assert said[name] == ""
    assert [path.name for path in (folder / name).iterdir()] == ["deployment-archive"]
    assert tree_of(folder / name / "deployment-archive") == SOUND[name].tree


@root
def test_an_ordinary_user_unpacks_and_refuses_the_same(tmp_path: Path):
    open_to_all(tmp_path / "x")
    os.chown(tmp_path, NOBODY, NOBODY)

    said = unpack_all(CASES, tmp_path, "/usr/bin/python3", user=NOBODY)

    assert {name for name in CASES if said[name]} == set(REFUSED)
    for name in SOUND:
        assert tree_of(tmp_path / name / "deployment-archive") == SOUND[name].tree


def test_nothing_outside_is_written(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    link = {"type": tarfile.SYMTYPE, "linkname": str(outside)}
    kind = stat.S_IFLNK | 0o777
    cases = {
        "tar": Packed("tar", tar_of(("l", link), ("l/x", {}))),
        "parent": Packed("tar", tar_of(("../../outside/x", {}))),
        "hard": Packed("tar", tar_of(("l", link), ("l", {}), ("../outside/h", {}))),
        "zip": Packed("zip", zip_of(("l", bytes(outside), kind), ("l/x", b"", 0o644))),
    }

    said = unpack_all(cases, tmp_path, "python3")

    assert all(said.values())
    assert list(outside.iterdir()) == []


def test_what_grows_as_no_honest_content_does_is_refused(tmp_path: Path):
    much = bytes(65 << 20)
    cases = {
        "tgz": Packed("tgz", tgz_of(("a", {"data": much}))),
        "after-the-end": Packed("tgz", tgz_of(("a", {})) + gzip.compress(much)),
        "zip": Packed("zip", zip_of(("a", much, 0), packed=True)),
    }

    said = unpack_all(cases, tmp_path, "python3")

    assert all("to more than 250 times its packed size" in words for words in said.values())
    assert said["zip"].startswith("Error extracting zip archive: 'a' makes it unpack")
    assert not [path for path in tmp_path.rglob("*") if path.stat().st_size > 1 << 20]


def test_a_hard_link_becomes_a_file_of_its_own(tmp_path: Path):
    data = tar_of(("a", {"data": b"1", "mtime": 1e9}), ("h", {"type": b"1", "linkname": "a"}))

    unpack_all({"x": Packed("tar", data)}, tmp_path, "python3")

    one, other = (tmp_path / "x" / "deployment-archive" / name for name in "ah")
    assert one.stat().st_ino != other.stat().st_ino
    assert (one.stat().st_mtime, other.stat().st_mtime) == (1e9, 1e9)


@root
def test_owners_are_kept_by_name_or_number_as_tar_does(tmp_path: Path):
    data = tar_of(
        ("named", {"uname": "daemon", "uid": 77, "gname": "no such", "gid": 78}),
        ("numbered", {"uid": 4242, "gid": 4343}),
        ("d", {"type": tarfile.DIRTYPE, "uid": 4242, "mode": 0o750}),
        ("l", {"type": tarfile.SYMTYPE, "linkname": "x", "uid": 4242}),
    )
    cases = {"tar": Packed("tar", data), "folder": Packed("directory", data)}

    unpack_all(cases, tmp_path, "python3")

    kept = {path.name: path.lstat() for path in (tmp_path / "tar/deployment-archive").iterdir()}
    assert (kept["named"].st_uid, kept["named"].st_gid) == (1, 78)
    assert (kept["numbered"].st_uid, kept["numbered"].st_gid) == (4242, 4343)
    assert {kept["d"].st_uid, kept["l"].st_uid} == {4242}
    assert {path.lstat().st_uid for path in (tmp_path / "folder").rglob("*")} == {0}


def test_times_of_a_zip_are_those_of_unzip(tmp_path: Path):
    plain = tmp_path / "plain.zip"
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr(zipfile.ZipInfo("local", (2024, 7, 1, 12, 30, 8)), "")
        stamped = zipfile.ZipInfo("stamped", (2001, 1, 1, 0, 0, 0))
        stamped.extra = b"UT\x05\x00\x01" + (1_700_000_001).to_bytes(4, "little")
        archive.writestr(stamped, "")

    unpack_all({"x": Packed("zip", plain.read_bytes())}, tmp_path, "python3")

    folder = tmp_path / "x" / "deployment-archive"
    local = time.mktime((2024, 7, 1, 12, 30, 8, 0, 0, -1))
    assert (folder / "local").stat().st_mtime == local
    assert (folder / "stamped").stat().st_mtime == 1_700_000_001


def archive_of(host: Host) -> Path:
    return host.state / "deployment-root" / GROUP / "d-AAAAAAAA1" / "deployment-archive"


@pytest.mark.parametrize("kind", ["tar", "tgz", "zip", "directory"])
def test_a_host_unpacks_what_it_was_sent(host: Host, kind: str):
    members = ("top/appspec.yml", {}), ("top/a", {"data": b"1"})
    data = {
        "tgz": tgz_of,
        "zip": lambda *_: zip_of(("top/appspec.yml", b"", 0), ("top/a", b"1", 0)),
    }

    told = host.run(
        bundle=Bundle(data.get(kind, tar_of)(*members), kind), events=["DownloadBundle"]
    )

    assert told.outcome == "succeeded"
    top = archive_of(host) / ("top" if kind == "directory" else "")
    assert (top / "a").read_text() == "1"


def test_what_cannot_be_unpacked_leaves_what_was_unpacked_before(host: Host):
    host.run(bundle=bundle_of({"a": "first"}), key="one", events=["DownloadBundle"])

    told = host.run(bundle=Bundle(b"nonsense" * 99, "tar"), key="two", events=["DownloadBundle"])

    event = told.event("DownloadBundle")
    assert (event["status"], event["error_code"], event["script"]) == ("Failed", "UnknownError", "")
    assert event["message"].startswith("Error extracting tar archive: ")
    assert tree_of(archive_of(host)) == {"a": "-644 first"}
    assert [path.name for path in archive_of(host).parent.glob("deployment-archive*")] == [
        "deployment-archive"
    ]


def test_scripts_of_a_broken_bundle_never_run(host: Host):
    told = host.run(
        bundle=Bundle(b"nonsense" * 200, "tar"),
        appspec=appspec_of(hooks={"AfterInstall": ["x"]}),
    )

    assert told.outcome == "failed"
    assert told.statuses()["AfterInstall"] == "Skipped"


@root
def test_a_disk_that_is_too_small_is_said_and_left_empty(tmp_path: Path):
    small = tmp_path / "x"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
    try:
        said = unpack_all(
            {"x/x": Packed("tar", tar_of(("a", {"data": b"x" * 99999})))}, tmp_path, "python3"
        )
    finally:
        left = list((small / "x").iterdir())
        subprocess.run(["umount", small], check=True)

    assert said["x/x"].startswith("Error extracting tar archive: 'a' does not fit on the disk of ")
    assert left == []
