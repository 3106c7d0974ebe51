"""§3: what the next install makes of the last, its list, and failures."""

from pathlib import Path

from parity.bundles import File, Link, appspec
from parity.machine import GROUP, Machine

EVENTS = ("DownloadBundle", "Install")
CONFLICT = "a specified file already exists at this location"


def spec(*files: tuple[str, str], **more: object) -> str:
    return appspec(files=[{"source": s, "destination": d} for s, d in files], **more)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def cleanup_list(machine: Machine) -> Path:
    return machine.root / "deployment-instructions" / f"{GROUP}-cleanup"


def test_the_list_is_the_agents(anybodys: Machine):
    files = {"appspec.yml": spec(("app", "@/srv/shop")), "app/a": "", "app/sub/b": Link("../a")}

    anybodys.deploy(files, kind="tar", events=EVENTS).succeeded()

    text = cleanup_list(anybodys).read_text()
    lines = text.splitlines()
    below = ["srv", "srv/shop", "srv/shop/a", "srv/shop/sub", "srv/shop/sub/b"]
    assert text.endswith("\n")
    assert sorted(lines) == [str(anybodys.path(name)) for name in below]
    assert all(lines.index(str(Path(line).parent)) < lines.index(line) for line in lines[1:])


def test_the_next_install_removes_what_it_lacks_and_replaces_what_it_has(anybodys: Machine):
    first = {"appspec.yml": spec(("app", "@/srv")), "app/a": "1", "app/old/x": "1", "app/l": "1"}
    anybodys.deploy(first, events=EVENTS).succeeded()
    srv = anybodys.path("srv")
    (srv / "by-hand").write_text("h")
    (srv / "a").write_text("edited")

    second = {"appspec.yml": spec(("app", "@/srv")), "app/a": "2", "app/l": Link("a")}
    anybodys.deploy(second, kind="tar", events=EVENTS).succeeded()

    assert contents(srv) == {"a": "2", "l": "2", "by-hand": "h"}
    assert not (srv / "old").exists()


def test_folders_that_others_use_stay(anybodys: Machine):
    anybodys.deploy({"appspec.yml": spec(("app", "@/srv/x")), "app/d/a": "1"}, events=EVENTS)
    (anybodys.path("srv/x/d") / "theirs").write_text("t")

    anybodys.deploy({"appspec.yml": spec()}, events=EVENTS).succeeded()

    assert contents(anybodys.path("srv")) == {"x/d/theirs": "t"}


def test_what_was_removed_by_hand_is_missed_by_nobody(anybodys: Machine):
    anybodys.deploy({"appspec.yml": spec(("app", "@/srv")), "app/a": "1"}, events=EVENTS)
    anybodys.path("srv/a").unlink()
    anybodys.path("srv").rmdir()

    done = anybodys.deploy({"appspec.yml": spec()}, events=EVENTS).succeeded()

    assert done.warnings == []
    assert cleanup_list(anybodys).read_text() == ""


def test_the_list_of_another_agent_is_taken_over(anybodys: Machine):
    srv = anybodys.folder("srv", {"d/file": "1", "kept/theirs": "t", "unfinished": "u"})
    (srv / "link").symlink_to(srv / "kept")
    lines = ["", "/kept", "/d", "/d/file", "/link", "/missing", "/unfinished"]
    text = "\n".join(f"{srv}{line}" for line in lines)
    anybodys.folder("root/deployment-instructions", {f"{GROUP}-cleanup": text})

    anybodys.deploy(
        {"appspec.yml": spec(("app", "@/srv")), "app/new": "n"}, events=EVENTS
    ).succeeded()

    assert contents(srv) == {"kept/theirs": "t", "unfinished": "u", "new": "n"}
    assert {path.name for path in srv.iterdir()} == {"kept", "unfinished", "new"}


def test_a_conflict_leaves_the_previous_revision_in_place(anybodys: Machine):
    one = {"appspec.yml": spec(("app", "@/srv")), "app/a": "1", "app/b": "1"}
    first = anybodys.deploy(one, events=EVENTS).succeeded()
    before = cleanup_list(anybodys).read_text()
    anybodys.path("srv/theirs").write_text("t")

    two = {"appspec.yml": spec(("app", "@/srv")), "app/a": "2", "app/theirs": "2"}
    anybodys.deploy(two, events=EVENTS).failed("Install", CONFLICT, "srv/theirs")

    assert contents(anybodys.path("srv")) == {"a": "1", "b": "1", "theirs": "t"}
    assert cleanup_list(anybodys).read_text() == before
    pointer = anybodys.root / "deployment-instructions" / f"{GROUP}_last_successful_install"
    assert pointer.read_text() == str(first.folder)


def test_an_unfinished_list_and_names_of_any_kind_are_removed(anybodys: Machine):
    odd = {"app/ blank ": "1", "app/new\nline": "2", "app/ünï": "3", "app/-dash": "4"}
    anybodys.deploy({"appspec.yml": spec(("app", "@/srv")), **odd}, kind="tar", events=EVENTS)
    assert len(contents(anybodys.path("srv"))) == 4

    anybodys.deploy({"appspec.yml": spec()}, events=EVENTS).succeeded()

    assert not anybodys.path("srv").exists()


def test_groups_know_nothing_of_each_others_files(anybodys: Machine):
    mine = {"appspec.yml": spec(("app", "@/srv")), "app/a": "1"}
    anybodys.deploy(mine, events=EVENTS, deployment_group_id="one").succeeded()

    theirs = anybodys.deploy(mine, events=EVENTS, deployment_group_id="two")
    anybodys.deploy({"appspec.yml": spec()}, events=EVENTS, deployment_group_id="two").succeeded()

    theirs.failed("Install", CONFLICT)
    assert contents(anybodys.path("srv")) == {"a": "1"}


def test_a_failed_install_can_be_followed_by_another(anybodys: Machine):
    anybodys.deploy({"appspec.yml": spec(("gone", "@/srv"))}, events=EVENTS).failed(
        "Install", "gone"
    )

    files = {"appspec.yml": spec(("app", "@/srv")), "app/a": File("1", 0o400)}
    for _ in range(2):
        anybodys.deploy(files, events=EVENTS).succeeded()

    assert contents(anybodys.path("srv")) == {"a": "1"}
