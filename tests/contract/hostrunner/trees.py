"""Trees of files as values: made up, laid down on disk, and read back."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from parts.installs import is_root

PLAIN = [b"a", b"b", b"c", b"d e"]
ODD = [b"\xc3\xa9", b"\xff\xfe", b".hid", b"-x", b"two\nlines", b"tail ", b"*", b"$(x)", b"'q'"]
NAMES = st.one_of(st.sampled_from(PLAIN), st.sampled_from(PLAIN + ODD))


@dataclass(frozen=True)
class Node:
    """What lies at one place; a folder's content is other nodes of the same snapshot."""

    kind: str
    content: bytes = b""
    """What a file holds, or where a link leads."""
    mode: int = 0o777
    uid: int = field(default_factory=os.geteuid)
    """Of what a user lays down it is his own."""
    gid: int = field(default_factory=os.getegid)
    mtime: int = 0
    """Of a link there is none to keep."""


Tree = Mapping[bytes, Node]
"""Relative paths to nodes, each folder before what is in it."""

MODES = st.sampled_from([0o644, 0o600, 0o755, 0o444, 0o4755, 0o2711])
FOLDER_MODES = st.sampled_from([0o755, 0o700, 0o775])
FILES = st.builds(
    Node,
    kind=st.just("file"),
    content=st.binary(max_size=9),
    mode=MODES,
    uid=st.sampled_from([0, 65534]),
    mtime=st.integers(1, 2_000_000_000).map(lambda seconds: seconds * 1_000_000_000 + 7),
)
FOLDERS = st.builds(Node, kind=st.just("folder"), mode=FOLDER_MODES, mtime=st.just(10**18))
TEXTS = [b"a", b"b", b"../a", b"b/..", b"/nonexistent/x", b"/usr", b"x", b".", b"../../x", b"a/b"]


def links(texts: list[bytes]) -> st.SearchStrategy[Node]:
    return st.builds(Node, kind=st.just("link"), content=st.sampled_from(texts))


def trees(texts: list[bytes] = TEXTS, most: int = 10) -> st.SearchStrategy[Tree]:
    """Draw trees of a few levels; each place is put into a folder that was drawn before it."""
    node = st.one_of(FILES, FILES, FOLDERS, FOLDERS, links(texts))
    seed = st.tuples(NAMES, st.integers(0, most), node)
    return st.lists(seed, min_size=most // 3, max_size=most).map(grown)


def grown(seeds: list[tuple[bytes, int, Node]]) -> Tree:
    tree: dict[bytes, Node] = {}
    for name, where, node in seeds:
        folders = [b"", *(path for path, other in tree.items() if other.kind == "folder")]
        tree.setdefault(os.path.join(folders[where % len(folders)], name), node)
    return tree


def lay_down(tree: Tree, place: bytes) -> None:
    for path, node in tree.items():
        put(node, os.path.join(place, path))
    for path, node in reversed(tree.items()):
        dress(node, os.path.join(place, path))


def put(node: Node, path: bytes) -> None:
    if node.kind == "link":
        os.symlink(node.content, path)
    elif node.kind == "folder":
        os.mkdir(path)
    else:
        with open(path, "xb") as file:
            file.write(node.content)


def dress(node: Node, path: bytes) -> None:
    if is_root():
        os.chown(path, node.uid, node.gid, follow_symlinks=False)
    if node.kind != "link":
        os.chmod(path, node.mode)
        os.utime(path, ns=(node.mtime, node.mtime))


def read_back(place: bytes) -> dict[bytes, Node]:
    """Return all that lies below a place, by full paths, the place itself too."""
    return {path: node_at(path) for path in below(place)}


def below(place: bytes) -> Iterator[bytes]:
    yield place
    for folder, folders, files in os.walk(place):
        yield from (os.path.join(folder, name) for name in folders + files)


def take_away(place: str) -> None:
    for folder, _, _ in os.walk(place):
        os.chmod(folder, 0o700)
    shutil.rmtree(place)


def node_at(path: bytes) -> Node:
    info = os.lstat(path)
    owner = {"uid": info.st_uid, "gid": info.st_gid}
    if stat.S_ISLNK(info.st_mode):
        return Node("link", os.readlink(path), **owner)
    mode, mtime = stat.S_IMODE(info.st_mode), info.st_mtime_ns
    if stat.S_ISDIR(info.st_mode):
        return Node("folder", b"", mode, mtime=mtime, **owner)
    assert info.st_nlink == 1
    with open(path, "rb") as file:
        return Node("file", file.read(), mode, mtime=mtime, **owner)
