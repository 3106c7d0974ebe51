"""What an archive would put where, followed entry by entry and within bounds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from tidegate.drivers.bundles.errors import AppSpecMissing, BadArchive

APPSPEC_BYTES: Final = 1024 * 1024
_LONGEST_NAME: Final = 255
_DEEPEST: Final = 100
_FOLDER: Final = -1
_LINK: Final = -2
_TOPS_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much an archive may hold."""

    unpacked_bytes: int = 4 * 1024**3
    entries: int = 100_000
    ratio: int = 250
    """Unpacked to packed bytes, minded from *ratio_from* on."""
    ratio_from: int = 64 * 1024 * 1024


def shown(name: str) -> str:
    """Return an entry's name, fit for a message."""
    clean = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    clean = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in clean[:200])
    return f"'{clean}{'…' if len(name) > 200 else ''}'"


class Tree:
    """Refuses what would be written outside, or through a link, or is too much."""

    def __init__(self, phrase: str, limits: Limits, packed_bytes: int) -> None:
        self._phrase = phrase
        self._limits = limits
        self._packed = packed_bytes
        self._sizes: dict[str, int] = {}
        self.entries = 0
        self.unpacked_bytes = 0

    def refuse(self, name: str, why: str) -> NoReturn:
        raise BadArchive(f"{self._phrase}: {shown(name)} {why}.")

    def broken(self, what: object) -> NoReturn:
        text = " ".join(str(what).split()).rstrip(".")[:300] or "it ends too early"
        raise BadArchive(f"{self._phrase}: the archive is broken ({text}).")

    def add_folder(self, name: str) -> str:
        path = self._enter(name)
        if path and self._sizes.get(path, _FOLDER) != _FOLDER:
            self.refuse(name, "is a folder and something else too")
        return self._put(name, path, _FOLDER) if path else path

    def add_file(self, name: str, size: int) -> str:
        path = self._enter_as_leaf(name)
        self._grow(name, size)
        return self._put(name, path, size)

    def add_link(self, name: str) -> str:
        return self._put(name, self._enter_as_leaf(name), _LINK)

    def add_hard_link(self, name: str, target: str) -> str:
        """Take a hard link, which becomes a file of its own."""
        size = self._sizes.get(self._normal(target) or "", _FOLDER)
        if size < 0:
            self.refuse(name, f"is a hard link to {shown(target)}, which is no file before it")
        return self.add_file(name, size)

    def is_folder(self, path: str) -> bool:
        return self._sizes.get(path) == _FOLDER

    def is_file(self, path: str) -> bool:
        return self._sizes.get(path, _FOLDER) >= 0

    def holds(self, path: str) -> bool:
        """Tell whether there is something; what a link leads to may be there."""
        above = path.rpartition("/")[0]
        while above and self._sizes.get(above) != _LINK:
            above = above.rpartition("/")[0]
        return path in self._sizes or bool(above)

    def check_ratio(self, name: str, unpacked: int, packed: int) -> None:
        """Refuse what grows as no honest content does."""
        if unpacked > self._limits.ratio_from and unpacked > packed * self._limits.ratio:
            self.refuse(name, f"unpacks to more than {self._limits.ratio} times its packed size")

    def _grow(self, name: str, size: int) -> None:
        if size < 0:
            self.refuse(name, "has a negative size")
        self.unpacked_bytes += size
        if self.unpacked_bytes > self._limits.unpacked_bytes:
            limit = f"{self._limits.unpacked_bytes:,}"
            self.refuse(name, f"makes it unpack to more than the limit of {limit} bytes")
        self.check_ratio(name, self.unpacked_bytes, self._packed)

    def _enter_as_leaf(self, name: str) -> str:
        path = self._enter(name)
        if not path or self._sizes.get(path) == _FOLDER:
            self.refuse(name, "is a folder and something else too")
        return path

    def _enter(self, name: str) -> str:
        self.entries += 1
        if self.entries > self._limits.entries:
            self._too_many(name)
        path = self._normal(name)
        if path is None:
            self.refuse(name, "would be written outside the folder of the revision")
        self._enter_parents(name, path)
        return path

    def _normal(self, name: str) -> str | None:
        """Return the path below the folder of the revision, or None if it leads out."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts:
            return None
        if len(parts) > _DEEPEST:
            self.refuse(name, f"lies more than {_DEEPEST} folders deep")
        if any(len(part.encode(errors="surrogateescape")) > _LONGEST_NAME for part in parts):
            self.refuse(name, f"has a part of more than {_LONGEST_NAME} bytes in its name")
        return "/".join(parts)

    def _enter_parents(self, name: str, path: str) -> None:
        # What is a folder stays one, so above a known folder there is nothing left to check.
        missing = []
        parent = path.rpartition("/")[0]
        while parent and parent not in self._sizes:
            missing.append(parent)
            parent = parent.rpartition("/")[0]
        if parent and self._sizes[parent] == _LINK:
            self.refuse(name, f"would be written through the link {shown(parent)}")
        if parent and self._sizes[parent] != _FOLDER:
            self.refuse(name, f"lies below {shown(parent)}, which is a file")
        for folder in reversed(missing):
            self._put(name, folder, _FOLDER)

    def _put(self, name: str, path: str, size: int) -> str:
        self._sizes[path] = size
        if len(self._sizes) > self._limits.entries:
            self._too_many(name)
        return path

    def _too_many(self, name: str) -> NoReturn:
        self.refuse(name, f"is one more than the limit of {self._limits.entries:,} entries")


def led_to(link: str, text: str) -> str | None:
    """Return the path that a link leads to; none where that is outside, or not plain to see."""
    if text.startswith("/"):
        return None
    folder = link.split("/")[:-1]
    way = [part for part in text.split("/") if part not in ("", ".")]
    while way[:1] == [".."] and folder:
        way, folder = way[1:], folder[:-1]
    return None if ".." in way else "/".join(folder + way)


class AppSpecFinder:
    """Keeps the text of the AppSpec, which may lie below a single top folder."""

    def __init__(self, filename: str, tree: Tree) -> None:
        self._filename = filename
        self._tree = tree
        self._tops: set[str] = set()
        self._inner = False
        self._found: dict[bool, bytes | None] = {}
        self._links: dict[bool, str | None] = {}

    def offer(
        self,
        path: str,
        size: int,
        read: Callable[[], bytes] | None,
        *,
        leads_to: str | None = None,
    ) -> None:
        """Look at an entry; what is no file of its own has no *read*, and a link *leads_to*."""
        if not path:
            return
        top, _, rest = path.partition("/")
        self._tops.add(top)
        self._inner = self._inner or "appspec" in rest.partition("/")[0].lower()
        for below_top, candidate in ((False, path), (True, rest)):
            if candidate == self._filename and not (below_top and len(self._tops) > 1):
                self._found[below_top] = self._take(path, size, read)
                self._links[below_top] = leads_to

    def _take(self, path: str, size: int, read: Callable[[], bytes] | None) -> bytes | None:
        if size > APPSPEC_BYTES:
            self._tree.refuse(path, f"has {size:,} bytes; an AppSpec has at most {APPSPEC_BYTES:,}")
        return read() if read else None

    def top_folder(self) -> str:
        """Return the single top folder that the agent strips, or nothing."""
        only = next(iter(self._tops)) if len(self._tops) == 1 else ""
        return only if only and self._inner and self._tree.is_folder(only) else ""

    def file_behind(self) -> str | None:
        """Return the name of the file that the AppSpec, if it is a link, leads to."""
        top = self.top_folder()
        path = self._links.get(bool(top)) or ""
        if not self._tree.is_file(path):
            return None
        return path.removeprefix(f"{top}/") if top else path

    def text(self) -> bytes:
        """Return the AppSpec.

        Raises:
            AppSpecMissing: There is none where the agent looks.
        """
        below_top = bool(self.top_folder())
        if below_top not in self._found:
            raise AppSpecMissing(self._missing())
        text = self._found[below_top]
        if text is None:
            raise AppSpecMissing(
                f"The AppSpec '{self._filename}' is no file in this archive, nor a link to one; "
                "it must be a file."
            )
        return text

    def _missing(self) -> str:
        sentence = (
            "The CodeDeploy agent did not find an AppSpec file within the unpacked revision "
            f'directory at revision-relative path "{self._filename}".'
        )
        names = sorted(self._tops)
        if not names:
            return f"{sentence} The archive is empty."
        more = f" and {len(names) - _TOPS_SHOWN} more" if len(names) > _TOPS_SHOWN else ""
        listed = ", ".join(shown(name) for name in names[:_TOPS_SHOWN])
        return f"{sentence} At the top of the archive lie {listed}{more}."
