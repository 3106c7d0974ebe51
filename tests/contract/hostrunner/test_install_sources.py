"""Where the files of an install come from: out of the bundle and from nowhere else."""

import os
from pathlib import Path

import pytest

from parts.installs import refusal, tree_of
from tidegate.hostrunner.parts.base import Failure


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/", {"a": "1", "sub": "/", "sub/b": "2", ".hid": "3", "empty": "/", "up": "-> ../a"}),
        ("sub", {"b": "2"}),
        ("/sub/", {"b": "2"}),
        ("sub/../sub/./b", {"b": "2"}),
        ("a", {"a": "1"}),
        (".hid", {".hid": "3"}),
        ("empty", {}),
        ("up", {"up": "-> ../a"}),
    ],
)
def test_a_folder_means_its_contents_and_a_file_itself(site, srv, source, expected):
    files = {"a": "1", "sub/b": "2", ".hid": "3", "empty/": "", "up": Path("../a")}

    site.deploy(files, srv, source=source)

    assert tree_of(srv) == expected


LINKS = {
    "app/a": "1",
    "twin": Path("app"),
    "chain": Path("twin"),
    "deep/er": Path("../app"),
    "file": Path("app/a"),
    "etc": Path("/etc"),
    "up": Path("../.."),
    "round": Path("round"),
    "passwd": Path("/etc/passwd"),
    "gone": Path("/nonexistent/x"),
    "through": Path("etc/passwd"),
}


@pytest.mark.parametrize("source", ["twin", "chain", "/deep/er", "twin/../app"])
def test_a_source_may_be_a_link_to_a_folder_of_the_bundle(site, srv, source):
    site.deploy(LINKS, srv, source=source)

    assert tree_of(srv) == {"a": "1"}


@pytest.mark.parametrize("source", ["etc", "up", "etc/passwd", "../x", "up/x", "app/../../x"])
def test_nothing_is_read_through_a_way_out_of_the_bundle(site, srv, source):
    said = refusal(site, LINKS, srv, source=source)

    assert f"The source {source} of the AppSpec file leads out of the revision" in said
    assert not srv.exists()


@pytest.mark.parametrize("name", ["file", "passwd", "gone", "round", "through"])
def test_a_source_that_is_a_link_to_no_folder_is_installed_with_its_text(site, srv, name):
    site.deploy(LINKS, srv, source=name)

    assert tree_of(srv) == {name: f"-> {LINKS[name]}"}


def test_links_below_a_source_keep_their_text_wherever_they_lead(site, srv):
    site.deploy(LINKS, srv)

    assert {name: (srv / name).readlink() for name in LINKS if (srv / name).is_symlink()} == {
        name: text for name, text in LINKS.items() if isinstance(text, Path)
    }


def test_a_link_that_a_script_made_with_the_archives_own_path_is_inside(site, srv):
    site.unpack({"app/a": "1"})
    (site.archive / "link").symlink_to(site.archive / "app")

    site.install({"files": [{"source": "link", "destination": str(srv)}]})

    assert tree_of(srv) == {"a": "1"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"source": "a/b"}, "installs a/b, and the revision has no such file"),
        ({"source": "*"}, r"installs \*, and the revision has no such file"),
        ({"source": 17}, "The source 17 of the AppSpec file is no path"),
        ({"destination": True}, "The destination True of the AppSpec file is no path"),
        ({"destination": "/srv/\0"}, "is no path"),
        ({"destination": "~/x"}, "The destination ~/x of the AppSpec file is not an absolute"),
        ({"destination": ""}, "The destination  of the AppSpec file is not an absolute"),
        ({"source": "pipe"}, "pipe is neither a file, a folder nor a link"),
        ({"destination": "/" + "x" * 300}, "is too long for this host, which takes 4095 bytes"),
        ({"destination": "/" + "x/" * 2500}, "is too long for this host"),
    ],
)
def test_what_is_no_path_or_no_file_is_refused(site, srv, entry, message):
    site.unpack({"a": "1"})
    os.mkfifo(site.archive / "pipe")

    with pytest.raises(Failure, match=message):
        site.install({"files": [{"source": "a", "destination": str(srv)} | entry]})

    assert not srv.exists()
