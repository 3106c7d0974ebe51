"""§3: what is installed where, and what is in its way."""

import stat
from pathlib import Path

import pytest

from parity.bundles import MOMENT, File, Folder, Link, appspec, sh
from parity.machine import GROUP, Machine

EVENTS = ("DownloadBundle", "Install")
CONFLICT = "a specified file already exists at this location"


def spec(*files: tuple[object, str], **more: object) -> str:
    return appspec(files=[{"source": s, "destination": d} for s, d in files], **more)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Where things go: files of the bundle, entries, and what lies in @/srv afterwards

BUNDLE = {"app/a": "A", "app/.b": "B", "app/sub/c": "C", "app/empty": Folder(), "one": "1"}
PLACES = {
    "contents-of-a-folder": ([("app", "@/srv")], {"a", ".b", "sub", "sub/c", "empty"}),
    "slashes-around": ([("/app/", "@/srv/")], {"a", ".b", "sub", "sub/c", "empty"}),
    "a-file-into-a-folder": ([("one", "@/srv")], {"one"}),
    "a-file-of-a-folder": ([("app/sub/c", "@/srv/x/y")], {"x", "x/y", "x/y/c"}),
    "slash-is-all-of-it": (
        [("/", "@/srv")],
        {"app", "app/a", "app/.b", "app/sub", "app/sub/c", "app/empty", "one", "appspec.yml"},
    ),
    "parents-are-made": ([("app/sub", "@/srv/1/2/3")], {"1", "1/2", "1/2/3", "1/2/3/c"}),
    "two-into-one": ([("app/sub", "@/srv"), ("one", "@/srv")], {"c", "one"}),
    "an-empty-folder": ([("app/empty", "@/srv/e")], {"e"}),
    "one-below-another": (
        [("app/sub", "@/srv"), ("one", "@/srv/sub")],
        {"c", "sub", "sub/one"},
    ),
    "nothing": ([], None),
}


@pytest.mark.parametrize(("entries", "found"), PLACES.values(), ids=PLACES)
def test_everything_goes_where_the_agent_puts_it(anybodys: Machine, entries, found):
    done = anybodys.deploy({"appspec.yml": spec(*entries), **BUNDLE}, events=EVENTS).succeeded()

    srv = anybodys.path("srv")
    assert (names(srv) if srv.exists() else None) == found
    pointer = anybodys.root / "deployment-instructions" / f"{GROUP}_last_successful_install"
    assert pointer.read_text() == str(done.folder)


def test_modes_and_times_of_files_are_kept_and_those_of_folders_are_not(anybodys: Machine):
    files = {
        "appspec.yml": spec(("app", "@/srv")),
        "app/sub": Folder(0o700),
        "app/sub/run": File("x", 0o750),
        "app/read-only": File("r", 0o444),
    }

    anybodys.deploy(files, kind="tar", events=EVENTS).succeeded()

    srv = anybodys.path("srv")
    assert (mode(srv), mode(srv / "sub")) == (0o755, 0o755)
    assert (mode(srv / "sub/run"), mode(srv / "read-only")) == (0o750, 0o444)
    assert (srv / "sub/run").stat().st_mtime == MOMENT
    assert {path.stat().st_uid for path in srv.rglob("*")} == {anybodys.user_id}


def test_root_keeps_the_owners_of_files(rooted: Machine):
    files = {"appspec.yml": spec(("app", "@/srv")), "app/theirs": File("", 0o644, uid=65534)}

    rooted.deploy(files, kind="tar", events=EVENTS).succeeded()

    assert rooted.path("srv/theirs").stat().st_uid == 65534
    assert rooted.path("srv").stat().st_uid == 0


def test_links_stay_links_with_their_text(anybodys: Machine):
    texts = {"file": "a", "folder": "sub", "dangling": "nowhere", "absolute": "/etc", "up": "../x"}
    files = {f"app/{name}": Link(text) for name, text in texts.items()}

    anybodys.deploy(
        {"appspec.yml": spec(("app", "@/srv")), "app/a": "", "app/sub/b": "", **files},
        kind="tar",
        events=EVENTS,
    ).succeeded()

    srv = anybodys.path("srv")
    assert {name: str((srv / name).readlink()) for name in texts} == texts


