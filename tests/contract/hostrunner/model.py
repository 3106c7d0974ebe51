"""What an install must lead to, worked out on values: the agent's rules, without its mistakes."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from contract.hostrunner.trees import Node, Tree
from parts.installs import is_root

World = dict[bytes, Node]
UP = {b"..", b"."}


class Refused(Exception):
    """The install must fail, and change nothing."""


class LeadsOut(Refused):
    """What is to be installed lies in a folder outside of the revision."""


class Missing(Refused):
    """There is no such file in the revision."""


@dataclass
class Model:
    """A world of real paths below one place, in which one revision is installed."""

    world: World
    tree: Tree
    behavior: str
    copies: dict[bytes, tuple[bytes, Node]] = field(default_factory=dict)
    """By real paths: the AppSpec's path, and what is installed."""
    made: dict[bytes, bytes] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)
    followed: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.top = min(self.world, key=len)

    # The previous revision

    def clean_up(self, lines: Sequence[bytes]) -> None:
        places = [self.place(line) for line in reversed(lines)]
        before = dict(self.world)
        for path in places:
            node = self.world.get(path)
            if node and (node.kind != "folder" or self.is_removable(path)):
                del self.world[path]
                self.gone.add(path)
        for path in reversed(places):  # a folder in one that lets nobody remove it
            above = os.path.dirname(path)
            may_go = above in self.gone or self.lets_in(before.get(above))
            if path in self.gone and before[path].kind == "folder" and not may_go:
                self.world[path] = before[path]
                self.gone.discard(path)
        self.followed.clear()
        for path in self.gone:
            self.must_let_in(path)

    def is_removable(self, path: bytes) -> bool:
        return not any(os.path.dirname(other) == path for other in self.world)

    def lets_in(self, folder: Node | None) -> bool:
        return is_root() or folder is None or folder.mode & 0o300 == 0o300

    def must_let_in(self, path: bytes) -> None:
        """What changes in a folder that stays needs the right to write to it."""
        if not self.lets_in(self.world.get(os.path.dirname(path))):
            raise Refused(path)

    def place(self, line: bytes) -> bytes:
        folder, name = os.path.split(line)
        try:
            return os.path.join(self.real(folder), name)
        except Refused:
            return b"?"

    def real(self, path: bytes, links: int = 0) -> bytes:
        """Return the real path of a folder that is there."""
        done = b"/"
        for part in path.split(b"/"):
            if part == b"..":
                done = os.path.dirname(done)
                continue
            done = os.path.normpath(os.path.join(done, part))
            node = self.world.get(done)
            if node and node.kind == "link":
                if links > 30:
                    raise Refused(path)
                self.followed.add(done)
                done = self.real(os.path.join(os.path.dirname(done), node.content), links + 1)
            elif not (node.kind == "folder" if node else self.is_above(done)):
                raise Refused(path)
        return done

    def is_above(self, path: bytes) -> bool:
        """Return whether a folder is above all that is modelled."""
        return self.top.startswith(path.rstrip(b"/") + b"/")

    # The files

    def install(self, source: bytes, destination: bytes) -> None:
        root = self.source(source.strip(b"/").split(b"/"))
        node = self.tree.get(root, Node("folder")) if root != b"" else Node("folder")
        self.folder(destination)
        if node.kind != "folder":
            name = os.path.basename(source.rstrip(b"/"))
            self.file(os.path.join(destination, name), self.tree[root])
            return
        # In the runner's order: of a folder that has two names, by links, the first is noted.
        for path in sorted(self.tree, key=lambda path: path.split(b"/")):
            child = self.tree[path]
            if not root or path.startswith(root + b"/"):
                target = os.path.join(destination, path[len(root) :].lstrip(b"/"))
                if child.kind == "folder":
                    self.folder(target)
                else:
                    self.file(target, child)

    def source(self, parts: list[bytes], done: bytes = b"", links: int = 0) -> bytes:
        """Return the path in the tree; of a link to no folder, its own."""
        for at, part in enumerate(parts):
            if part in (b"", b"."):
                continue
            if part == b"..":
                if not done:  # the folder above is there, but what else could be in it is not
                    raise Missing(part) if set(parts[at + 1 :]) - UP else LeadsOut(part)
                done = os.path.dirname(done)
                continue
            done = os.path.join(done, part)
            node = self.tree.get(done)
            if not node:
                raise Missing(part)
            if node.kind == "link":
                done = self.linked(done, node.content, links, parts[at + 1 :])
            elif node.kind == "file" and at < len(parts) - 1:
                raise Missing(part)
        return done

    def linked(self, path: bytes, text: bytes, links: int, rest: list[bytes]) -> bytes:
        found = None
        try:
            found = self.behind(path, text, links)
        except LeadsOut:
            if not set(rest) - UP:
                raise
        except Missing:
            found = None
        if found == b"" or (found and self.tree[found].kind == "folder"):
            return found
        if not rest and not links:
            return path
        raise Missing(path)

    def behind(self, path: bytes, text: bytes, links: int) -> bytes:
        if text == b"/usr":
            raise LeadsOut(path)
        if links > 30 or text.startswith(b"/"):
            raise Missing(path)
        return self.source(text.split(b"/"), os.path.dirname(path), links + 1)

    def folder(self, path: bytes) -> bytes:
        """Have a folder at a path of the AppSpec, and return its real path."""
        if self.is_above(path) or (path in self.world and self.world[path].kind == "folder"):
            return path
        real = os.path.join(self.folder(os.path.dirname(path)), os.path.basename(path))
        if real in self.copies:
            raise Refused(path)
        node = self.world.get(real)
        if node and node.kind == "link":
            return self.real(real)
        if node and node.kind == "file":
            raise Refused(path)
        if not node and real not in self.made:
            self.must_let_in(real)
            self.made[real] = path
        return real

    def file(self, path: bytes, node: Node) -> None:
        real = os.path.join(self.folder(os.path.dirname(path)), os.path.basename(path))
        if real in self.copies or real in self.made:
            raise Refused(path)
        there = self.world.get(real)
        if there and self.behavior == "RETAIN":
            return
        if there and (self.behavior != "OVERWRITE" or there.kind == "folder"):
            raise Refused(path)
        self.must_let_in(real)
        self.copies[real] = path, node if is_root() else replace(node, uid=os.geteuid())

    # The permissions

    def installed(self) -> dict[bytes, tuple[bytes, Node]]:
        """Return all that is installed, by real paths, before any permissions."""
        result: dict[bytes, tuple[bytes, Node]] = {}
        for real, path in self.made.items():
            above = os.path.dirname(real)
            _, folder = result.get(above, (b"", self.world.get(above)))
            is_shared = folder and folder.mode & 0o2000
            result[real] = path, Node("folder", mode=0o2755 if is_shared else 0o755)
        return result | self.copies

    def meant(self, entry: Mapping[str, Any]) -> list[bytes]:
        target = os.fsencode(entry["object"])
        files = {path: real for real, (path, _) in self.copies.items()}
        if target in files:
            if "file" not in entry["type"]:
                return []
            if entry["pattern"] != "**" or entry["except"]:
                raise Refused(target)
            return [files[target]]
        return [
            real
            for real, (path, node) in self.installed().items()
            if path.startswith(target + b"/")
            and ("directory" if node.kind == "folder" else "file") in entry["type"]
            and is_meant(path[len(target) + 1 :].decode("utf-8", "replace"), entry)
        ]

    def permit(self, entries: Sequence[Mapping[str, Any]]) -> World:
        if self.followed & self.copies.keys():
            raise Refused
        result = {real: node for real, (_, node) in self.installed().items()}
        seen: set[bytes] = set()
        for entry in entries:
            for real in self.meant(entry):
                if real in seen:
                    raise Refused(real)
                seen.add(real)
                result[real] = given(result[real], entry)
        return result


