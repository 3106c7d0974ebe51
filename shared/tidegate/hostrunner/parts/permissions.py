"""Modes, owners, ACLs and SELinux contexts, given to what is open."""

import errno
import os
import re
import stat

from tidegate.hostrunner.parts.base import FOLDER, Failure, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Attributes:
    """What `permissions` says about one path."""

    def __init__(self, entry: "dict[str, Any]", uid: int, gid: int) -> None:
        self.mode = int(entry["mode"], 8) if entry.get("mode") else None
        self.uid = uid
        self.gid = gid
        self.acls = [str(acl) for acl in entry.get("acls") or []]
        self.context = entry.get("context")


def give_link(path: bytes, uid: int, gid: int) -> None:
    """Give away a link just made, unless somebody put something else in its place."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        info = os.fstat(fd)
        if not stat.S_ISLNK(info.st_mode) or info.st_nlink != 1:
            raise OSError(errno.EPERM, "somebody else changed it meanwhile", path)
        open_file = through_proc(fd)
        if open_file:
            os.chown(open_file, uid, gid)
        else:
            os.chown(path, uid, gid, follow_symlinks=False)
    finally:
        os.close(fd)


def give_folder(path: bytes, uid: int, gid: int) -> None:
    fd = os.open(path, FOLDER)
    try:
        os.fchown(fd, uid, gid)
    finally:
        os.close(fd)


def open_folder(path: bytes, mode: int) -> None:
    fd = os.open(path, FOLDER)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def through_proc(fd: int) -> bytes:
    """Return a name of what is open that leads nowhere else; empty where there is no /proc."""
    name = b"/proc/self/fd/%d" % fd
    return name if os.path.lexists(name) else b""


def set_acl(acls: "list[str]", fd: int, path: bytes) -> None:
    words = ["setfacl", "--set", whole_acl(acls, fd)]  # type: list[Any]
    run_tool(words + [through_proc(fd) or path], words + [path], pass_fds=(fd,))


def matches(glob: str, name: str) -> bool:
    """Match the agent's globs, where only * is special."""
    return re.match(".*".join(map(re.escape, glob.split("*"))) + r"\Z", name, re.DOTALL) is not None


def is_default(acl: str) -> bool:
    return acl.partition(":")[0] in ("d", "default")


def whole_acl(acls: "list[str]", fd: int) -> str:
    """Return the list for setfacl, with the base entries that the mode stands for."""
    mode = os.fstat(fd).st_mode
    digits = [str(mode >> shift & 7) for shift in (6, 3, 0)]
    entries = list(acls)
    for prefix in ["", "d:"] if any(map(is_default, acls)) else [""]:
        mine = [acl for acl in acls if is_default(acl) == bool(prefix)]
        entries += [prefix + who + "::" + digit for who, digit in zip("ugo", digits)]
        kinds = [acl.split(":")[1 if prefix else 0] for acl in mine]
        if mine and not any(kind in ("m", "mask") for kind in kinds):
            entries.append(prefix + "m::" + digits[1])
    return ",".join(entries)


def run_tool(
    command: "list[Any]", shown_as: "list[Any] | None" = None, pass_fds: "tuple[int, ...]" = ()
) -> None:
    import subprocess

    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    done = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, PATH=path),
        pass_fds=pass_fds,
    )
    output = done.communicate()[0]
    if done.returncode:
        said = shown_as or command
        words = " ".join(shown(word) if isinstance(word, bytes) else word for word in said)
        raise Failure(
            "The command %s failed: %s." % (words, shown(output.strip()) or done.returncode)
        )


def forget_context(path: bytes) -> None:
    run_tool(["semanage", "fcontext", "-d", path])
