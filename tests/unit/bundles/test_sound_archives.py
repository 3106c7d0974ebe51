"""What is in a sound archive, whatever its name and kind."""

import gzip
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tidegate.drivers.bundles.archive import AppSpecMissing, BadArchive, Contents, inspect_archive
from tidegate.testing.archives import APPSPEC, appspec, entry, member


@pytest.mark.parametrize(("mode", "kind"), [("w", "tar"), ("w:gz", "tgz")])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_tells_what_it_is_by_its_content(tmp_path: Path, mode: str, kind: str, form: int):
    path = tmp_path / "misleading.zip"
    (tmp_path / "appspec.yml").write_bytes(APPSPEC)
    (tmp_path / ("ü" * 100)).write_bytes(b"12345")
    with tarfile.open(path, mode, format=form) as archive:
        archive.add(tmp_path / "appspec.yml", "./appspec.yml")
        archive.add(tmp_path / ("ü" * 100), f"folder/{'ü' * 40}")

    assert inspect_archive(path) == Contents(
        type=kind,
        appspec_text=APPSPEC,
        entries=2,
        unpacked_bytes=len(APPSPEC) + 5,
        top_folder="",
    )


def test_a_zip_tells_what_it_is_by_its_content(zipped):
    path = zipped(("scripts/", b""), ("scripts/a.sh", b"echo"), ("appspec.yml", APPSPEC))

    contents = inspect_archive(path)

    assert (contents.type, contents.entries) == ("zip", 3)
    assert contents.appspec_text == APPSPEC
    assert contents.unpacked_bytes == len(APPSPEC) + 4


def test_a_zip_may_stand_behind_a_program(zipped):
    path = zipped(("appspec.yml", APPSPEC))
    path.write_bytes(b"#!/bin/sh\nexec unzip $0\n" + path.read_bytes())

    assert inspect_archive(path).appspec_text == APPSPEC


def test_a_zip_with_a_comment_and_a_large_directory_is_read(tmp_path: Path):
    path = tmp_path / "bundle"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"PK\5\6 is a strange comment" * 100
        archive.writestr("appspec.yml", APPSPEC)

    with pytest.raises(BadArchive):
        inspect_archive(path)

    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"strange" * 1000
        archive.writestr("appspec.yml", APPSPEC)
    assert inspect_archive(path).appspec_text == APPSPEC


def test_a_zip_in_the_large_format_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    path = tmp_path / "bundle"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("appspec.yml", APPSPEC)
        archive.writestr("a", b"a")
        archive.writestr("b", b"b")

    assert b"PK\6\6" in path.read_bytes()
    assert inspect_archive(path).entries == 3


def test_a_single_top_folder_with_an_appspec_is_stripped(tar):
    path = tar(
        member("app-1.0", type=tarfile.DIRTYPE),
        appspec("app-1.0/appspec.yml"),
        member("app-1.0/a/appspec.yml", b"another"),
    )

    contents = inspect_archive(path)

    assert contents.top_folder == "app-1.0"
    assert contents.appspec_text == APPSPEC


def test_the_top_folder_need_not_be_an_entry(zipped):
    assert inspect_archive(zipped(("top/appspec.yml", APPSPEC))).top_folder == "top"


@pytest.mark.parametrize("beside", ["__MACOSX/x", ".DS_Store", "README"])
def test_a_top_folder_with_something_beside_it_is_not_stripped(zipped, beside: str):
    with pytest.raises(AppSpecMissing, match="'top'"):
        inspect_archive(zipped(("top/appspec.yml", APPSPEC), (beside, b"")))
    with pytest.raises(AppSpecMissing):
        inspect_archive(zipped((beside, b""), ("top/appspec.yml", APPSPEC)))


def test_only_one_level_is_stripped(zipped):
    with pytest.raises(AppSpecMissing):
        inspect_archive(zipped(("a/b/appspec.yml", APPSPEC)))


@pytest.mark.parametrize("name", ["appspec.yaml", "AppSpec.yml", "top/appspec.yaml", "other"])
def test_an_archive_without_appspec_says_so_in_the_agents_words(zipped, name: str):
    with pytest.raises(AppSpecMissing) as refusal:
        inspect_archive(zipped((name, APPSPEC)))

    top = name.partition("/")[0]
    assert str(refusal.value) == (
        "The CodeDeploy agent did not find an AppSpec file within the unpacked revision directory "
        f"at revision-relative path \"appspec.yml\". At the top of the archive lie '{top}'."
    )


def test_an_archive_may_be_empty(tar, tmp_path: Path):
    with pytest.raises(AppSpecMissing, match="The archive is empty"):
        inspect_archive(tar())
    with zipfile.ZipFile(tmp_path / "bundle", "w"):
        pass
    with pytest.raises(AppSpecMissing, match="The archive is empty"):
        inspect_archive(tmp_path / "bundle")


