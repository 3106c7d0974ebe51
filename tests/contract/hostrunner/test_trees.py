"""Whatever is installed over whatever: what is planned happens, or nothing does."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.hostrunner.meddling import dying, failing, forked, meddling
from contract.hostrunner.model import Refused, World, expected
from contract.hostrunner.trees import Tree, lay_down, read_back, take_away, trees
from parts.installs import Site, as_nobody, is_root
from tidegate.hostrunner.parts import previous
from tidegate.hostrunner.parts.base import Failure

EXAMPLES = int(os.environ.get("TIDEGATE_SIMULATION_EXAMPLES", "400"))

ODD_SOURCES = ["../x", "missing", "a/../b", "a/", "b/a", "."]
DESTINATIONS = ["", "", "", "/a", "/a", "/b", "/a/b", "/c/d", "/x/y/z", "/link", "/link/a"]
ODD_DESTINATIONS = ["/dangling", "/loop", "/d e", "/a//b/../c/"]


def of_these(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def permissions() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "object": of_these("", "", "/a", "/b", "/c", "/a/b", "/link", "/nowhere"),
            "pattern": of_these("**", "**", "a", "*", "b*", "*e"),
            "except": st.lists(of_these("a", "*", "c*"), max_size=1),
            "type": of_these(["file"], ["directory"], ["file", "directory"]),
            "mode": of_these(None, "4755", "555", "2750", "0640" if is_root() else "700"),
            "owner": of_these(None, "nobody" if is_root() else None),
        }
    )


def appspecs(tree: Tree, *, odd: bool) -> st.SearchStrategy[dict[str, Any]]:
    inside = of_these("/", *map(os.fsdecode, tree))
    sources = st.one_of(st.just("/"), inside, inside, of_these(*ODD_SOURCES) if odd else inside)
    destinations = of_these(*DESTINATIONS, *(ODD_DESTINATIONS if odd else []))
    return st.fixed_dictionaries(
        {
            "files": st.lists(st.tuples(sources, destinations), min_size=1, max_size=3),
            "permissions": st.lists(permissions(), max_size=2),
            "file_exists_behavior": of_these("OVERWRITE", "OVERWRITE", "RETAIN", "DISALLOW"),
        }
    )


class Ground:
    """A place with a folder to install into, one outside, and a deployment root."""

    def __init__(self, place: Path, foreign: Tree) -> None:
        self.place = place
        self.world_at = os.fsencode(place / "world")
        self.site = Site(place / "root")
        os.mkdir(self.world_at)
        for name in (b"dest", b"outside"):
            os.mkdir(os.path.join(self.world_at, name))
            lay_down(foreign, os.path.join(self.world_at, name))
        self.dest = place / "world" / "dest"
        for name, text in (("link", "../outside"), ("dangling", "nowhere"), ("loop", "loop")):
            with contextlib.suppress(FileExistsError):
                (self.dest / name).symlink_to(text)

    def appspec(self, drawn: dict[str, Any]) -> dict[str, Any]:
        files = [{"source": s, "destination": f"{self.dest}{d}"} for s, d in drawn["files"]]
        entries = [p | {"object": f"{self.dest}{p['object']}"} for p in drawn["permissions"]]
        return drawn | {"files": files, "permissions": entries}

    def unpack(self, tree: Tree) -> None:
        self.site.unpack()
        lay_down(tree, os.fsencode(self.site.archive))

    def world(self) -> World:
        return read_back(self.world_at)

    def lines(self) -> list[bytes]:
        with contextlib.suppress(FileNotFoundError):
            return previous.list_lines(self.site.list.read_bytes())
        return []

    def notes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.site.notes.parent.iterdir()}

    def drop(self, foreign: Tree) -> None:
        """Somebody else works here between two installs."""
        folders = [path for path, node in self.world().items() if node.kind == "folder"]
        for number, node in enumerate(foreign.values()):
            folder = folders[number * 7 % len(folders)]
            if os.access(folder, os.W_OK):
                lay_down({b"foreign%d" % number: node}, folder)


def timeless(world: World) -> World:
    """Folders take a new time from what is put into them."""
    return {p: replace(n, mtime=0) if n.kind == "folder" else n for p, n in world.items()}


def install_and_compare(ground: Ground, tree: Tree, appspec: dict[str, Any]) -> None:
    """Install a revision that is unpacked already, with nothing in the way of it."""
    before, notes = ground.world(), ground.notes()
    try:
        world, lines = expected(before, ground.lines(), tree, appspec)
    except Refused:
        with pytest.raises(Failure):
            ground.site.install(appspec)
        assert ground.world() == before
        assert ground.notes() == notes
        return

    ground.site.install(appspec)

    assert timeless(ground.world()) == timeless(world)
    assert sorted(ground.lines()) == lines
    assert ground.site.pointer.read_text() == str(ground.site.archive.parent)
    assert not ground.site.undo.exists()


@contextlib.contextmanager
def two_installs(drawn: st.DataObject) -> Iterator[tuple[Ground, Tree, dict[str, Any]]]:
    """Install one revision over what others have, let others work, and unpack another."""
    place = tempfile.mkdtemp()
    try:
        ground = Ground(Path(place), drawn.draw(trees([b"a", b"../outside", b"b"], most=5)))
        tree = drawn.draw(trees())
        ground.unpack(tree)
        install_and_compare(ground, tree, ground.appspec(drawn.draw(appspecs(tree, odd=False))))
        ground.drop(drawn.draw(trees(most=3)))
        tree = drawn.draw(trees())
        ground.unpack(tree)
        yield (
            ground,
            tree,
            ground.appspec(drawn.draw(appspecs(tree, odd=drawn.draw(st.booleans())))),
        )
    finally:
        take_away(place)


def installs_in_turn(drawn: st.DataObject) -> None:
    with two_installs(drawn) as (ground, tree, appspec):
        install_and_compare(ground, tree, appspec)
        ground.unpack({})
        install_and_compare(ground, {}, appspec | {"files": []})


def installs_that_fail(drawn: st.DataObject) -> None:
    with two_installs(drawn) as (ground, tree, appspec):
        before, notes = ground.world(), ground.notes()

        try:
            with meddling(failing(drawn.draw(st.integers(0, 200)))):
                ground.site.install(appspec)
        except (Failure, OSError):
            assert ground.world() == before
            assert ground.notes() == notes

        install_and_compare(ground, tree, appspec)


def installs_that_are_killed(drawn: st.DataObject) -> None:
    with two_installs(drawn) as (ground, tree, appspec):
        before, lines = ground.world(), ground.lines()
        at = drawn.draw(st.integers(0, 200))

        def act() -> None:
            with contextlib.suppress(Failure), meddling(dying(at)):
                ground.site.install(appspec)

        assert forked(act) in (0, 9)
        ground.site.recover(appspec)
        if ground.world() != before:
            world, lines = expected(before, lines, tree, appspec)
            assert timeless(ground.world()) == timeless(world)
        assert sorted(ground.lines()) == sorted(lines)

        install_and_compare(ground, tree, appspec)


def run(test: Callable[[st.DataObject], None], examples: int, *, same: bool = False) -> None:
    """Try *examples*, the *same* ones every time or others."""
    checked = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=same,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    checked(given(st.data())(test))()


TESTS = [installs_in_turn, installs_that_fail, installs_that_are_killed]


@pytest.mark.parametrize("test", TESTS)
def test_what_is_planned_happens_or_nothing_does(test):
    run(test, 80, same=True)


@pytest.mark.skipif(not is_root(), reason="only root can become another user")
@pytest.mark.parametrize("test", TESTS)
def test_what_is_planned_happens_or_nothing_does_for_an_ordinary_user(test):
    as_nobody(lambda: run(test, 40, same=True))


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("test", TESTS)
def test_what_is_planned_happens_or_nothing_does_for_long(test):
    """For a whole night, set TIDEGATE_SIMULATION_EXAMPLES to some thousands."""
    run(test, EXAMPLES)
    if is_root():
        as_nobody(lambda: run(test, EXAMPLES))