def test_a_source_that_is_a_link_to_a_folder_means_its_contents(anybodys: Machine):
    files = {"appspec.yml": spec(("current", "@/srv")), "current": Link("v1"), "v1/a": "A"}

    anybodys.deploy(files, kind="tar", events=EVENTS).succeeded()

    assert names(anybodys.path("srv")) == {"a"}


def test_what_a_hook_adds_is_installed(anybodys: Machine):
    add = sh('echo new >"$DEPLOYMENT_ARCHIVE/app/added"')
    files = {
        "appspec.yml": spec(("app", "@/srv"), hooks={"BeforeInstall": ["add.sh"]}),
        "add.sh": add,
        "app/a": "",
    }

    anybodys.deploy(files).succeeded()

    assert names(anybodys.path("srv")) == {"a", "added"}


def test_a_hook_that_edits_the_appspec_changes_nothing_but_a_warning(anybodys: Machine):
    edit = sh('cd "$DEPLOYMENT_ARCHIVE" && sed -i s,/srv,/elsewhere, appspec.yml')
    files = {
        "appspec.yml": spec(("app", "@/srv"), hooks={"BeforeInstall": ["edit.sh"]}),
        "edit.sh": edit,
        "app/a": "",
    }

    done = anybodys.deploy(files).succeeded()

    assert names(anybodys.path("srv")) == {"a"}
    assert not anybodys.path("elsewhere").exists()
    assert any("appspec.yml" in warning for warning in done.warnings), done.warnings


# Conflicts: what --file-exists-behavior and the AppSpec say, and what becomes of a file of others

BEHAVIORS = {
    "default": (None, None, CONFLICT),
    "disallow": ("DISALLOW", None, CONFLICT),
    "overwrite": ("OVERWRITE", None, "new"),
    "overwrite-in-small-letters": ("overwrite", None, "new"),
    "retain": ("RETAIN", None, "old"),
    "retain-in-mixed-letters": ("Retain", None, "old"),
    "unknown": ("replace", None, "REPLACE"),
    "appspec-overwrites": (None, "OVERWRITE", "new"),
    "appspec-wins-over-overwrite": ("OVERWRITE", "DISALLOW", CONFLICT),
    "appspec-wins-over-disallow": ("DISALLOW", "RETAIN", "old"),
    "appspec-wins-over-unknown": ("replace", "OVERWRITE", "new"),
}


@pytest.mark.parametrize(("option", "own", "result"), BEHAVIORS.values(), ids=BEHAVIORS)
def test_a_file_that_is_there_is_dealt_with_as_is_said(anybodys: Machine, option, own, result):
    srv = anybodys.folder("srv", {"a": "old"})
    files = {"appspec.yml": spec(("app", "@/srv"), file_exists_behavior=own), "app/a": "new"}

    done = anybodys.deploy(files, events=EVENTS, file_exists_behavior=option)

    if result in ("new", "old"):
        done.succeeded()
        assert (srv / "a").read_text() == result
    else:
        done.failed("Install", result, str(srv / "a"))
        assert (srv / "a").read_text() == "old"


def test_an_unknown_behavior_matters_at_a_conflict_only(machine: Machine):
    files = {"appspec.yml": spec(("app", "@/srv")), "app/a": "new"}

    machine.deploy(files, events=EVENTS, file_exists_behavior="whatever").succeeded()


def test_a_folder_that_is_there_is_no_conflict(anybodys: Machine):
    srv = anybodys.folder("srv", {"sub/theirs": "t"})
    files = {"appspec.yml": spec(("app", "@/srv")), "app/sub/ours": "o"}

    anybodys.deploy(files, events=EVENTS).succeeded()

    assert names(srv) == {"sub", "sub/theirs", "sub/ours"}


def test_what_was_retained_is_not_ours_later(anybodys: Machine):
    srv = anybodys.folder("srv", {"theirs": "old"})
    files = {"appspec.yml": spec(("app", "@/srv")), "app/theirs": "new", "app/ours": "o"}
    anybodys.deploy(files, events=EVENTS, file_exists_behavior="RETAIN").succeeded()

    anybodys.deploy({"appspec.yml": spec()}, events=EVENTS).succeeded()

    assert {path.name: path.read_text() for path in srv.iterdir()} == {"theirs": "old"}


