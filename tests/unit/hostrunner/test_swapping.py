"""Who owns a folder may put something else at a name there; what it leads to is left alone."""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from parts.installs import Site
from tidegate.hostrunner.parts import base, permissions, places, unpacking

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "root")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("secret")
    path.chmod(0o600)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere"
    path.mkdir(0o700)
    (path / "a").write_text("theirs")
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    path = tmp_path / "theirs"
    path.mkdir()
    return path


def entry(path: Path, **values) -> dict:
    return {"object": str(path), "type": ["file", "directory"]} | values


def before_call(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None], at: int = 1):
    """Let somebody *act* before the *at*th call of one of os's functions by an install."""
    real, calls = getattr(os, name), []

    def call(*arguments, **named):
        if isinstance(arguments[0], bytes | int):  # tests name files by texts
            calls.append(arguments)
        if len(calls) == at:
            calls.append("done")
            act()
        return real(*arguments, **named)

    monkeypatch.setattr(os, name, call)


def swap(path: Path, target: Path) -> None:
    path.rename(path.with_name(path.name + ".was"))
    path.symlink_to(target)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534, follow_symlinks=False)


def staged(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.name.startswith(".tidegate-"))


def test_a_copy_that_is_swapped_for_a_link_gives_no_rights_to_what_that_leads_to(
    site, theirs, victim, monkeypatch
):
    uid = {"owner": "nobody"} if os.geteuid() == 0 else {}
    before_call(monkeypatch, "fchmod", lambda: swap(staged(theirs), victim))

    site.deploy({"app": "new"}, theirs, permissions=[entry(theirs, mode="0666", **uid)])

    assert (stat.S_IMODE(victim.stat().st_mode), victim.stat().st_uid) == (0o600, os.geteuid())
    assert victim.read_text() == "secret"


def test_no_copy_is_written_through_a_link(site, theirs, victim, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)
    (theirs / ".tidegate-0000000000-1").symlink_to(victim)

    with pytest.raises(base.Failure, match="file exists"):
        site.deploy({"app": "new"}, theirs)

    assert victim.read_text() == "secret"


@pytest.mark.parametrize(
    "moment",
    [("mkdir", 1), ("link", 1), ("rename", 1), ("fchmod", 1), ("utime", 1)]
    + [("open", at) for at in range(1, 30, 2)],
)
def test_a_folder_that_is_swapped_for_a_link_meanwhile_is_not_followed(
    site, theirs, elsewhere, monkeypatch, moment
):
    app = theirs / "app"
    site.deploy({"a": "1", "old/b": "1"}, app)
    function, at = moment
    before_call(monkeypatch, function, lambda: swap(app, elsewhere), at)

    with contextlib.suppress(base.Failure, OSError):
        site.deploy({"a": "2", "new/c": "2"}, app, permissions=[entry(app, mode="0777")])

    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == {"a": "theirs"}


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_source_that_is_swapped_meanwhile_is_not_read(site, theirs, victim, monkeypatch, kind):
    site.unpack({"app": "1"})
    install = site.prepare({"files": [{"source": "/", "destination": str(theirs)}]})
    stage = install.stage

    def swap_and_stage(step):
        (site.archive / "app").unlink()
        if kind == "link":
            (site.archive / "app").symlink_to(victim)
        else:
            os.mkfifo(site.archive / "app")
        stage(step)

    install.stage = swap_and_stage

    with pytest.raises(base.Failure, match=r"symbolic links|is no file any more"):
        install.run()

    assert list(theirs.iterdir()) == []


@root
def test_nothing_is_removed_through_a_link_that_took_the_place_of_a_folder(site, theirs, elsewhere):
    app = theirs / "app"
    site.deploy({"a": "1"}, app)
    swap(app, elsewhere)

    warnings = site.deploy({"b": "2"}, theirs / "another")

    assert (elsewhere / "a").read_text() == "theirs"
    assert (theirs / "another" / "b").exists()
    assert f"The link {app} is of user 65534" in warnings[0]


@root
def test_a_link_of_a_user_is_followed_to_what_is_his_only(site, theirs, elsewhere):
    link = theirs / "current"
    link.symlink_to(elsewhere)
    os.chown(link, 65534, 65534, follow_symlinks=False)

    with pytest.raises(base.Failure, match="of user 65534, who could lead it anywhere"):
        site.deploy({"b": "2"}, link)
    os.chown(elsewhere, 65534, 65534)
    site.deploy({"b": "2"}, link)

    assert (elsewhere / "b").read_text() == "2"


@root
def test_a_link_is_given_away_and_not_what_it_leads_to(theirs, victim):
    link = theirs / "link"
    link.symlink_to(victim)

    permissions.give_link(places.Places(), os.fsencode(link), 65534, 65534)

    assert (link.lstat().st_uid, victim.stat().st_uid) == (65534, 0)


@root
def test_what_took_the_place_of_a_link_is_not_given_away(theirs, victim):
    os.link(victim, theirs / "link")

    with pytest.raises(OSError, match="somebody else"):
        permissions.give_link(places.Places(), os.fsencode(theirs / "link"), 65534, 65534)

    assert victim.stat().st_uid == 0


def test_an_acl_goes_to_what_was_copied_wherever_its_name_leads(
    site, theirs, tmp_path, monkeypatch
):
    tool, told = tmp_path / "bin" / "setfacl", tmp_path / "told"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nreadlink "$3" >{told}\necho not here\nexit 1\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")

    with pytest.raises(base.Failure, match=f"{theirs}/app failed: not here"):
        site.deploy({"app": "1"}, theirs, permissions=[entry(theirs, acls=["user:nobody:r--"])])

    assert told.read_text().startswith(f"{theirs}/.tidegate-")


def test_folders_of_a_bundle_are_given_away_from_the_bottom_up(tmp_path, monkeypatch):
    filling = unpacking.Unpacking(os.fsencode(tmp_path), "tar", 0, {})
    for name in (b"a/b", b"a", b"a/b/c", b"d"):
        filling.folder_entry(name, 0o755, None)
    opened, real = [], os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or real(path, *rest))

    filling.finish()

    names = [os.path.relpath(os.fsdecode(path), tmp_path) for path in opened]
    assert names == ["d", "a/b/c", "a/b", "a"]
