"""What is there before an install, by whom, and what becomes of it."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from parts.installs import NOBODY, is_root, refusal, tree_of
from tidegate.hostrunner.parts.base import Failure

root = pytest.mark.skipif(not is_root(), reason="only root can make what others own")


@pytest.mark.parametrize("behavior", ["DISALLOW", "OVERWRITE", "RETAIN"])
@pytest.mark.parametrize("there", ["file", "link", "dangling", "link to folder", "folder"])
def test_what_is_in_the_way_fails_gives_way_or_stays(site, srv, tmp_path, there, behavior):
    other = tmp_path / "other"
    (other / "folder").mkdir(parents=True)
    (other / "file").write_text("other")
    srv.mkdir()
    texts = {"link": other / "file", "dangling": other / "none", "link to folder": other / "folder"}
    if there == "file":
        (srv / "a").write_text("mine")
    elif there == "folder":
        (srv / "a").mkdir()
    else:
        (srv / "a").symlink_to(texts[there])
    before = tree_of(srv)

    if behavior == "RETAIN":
        site.deploy({"a": "new"}, srv, behavior=behavior)
        assert tree_of(srv) == before
        assert site.list.read_bytes() == b""
    elif behavior == "DISALLOW":
        said = refusal(site, {"a": "new"}, srv, behavior=behavior)
        assert said.endswith(f"already exists at this location: {srv}/a")
    elif there == "folder":
        assert "is a folder on this host" in refusal(site, {"a": "new"}, srv, behavior=behavior)
    else:
        site.deploy({"a": "new"}, srv, behavior=behavior)
        assert tree_of(srv) == {"a": "new"}
    assert tree_of(other) == {"folder": "/", "file": "other"}


def test_an_unknown_behavior_matters_only_when_something_is_in_the_way(site, srv):
    site.unpack({"a": "1"})
    spec = {"files": [{"source": "/", "destination": str(srv)}]}
    site.install(spec, file_exists_behavior="perhaps")
    site.list.unlink()

    with pytest.raises(Failure, match=r"invalid option was .* fileExistsBehavior: PERHAPS\. Valid"):
        site.install(spec, file_exists_behavior="perhaps")

    site.install(spec, file_exists_behavior="overwrite")
    site.install(spec | {"file_exists_behavior": "DISALLOW"}, file_exists_behavior="perhaps")


def test_a_destination_may_be_a_link_to_a_folder_and_go_through_some(site, srv, tmp_path):
    data = tmp_path / "data"
    (data / "in").mkdir(parents=True)
    srv.mkdir()
    (srv / "abs").symlink_to(data)
    (srv / "rel").symlink_to("abs/in/..")

    site.deploy({"a": "1", "in/b": "2"}, srv / "rel")
    listed = site.list.read_text()
    first = tree_of(data)
    site.deploy({"in/c": "3"}, srv / "rel")

    assert first == {"a": "1", "in": "/", "in/b": "2"}
    assert listed == f"{srv}/rel/a\n{srv}/rel/in/b\n"
    assert tree_of(data) == {"in": "/", "in/c": "3"}
    assert str((srv / "rel").readlink()) == "abs/in/.."


@pytest.mark.parametrize("text", ["nowhere", "file", "round", "file/x"])
def test_a_link_that_leads_to_no_folder_is_no_destination(site, srv, text):
    srv.mkdir()
    (srv / "file").write_text("mine")
    (srv / "round").symlink_to(text)

    assert "is a link, and where it leads is no folder" in refusal(
        site, {"a": "1"}, srv / "round" / "sub", behavior="OVERWRITE"
    )


def test_the_same_place_by_two_names_is_one_place(site, srv, tmp_path):
    srv.mkdir()
    (tmp_path / "link").symlink_to(srv)
    site.unpack({"one/a": "1", "two/a": "2"})
    entries = [("one", srv), ("two", tmp_path / "link")]

    with pytest.raises(Failure, match="specifies two source files"):
        site.install({"files": [{"source": s, "destination": str(d)} for s, d in entries]})


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (("one", ""), ("two", ""), "specifies two source files named"),
        (("two", ""), ("one", "/a"), "includes an mkdir command more than once"),
        (("one", "/a"), ("two", ""), "calls for installing the file"),
    ],
)
def test_files_and_folders_of_one_name_are_refused(site, srv, first, second, message):
    site.unpack({"one/a": "1", "two/a": "2"})
    entries = [{"source": s, "destination": f"{srv}{d}"} for s, d in (first, second)]

    with pytest.raises(Failure, match=message):
        site.install({"files": entries})

    assert not srv.exists()


def test_a_link_of_the_host_that_a_destination_goes_through_is_not_replaced(site, srv, tmp_path):
    srv.mkdir()
    (srv / "a").symlink_to(tmp_path)
    site.unpack({"one/a": "1", "two/b": "2"})
    entries = [("one", ""), ("two", "/a")]

    with pytest.raises(Failure, match=r"includes an mkdir|replaces .*, a link"):
        site.install(
            {"files": [{"source": s, "destination": f"{srv}{d}"} for s, d in entries]},
            file_exists_behavior="OVERWRITE",
        )


# The list, and the agent before and after us


def test_a_host_of_the_agent_is_taken_over(site, srv):
    (srv / "app" / "uploads").mkdir(parents=True)
    (srv / "app" / "uploads" / "theirs").write_text("theirs")
    (srv / "app" / "empty").mkdir()
    (srv / "app" / "file").write_text("old")
    (srv / "app" / "tail ").write_text("the agent loses it")
    (srv / "app" / "link").symlink_to("/etc")
    names = ["", "/uploads", "/empty", "/file", "/link", "/tail ", "/missing", "/unfin"]
    site.notes.parent.mkdir(parents=True)
    site.list.write_text("\n".join(f"{srv}/app{name}" for name in names))
    (srv / "app" / "unfin").write_text("mine")

    site.deploy({"file": "new", "link/a": "1"}, srv / "app")

    ours = {"file": "new", "link": "/", "link/a": "1"}
    others = {"unfin": "mine", "uploads": "/", "uploads/theirs": "theirs"}
    assert tree_of(srv / "app") == ours | others
    assert Path("/etc/passwd").exists()
    assert site.list.read_text() == f"{srv}/app/file\n{srv}/app/link\n{srv}/app/link/a\n"


def clean_up_as_the_agent(listed: bytes) -> None:
    for line in reversed(listed.split(b"\n")[:-1]):
        path = line.strip()
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            subprocess.run(["rmdir", path], stderr=subprocess.DEVNULL, check=False)
        elif os.path.lexists(path):
            Path(os.fsdecode(path)).unlink()


def test_a_host_is_handed_back_to_the_agent(site, srv):
    names = ["a", "sub/b", "two\nlines", "tail ", "tail", "\udcff", "-rf", "$(x)"]
    site.deploy(dict.fromkeys(names, "1") | {"link": Path("/etc")}, srv)

    clean_up_as_the_agent(site.list.read_bytes())

    assert tree_of(srv) == {"two\nlines": "1", "tail ": "1"}


def test_names_that_the_agent_loses_are_removed_by_us(site, srv):
    site.deploy({"two\nlines": "1", "tail ": "1", "tail": "mine", "tab\t/x": "1"}, srv)

    site.deploy({}, srv.with_name("other"))

    assert not srv.exists()


def test_a_folder_that_holds_what_others_put_there_stays_and_is_no_longer_ours(site, srv):
    site.deploy({"data/a": "1"}, srv, permissions=[{"object": str(srv), "mode": "700"}])
    (srv / "data" / "upload").write_text("mine")

    site.deploy({"data/a": "2"}, srv)
    listed = site.list.read_text()
    (srv / "data" / "upload").unlink()
    site.deploy({}, srv.with_name("other"))

    assert listed == f"{srv}/data/a\n"
    assert tree_of(srv) == {"data": "/"}
    assert stat.S_IMODE((srv / "data").stat().st_mode) == 0o700


def test_a_folder_without_such_things_starts_anew_and_stays_the_same_to_who_uses_it(site, srv):
    permission = {"object": str(srv), "mode": "2700", "type": ["directory"]}
    site.deploy({"sub/a": "1"}, srv, permissions=[permission])
    before = (srv / "sub").stat()

    site.deploy({"sub/a": "2"}, srv)

    after = (srv / "sub").stat()
    assert (stat.S_IMODE(before.st_mode), stat.S_IMODE(after.st_mode)) == (0o2700, 0o755)
    assert after.st_ino == before.st_ino


def test_a_group_that_is_shared_is_shared_by_new_folders(site, srv):
    srv.mkdir()
    srv.chmod(0o2775)

    for _ in range(2):
        site.deploy({"sub/a": "1"}, srv)
        assert stat.S_IMODE((srv / "sub").stat().st_mode) == 0o2755


@root
def test_owner_and_group_of_the_bundle_are_kept_and_folders_are_roots(site, srv):
    site.unpack({"sub/a": "1", "link": Path("x")})
    for name in ("sub", "sub/a", "link"):
        os.chown(site.archive / name, NOBODY, 1, follow_symlinks=False)

    site.install({"files": [{"source": "/", "destination": str(srv)}]})

    owners = {p.name: (p.lstat().st_uid, p.lstat().st_gid) for p in srv.rglob("*")}
    assert owners == {"a": (NOBODY, 1), "link": (NOBODY, 1), "sub": (0, 0)}
