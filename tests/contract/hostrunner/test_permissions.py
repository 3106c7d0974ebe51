"""What `permissions` of an AppSpec gives to whom, on real files."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from parts.installs import Site, as_nobody, is_root
from tidegate.hostrunner.parts.base import Failure

root = pytest.mark.skipif(not is_root(), reason="only root may give files away")
acl = pytest.mark.skipif(not shutil.which("setfacl"), reason="needs Debian's package acl")
TREE = {"a.sh": "", "b.txt": "", "sub/c.sh": "", "sub/deep/d.txt": "", "link": Path("a.sh")}


def entry(path: Path | str, **values) -> dict:
    whole = {"object": str(path), "pattern": "**", "except": [], "type": ["file", "directory"]}
    return whole | values


def given(srv: Path, mode: int = 0o600) -> set[str]:
    """Return which files and folders have the *mode*."""
    return {
        str(path.relative_to(srv))
        for path in srv.rglob("*")
        if stat.S_IMODE(path.lstat().st_mode) == mode
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"type": ["file"]}, {"a.sh", "b.txt", "sub/c.sh", "sub/deep/d.txt"}),
        ({"type": ["directory"]}, {"sub", "sub/deep"}),
        ({"pattern": "*.sh"}, {"a.sh"}),
        ({"pattern": "*"}, {"a.sh", "b.txt", "sub"}),
        ({"pattern": "s?b"}, set()),
        ({"pattern": "sub/*"}, set()),
        ({"pattern": "***"}, {"a.sh", "b.txt", "sub"}),
        ({"except": ["*.sh"], "type": ["file"]}, {"b.txt", "sub/c.sh", "sub/deep/d.txt"}),
        ({"except": ["**"], "type": ["file"]}, {"sub/c.sh", "sub/deep/d.txt"}),
        ({"object": "{srv}/sub"}, {"sub/c.sh", "sub/deep", "sub/deep/d.txt"}),
        ({"object": "{srv}/su"}, set()),
        ({"object": "{srv}//x/../sub/", "pattern": "c.sh"}, {"sub/c.sh"}),
        ({"object": "{srv}/a.sh"}, {"a.sh"}),
        ({"object": "{srv}/a.sh", "type": ["directory"], "pattern": "x"}, set()),
        ({"object": "{srv}/nowhere"}, set()),
        ({"object": "/", "pattern": "srv"}, set()),
    ],
)
def test_a_pattern_means_what_it_means_to_the_agent(site, srv, values, expected):
    one = entry(srv, mode="600") | values

    site.deploy(TREE, srv, permissions=[one | {"object": one["object"].format(srv=srv)}])

    assert given(srv) == expected


def test_entries_for_different_children_stand_side_by_side(site, srv):
    entries = [
        entry(srv, mode="600", type=["file"], pattern="*.sh"),
        entry(srv, mode="611", type=["file"], **{"except": ["*.sh"]}),
    ]

    site.deploy(TREE, srv, permissions=entries)

    assert given(srv) == {"a.sh"}
    assert given(srv, 0o611) == {"b.txt", "sub/c.sh", "sub/deep/d.txt"}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"mode": "600"}, {"object": "a.sh", "owner": None}], "more than once"),
        ([{"object": "a.sh", "pattern": "*"}], "with an invalid pattern"),
        ([{"object": "a.sh", "except": ["x"]}], "contains an invalid format"),
        ([{"object": "a.sh", "acls": ["default:user:nobody:r--"]}], "the -d parameter"),
        ([{"acls": ["default:user:nobody:r--"]}], "the -d parameter"),
        ([{"owner": "1"}], "user 1, whom this host lacks"),
        ([{"group": "no\0group"}], "which this host lacks"),
        ([{"acls": ["user:nouser:r--"]}], "names user nouser, whom this host lacks"),
        ([{"acls": ["default:group:nogrp:r--"]}], "names group nogrp, which this host lacks"),
        ([{"context": {"type": "x"}}], "needs semanage, which this host lacks; install it"),
    ],
)
def test_what_cannot_be_given_is_refused_before_anything_happens(
    site, srv, monkeypatch, entries, message
):
    site.deploy({"a.sh": "old"}, srv)
    entries = [entry(srv) | one | {"object": str(srv / one.get("object", ""))} for one in entries]

    with pytest.raises(Failure, match=message):
        site.deploy(TREE, srv, permissions=entries)

    assert [path.name for path in srv.iterdir()] == ["a.sh"]
    assert (srv / "a.sh").read_text() == "old"


def test_a_retained_file_gets_nothing_and_an_overwritten_one_does(site, srv, tmp_path):
    other = tmp_path / "other"
    for folder in (srv, other):
        folder.mkdir()
        (folder / "a.sh").write_text("mine")
        (folder / "a.sh").chmod(0o640)

    site.deploy(TREE, srv, behavior="RETAIN", permissions=[entry(srv, mode="600")])
    Site(tmp_path / "more").deploy(
        TREE, other, behavior="OVERWRITE", permissions=[entry(other, mode="600")]
    )

    assert stat.S_IMODE((srv / "a.sh").stat().st_mode) == 0o640
    assert stat.S_IMODE((srv / "b.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE((other / "a.sh").stat().st_mode) == 0o600


def test_a_mode_does_not_reach_what_a_link_leads_to(site, srv, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("")
    victim.chmod(0o640)
    files = {"a": "", "out": victim, "gone": Path("/nonexistent")}

    warnings = site.deploy(
        files, srv, permissions=[entry(srv, mode="600", **{"except": ["out"]})]
    ) + site.deploy(files, srv, permissions=[entry(srv / "out", mode="600")])

    assert stat.S_IMODE(victim.stat().st_mode) == 0o640
    assert len(warnings) == 1
    assert f"The link {srv}/out gets no mode, ACL or context" in warnings[0]


@root
def test_an_owner_is_given_to_a_link_itself(site, srv, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("")

    site.deploy({"out": victim}, srv, permissions=[entry(srv, owner="nobody", group="daemon")])

    assert ((srv / "out").lstat().st_uid, victim.stat().st_uid) == (65534, 0)


@root
@pytest.mark.parametrize(
    ("mode", "lost"), [("4755", True), ("2755", True), ("2644", False), ("0755", False)]
)
def test_an_owner_given_after_the_mode_costs_the_set_id_bits_and_a_warning(site, srv, mode, lost):
    files = {"a": "", "b": "", "sub/c": ""}

    warnings = site.deploy(files, srv, permissions=[entry(srv, mode=mode, owner="nobody")])

    assert bool((srv / "a").stat().st_mode & 0o6000) == (mode == "2644")
    said = f"The mode {mode} of {srv}/a and 2 more loses its set-id bits"
    assert [warning.startswith(said) for warning in warnings] == [True] * lost


def test_a_mode_alone_sets_the_set_id_bits(site, srv):
    assert site.deploy({"a": ""}, srv, permissions=[entry(srv, mode="4755")]) == []

    assert stat.S_IMODE((srv / "a").stat().st_mode) == 0o4755


# ACLs, for real


def acl_of(path: Path) -> list[str]:
    said = subprocess.run(
        ["getfacl", "-pcE", path], capture_output=True, text=True, check=True
    ).stdout
    return said.split()


@acl
def test_an_acl_is_completed_from_the_mode_and_no_mask_leaks_into_the_next_file(site, srv):
    entries = [
        entry(srv, type=["file"], pattern="a.sh", mode="640", acls=["user:nobody:rwx"]),
        entry(srv, type=["file"], pattern="b.txt", mode="770", acls=["group:daemon:r--"]),
        entry(srv / "sub", type=["file"], acls=["user:nobody:r--", "mask::rwx"]),
    ]

    site.deploy(TREE, srv, permissions=entries)

    assert acl_of(srv / "a.sh") == [
        *("user::rw-", "user:nobody:rwx", "group::r--", "mask::r--", "other::---")
    ]
    assert acl_of(srv / "b.txt") == [
        *("user::rwx", "group::rwx", "group:daemon:r--", "mask::rwx", "other::---")
    ]
    assert acl_of(srv / "sub" / "c.sh") == [
        *("user::rw-", "user:nobody:r--", "group::r--", "mask::rwx", "other::r--")
    ]


@acl
def test_a_folder_has_an_acl_of_its_own_and_one_for_what_will_be_in_it(site, srv):
    acls = ["user:nobody:rwx", "default:user:nobody:r-x", "default:group::rwx"]

    site.deploy(TREE, srv, permissions=[entry(srv, type=["directory"], pattern="sub", acls=acls)])

    assert acl_of(srv / "sub") == [
        *("user::rwx", "user:nobody:rwx", "group::r-x", "mask::r-x", "other::r-x"),
        *("default:user::rwx", "default:user:nobody:r-x", "default:group::rwx"),
        *("default:mask::rwx", "default:other::r-x"),
    ]
    assert acl_of(srv / "sub" / "deep") == ["user::rwx", "group::r-x", "other::r-x"]


@acl
def test_the_next_revision_takes_the_acls_of_the_previous_one_away(site, srv):
    acls = ["user:nobody:rwx", "default:user:nobody:rwx"]
    entries = [
        entry(srv, type=["directory"], acls=acls),
        entry(srv, type=["file"], acls=acls[:1]),
    ]
    site.deploy(TREE, srv, permissions=entries)
    assert "user:nobody:rwx" in acl_of(srv / "sub" / "deep")

    site.deploy(TREE, srv)

    for path in srv.rglob("*"):
        if not path.is_symlink():
            assert len(acl_of(path)) == 3, path


@acl
def test_a_folder_inherits_from_one_of_the_hosts_in_every_deployment(site, srv):
    srv.mkdir()
    subprocess.run(["setfacl", "-m", "d:u:nobody:rwx", srv], check=True)
    site.deploy(TREE, srv)
    before = acl_of(srv / "sub"), acl_of(srv / "a.sh")
    subprocess.run(["setfacl", "-b", srv / "sub"], check=True)

    site.deploy(TREE, srv)

    assert "default:user:nobody:rwx" in before[0]
    assert (acl_of(srv / "sub"), acl_of(srv / "a.sh")) == before
    assert [path.name for path in srv.rglob(".tidegate*")] == []


def fail_late(site: Site, srv: Path, appspec: dict) -> None:
    """Let an install fail when all but the end of it is done."""
    site.unpack(TREE | {"new/x": "1"})
    entries = [{"source": "/", "destination": str(srv)}]
    install = site.prepare({"files": entries, "permissions": []} | appspec)
    install.set_contexts = lambda: (_ for _ in ()).throw(Failure("Broken on purpose."))
    with pytest.raises(Failure, match="Everything was put back as it was"):
        install.run()


@acl
def test_an_install_that_fails_puts_the_acls_of_folders_back(site, srv):
    acls = ["user:nobody:rwx", "default:user:nobody:rwx"]
    site.deploy(TREE, srv, permissions=[entry(srv, type=["directory"], mode="2750", acls=acls)])
    before = {path: (acl_of(path), path.stat().st_mode) for path in srv.rglob("*")}

    fail_late(site, srv, {})
    without = {path: (acl_of(path), path.stat().st_mode) for path in srv.rglob("*")}
    others = entry(srv, mode="700", acls=["user:daemon:--x"])
    fail_late(site, srv, {"permissions": [others]})

    assert without == before
    assert {path: (acl_of(path), path.stat().st_mode) for path in srv.rglob("*")} == before


@root
@acl
@pytest.mark.usefixtures("open_to_nobody")
@pytest.mark.parametrize(
    "test",
    [
        test_an_acl_is_completed_from_the_mode_and_no_mask_leaks_into_the_next_file,
        test_a_folder_has_an_acl_of_its_own_and_one_for_what_will_be_in_it,
        test_the_next_revision_takes_the_acls_of_the_previous_one_away,
        test_an_install_that_fails_puts_the_acls_of_folders_back,
    ],
)
def test_an_ordinary_user_gives_acls_too(site, srv, test):
    as_nobody(lambda: test(site, srv))