def test_the_appspec_may_have_another_name(zipped):
    path = zipped(("deploy/spec.yml", APPSPEC), ("other", b""))

    assert inspect_archive(path, appspec_filename="deploy/spec.yml").appspec_text == APPSPEC


def real(top: str = "") -> tuple[tarfile.TarInfo, bytes]:
    return member(f"{top}conf/real.yml", APPSPEC)


@pytest.mark.parametrize("top", ["", "top/"])
@pytest.mark.parametrize("text", ["conf/real.yml", "./conf//real.yml", "conf/./real.yml"])
def test_the_appspec_may_be_a_link_to_a_file_of_the_archive(tar, top: str, text: str):
    link = member(f"{top}appspec.yml", type=tarfile.SYMTYPE, linkname=text)

    for entries in ([link, real(top)], [real(top), link]):
        assert inspect_archive(tar(*entries)).appspec_text == APPSPEC


def test_a_link_may_lead_up_within_the_archive(tar):
    link = member("deploy/spec.yml", type=tarfile.SYMTYPE, linkname="../conf/real.yml")

    contents = inspect_archive(tar(link, real()), appspec_filename="deploy/spec.yml")

    assert contents.appspec_text == APPSPEC


@pytest.mark.parametrize("top", ["", "top/"])
def test_the_appspec_may_be_a_hard_link(tar, top: str):
    target = f"./{top}conf/real.yml"
    path = tar(real(top), member(f"{top}appspec.yml", type=tarfile.LNKTYPE, linkname=target))

    assert inspect_archive(path).appspec_text == APPSPEC


LEADING_NOWHERE = (
    "nowhere",
    "conf",
    "/conf/real.yml",
    "../conf/real.yml",
    "x/../conf/real.yml",
    ".",
)


@pytest.mark.parametrize("text", LEADING_NOWHERE)
def test_a_link_to_no_file_of_the_archive_is_no_appspec(tar, text: str):
    path = tar(real(), member("appspec.yml", type=tarfile.SYMTYPE, linkname=text))

    with pytest.raises(AppSpecMissing, match="is no file in this archive"):
        inspect_archive(path)


def test_a_folder_is_no_appspec(tar):
    path = tar(real(), member("appspec.yml", type=tarfile.DIRTYPE))

    with pytest.raises(AppSpecMissing, match="is no file in this archive"):
        inspect_archive(path)


def test_a_huge_appspec_is_refused_before_it_is_read(tar):
    with pytest.raises(BadArchive, match="has 1,048,577 bytes; an AppSpec has at most 1,048,576"):
        inspect_archive(tar(member("appspec.yml", bytes(1024 * 1024 + 1))))


def test_of_two_entries_of_one_name_the_later_one_counts(tar, zipped):
    assert inspect_archive(tar(member("appspec.yml", b"old"), appspec())).appspec_text == APPSPEC
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(("appspec.yml", b"old"), ("appspec.yml", APPSPEC))
    assert inspect_archive(path).appspec_text == APPSPEC


def test_symlinks_are_kept_wherever_they_point(tar, zipped):
    link = {"type": tarfile.SYMTYPE}
    path = tar(
        appspec(),
        member("absolute", linkname="/etc/passwd", **link),
        member("dangling", linkname="../../nowhere", **link),
    )
    assert inspect_archive(path).entries == 3

    path = zipped(
        (entry("link", mode=stat.S_IFLNK | 0o777), b"/etc/passwd"), ("appspec.yml", APPSPEC)
    )
    assert inspect_archive(path).entries == 2


def test_a_file_may_replace_a_link(tar):
    path = tar(
        appspec(), member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"), member("a", b"x")
    )

    assert inspect_archive(path).unpacked_bytes == len(APPSPEC) + 1


def test_a_hard_link_counts_as_a_file_of_its_own(tar):
    path = tar(
        appspec(),
        member("./a", b"12345"),
        member("b", type=tarfile.LNKTYPE, linkname="a"),
    )

    assert inspect_archive(path).unpacked_bytes == len(APPSPEC) + 10


def test_backslashes_of_a_zip_made_on_windows_separate_folders(zipped):
    path = zipped((entry("top\\appspec.yml", system=0), APPSPEC))

    assert inspect_archive(path).top_folder == "top"


def test_an_archive_of_several_gzip_members_is_one(tar, tmp_path: Path):
    data = tar(appspec()).read_bytes()
    path = tmp_path / "joined"
    path.write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]))

    assert inspect_archive(path).appspec_text == APPSPEC


def test_the_file_itself_is_left_alone(tar):
    path = tar(appspec())
    before = path.read_bytes(), sorted(path.parent.iterdir())

    inspect_archive(path)

    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before
