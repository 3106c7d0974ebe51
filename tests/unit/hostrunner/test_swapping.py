"""Who owns a folder may put something else at a name there; what it leads to is left alone."""

import os
import stat
from pathlib import Path

import pytest

from tidegate.hostrunner.parts import base, permissions, unpacking
from tidegate.hostrunner.parts import install as installing

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("secret")
    path.chmod(0o600)
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    path = tmp_path / "theirs"
    path.mkdir()
    return path


def attributes(uid: int = -1, mode: str | None = None, acls: list[str] | None = None):
    return permissions.Attributes({"mode": mode, "acls": acls}, uid, -1)


@pytest.fixture
def install(tmp_path: Path, theirs: Path) -> installing.Install:
    """One file to install into their folder."""
    source = tmp_path / "source"
    source.write_text("new")
    source.chmod(0o755)
    target = os.fsencode(theirs / "app")
    made = installing.Install.__new__(installing.Install)
    made.copies, made.staged = {target: os.fsencode(source)}, {target: target + b".new"}
    made.attributes, made.undo, made.renewed = {}, [], set()
    return made


def swap(path: Path, victim: Path) -> None:
    path.rename(path.with_suffix(".was"))
    path.symlink_to(victim)


def test_a_copy_keeps_what_was_asked_for_it(install, theirs):
    install.attributes = {os.fsencode(theirs / "app"): attributes(mode="0640")}

    install.stage(os.fsencode(theirs / "app"))

    made = theirs / "app.new"
    assert (made.read_text(), stat.S_IMODE(made.stat().st_mode)) == ("new", 0o640)


def test_a_copy_that_is_swapped_for_a_link_gives_no_rights_to_what_that_leads_to(
    install, theirs, victim, monkeypatch
):
    target = os.fsencode(theirs / "app")
    install.attributes = {target: attributes(uid=65534 if os.geteuid() == 0 else -1, mode="0666")}
    copy = installing.copy

    def copy_and_lose(*arguments):
        copy(*arguments)
        swap(theirs / "app.new", victim)

    monkeypatch.setattr(installing, "copy", copy_and_lose)
    install.stage(target)

    assert (stat.S_IMODE(victim.stat().st_mode), victim.stat().st_uid) == (0o600, os.geteuid())


def test_no_copy_is_written_through_a_link(install, theirs, victim):
    target = os.fsencode(theirs / "app")
    Path(os.fsdecode(install.staged[target])).symlink_to(victim)

    with pytest.raises(FileExistsError):
        install.stage(target)

    assert victim.read_text() == "secret"


@pytest.mark.parametrize("is_renewed", [True, False])
def test_a_folder_that_is_swapped_for_a_link_is_not_followed(install, theirs, tmp_path, is_renewed):
    other = tmp_path / "other"
    other.mkdir(0o700)
    (theirs / "folder").symlink_to(other)
    path = os.fsencode(theirs / "folder")
    install.renewed = {path} if is_renewed else set()
    install.attributes = {path: attributes(mode="0777")}

    with pytest.raises(OSError, match="folder"):
        install.set_folder(path)

    assert stat.S_IMODE(other.stat().st_mode) == 0o700


def test_putting_back_a_folders_rights_follows_no_link(theirs, tmp_path):
    other = tmp_path / "other"
    other.mkdir(0o700)
    link = theirs / "folder"
    link.symlink_to(other)

    with pytest.raises(OSError, match="folder"):
        permissions.open_folder(os.fsencode(link), 0o777)
    with pytest.raises(OSError, match="folder"):
        permissions.give_folder(os.fsencode(link), 65534, 65534)

    assert stat.S_IMODE(other.stat().st_mode) == 0o700


@root
def test_a_link_is_given_away_and_not_what_it_leads_to(theirs, victim):
    link = theirs / "link"
    link.symlink_to(victim)

    permissions.give_link(os.fsencode(link), 65534, 65534)

    assert (link.lstat().st_uid, victim.stat().st_uid) == (65534, 0)


@root
def test_what_took_the_place_of_a_link_is_not_given_away(theirs, victim):
    os.link(victim, theirs / "link")

    with pytest.raises(OSError, match="somebody else"):
        permissions.give_link(os.fsencode(theirs / "link"), 65534, 65534)

    assert victim.stat().st_uid == 0


@pytest.fixture
def setfacl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A setfacl that writes down what it was to change, and says no."""
    tool, told = tmp_path / "bin" / "setfacl", tmp_path / "told"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nreadlink "$3" >{told}\necho not here\nexit 1\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return told


def test_an_acl_goes_to_what_was_copied_wherever_its_name_leads(install, theirs, setfacl):
    target = os.fsencode(theirs / "app")
    install.attributes = {target: attributes(acls=["u:nobody:r"])}

    with pytest.raises(base.Failure) as failure:
        install.stage(target)

    assert setfacl.read_text().strip() == str(theirs / "app.new")
    assert f"{theirs}/app.new failed: not here" in failure.value.message


def test_folders_of_a_bundle_are_given_away_from_the_bottom_up(tmp_path, monkeypatch):
    filling = unpacking.Unpacking(os.fsencode(tmp_path), {})
    for name in (b"a/b", b"a", b"a/b/c", b"d"):
        filling.folder_entry(name, 0o755, None)
    opened, real = [], os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or real(path, *rest))

    filling.finish()

    names = [os.path.relpath(os.fsdecode(path), tmp_path) for path in opened]
    assert names == ["d", "a/b/c", "a/b", "a"]
