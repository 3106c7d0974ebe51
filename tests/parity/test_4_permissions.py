"""§4: which files and folders `permissions` means, and what they get."""

import os
import pwd
import shutil
import stat
import subprocess

import pytest

from parity.bundles import File, Link, appspec, sh
from parity.machine import Machine

EVENTS = ("DownloadBundle", "Install")
FILES = {
    "app/a.sh": File("", 0o644),
    "app/b.txt": File("", 0o644),
    "app/a[1].sh": File("", 0o644),
    "app/sub/c.sh": File("", 0o644),
    "app/sub/deep/d.sh": File("", 0o644),
}
ALL_FILES = {"a.sh", "b.txt", "a[1].sh", "sub/c.sh", "sub/deep/d.sh"}
ALL_FOLDERS = {"sub", "sub/deep"}


def spec(*permissions: dict, destination: str = "@/srv", **more: object) -> str:
    files = [{"source": "app", "destination": destination}]
    return appspec(files=files, permissions=list(permissions), **more)


def mode(machine: Machine, name: str) -> int:
    return stat.S_IMODE(machine.path(name).stat().st_mode)


def with_mode(machine: Machine, wanted: int) -> set[str]:
    srv = machine.path("srv")
    found = {path for path in (srv, *srv.rglob("*")) if stat.S_IMODE(path.stat().st_mode) == wanted}
    return {str(path.relative_to(srv)) for path in found}


MEANT = {
    "everything-below": ({}, ALL_FILES | ALL_FOLDERS),
    "two-stars": ({"pattern": "**"}, ALL_FILES | ALL_FOLDERS),
    "files": ({"type": ["file"]}, ALL_FILES),
    "directories": ({"type": ["directory"]}, ALL_FOLDERS),
    "one-star-means-children": ({"pattern": "*"}, {"a.sh", "b.txt", "a[1].sh", "sub"}),
    "ending": ({"pattern": "*.sh"}, {"a.sh", "a[1].sh"}),
    "star-in-the-middle": ({"pattern": "a*h"}, {"a.sh", "a[1].sh"}),
    "exact": ({"pattern": "b.txt"}, {"b.txt"}),
    "question-mark-is-literal": ({"pattern": "?.sh"}, set()),
    "brackets-are-literal": ({"pattern": "a[1].sh"}, {"a[1].sh"}),
    "a-path-never-matches": ({"pattern": "sub/c.sh"}, set()),
    "except": ({"except": ["*.sh"]}, {"b.txt", "sub", "sub/deep", "sub/c.sh", "sub/deep/d.sh"}),
    "except-of-a-pattern": ({"pattern": "*", "except": ["b.txt", "sub"]}, {"a.sh", "a[1].sh"}),
    "no-type": ({"type": []}, set()),
    "an-object-within": ({"object": "@/srv/sub"}, {"sub/c.sh", "sub/deep", "sub/deep/d.sh"}),
    "a-slash-at-the-end": ({"object": "@/srv/sub/deep/"}, {"sub/deep/d.sh"}),
    "blanks-around-the-object": ({"object": " @/srv/sub/deep "}, {"sub/deep/d.sh"}),
    "a-file": ({"object": "@/srv/sub/c.sh"}, {"sub/c.sh"}),
    "a-file-that-is-no-directory": ({"object": "@/srv/a.sh", "type": ["directory"]}, set()),
    "an-object-above": ({"object": "@", "type": ["file"]}, ALL_FILES),
    "an-object-elsewhere": ({"object": "@/nowhere"}, set()),
}


@pytest.mark.parametrize(("entry", "meant"), MEANT.values(), ids=MEANT)
def test_an_entry_means_what_it_means_to_the_agent(anybodys: Machine, entry, meant):
    text = spec({"object": "@/srv", "mode": "0711", **entry})

    anybodys.deploy({"appspec.yml": text, **FILES}, events=EVENTS).succeeded()

    assert with_mode(anybodys, 0o711) == meant


