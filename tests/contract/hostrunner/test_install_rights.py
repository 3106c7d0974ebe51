"""Rights and room that an install needs are checked before anything is touched."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from parts.installs import NOBODY, Site, as_nobody, is_root, refusal, tree_of
from tidegate.hostrunner.parts.base import Failure

root = pytest.mark.skipif(not is_root(), reason="only root can make what others own")


def told_to_nobody(site: Site, *arguments, **named) -> str:
    """Return the sentence that an ordinary user gets."""
    said = site.root.parent / "said"

    def act() -> None:
        said.write_text(refusal(site, *arguments, **named))

    as_nobody(act)
    return said.read_text()


@root
@pytest.mark.usefixtures("open_to_nobody")
def test_an_ordinary_user_installs_where_he_may(site, srv):
    as_nobody(lambda: site.deploy({"a": "1", "sub/b": "1"}, srv))
    again = Site(site.root, number=1)

    as_nobody(lambda: again.deploy({"a": "2", "sub/c": "2"}, srv))

    assert tree_of(srv) == {"a": "2", "sub": "/", "sub/c": "2"}
    assert (srv / "a").stat().st_uid == NOBODY


@root
@pytest.mark.usefixtures("open_to_nobody")
def test_the_right_to_write_is_checked_first(site, srv):
    (srv / "theirs").mkdir(parents=True)
    os.chown(srv, NOBODY, NOBODY)
    files = {"mine/a": "1", "theirs/b": "1"}

    said = told_to_nobody(site, files, srv)

    assert f"User {NOBODY} may not write to {srv}/theirs on this host" in said
    assert tree_of(srv) == {"theirs": "/"}


@root
@pytest.mark.usefixtures("open_to_nobody")
@pytest.mark.parametrize("is_listed", [True, False])
def test_files_of_others_in_a_sticky_folder_are_left_alone(site, srv, is_listed):
    srv.mkdir()
    srv.chmod(0o1777)
    (srv / "a").write_text("theirs")
    if is_listed:
        site.notes.parent.mkdir(parents=True)
        site.list.write_text(f"{srv}/a\n")
        for path in (site.root, site.notes.parent, site.list):
            os.chown(path, NOBODY, NOBODY)

    said = told_to_nobody(site, {"b" if is_listed else "a": "1"}, srv, behavior="OVERWRITE")

    assert f"may not replace or remove {srv}/a on this host" in said
    assert tree_of(srv) == {"a": "theirs"}


@root
@pytest.mark.usefixtures("open_to_nobody")
@pytest.mark.parametrize(
    ("permission", "message"),
    [
        ({"owner": "root"}, "Only root may give files to user root"),
        ({"group": "root"}, "Only root may give files to group root"),
    ],
)
def test_only_root_gives_files_away(site, srv, permission, message):
    entry = {"object": str(srv)} | permission

    assert message in told_to_nobody(site, {"a": "1"}, srv, permissions=[entry])
    assert not srv.exists()


@root
@pytest.mark.usefixtures("open_to_nobody")
def test_what_cannot_be_read_is_named_first(site, srv):
    site.unpack({"a": "1", "b": "1"})
    (site.archive / "b").chmod(0o600)
    appspec = {"files": [{"source": "/", "destination": str(srv)}]}

    def act() -> None:
        with pytest.raises(Failure, match=f"User {NOBODY} may not read .*/b, which the revision"):
            site.install(appspec)

    as_nobody(act)
    assert not srv.exists()


@root
@pytest.mark.usefixtures("open_to_nobody")
def test_folders_that_shut_their_owner_out_are_opened_for_the_next_revision(site, srv):
    closed = {"object": str(srv), "type": ["directory"], "mode": "555"}
    as_nobody(lambda: site.deploy({"sub/a": "1", "old/b": "1"}, srv, permissions=[closed]))
    modes = {stat.S_IMODE((srv / name).stat().st_mode) for name in ("sub", "old")}
    again = Site(site.root, number=1)

    as_nobody(lambda: again.deploy({"sub/a": "2"}, srv, permissions=[closed]))

    assert modes == {0o555}
    assert tree_of(srv) == {"sub": "/", "sub/a": "2"}
    assert stat.S_IMODE((srv / "sub").stat().st_mode) == 0o555


@root
@pytest.mark.usefixtures("open_to_nobody")
def test_a_folder_that_even_its_owner_cannot_look_into_is_put_back_so(site, srv):
    as_nobody(lambda: site.deploy({"sub/a": "1"}, srv))
    later = Site(site.root, number=1)
    srv.chmod(0o311)

    as_nobody(lambda: fail_late(later, srv))

    assert stat.S_IMODE(srv.stat().st_mode) == 0o311
    assert tree_of(srv) == {"sub": "/", "sub/a": "1"}


@root
@pytest.mark.usefixtures("open_to_nobody")
def test_a_folder_of_another_that_may_only_be_written_to_is_installed_into(site, srv):
    srv.mkdir()
    srv.chmod(0o703)
    as_nobody(lambda: site.deploy({"a": "1"}, srv))
    later = Site(site.root, number=1)

    as_nobody(lambda: fail_late(later, srv))

    assert tree_of(srv) == {"a": "1"}


def fail_late(site: Site, srv: Path) -> None:
    site.unpack({"a": "3", "b": "3"})
    install = site.prepare({"files": [{"source": "/", "destination": str(srv)}]})
    install.set_contexts = lambda: install.heed(15, None)
    with pytest.raises(Failure, match="Everything was put back as it was"):
        install.run()


# Room


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 1 MB in 12 files."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=12", "tmpfs", folder]
    if subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("mount -t tmpfs is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_room_is_checked_first(site, small):
    site.deploy({"a": "x" * 300_000}, small)

    said = refusal(site, {"a": "x" * 500_000, "b": "x" * 400_000}, small)

    assert f"Installing needs 1 MB on the file system of {small}, and 0 MB are free" in said
    assert len((small / "a").read_text()) == 300_000


def test_room_for_files_is_checked_first(site, small):
    said = refusal(site, {f"{number}": "" for number in range(20)}, small)

    assert f"makes 20 files on the file system of {small}, and it has room for" in said
    assert list(small.iterdir()) == []


def test_a_folder_where_a_file_system_begins_stays(site, small):
    site.unpack({})
    site.list.write_text(f"{small.parent}/x\n{small}\n")

    site.deploy({"a": "1"}, small)

    assert tree_of(small) == {"a": "1"}
    assert site.list.read_text() == f"{small}/a\n"
