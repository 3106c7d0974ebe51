"""Whatever stops an install, it is as if it had not been; or as if it had not been stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.hostrunner.client import Host, Session, appspec_of, bundle_of
from contract.hostrunner.meddling import dying, failing, forked, meddling
from contract.hostrunner.trees import Node, read_back, take_away
from parts.installs import Site, as_nobody, is_root, tree_of
from tidegate.hostrunner.parts.base import Failure
from tidegate.hostrunner.parts.undo import value_of

root = pytest.mark.skipif(not is_root(), reason="only root can become another user")
State = dict[bytes, tuple[Node, str | None]]


class Scene:
    """A revision that is installed, and all that can be in the way of the next one."""

    def __init__(self, folder: Path, *, tools: bool = False) -> None:
        self.srv, self.site, self.tools = folder / "srv", Site(folder / "root"), tools
        self.srv.mkdir(parents=True)
        (self.srv / "foreign").write_text("mine")
        (self.srv / "foreign-link").symlink_to("/etc")
        self.path = os.environ["PATH"]
        if tools:
            self.path = f"{folder}:{self.path}"
            for name in ("semanage", "restorecon"):
                (folder / name).write_text("#!/bin/sh\n")
                (folder / name).chmod(0o755)
        self.install(
            {"same": "1", "changed": "1", "gone/deep/x": "1", "file-to-folder": "1"}
            | {"folder-to-file/a/b": "1", "folder-to-link/c": "1", "data/seed": "1"}
            | {"link": Path("same"), "link-to-folder": Path("/etc"), "file-to-link": "1"},
            {"type": ["directory"], "mode": "2750", "acls": ["user:nobody:r-x"]},
            {"type": ["file"], "pattern": "same", "context": {"type": "old"}},
        )
        (self.srv / "data" / "upload").write_text("mine")

    def install(self, files: dict[str, str | Path], *permissions: dict) -> None:
        more = {} if self.tools else {"acls": [], "context": None}
        entries = [{"object": str(self.srv)} | permission | more for permission in permissions]
        with self.path_of_tools():
            self.site.deploy(files, self.srv, behavior="OVERWRITE", permissions=entries)

    def recover(self) -> None:
        with self.path_of_tools():
            self.site.recover({})

    @contextlib.contextmanager
    def path_of_tools(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", self.path)
            yield

    def next(self) -> None:
        self.install(
            {"same": "2", "changed": "2", "new/deep/y": "2", "file-to-folder/z": "2"}
            | {"folder-to-file": "2", "folder-to-link": Path("same"), "foreign": "2"}
            | {"link": Path("new"), "link-to-folder/w": "2", "file-to-link": Path("x")}
            | {"foreign-link": Path("new"), "data/seed": "2"},
            {"type": ["file"], "mode": "0640", "context": {"type": "new"}},
            {"type": ["directory"], "mode": "0555", "acls": ["user:nobody:r-x"]},
        )

    def state(self) -> State:
        """Return all that there is, with ACLs, and the notes."""
        state: State = {}
        for path, node in read_back(os.fsencode(self.srv)).items():
            is_link = node.kind == "link"
            state[path] = node, None if is_link else value_of(path, "system.posix_acl_access")
        for path in self.site.notes.parent.iterdir():
            if not path.name.endswith(f".{os.getpid()}"):
                state[os.fsencode(path)] = Node("note", path.read_bytes()), None
        return state


def without_times(state: State) -> dict[bytes, object]:
    return {
        path: (node.kind, node.content, node.mode, acl)
        for path, (node, acl) in state.items()
        if node.kind != "note" or not path.rpartition(b".")[2].isdigit()  # half-written
    }


def steps_of(folder: Path, *, tools: bool) -> int:
    scene, counts = Scene(folder, tools=tools), []
    with meddling(counts.append):
        scene.next()
    return len(counts)


def fail_at_a_step(folder: Path, at: int, *, tools: bool) -> None:
    scene = Scene(folder, tools=tools)
    before = scene.state()

    try:
        with meddling(failing(at)):
            scene.next()
    except (Failure, OSError):
        assert scene.state() == before

    scene.site.number = 2
    scene.next()
    fresh = scene.state()
    scene.next()
    assert without_times(fresh).keys() == without_times(scene.state()).keys()


def die_at_a_step(folder: Path, at: int, *, tools: bool) -> None:
    """The next install, of nothing here, first puts back or finishes."""
    scene = Scene(folder, tools=tools)
    before = without_times(scene.state())

    def act() -> None:
        with meddling(dying(at)):
            scene.next()

    died = forked(act) == 9
    scene.site.number = 2
    scene.recover()
    now = without_times(scene.state())
    if not died or now != before:
        expected = Scene(folder / "expected", tools=tools)
        expected.next()
        there = {str(p.relative_to(expected.srv)) for p in expected.srv.rglob("*")}
        assert {str(path.relative_to(scene.srv)) for path in scene.srv.rglob("*")} == there
        assert (scene.srv / "same").read_text() == "2"
    scene.next()
    assert (scene.srv / "link-to-folder" / "w").read_text() == "2"
    assert list(scene.srv.rglob(".tidegate-*")) == []


STEPPING = [fail_at_a_step, die_at_a_step]


def at_many_steps(test: Callable, folder: Path, stride: int, *, tools: bool) -> None:
    steps = steps_of(folder / "count", tools=tools)
    assert steps > 200
    for at in range(0, steps + 1, stride):
        test(folder / str(at), at, tools=tools)
        take_away(str(folder / str(at)))


@pytest.mark.parametrize("test", STEPPING)
def test_an_install_may_fail_or_die_at_any_step(tmp_path, test):
    at_many_steps(test, tmp_path, 7, tools=False)


@root
@pytest.mark.usefixtures("open_to_nobody")
@pytest.mark.parametrize("test", STEPPING)
def test_an_install_of_a_user_may_fail_or_die_at_any_step(tmp_path, test):
    as_nobody(lambda: at_many_steps(test, tmp_path, 23, tools=False))


@pytest.mark.slow
@pytest.mark.parametrize("test", STEPPING)
def test_an_install_with_tools_may_fail_or_die_at_every_step(tmp_path, test):
    at_many_steps(test, tmp_path, 1, tools=True)


# Whoever comes next


def killed(site: Site, srv: Path, files: dict[str, str | Path], at: str) -> None:
    """Install up to the first call of one of the steps."""
    site.unpack(files)
    install = site.prepare({"files": [{"source": "/", "destination": str(srv)}]})
    setattr(install, at, lambda *_: os._exit(9))

    assert forked(install.run) == 9


@pytest.mark.parametrize("at", ["stage", "set_contexts"])
def test_a_killed_install_is_undone_before_the_next_one_looks_for_conflicts(site, srv, at):
    site.deploy({"a": "1", "b": "1"}, srv)
    killed(site, srv, {"a": "2", "new": "2"}, at)
    (srv / "mine").write_text("mine")

    with pytest.raises(Failure, match=r"already exists at this location: .*/mine"):
        site.deploy({"a": "3", "mine": "3"}, srv)

    assert {p.name: p.read_text() for p in srv.iterdir()} == {"a": "1", "b": "1", "mine": "mine"}
    assert site.pointer.read_text().endswith("/d-1")


def test_what_others_made_after_a_kill_is_not_taken_for_ours(site, srv):
    site.deploy({"a": "1"}, srv)
    killed(site, srv, {"a": "2", "new": "2"}, "stage")
    (srv / "new").write_text("mine")

    with pytest.raises(Failure, match="already exists at this location"):
        site.deploy({"new": "3"}, srv)

    assert tree_of(srv) == {"a": "1", "new": "mine"}


@pytest.mark.skipif(not shutil.which("setfacl"), reason="needs Debian's package acl")
def test_an_empty_folder_that_was_not_yet_set_aside_stays(site, srv, monkeypatch):
    srv.mkdir()
    subprocess.run(["setfacl", "-m", "d:u:nobody:rwx", srv], check=True)
    site.deploy({"empty/": ""}, srv)
    before = (srv / "empty").stat().st_ino
    site.unpack({"before/": "", "empty/": ""})
    monkeypatch.setattr(os, "mkdir", lambda *_, **__: failing(0)(0))

    with pytest.raises(Failure, match="Everything was put back"):
        site.install({"files": [{"source": "/", "destination": str(srv)}]})

    assert (srv / "empty").stat().st_ino == before


def test_a_host_where_the_agent_has_installed_since_is_not_put_back(site, srv):
    site.deploy({"a": "1"}, srv)
    killed(site, srv, {"a": "2"}, "set_contexts")
    for path in srv.iterdir():
        path.unlink()
    (srv / "a").write_text("of the agent")
    site.list.write_text(f"{srv}/x\n")

    site.deploy({"b": "3"}, srv)

    assert {p.name: p.read_text() for p in srv.iterdir()} == {"a": "of the agent", "b": "3"}


def test_a_killed_install_leaves_a_list_by_which_the_agent_leaves_nothing(site, srv):
    site.deploy({"a": "1", "b": "1", "sub/c": "1"}, srv)
    killed(site, srv, {"a": "2", "sub/c": "2", "sub/d": "2"}, "set_contexts")

    for line in reversed(site.list.read_text().splitlines()):
        path = Path(line)
        if path.exists():
            path.rmdir() if path.is_dir() else path.unlink()

    assert not srv.exists()


def test_what_cannot_be_put_back_is_named_and_tried_again(site, srv, monkeypatch):
    site.deploy({"a": "1", "b": "1"}, srv)
    real, at = os.rename, []

    def rename(old, new, **fds):
        at.append(new)
        if len(at) in (2, 3):  # to put b into place, and to put a back
            raise OSError(5, "Input/output error")
        real(old, new, **fds)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(Failure) as failed:
        site.deploy({"a": "2", "b": "2"}, srv)
    with pytest.raises(Failure, match="has no such file"):
        site.deploy({}, srv, source="missing")

    assert str(failed.value) == (
        f"Installing failed at {srv}/b: input/output error. Not everything could be put back,"
        f" first of all {srv}/b: input/output error. The next deployment tries again."
    )
    assert {p.name: p.read_text() for p in srv.iterdir()} == {"a": "1", "b": "1"}


def test_what_appears_meanwhile_is_not_overwritten(site, srv, monkeypatch):
    real = os.symlink

    def symlink(*arguments, **named):
        (srv / "a").write_text("mine")
        real(*arguments, **named)

    monkeypatch.setattr(os, "symlink", symlink)
    site.unpack({"a": "1"})
    (site.archive / "z").write_text("")
    Path(site.archive / "z").unlink()
    os.link(site.archive / "a", site.archive / "y")
    real("x", site.archive / "link")

    with pytest.raises(Failure, match="/a came into being while the revision was installed"):
        site.install({"files": [{"source": "/", "destination": str(srv)}]})

    assert {p.name: p.read_text() for p in srv.iterdir()} == {"a": "mine"}


# The runner itself


class Slow:
    """A host whose setfacl waits until it is told to go on."""

    def __init__(self, host: Host, srv: Path) -> None:
        self.host, self.srv = host, srv
        folder = srv.parent / "bin"
        folder.mkdir()
        self.waits, gate = folder / "waits", folder / "gate"
        os.mkfifo(gate)
        tool = folder / "setfacl"
        tool.write_text(f"#!/bin/sh\n: >{self.waits}\nread line <{gate}\n")
        tool.chmod(0o755)
        self.gate = gate
        host.env = {"PATH": f"{folder}:{os.environ['PATH']}"}

    def deploy(self, number: int, *, acls: list[str]) -> Session:
        entry = {"object": str(self.srv), "type": ["directory"], "acls": acls}
        return self.host.session(
            deployment=f"d-{number}",
            bundle=bundle_of({"app/a": str(number), f"app/sub{number}/b": "1"}),
            appspec=appspec_of(files={"app": str(self.srv)}, permissions=[entry]),
        )

    def until_it_waits(self, session: Session) -> None:
        session.until_running("Install")
        while not self.waits.exists():
            with pytest.raises(TimeoutError):
                session.next(timeout=0.05)

    def signal(self, number: int) -> None:
        os.kill(self.host.runner_pid("d-2"), number)

    def installed(self) -> set[str]:
        return {str(path.relative_to(self.srv)) for path in self.srv.rglob("*")}


@pytest.fixture
def slow(host: Host, srv: Path) -> Slow:
    slow = Slow(host, srv)
    slow.deploy(1, acls=[]).to_the_end()
    return slow


def test_sigterm_to_the_runner_ends_an_install_as_if_it_had_not_begun(slow: Slow):
    session = slow.deploy(2, acls=["user:nobody:r-x"])
    slow.until_it_waits(session)

    slow.signal(signal.SIGTERM)
    slow.gate.write_text("go on\n")
    told = session.to_the_end()

    assert told.event("Install")["message"] == (
        "The runner was ended by signal 15 while it installed. Everything was put back as it was."
    )
    assert told.outcome == "failed"
    assert slow.installed() == {"a", "sub1", "sub1/b"}
    assert (slow.srv / "a").read_text() == "1"


def test_an_install_whose_runner_is_killed_is_put_right_by_the_next_deployment(slow: Slow):
    session = slow.deploy(2, acls=["user:nobody:r-x"])
    slow.until_it_waits(session)
    slow.signal(signal.SIGKILL)
    slow.gate.write_text("go on\n")
    assert session.to_the_end().last["t"] == "lost"

    told = slow.deploy(3, acls=[]).to_the_end()

    assert told.outcome == "succeeded"
    assert slow.installed() == {"a", "sub3", "sub3/b"}
    assert (slow.srv / "a").read_text() == "3"
