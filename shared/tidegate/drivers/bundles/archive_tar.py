"""Looking through a tar or tgz archive as a stream, without unpacking it."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar, Final

from typing_extensions import override

from tidegate.drivers.bundles.archive_tree import AppSpecFinder, Limits, Tree, led_to
from tidegate.drivers.bundles.errors import BadArchive

PHRASE: Final = "Error extracting tar archive"
_CHUNK: Final = 64 * 1024
_LARGEST_HEADER: Final = 1024 * 1024
_OVERHEAD: Final = 4096
"""Bytes of headers and padding that an honest entry may cost."""


def look_through_tar(
    file: BinaryIO, tree: Tree, finder: AppSpecFinder, *, limits: Limits, zipped: bool
) -> None:
    """Check every entry of an archive and offer it to *finder*.

    Raises:
        BadArchive: It is broken, or hostile, or too large.
    """
    with _breakage(tree):
        content: BinaryIO = gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[assignment]
        stream = _Bounded(content, file, tree, limits)
        members = _entry_type(tree)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK, tarinfo=members) as tar:  # type: ignore[call-overload]
            while member := tar.next():
                tar.members.clear()
                _take(tar, member, tree, finder)
        while stream.read(_CHUNK):
            pass


@contextmanager
def _breakage(tree: Tree) -> Iterator[None]:
    try:
        yield
    except BadArchive:
        raise
    except (
        tarfile.TarError,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        ValueError,
        LookupError,
        RecursionError,
        OverflowError,
    ) as error:
        tree.broken(error)


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, tree: Tree, finder: AppSpecFinder) -> None:
    name, read, leads_to = member.name, None, None
    if member.isdir():
        path = tree.add_folder(name)
    elif member.issym():
        path = tree.add_link(name)
        leads_to = led_to(path, member.linkname)
    elif member.islnk():
        path = tree.add_hard_link(name, member.linkname)
        leads_to = led_to("", member.linkname)
    elif member.isreg():
        path, read = tree.add_file(name, member.size), _reader(tar, member)
    else:
        tree.refuse(name, "is a device, a FIFO or of another kind that no bundle may hold")
    finder.offer(path, member.size, read, leads_to=leads_to)


def _reader(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        file = tar.extractfile(member)
        return file.read() if file else b""

    return read


class _Bounded:
    """A stream that refuses to give more than the limits allow."""

    def __init__(self, content: BinaryIO, packed: BinaryIO, tree: Tree, limits: Limits) -> None:
        self._content = content
        self._packed = packed
        self._tree = tree
        self._most = limits.unpacked_bytes + _OVERHEAD * (limits.entries + 100)
        self._read = 0

    def read(self, size: int) -> bytes:
        data = self._content.read(size)
        self._read += len(data)
        if self._read > self._most:
            self._tree.broken(f"it unpacks to more than {self._most:,} bytes")
        honest = self._read - _OVERHEAD * self._tree.entries
        self._tree.check_ratio("the archive", honest, self._packed.tell())
        return data


def _entry_type(tree: Tree) -> type[tarfile.TarInfo]:
    """Return a reader of headers that trusts none of them."""

    class Entry(_Entry):
        watcher = tree
        header_bytes = 0

    return Entry


class _Entry(tarfile.TarInfo):
    watcher: ClassVar[Tree]
    header_bytes: ClassVar[int]

    # tarfile takes a damaged header in mid-archive for the end; then half a bundle would pass.
    @classmethod
    @override
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_Entry":
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
            cls.watcher.broken(error)

    def _proc_member(self, tarfile_: tarfile.TarFile) -> Any:
        if self.size < 0:
            self.watcher.refuse(self.name, "has a negative size")
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._proc_gnusparse_10()
        if self.type in _HEADERS_ONLY:
            cls = type(self)
            cls.header_bytes += self.size if self.type == tarfile.XGLTYPE else 0
            if max(self.size, cls.header_bytes) > _LARGEST_HEADER:
                self.watcher.refuse(self.name, "has a header of more than 1 MB")
        return super()._proc_member(tarfile_)  # type: ignore[misc]

    def _proc_gnusparse_10(self, *_: object) -> None:
        self.watcher.refuse(self.name, "is a sparse file; pack it without --sparse")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10


_HEADERS_ONLY: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
