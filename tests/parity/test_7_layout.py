"""§7: what lies where below the root, and which revisions are kept."""

import os
import re

import pytest

from parity.bundles import appspec, sh
from parity.machine import GROUP, Done, Machine

DOWNLOAD = ("DownloadBundle",)
SPEC = appspec(hooks={"AfterInstall": ["s.sh"]})
FILES = {"appspec.yml": SPEC, "s.sh": sh("echo out", "echo err >&2", "printf last")}


def test_the_tree_is_the_agents(anybodys: Machine):
    done = anybodys.deploy(FILES, deployment_group_id="g-1", deployment_id="d-1").succeeded()

    below = {str(path.relative_to(anybodys.root)) for path in anybodys.root.rglob("*")}
    assert below >= {
        "g-1/d-1/deployment-archive/appspec.yml",
        "g-1/d-1/deployment-archive/s.sh",
        "g-1/d-1/logs/scripts.log",
        "deployment-instructions/g-1-cleanup",
        "deployment-instructions/g-1_last_successful_install",
        "deployment-instructions/g-1_most_recent_install",
    }
    assert {name.partition("/")[0] for name in below} == {"g-1", "deployment-instructions"}
    assert done.folder == anybodys.root / "g-1/d-1"


def test_scripts_log_has_the_agents_lines(anybodys: Machine):
    done = anybodys.deploy(FILES).succeeded()

    pattern = re.compile(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (LifecycleEvent - \w+|Script - \S+|\[std(out|err)\].*)"
    )
    lines = done.scripts_log.splitlines()
    assert all(pattern.fullmatch(line) for line in lines), lines
    assert sorted(line[20:] for line in lines) == [
        "LifecycleEvent - AfterInstall",
        "Script - s.sh",
        "[stderr]err",
        "[stdout]last",
        "[stdout]out",
    ]


def test_nothing_is_left_outside_of_the_root(anybodys: Machine):
    anybodys.deploy(FILES).succeeded()

    assert list(anybodys.path("tmp").iterdir()) == []
    left = {path.name.partition("-")[0] for path in anybodys.place.iterdir()}
    assert left == {"bundle", "root", "tmp", "stdout", "stderr"}


# Pruning: revisions that are there, oldest first; which is installed; what the next download keeps

OLD = ("d-1", "d-2", "d-3", "d-4", "d-5", "d-6")
PRUNED = {
    "five-by-default": (OLD, None, None, {"d-3", "d-4", "d-5", "d-6"}),
    "as-many-as-are-wanted": (OLD[:4], None, "5", {"d-1", "d-2", "d-3", "d-4"}),
    "one-too-many": (OLD[:5], None, "5", {"d-2", "d-3", "d-4", "d-5"}),
    "two": (OLD, None, "2", {"d-6"}),
    "one-keeps-none-before-it": (OLD[:3], None, "1", set()),
    "the-installed-one-counts-and-stays": (OLD, "d-1", "3", {"d-1", "d-6"}),
    "one-keeps-the-installed-one-too": (OLD[:3], "d-2", "1", {"d-2"}),
    "many": (OLD, "d-1", "100", set(OLD)),
}


def with_revisions(machine: Machine, names: tuple[str, ...], installed: str | None) -> None:
    for age, name in enumerate(reversed(names)):
        folder = machine.folder(f"root/{GROUP}/{name}", {"deployment-archive/x": ""})
        os.utime(folder, (1_700_000_000 - age, 1_700_000_000 - age))
    if installed:
        note = {f"{GROUP}_last_successful_install": str(machine.root / GROUP / installed)}
        machine.folder("root/deployment-instructions", note)


def kept(done: Done) -> set[str]:
    return {path.name for path in done.folder.parent.iterdir()} - {done.folder.name}


@pytest.mark.parametrize(("names", "installed", "most", "left"), PRUNED.values(), ids=PRUNED)
def test_a_download_keeps_so_many_revisions(anybodys: Machine, names, installed, most, left):
    with_revisions(anybodys, names, installed)

    done = anybodys.deploy(FILES, events=DOWNLOAD, max_revisions=most).succeeded()

    assert kept(done) == left


def test_revisions_go_by_their_age_and_not_by_their_names(machine: Machine):
    with_revisions(machine, ("d-9", "d-1", "d-5"), None)

    done = machine.deploy(FILES, events=DOWNLOAD, max_revisions=2).succeeded()

    assert kept(done) == {"d-5"}


def test_a_download_that_fails_has_pruned_as_the_agent_does(machine: Machine):
    with_revisions(machine, OLD[:3], None)

    machine.deploy("/nowhere", kind="zip", events=DOWNLOAD, max_revisions=2).failed(
        "DownloadBundle"
    )

    assert {path.name for path in (machine.root / GROUP).iterdir() if path.name in OLD} == {"d-3"}


def test_events_without_a_download_prune_nothing(machine: Machine):
    with_revisions(machine, OLD, None)

    done = machine.deploy("/nowhere", events=("ApplicationStop",), max_revisions=1).succeeded()

    assert kept(done) == set(OLD)


def test_other_groups_keep_theirs(machine: Machine):
    with_revisions(machine, OLD, None)

    machine.deploy(FILES, events=DOWNLOAD, max_revisions=1, deployment_group_id="two").succeeded()

    assert {path.name for path in (machine.root / GROUP).iterdir()} == set(OLD)


NO_GROUP = ("deployment-instructions", "ongoing-deployment", ".", "..", "a/b", "/", "one/../two")


@pytest.mark.parametrize("name", NO_GROUP)
def test_a_group_that_is_no_folder_of_its_own_is_refused(anybodys: Machine, name: str):
    anybodys.deploy(FILES, deployment_group_id="one").succeeded()
    before = set(anybodys.root.rglob("*"))

    done = anybodys.deploy(FILES, events=DOWNLOAD, deployment_group_id=name, max_revisions=1)

    done.failed("DownloadBundle", repr(name), "--deployment-group-id")
    assert set(anybodys.root.rglob("*")) == before


@pytest.mark.parametrize("name", [".", "..", "../d-1", "a/d-1", "arn:aws:x:deployment/.."])
def test_a_deployment_that_is_no_folder_of_its_own_is_refused(machine: Machine, name: str):
    done = machine.deploy(FILES, events=DOWNLOAD, deployment_id=name)

    done.failed("DownloadBundle", "--deployment-id")
    assert not machine.root.exists()


def test_a_root_that_is_a_file_is_named(anybodys: Machine):
    anybodys.folder("", {"file": ""})

    done = anybodys.deploy(FILES, events=DOWNLOAD, root=anybodys.path("file"))

    done.failed("DownloadBundle", f"{anybodys.path('file')} cannot be used: not a directory")