def test_a_link_in_the_way_is_replaced_and_not_written_through(anybodys: Machine):
    host = anybodys.folder("host", {"a": "theirs"})
    srv = anybodys.folder("srv")
    (srv / "a").symlink_to(host / "a")
    files = {"appspec.yml": spec(("app", "@/srv")), "app/a": "new"}

    anybodys.deploy(files, events=EVENTS).failed("Install", CONFLICT)
    anybodys.deploy(files, events=EVENTS, file_exists_behavior="OVERWRITE").succeeded()

    assert (host / "a").read_text() == "theirs"
    assert not (srv / "a").is_symlink()


def test_a_link_is_installed_over_a_file_where_that_may_be(anybodys: Machine):
    srv = anybodys.folder("srv", {"a": "old"})
    files = {"appspec.yml": spec(("app", "@/srv")), "app/a": Link("b"), "app/b": "B"}

    anybodys.deploy(files, events=EVENTS, file_exists_behavior="OVERWRITE").succeeded()

    assert str((srv / "a").readlink()) == "b"


# What is planned twice, or cannot be

IMPOSSIBLE = {
    "two-files-for-one-place": ([("app/a", "@/srv"), ("other/a", "@/srv")], "same destination"),
    "the-same-file-twice": ([("app/a", "@/srv"), ("app/a", "@/srv")], "same destination"),
    "a-file-where-a-folder-goes": ([("other", "@/srv/a"), ("app/a", "@/srv")], "@/srv/a"),
    "a-folder-where-a-file-goes": ([("app/a", "@/srv"), ("other", "@/srv/a")], "@/srv/a"),
    "source-missing": ([("app/a", "@/srv"), ("nothing", "@/srv")], "nothing"),
    "source-with-a-wildcard": ([("app/a", "@/srv"), ("other/*", "@/srv")], "other/*"),
    "source-above": ([("app/a", "@/srv"), ("../../x", "@/srv")], "leads out"),
    "source-of-a-number": ([("app/a", "@/srv"), (5, "@/srv")], "5"),
    "destination-of-a-number": ([("app/a", "@/srv"), ("other", 7)], "7"),
    "destination-of-a-home": ([("app/a", "@/srv"), ("other", "~/x")], "~/x"),
    "destination-relative": ([("app/a", "@/srv"), ("other", "srv/x")], "srv/x"),
    "destination-below-a-file": ([("app/a", "@/srv"), ("other", "@/taken/x")], "@/taken"),
}


@pytest.mark.parametrize(("entries", "words"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_installed_is_found_before_anything_is(anybodys: Machine, entries, words):
    anybodys.folder("", {"taken": "a file"})
    files = {"appspec.yml": spec(*entries), "app/a": "A", "other/a": "B"}

    done = anybodys.deploy(files, events=EVENTS)

    done.failed("Install", anybodys.here(words))
    assert not anybodys.path("srv").exists()


def test_a_folder_without_the_right_to_write_fails_before_anything_is_installed(ordinary: Machine):
    locked = ordinary.folder("locked")
    locked.chmod(0o555)
    files = {"appspec.yml": spec(("app", "@/srv"), ("app", "@/locked/x")), "app/a": "A"}

    ordinary.deploy(files, events=EVENTS).failed("Install", str(locked))

    assert not ordinary.path("srv").exists()


@pytest.mark.parametrize(("umask", "made"), [(0o077, 0o700), (0o002, 0o775), (0o022, 0o755)])
def test_folders_have_the_callers_umask_and_files_the_bundles_modes(machine: Machine, umask, made):
    path = machine.bundle({"appspec.yml": spec(("app", "@/srv")), "app/a": File("", 0o666)}, "tar")
    args = ["local", "--json", "-l", str(path), "-t", "tar", "-e", ",".join(EVENTS)]
    args += ["--root", str(machine.root), "--python", machine.python]

    machine.call(args, machine.root, umask=umask).succeeded()

    assert mode(machine.path("srv/a")) == 0o666
    assert mode(machine.path("srv")) == made
