"""What an install will do, decided and checked before anything is touched."""

import os
import stat

from tidegate.hostrunner.parts.base import Failure, raw, shown
from tidegate.hostrunner.parts.needs import Needs
from tidegate.hostrunner.parts.permissions import Permissions
from tidegate.hostrunner.parts.previous import MOST_LINKS, Previous, clean, look_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_ACL = "system.posix_acl_default"


class Step:
    """One file, link or folder to install, at *path* for the AppSpec file and at *real* for us."""

    __slots__ = ("is_folder", "is_link", "kind", "path", "real", "size", "source")

    def __init__(
        self, path: bytes, real: bytes, source: bytes = b"", info: "os.stat_result | None" = None
    ) -> None:
        self.path = path
        self.real = real
        self.source = source
        self.is_folder = info is None
        self.is_link = info is not None and stat.S_ISLNK(info.st_mode)
        self.size = info.st_size if info else 0
        self.kind = "directory" if self.is_folder else "file"


class Plan:
    """The steps of one install, what lies in their way, and who gets what; or a Failure."""

    def __init__(
        self, appspec: "dict[str, Any]", behaviour: str, archive: bytes, previous: Previous
    ) -> None:
        self.appspec = appspec
        self.behaviour = behaviour
        self.archive = os.path.realpath(archive)
        self.previous = previous
        self.needs = Needs()
        self.known = {b"/": b"/"}  # type: dict[bytes, bytes]
        self.steps = []  # type: list[Step]
        self.copies = {}  # type: dict[bytes, Step]
        self.made = {}  # type: dict[bytes, Step]
        self.renewed = {}  # type: dict[bytes, Step]
        self.in_the_way = set()  # type: set[bytes]

    def make(self) -> None:
        self.previous.clear()
        warnings = list(self.previous.warnings)
        for entry in self.appspec.get("files") or []:
            self.add_entry(text_of(entry, "source"), text_of(entry, "destination"))
        self.check_links()
        self.permissions = Permissions(self.steps)
        for entry in self.appspec.get("permissions") or []:
            self.permissions.add(entry, self.is_folder(clean(raw(str(entry["object"])))))
        self.check_removals()
        self.needs.check_room()
        self.warnings = warnings + self.permissions.warnings

    def is_folder(self, path: bytes) -> bool:
        if any(step.is_folder and step.path == path for step in self.steps):
            return True
        try:
            return bool(self.previous.folder(path))
        except OSError:  # what we may not even look at is none of this deployment's
            return False

    # Sources: nothing is read through a link that leads out of the archive

    def add_entry(self, source: bytes, destination: bytes) -> None:
        if not destination.startswith(b"/"):
            raise Failure(
                "The destination %s of the AppSpec file is not an absolute path."
                % shown(destination)
            )
        destination = clean(destination)
        place = self.source(source)
        info = look_at(place)
        if info is None:
            raise Failure(
                "The AppSpec file installs %s, and the revision has no such file or folder."
                % shown(source)
            )
        if stat.S_ISDIR(info.st_mode):
            self.add_tree(place, destination)
        else:
            self.add_folder(destination)
            name = os.path.basename(source.rstrip(b"/"))
            self.add_copy(place, os.path.join(destination, name), info)

    def source(self, source: bytes) -> bytes:
        """Return where a source is; a link that leads to no folder stays a link."""
        folder, name = os.path.split(source.strip(b"/"))
        above = self.inside(self.archive, folder, source)
        place = os.path.join(above, name)
        if os.path.islink(place) and not os.path.isdir(place):
            return place
        return self.inside(above, name, source)

    def inside(self, path: bytes, way: bytes, source: bytes, links: int = 0) -> bytes:
        for part in way.split(b"/"):
            if part in (b"", b"."):
                continue
            if part == b"..":
                if path == self.archive:
                    raise self.leads_out(source)
                path = os.path.dirname(path) if os.path.isdir(path) else os.path.join(path, part)
                continue
            here = os.path.join(path, part)
            if not os.path.islink(here):
                path = here
                continue
            text = os.readlink(here)
            if text.startswith(self.archive + b"/"):
                path, text = self.archive, text[len(self.archive) :]
            elif text.startswith(b"/") or links == MOST_LINKS:
                raise self.leads_out(source)
            path = self.inside(path, text, source, links + 1)
        return path

    def leads_out(self, source: bytes) -> Failure:
        return Failure(
            "The source %s of the AppSpec file leads out of the revision. Put what it installs"
            " into the bundle." % shown(source)
        )

    def add_tree(self, source: bytes, destination: bytes) -> None:
        todo = [(source, destination)]
        while todo:
            place, path = todo.pop()
            info = os.lstat(place)
            if not stat.S_ISDIR(info.st_mode):
                self.add_copy(place, path, info)
                continue
            self.needs.reading(place, info)
            self.add_folder(path)
            names = sorted(os.listdir(place), reverse=True)
            todo += [(os.path.join(place, name), os.path.join(path, name)) for name in names]

    # Destinations

    def add_folder(self, path: bytes) -> bytes:
        """Plan a folder and those above it, and return its real path."""
        way = []
        while path not in self.known:
            way.append(path)
            path = os.path.dirname(path)
        for step in reversed(way):
            above = self.known[os.path.dirname(step)]
            path = step
            self.known[step] = self.folder_at(step, os.path.join(above, os.path.basename(step)))
        return self.known[path]

    def folder_at(self, path: bytes, real: bytes) -> bytes:
        if real in self.copies:
            raise Failure(
                "The deployment failed because the application specification file includes an"
                " mkdir command more than once for the same destination path (%s) from (%s)."
                " Update the files section of the AppSpec file, and then try again."
                % (shown(path), shown(self.copies[real].source))
            )
        if real in self.made or real in self.renewed:
            return real
        info = self.look(real)
        if info and stat.S_ISLNK(info.st_mode):
            return self.previous.behind(real)
        if info and not stat.S_ISDIR(info.st_mode):
            raise Failure(
                "%s is a file on this host, and the revision needs a folder there." % shown(path)
            )
        if not info:
            self.make_folder(Step(path, real))
        return real

    def make_folder(self, step: Step) -> None:
        self.check_name(step)
        there = self.there(step.real)
        if there and stat.S_ISDIR(there.st_mode) and self.is_renewable(step.real, there):
            self.renewed[step.real] = step
        else:
            self.take_place(step, there)
            self.made[step.real] = step
        self.steps.append(step)

    def is_renewable(self, path: bytes, info: "os.stat_result") -> bool:
        """Return whether an old folder can become as good as new: what is in use stays in place."""
        above = os.path.dirname(path)
        inherits = above not in self.renewed and DEFAULT_ACL in attributes_of(above)
        is_mine = os.geteuid() in (0, info.st_uid)
        return is_mine and not inherits and path not in self.previous.contexts

    def add_copy(self, source: bytes, path: bytes, info: "os.stat_result") -> None:
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise Failure("%s is neither a file, a folder nor a link." % shown(source))
        self.needs.reading(source, info)
        folder = self.known[os.path.dirname(path)]
        step = Step(path, os.path.join(folder, os.path.basename(path)), source, info)
        self.check_name(step)
        self.check_twice(step)
        if not self.may_replace(step):
            return
        self.take_place(step, self.there(step.real))
        self.copies[step.real] = step
        self.steps.append(step)

    def check_twice(self, step: Step) -> None:
        if step.real in self.copies:
            raise Failure(
                "The deployment failed because the application specification file specifies two"
                " source files named %s and %s for the same destination (%s). Remove one of"
                " the source file paths from the AppSpec file, and then try again."
                % (shown(step.source), shown(self.copies[step.real].source), shown(step.path))
            )
        if step.real in self.made or step.real in self.renewed:
            raise Failure(
                "The deployment failed because the application specification file calls for"
                " installing the file %s, but a file with that name already exists at the location"
                " (%s). Update your AppSpec file or directory structure, and then try again."
                % (shown(step.source), shown(step.path))
            )

    def may_replace(self, step: Step) -> bool:
        """Return whether what is there and not the previous revision's gives way, or is to stay."""
        there = self.look(step.real)
        if not there or self.behaviour == "RETAIN":
            return not there
        if self.behaviour == "DISALLOW":
            raise Failure(
                "The deployment failed because a specified file already exists at this location: %s"
                % shown(step.path)
            )
        if self.behaviour != "OVERWRITE":
            raise Failure(
                "The deployment failed because an invalid option was specified for"
                " fileExistsBehavior: %s. Valid options include OVERWRITE, RETAIN, and DISALLOW."
                " It came into question because a file already exists at this location: %s"
                % (self.behaviour, shown(step.path))
            )
        if stat.S_ISDIR(there.st_mode):
            raise Failure(
                "%s is a folder on this host, and the revision has a file there." % shown(step.path)
            )
        return True

    # What the host must allow

    def is_new(self, path: bytes) -> bool:
        """Return whether the folder of *path* will be made, so that nothing can be in it."""
        return os.path.dirname(path) in self.made

    def there(self, path: bytes) -> "os.stat_result | None":
        return None if self.is_new(path) else look_at(path)

    def look(self, path: bytes) -> "os.stat_result | None":
        return None if self.is_new(path) else self.previous.look(path)

    def check_name(self, step: Step) -> None:
        folder = os.path.dirname(step.real)
        while folder in self.made:
            folder = os.path.dirname(folder)
        self.needs.naming(step.path, folder)
        self.needs.taking(folder, step.size, 1)

    def take_place(self, step: Step, there: "os.stat_result | None") -> None:
        """Check that we may put something there, and note what has to be set aside."""
        self.check_change(step.real, there)
        if there:
            self.in_the_way.add(step.real)

    def check_change(self, path: bytes, there: "os.stat_result | None") -> None:
        folder = os.path.dirname(path)
        if folder in self.made or folder in self.renewed or self.is_opened(folder):
            return
        if there:
            self.needs.displacing(path, there)
        else:
            self.needs.writing(folder)

    def is_opened(self, folder: bytes) -> bool:
        """Return whether a folder is the previous revision's and ours, so that its mode is too."""
        info = self.previous.gone.get(folder)
        return bool(info and stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid())

    def check_links(self) -> None:
        for path in self.previous.followed:
            if path in self.copies:
                raise Failure(
                    "The revision replaces %s, a link that a destination of the AppSpec file goes"
                    " through." % shown(path)
                )

    def check_removals(self) -> None:
        for path, info in self.previous.gone.items():
            if not stat.S_ISDIR(info.st_mode) and path not in self.in_the_way:
                self.check_change(path, info)


def text_of(entry: "dict[str, Any]", key: str) -> bytes:
    text = entry[key]
    if not isinstance(text, str) or "\0" in text:
        raise Failure(
            "The %s %r of the AppSpec file is no path; write it as a text, in quotes." % (key, text)
        )
    return raw(text)


def attributes_of(path: bytes) -> "list[str]":
    try:
        return os.listxattr(path)
    except OSError:  # a file system without them
        return []
