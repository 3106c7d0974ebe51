"""What an install needs of the host: rights, accounts, tools and room."""

import os
import stat

from tidegate.hostrunner.parts.base import Failure, shown

LONGEST_PATH = 4095


def may_write(folder: bytes) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def may_displace(info: "os.stat_result", folder: "os.stat_result") -> bool:
    """Return whether we may rename or remove what lies in a folder that we may write to."""
    sticky = folder.st_mode & stat.S_ISVTX
    return not sticky or os.geteuid() in (0, info.st_uid, folder.st_uid)


class Needs:
    """Says no before anything has changed."""

    def __init__(self) -> None:
        self.checked = {}  # type: dict[bytes, os.stat_result]
        self.room = {}  # type: dict[int, tuple[int, int, bytes]]
        self.longest = {}  # type: dict[int, int]

    def writing(self, folder: bytes) -> "os.stat_result":
        if folder not in self.checked:
            if not may_write(folder) and os.geteuid() == 0:
                raise Failure(
                    "Nothing can be written to %s on this host, not even by root: is its file"
                    " system read-only?" % shown(folder)
                )
            if not may_write(folder):
                raise Failure(
                    "User %d may not write to %s on this host. Give it the right, or connect as"
                    " root." % (os.geteuid(), shown(folder))
                )
            self.checked[folder] = os.stat(folder)
        return self.checked[folder]

    def displacing(self, path: bytes, info: "os.stat_result") -> None:
        folder = os.path.dirname(path)
        if not may_displace(info, self.writing(folder)):
            raise Failure(
                "User %d may not replace or remove %s on this host: it is another's, and in %s"
                " (with its sticky bit) each may do so with his own only. Connect as root."
                % (os.geteuid(), shown(path), shown(folder))
            )

    def reading(self, path: bytes, info: "os.stat_result") -> None:
        right = os.R_OK | os.X_OK if stat.S_ISDIR(info.st_mode) else os.R_OK
        if not stat.S_ISLNK(info.st_mode) and not os.access(path, right):
            raise Failure(
                "User %d may not read %s, which the revision installs. Correct its mode in the"
                " bundle or in the script that made it." % (os.geteuid(), shown(path))
            )

    def naming(self, path: bytes, folder: bytes) -> None:
        """Check that a path is not too long for the file system of a *folder* above it."""
        device = os.stat(folder).st_dev
        if device not in self.longest:
            self.longest[device] = os.pathconf(folder, "PC_NAME_MAX")
        longest = self.longest[device]
        if len(path) > LONGEST_PATH or len(os.path.basename(path)) > longest:
            raise Failure(
                "The path %s is too long for this host, which takes %d bytes in all and %d for a"
                " name. Shorten the destination or the name." % (shown(path), LONGEST_PATH, longest)
            )

    def taking(self, folder: bytes, size: int, files: int) -> None:
        """Add what is to be written into a *folder* that is there."""
        device = os.stat(folder).st_dev
        taken, made, folder = self.room.get(device, (0, 0, folder))
        self.room[device] = (taken + (size + 4095) // 4096 * 4096, made + files, folder)

    def check_room(self) -> None:
        for size, files, folder in self.room.values():
            system = os.statvfs(folder)
            free = (system.f_bavail if os.geteuid() else system.f_bfree) * system.f_frsize
            if size > free:
                raise Failure(
                    "Installing needs %d MB on the file system of %s, and %d MB are free."
                    % ((size >> 20) + 1, shown(folder), free >> 20)
                )
            left = system.f_favail if os.geteuid() else system.f_ffree
            if system.f_files and files > left:  # some file systems do not count
                raise Failure(
                    "Installing makes %d files on the file system of %s, and it has room for %d"
                    " (its inodes are used up)." % (files, shown(folder), left)
                )


def user_number(name: "str | None") -> int:
    """Return the number of a user to whom we may give files."""
    if name is None:
        return -1
    uid = number_of("user", name, "The AppSpec file gives files to")
    if os.geteuid() not in (0, uid):
        raise Failure(
            "Only root may give files to user %s; Tidegate is logged in as user %d here."
            % (name, os.geteuid())
        )
    return uid


def group_number(name: "str | None") -> int:
    """Return the number of a group to which we may give files."""
    if name is None:
        return -1
    gid = number_of("group", name, "The AppSpec file gives files to")
    if os.geteuid() != 0 and gid != os.getegid() and gid not in os.getgroups():
        raise Failure(
            "Only root may give files to group %s; user %d is no member of it here."
            % (name, os.geteuid())
        )
    return gid


def number_of(kind: str, name: str, why: str) -> int:
    import grp
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        whom = "whom" if kind == "user" else "which"
        raise Failure("%s %s %s, %s this host lacks." % (why, kind, name, whom)) from None


def check_tools(tools: "list[str]") -> None:
    folders = os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    for tool in tools:
        if not any(os.access(os.path.join(folder, tool), os.X_OK) for folder in folders if folder):
            raise Failure("The AppSpec file needs %s, which this host lacks; install it." % tool)