def is_meant(name: str, entry: Mapping[str, Any]) -> bool:
    if "/" not in name and any(fits(glob, name) for glob in entry["except"]):
        return False
    return entry["pattern"] == "**" or ("/" not in name and fits(entry["pattern"], name))


def fits(glob: str, name: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, glob.split("*"))), name, re.DOTALL))


def given(node: Node, entry: Mapping[str, Any]) -> Node:
    owner = {"uid": 65534} if entry["owner"] else {}
    if node.kind == "link":
        return replace(node, **owner)
    mode = int(entry["mode"], 8) if entry["mode"] else node.mode
    if owner and node.kind == "file":  # the kernel drops these when it gives a file away
        mode &= ~0o4000 & (~0o2000 if mode & 0o010 else 0o7777)
    return replace(node, mode=mode, **owner)


def expected(
    world: World, lines: Sequence[bytes], tree: Tree, appspec: Mapping[str, Any]
) -> tuple[World, list[bytes]]:
    """Return the world and the list after an install.

    Raises:
        Refused: It may not be.
    """
    model = Model(dict(world), tree, appspec["file_exists_behavior"])
    model.clean_up(lines)
    for entry in appspec["files"]:
        destination = os.path.normpath(os.fsencode(entry["destination"]))
        model.install(os.fsencode(entry["source"]), destination)
    installed = model.permit(appspec["permissions"])
    names = [*model.made.values(), *(path for path, _ in model.copies.values())]
    return model.world | installed, sorted(names)
