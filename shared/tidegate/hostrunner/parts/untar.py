"""Unpacking a tar or tgz archive, read as a stream."""

import os

from tidegate.hostrunner.parts.base import raw
from tidegate.hostrunner.parts.unpacking import RATIO, Unpacking, is_bomb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGEST_HEADER = 1 << 20
# Types of what is no entry, but says something of those that follow.
ABOUT_ALL = b"g"
ABOUT_THE_NEXT = (ABOUT_ALL, b"x", b"X", b"L", b"K")
# Bytes of headers and padding that an honest entry may cost.
OVERHEAD = 4096


def unpack_tar(bundle: bytes, kind: str, unpacking: Unpacking) -> None:
    import gzip
    import tarfile

    with open(bundle, "rb") as file:
        packed = kind == "tgz" or file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = Bounded(gzip.GzipFile(fileobj=file) if packed else file, file, unpacking)
        try:
            with tarfile.open(
                fileobj=stream,  # type: ignore[call-overload]
                mode="r|",
                bufsize=1 << 16,
                tarinfo=entry_type(unpacking),
                encoding="utf-8",
                errors="surrogateescape",
            ) as archive:
                unpack_members(archive, kind, unpacking)
        except tarfile.TarError as error:
            unpacking.broken(error)
        # Only at its very end does the stream show whether it is whole.
        while stream.read(1 << 16):
            continue


def unpack_members(archive: "Any", kind: str, unpacking: Unpacking) -> None:
    for member in archive:
        archive.members.clear()
        # A folder was never packed by its owner; whoever deploys it has what comes of it.
        owner = owner_of(member) if kind != "directory" else None
        unpack_member(archive, member, owner, unpacking)


def unpack_member(archive: "Any", member: "Any", owner: "Any", unpacking: Unpacking) -> None:
    name = raw(member.name)
    if member.isdir():
        unpacking.folder_entry(name, member.mode, owner)
    elif member.issym():
        unpacking.symlink(name, raw(member.linkname), owner)
    elif member.islnk():
        unpacking.hard_link(name, raw(member.linkname), owner)
    elif member.isreg():
        content, size = archive.extractfile(member), member.size
        mode, mtime = member.mode, member.mtime
        unpacking.file(name, content, size=size, mode=mode, mtime=mtime, owner=owner)
    else:
        unpacking.special(name)


class Bounded:
    """A stream that refuses to give more than the limits allow."""

    def __init__(self, content: "Any", file: "Any", unpacking: Unpacking) -> None:
        self.content = content
        self.file = file
        self.unpacking = unpacking
        self.most = unpacking.most_bytes + OVERHEAD * (unpacking.most_entries + 100)
        self.given = 0

    def read(self, size: int) -> bytes:
        data = self.content.read(size)  # type: bytes
        self.given += len(data)
        if self.given > self.most:
            self.unpacking.broken("it unpacks to more than {:,} bytes".format(self.most))
        honest = self.given - OVERHEAD * self.unpacking.entries
        if is_bomb(honest, self.file.tell()):
            self.unpacking.broken("it unpacks to more than %d times its packed size" % RATIO)
        return data


def entry_type(unpacking: Unpacking) -> "Any":
    """Return a reader of headers that trusts none of them."""
    import tarfile

    class Entry(tarfile.TarInfo):
        of_all = 0

        # tarfile takes a damaged header in mid-archive for the end; then half a bundle would pass.
        @classmethod
        def fromtarfile(cls, archive: "Any") -> "Any":  # type: ignore[explicit-override]
            try:
                return super().fromtarfile(archive)
            except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
                unpacking.broken(error)

        def _proc_member(self, archive: "Any") -> "Any":
            if self.size < 0:
                unpacking.refuse(raw(self.name), "has a negative size")
            if self.type == tarfile.GNUTYPE_SPARSE:
                self._proc_gnusparse_10()
            if self.type in ABOUT_THE_NEXT:
                Entry.of_all += self.size if self.type == ABOUT_ALL else 0
                if max(self.size, Entry.of_all) > LARGEST_HEADER:
                    unpacking.refuse(raw(self.name), "has a header of more than 1 MB")
            return super()._proc_member(archive)  # type: ignore[misc]

        def _proc_gnusparse_10(self, *_: object) -> None:
            why = "is a sparse file; pack it without --sparse"
            unpacking.refuse(raw(self.name), why)

        _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10

    return Entry


OWNERS = {}  # type: dict[tuple[str, str, int, int], tuple[int, int]]


def owner_of(member: "Any") -> "tuple[int, int] | None":
    """Return the owner that tar would give the file: by name if the name exists here."""
    if os.geteuid() != 0:
        return None
    key = (member.uname, member.gname, member.uid, member.gid)
    if key not in OWNERS:
        import grp
        import pwd

        uid, gid = member.uid, member.gid
        try:
            uid = pwd.getpwnam(member.uname).pw_uid if member.uname else uid
        except KeyError:
            uid = member.uid
        try:
            gid = grp.getgrnam(member.gname).gr_gid if member.gname else gid
        except KeyError:
            gid = member.gid
        OWNERS[key] = (uid, gid)
    return OWNERS[key]