REFUSED = {
    "twice": ([{"object": "@/srv"}, {"object": "@/srv/sub"}], "more than once"),
    "twice-a-file": ([{"object": "@/srv/a.sh"}, {"object": "@/srv"}], "more than once"),
    "a-file-with-a-pattern": ([{"object": "@/srv/a.sh", "pattern": "*"}], "pattern"),
    "a-file-with-an-exception": ([{"object": "@/srv/a.sh", "except": ["x"]}], "except"),
    "owner-unknown": ([{"object": "@/srv", "owner": "nobody-at-all"}], "nobody-at-all"),
    "owner-empty": ([{"object": "@/srv", "owner": ""}], "whom this host lacks"),
    "group-empty": ([{"object": "@/srv", "group": ""}], "which this host lacks"),
    "owner-as-a-number": ([{"object": "@/srv", "owner": "0"}], "0"),
    "group-unknown": ([{"object": "@/srv", "group": "no-group-at-all"}], "no-group-at-all"),
    "default-acl-of-a-file": ([{"object": "@/srv/a.sh", "acls": ["d:u:root:r"]}], "a.sh"),
}


@pytest.mark.parametrize(("entries", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_refused_before_anything_is_installed(anybodys: Machine, entries, words):
    entries = [{"mode": "0600", **entry} for entry in entries]

    done = anybodys.deploy({"appspec.yml": spec(*entries), **FILES}, events=EVENTS)

    done.failed("Install", words)
    assert not anybodys.path("srv").exists()


MET_BY_NOTHING = {
    "an-object-elsewhere": {"object": "@/nowhere"},
    "an-object-that-nobody-may-see": {"object": "@/shut/in"},
    "a-pattern": {"object": "@/srv", "pattern": "*.no"},
    "a-type": {"object": "@/srv/a.sh", "type": ["directory"]},
    "all-excepted": {"object": "@/srv", "pattern": "b.txt", "except": ["b.*"]},
}
UNKNOWN = {
    "owner": "nobody-at-all",
    "group": "no-group-at-all",
    "acls": ["u:nobody-at-all:r"],
    "context": {"type": "t"},
}


@pytest.mark.parametrize("entry", MET_BY_NOTHING.values(), ids=MET_BY_NOTHING)
def test_what_meets_nothing_needs_nothing_of_the_host(anybodys: Machine, entry):
    anybodys.folder("shut", {"in/x": ""}).chmod(0)
    entries = [{**entry, key: value} for key, value in UNKNOWN.items()]

    done = anybodys.deploy({"appspec.yml": spec(*entries), **FILES}, events=EVENTS)

    done.succeeded()


def test_what_a_link_does_not_get_needs_nothing_of_the_host(anybodys: Machine):
    more = {key: UNKNOWN[key] for key in ("acls", "context")}
    files = {"app/link": Link("nowhere")}

    done = anybodys.deploy(
        {"appspec.yml": spec({"object": "@/srv", **more}), **files}, kind="tar", events=EVENTS
    )

    done.succeeded()


MODES = {"0644": 0o644, "644": 0o644, "64": 0o064, "7": 0o007, "1755": 0o1755, "2755": 0o2755}


def test_modes_are_octal_and_padded(machine: Machine):
    entries = [{"object": f"@/srv/{m}", "mode": m} for m in MODES]
    files = {f"app/{m}": "" for m in MODES}

    machine.deploy({"appspec.yml": spec(*entries), **files}, events=EVENTS).succeeded()

    assert {m: mode(machine, f"srv/{m}") for m in MODES} == MODES


def test_a_mode_that_yaml_reads_as_a_number_is_kept_and_warned_of(machine: Machine):
    text = (
        "version: 0.0\nos: linux\nfiles: [{source: app, destination: @/srv}]\n"
        "permissions:\n- object: @/srv/a.sh\n  mode: 0644\n"
    ).replace("@", str(machine.place))

    done = machine.deploy({"appspec.yml": text, **FILES}, events=EVENTS).succeeded()

    assert mode(machine, "srv/a.sh") == 0o420
    assert any("0420" in warning and "line 6" in warning for warning in done.warnings)


def test_what_is_retained_gets_nothing_and_what_is_overwritten_does(anybodys: Machine):
    for behavior, wanted in (("RETAIN", 0o644), ("OVERWRITE", 0o711)):
        name = behavior.lower()
        srv = anybodys.folder(name, {"a.sh": "old"})
        (srv / "a.sh").chmod(0o644)
        text = spec({"object": f"@/{name}", "mode": "0711"}, destination=f"@/{name}")

        anybodys.deploy(
            {"appspec.yml": text, **FILES},
            events=EVENTS,
            file_exists_behavior=behavior,
            deployment_group_id=name,
        ).succeeded()

        assert mode(anybodys, f"{name}/a.sh") == wanted


def test_a_folder_that_was_there_is_no_folder_of_the_deployment(anybodys: Machine):
    srv = anybodys.folder("srv", {"sub/theirs": ""})
    (srv / "sub").chmod(0o750)
    text = spec({"object": "@/srv", "mode": "0711"})

    anybodys.deploy({"appspec.yml": text, **FILES}, events=EVENTS).succeeded()

    assert with_mode(anybodys, 0o711) == (ALL_FILES | ALL_FOLDERS) - {"sub"}


def test_owner_and_group_are_given_by_name(rooted: Machine):
    account = pwd.getpwnam("daemon")
    text = spec({"object": "@/srv", "owner": "daemon", "group": "daemon", "except": ["b.txt"]})

    rooted.deploy({"appspec.yml": text, **FILES}, events=EVENTS).succeeded()

    srv = rooted.path("srv")
    owned = {path.name for path in srv.rglob("*") if path.stat().st_uid == account.pw_uid}
    assert owned == {"a.sh", "a[1].sh", "sub", "c.sh", "deep", "d.sh"}
    assert (srv / "a.sh").stat().st_gid == account.pw_gid
    assert srv.stat().st_uid == 0


def test_a_user_may_name_himself_and_nobody_else(ordinary: Machine):
    me = pwd.getpwuid(ordinary.user_id).pw_name

    own = spec({"object": "@/srv", "owner": me})
    ordinary.deploy({"appspec.yml": own, **FILES}, events=EVENTS).succeeded()
    other = spec({"object": "@/srv", "owner": "daemon"})
    ordinary.deploy({"appspec.yml": other, **FILES}, events=EVENTS).failed("Install", "daemon")


def test_an_owner_is_given_after_the_mode_and_takes_set_id_away(rooted: Machine):
    entries = [
        {"object": "@/srv/a.sh", "mode": "4755"},
        {"object": "@/srv/b.txt", "mode": "4755", "owner": "daemon"},
    ]

    done = rooted.deploy({"appspec.yml": spec(*entries), **FILES}, events=EVENTS).succeeded()

    assert (mode(rooted, "srv/a.sh"), mode(rooted, "srv/b.txt")) == (0o4755, 0o755)
    assert any("set-id" in warning for warning in done.warnings)


def test_a_link_is_given_away_and_not_what_it_leads_to(rooted: Machine):
    outside = rooted.folder("host", {"file": ""}) / "file"
    files = {"app/link": Link(str(outside)), "app/dangling": Link("nowhere")}
    text = spec({"object": "@/srv", "owner": "daemon", "mode": "0777"})

    rooted.deploy({"appspec.yml": text, **files}, kind="tar", events=EVENTS).succeeded()

    assert outside.stat().st_uid == 0
    assert stat.S_IMODE(outside.stat().st_mode) != 0o777
    assert rooted.path("srv/link").lstat().st_uid == pwd.getpwnam("daemon").pw_uid


# ACLs, by the real tools


def facl(machine: Machine, name: str) -> set[str]:
    words = ["getfacl", "-cpE", str(machine.path(name))]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return set(said.split())


@pytest.mark.skipif(not shutil.which("setfacl"), reason="needs the Debian package acl")
def test_acls_are_completed_from_the_mode_of_each_file(anybodys: Machine):
    files = {"app/open": File("", 0o664), "app/shut": File("", 0o600), "app/own": File("", 0o640)}
    entries = [
        {"object": "@/srv", "except": ["own"], "acls": ["u:daemon:rw", "g:daemon:4"]},
        {"object": "@/srv/own", "mode": "0640", "acls": ["user:daemon:rwx", "m::r"]},
    ]

    anybodys.deploy({"appspec.yml": spec(*entries), **files}, kind="tar", events=EVENTS).succeeded()

    named = {"user:daemon:rw-", "group:daemon:r--"}
    assert facl(anybodys, "srv/open") == named | {
        *("user::rw-", "group::rw-", "mask::rw-", "other::r--"),
    }
    assert facl(anybodys, "srv/shut") == named | {
        *("user::rw-", "group::---", "mask::---", "other::---"),
    }
    assert facl(anybodys, "srv/own") == {
        *("user::rw-", "user:daemon:rwx", "group::r--", "mask::r--", "other::---"),
    }


@pytest.mark.skipif(not shutil.which("setfacl"), reason="needs the Debian package acl")
def test_default_acls_are_those_of_folders(anybodys: Machine):
    entry = {"object": "@/srv", "type": ["directory"], "acls": ["d:u:daemon:rx", "d:o::-"]}

    anybodys.deploy({"appspec.yml": spec(entry), **FILES}, events=EVENTS).succeeded()

    assert {"default:user:daemon:r-x", "default:other::---"} <= facl(anybodys, "srv/sub")
    assert facl(anybodys, "srv") == {"user::rwx", "group::r-x", "other::r-x"}


# SELinux, by stand-ins that write down what they were asked


def stand_ins(machine: Machine) -> None:
    tools = machine.folder("tools")
    for name in ("semanage", "restorecon"):
        (tools / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{machine.path("ledger")}\n')
        (tools / name).chmod(0o755)
    machine.env["PATH"] = f"{tools}:{os.environ['PATH']}"


def ledger(machine: Machine) -> list[str]:
    return machine.here(machine.path("ledger").read_text()).splitlines()


CONTEXTS = {
    "whole": ({"type": "t", "name": "u", "range": "s0-s1:c0"}, "-s u -t t -r s0-s1:c0"),
    "without-range": ({"type": "t"}, "-t t"),
    "without-name": ({"type": "t", "range": "s0"}, "-t t -r s0"),
}


@pytest.mark.parametrize(("context", "words"), CONTEXTS.values(), ids=CONTEXTS)
def test_a_context_is_set_by_the_hosts_tools(anybodys: Machine, context, words):
    stand_ins(anybodys)
    text = spec({"object": "@/srv/a.sh", "context": context})

    anybodys.deploy({"appspec.yml": text, **FILES}, events=EVENTS).succeeded()

    path = anybodys.path("srv/a.sh")
    assert ledger(anybodys) == [f"semanage fcontext -a {words} {path}", f"restorecon -v {path}"]
    lists = (anybodys.root / "deployment-instructions").glob("*-cleanup")
    assert f"semanage\0{path}\n" in next(lists).read_text()


def test_a_context_is_forgotten_with_its_file(anybodys: Machine):
    stand_ins(anybodys)
    text = spec({"object": "@/srv/a.sh", "context": {"type": "t"}})
    anybodys.deploy({"appspec.yml": text, **FILES}, events=EVENTS).succeeded()
    anybodys.path("ledger").unlink()

    anybodys.deploy({"appspec.yml": appspec()}, events=EVENTS).succeeded()

    assert ledger(anybodys) == [f"semanage fcontext -d {anybodys.path('srv/a.sh')}"]


def test_a_host_without_the_tools_fails_before_anything_is_installed(anybodys: Machine):
    if shutil.which("semanage"):
        pytest.skip("this machine has semanage")
    text = spec({"object": "@/srv/a.sh", "context": {"type": "t"}})

    done = anybodys.deploy({"appspec.yml": text, **FILES, "x.sh": sh()}, events=EVENTS)

    done.failed("Install", "semanage")
    assert not anybodys.path("srv").exists()
