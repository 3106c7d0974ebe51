"""Archives, of which none is trusted."""

import os
import stat
import time

from tidegate.hostrunner.parts.base import (
    FOLDER,
    NEW_FILE,
    Failure,
    raw,
    remove_tree,
    shown,
    write_all,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Unpacking:
    """A folder that is being filled from an archive, and that nothing in the archive can leave."""

    def __init__(self, folder: bytes, limits: "dict[str, Any]") -> None:
        self.folder = folder
        self.left = int(limits.get("unpacked_bytes", 4 << 30))
        self.entries = int(limits.get("entries", 100000))
        self.limits = (self.left, self.entries)
        self.kinds = {b"": "folder"}  # type: dict[bytes, str]
        self.folder_modes = []  # type: list[tuple[bytes, int, tuple[int, int] | None]]

    def place(self, name: bytes, kind: str) -> "bytes | None":
        """Return where the entry *name* goes, its parents made; none for the top folder itself."""
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if name.startswith(b"/") or b".." in parts or b"\0" in name:
            raise Failure(
                "The bundle names a file outside of itself, %s; pack it with relative names."
                % shown(name)
            )
        self.entries -= 1
        if self.entries < 0:
            raise Failure("The bundle has more than %d entries." % self.limits[1])
        path = b""
        for part in parts[:-1]:
            path = path + b"/" + part if path else part
            self.make_folder(path, name)
        if not parts:
            return None
        path = path + b"/" + parts[-1] if path else parts[-1]
        before = self.kinds.get(path)
        if before == "folder" or kind == "folder":
            if before not in (None, kind):
                raise Failure("The bundle has a folder and a file of the name %s." % shown(name))
        elif before:
            os.unlink(self.at(path))  # named twice: the later one wins
        if kind == "folder":
            self.make_folder(path, name)
        else:
            self.kinds[path] = kind
        return self.at(path)

    def at(self, path: bytes) -> bytes:
        return os.path.join(self.folder, path)

    def make_folder(self, path: bytes, name: bytes) -> None:
        kind = self.kinds.get(path)
        if kind is None:
            os.mkdir(self.at(path), 0o755)
            self.kinds[path] = "folder"
        elif kind != "folder":
            raise Failure(
                "The bundle's entry %s goes through %s, which is a %s and no folder."
                % (shown(name), shown(path), kind)
            )

    def file(self, name: bytes, content: "Any", mode: int, mtime: float, owner: "Any") -> None:
        path = self.place(name, "file")
        if path is None:
            return
        fd = os.open(path, NEW_FILE, 0o600)
        try:
            while True:
                data = content.read(1 << 18)
                if not data:
                    break
                self.left -= len(data)
                if self.left < 0:
                    raise Failure("The bundle unpacks to more than %d bytes." % self.limits[0])
                write_all(fd, data)
            if owner:
                os.fchown(fd, *owner)
            os.fchmod(fd, mode & 0o777)
            os.utime(fd, (mtime, mtime))
        finally:
            os.close(fd)

    def folder_entry(self, name: bytes, mode: int, owner: "Any") -> None:
        path = self.place(name, "folder")
        if path is not None:
            self.folder_modes.append((path, mode & 0o777 | 0o700, owner))

    def symlink(self, name: bytes, text: bytes, owner: "Any") -> None:
        path = self.place(name, "link")
        if path is not None:
            os.symlink(text, path)
            if owner:
                os.chown(path, owner[0], owner[1], follow_symlinks=False)

    def hard_link(self, name: bytes, member: bytes) -> None:
        source = b"/".join(part for part in member.split(b"/") if part not in (b"", b"."))
        if self.kinds.get(source) != "file":
            raise Failure(
                "The bundle links %s to %s, which is no file of the bundle."
                % (shown(name), shown(member))
            )
        path = self.place(name, "file")
        if path is not None and path != self.at(source):
            os.link(self.at(source), path)

    def special(self, name: bytes) -> "NoReturn":
        raise Failure(
            "The bundle's entry %s is a device, a pipe or a socket; pack only files,"
            " folders and links." % shown(name)
        )

    def finish(self) -> None:
        # From the bottom up: whoever is given a folder may change what lies in it.
        for path, mode, owner in sorted(self.folder_modes, reverse=True, key=lambda one: one[0]):
            fd = os.open(path, FOLDER)
            try:
                if owner:
                    os.fchown(fd, *owner)
                os.fchmod(fd, mode)
            finally:
                os.close(fd)


def unpack(bundle: bytes, kind: str, folder: bytes, limits: "dict[str, Any]") -> None:
    import zlib

    unpacking = Unpacking(folder, limits)
    broken = (zlib.error, EOFError, ValueError, OverflowError, RuntimeError)
    try:
        if kind == "zip":
            unpack_zip(bundle, unpacking)
        else:
            unpack_tar(bundle, kind, unpacking)
    except broken as error:
        raise not_readable(kind, error) from None
    except OSError as error:
        if error.errno:
            raise
        raise not_readable(kind, error) from None
    unpacking.finish()


def not_readable(kind: str, error: Exception) -> Failure:
    return Failure(
        "The bundle cannot be read as %s (%s). Pack it again, or correct its bundle type."
        % (kind, str(error) or type(error).__name__)
    )


def unpack_tar(bundle: bytes, kind: str, unpacking: Unpacking) -> None:
    import tarfile

    with open(bundle, "rb") as file:
        packed = kind == "tgz" or file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            with tarfile.open(
                fileobj=file,
                mode="r:gz" if packed else "r:",
                encoding="utf-8",
                errors="surrogateescape",
            ) as archive:
                for member in archive:
                    unpack_member(archive, member, unpacking)
        except tarfile.TarError as error:
            raise not_readable(kind, error) from None


def unpack_member(archive: "Any", member: "Any", unpacking: Unpacking) -> None:
    name, owner = raw(member.name), owner_of(member)
    if member.isdir():
        unpacking.folder_entry(name, member.mode, owner)
    elif member.issym():
        unpacking.symlink(name, raw(member.linkname), owner)
    elif member.islnk():
        unpacking.hard_link(name, raw(member.linkname))
    elif member.isreg():
        unpacking.file(name, archive.extractfile(member), member.mode, member.mtime, owner)
    else:
        unpacking.special(name)


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


def unpack_zip(bundle: bytes, unpacking: Unpacking) -> None:
    import io
    import zipfile

    with io.open(bundle, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    unpack_entry(archive, entry, unpacking)
        except zipfile.BadZipFile as error:
            raise not_readable("zip", error) from None


def unpack_entry(archive: "Any", entry: "Any", unpacking: Unpacking) -> None:
    name = zip_name(entry)
    unix = entry.external_attr >> 16 if entry.create_system == 3 else 0
    if entry.flag_bits & 0x1:
        raise Failure(
            "The bundle's entry %s is encrypted; pack it without a password." % shown(name)
        )
    if name.endswith(b"/") or stat.S_ISDIR(unix):
        unpacking.folder_entry(name, unix or 0o755, None)
    elif stat.S_ISLNK(unix):
        if entry.file_size > 4096:
            raise Failure("The bundle's link %s is too long." % shown(name))
        unpacking.symlink(name, archive.read(entry), None)
    elif stat.S_IFMT(unix) not in (0, stat.S_IFREG):
        unpacking.special(name)
    else:
        with archive.open(entry) as content:
            moment = time.mktime(tuple(entry.date_time) + (0, 0, -1))
            mode = (unix or 0o644) & ~0o022
            unpacking.file(name, content, mode, moment, None)


def zip_name(entry: "Any") -> bytes:
    name = entry.filename  # type: str
    if entry.create_system == 0:
        name = name.replace("\\", "/")
    if entry.flag_bits & 0x800:
        return raw(name)
    try:  # packers on Linux write UTF-8 without saying so
        data = name.encode("cp437")
        data.decode("utf-8")
    except UnicodeError:
        return raw(name)
    return data


def strip_single_folder(folder: bytes) -> None:
    """Move up the content of a single top folder that holds the AppSpec file."""
    names = os.listdir(folder)
    top = os.path.join(folder, names[0]) if len(names) == 1 else b""
    if not top or os.path.islink(top) or not os.path.isdir(top):
        return
    if not any(b"appspec" in name.lower() for name in os.listdir(top)):
        return
    aside = folder + b".top"
    remove_tree(aside)
    os.rename(top, aside)
    os.rmdir(folder)
    os.rename(aside, folder)
