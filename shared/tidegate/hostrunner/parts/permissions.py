"""Modes, owners, ACLs and SELinux contexts: who gets them, and how they are given."""

import errno
import os
import stat

from tidegate.hostrunner.parts.base import Failure, raw, shown
from tidegate.hostrunner.parts.needs import check_tools, group_number, number_of, user_number
from tidegate.hostrunner.parts.places import Places
from tidegate.hostrunner.parts.previous import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tidegate.hostrunner.parts.plan import Step


class Attributes:
    """What one entry of `permissions` gives."""

    def __init__(self, entry: "dict[str, Any]") -> None:
        self.mode = int(entry["mode"], 8) if entry.get("mode") else None
        self.uid = user_number(entry.get("owner"))
        self.gid = group_number(entry.get("group"))
        self.acls = [str(acl) for acl in entry.get("acls") or []]
        self.context = entry.get("context")

    def check_more(self) -> None:
        """Check what only those get that are no links."""
        for acl in self.acls:
            kind, name = acl.split(":")[-3:-1]
            if name and not name.isdigit():  # setfacl takes numbers too
                number_of(kind, name, "The ACL %s of the AppSpec file names" % acl)
        check_tools(["setfacl"] if self.acls else [])
        check_tools(["semanage", "restorecon"] if self.context else [])

    def loses_set_id(self) -> bool:
        """Return whether the kernel drops set-id bits of a file, because it is given away last."""
        mode = self.mode or 0
        given = self.uid != -1 or self.gid != -1
        return given and bool(mode & 0o4000 or mode & 0o2010 == 0o2010)

    def context_words(self) -> "list[str]":
        context = self.context or {}
        words = ["-s", context["user"]] if context.get("user") else []
        words += ["-t", context["type"]]
        return words + (["-r", context["range"]] if context.get("range") else [])


class Permissions:
    """Finds what of the installed is meant by each entry, as the agent does."""

    def __init__(self, steps: "list[Step]") -> None:
        self.steps = steps
        self.files = {step.path: step for step in steps if not step.is_folder}
        self.given = {}  # type: dict[bytes, Attributes]
        self.warnings = []  # type: list[str]

    def add(self, entry: "dict[str, Any]", is_folder: bool) -> None:
        found = self.meant(entry, is_folder)
        if not found:
            return  # whom and what it names may be unknown here: nobody asks for it
        attributes = Attributes(entry)
        if not all(step.is_link for step in found):
            attributes.check_more()
        for step in found:
            self.give(step, attributes)
        self.warn_of_set_id([step for step in found if step.kind == "file"], attributes)
        if clean(raw(str(entry["object"]))) in self.files:
            self.warn_of_link(found[0], attributes)

    def meant(self, entry: "dict[str, Any]", is_folder: bool) -> "list[Step]":
        """Return what an entry applies to; that may be nothing."""
        types = entry.get("type", ["file", "directory"])
        path = clean(raw(str(entry["object"])))
        if path in self.files:
            if "file" not in types:
                return []
            check_file_entry(shown(path), entry)
            return [self.files[path]]
        inside = path.rstrip(b"/") + b"/"
        return [
            step
            for step in self.steps
            if is_folder and step.kind in types and is_meant(step.path, inside, entry)
        ]

    def warn_of_link(self, step: "Step", attributes: Attributes) -> None:
        more = attributes.mode is not None or attributes.acls or attributes.context
        if step.is_link and more:
            self.warnings.append(
                "The link %s gets no mode, ACL or context: they would go to what it leads to."
                " Name that file in the permissions instead." % shown(step.path)
            )

    def give(self, step: "Step", attributes: Attributes) -> None:
        if step.real in self.given:
            raise Failure(
                "The deployment failed because the permissions setting for (%s) is specified more"
                " than once in the application specification file. Update the permissions section"
                " of the AppSpec file, and then try again." % shown(step.path)
            )
        if not step.is_folder and any(is_default(acl) for acl in attributes.acls):
            raise Failure(
                "The deployment failed because the -d parameter has been specified to apply an acl"
                " setting to a file (%s). This parameter is supported for directories only. Update"
                " the AppSpec file, and then try again." % shown(step.path)
            )
        self.given[step.real] = attributes

    def warn_of_set_id(self, steps: "list[Step]", attributes: Attributes) -> None:
        losers = [step for step in steps if not step.is_link]
        if losers and attributes.loses_set_id():
            self.warnings.append(
                "The mode %o of %s%s loses its set-id bits, because owner and group are given"
                " after it, as the CodeDeploy agent does. Set it in an AfterInstall script."
                % (
                    attributes.mode or 0,
                    shown(losers[0].path),
                    " and %d more" % (len(losers) - 1) if len(losers) > 1 else "",
                )
            )


def check_file_entry(name: str, entry: "dict[str, Any]") -> None:
    """Refuse what means nothing for the file of that *name*."""
    if pattern_of(entry) != "**":
        raise Failure(
            "The deployment failed because the application specification file includes an"
            " object (%s) with an invalid pattern (%s), such as a pattern for a file applied"
            " to a directory. Correct the permissions section of the AppSpec file, and then"
            " try again." % (name, pattern_of(entry))
        )
    if entry.get("except"):
        raise Failure(
            "The deployment failed because the except parameter for a pattern in the"
            " permissions section (%s) for the object named %s contains an invalid format."
            " Update the AppSpec file, and then try again." % (entry["except"], name)
        )


def pattern_of(entry: "dict[str, Any]") -> str:
    pattern = entry.get("pattern")
    return "**" if pattern is None else str(pattern)


def is_meant(path: bytes, inside: bytes, entry: "dict[str, Any]") -> bool:
    """Return whether an entry for the folder *inside* means what is installed at *path*."""
    if not path.startswith(inside):
        return False
    name = shown(path[len(inside) :])
    is_child = "/" not in name
    if is_child and any(matches(str(glob), name) for glob in entry.get("except") or []):
        return False
    pattern = pattern_of(entry)
    return pattern == "**" or (is_child and matches(pattern, name))


def matches(glob: str, name: str) -> bool:
    """Match the agent's globs, where only * is special."""
    first, *rest = glob.split("*")
    if not rest:
        return name == glob
    last = rest.pop()
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in rest:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def give_link(places: Places, path: bytes, uid: int, gid: int) -> None:
    """Give away a link just made, unless somebody put something else in its place."""
    fd = places.on(os.open, path, os.O_PATH | os.O_NOFOLLOW)
    try:
        info = os.fstat(fd)
        if not stat.S_ISLNK(info.st_mode) or info.st_nlink != 1:
            raise OSError(errno.EPERM, "somebody else changed it meanwhile", path)
        name = through_proc(fd)
        if name:
            os.chown(name, uid, gid)
        else:
            places.on(os.chown, path, uid, gid, follow_symlinks=False)
    finally:
        os.close(fd)


def give_open(attributes: Attributes, fd: int, path: bytes) -> None:
    """Give what is open all but the context, in the agent's order; *path* is where it lies."""
    if attributes.mode is not None:
        os.fchmod(fd, attributes.mode)
    if attributes.acls:
        words = ["setfacl", "--set", whole_acl(attributes.acls, fd)]  # type: list[Any]
        run_tool(words + [through_proc(fd) or path], words + [path], pass_fds=(fd,))
    if attributes.uid != -1 or attributes.gid != -1:
        os.fchown(fd, attributes.uid, attributes.gid)


def through_proc(fd: int) -> bytes:
    """Return a name of what is open that leads nowhere else; empty where there is no /proc."""
    name = b"/proc/self/fd/%d" % fd
    return name if os.path.lexists(name) else b""


def is_default(acl: str) -> bool:
    return acl.partition(":")[0] in ("d", "default")


def whole_acl(acls: "list[str]", fd: int) -> str:
    """Return the list for setfacl, completed from the mode as the agent means to do it."""
    mode = os.fstat(fd).st_mode
    whole = list(acls)
    for prefix in ("", "default:") if any(map(is_default, acls)) else ("",):
        whole += missing_entries([acl for acl in acls if is_default(acl) == bool(prefix)], mode)
    return ",".join(whole)


def missing_entries(acls: "list[str]", mode: int) -> "list[str]":
    """Return the base entries that are missing, and the mask that named entries need."""
    base = {}  # type: dict[str, str]
    is_named, prefix = False, "default:" if any(map(is_default, acls)) else ""
    for acl in acls:
        parts = acl.split(":")[1 if prefix else 0 :]
        is_named = is_named or bool(parts[1])
        if not parts[1]:
            base[parts[0][0]] = parts[2]
    missing = []
    for kind, shift in (("user", 6), ("group", 3), ("other", 0)):
        if kind[0] not in base:
            bits = mode >> shift
            base[kind[0]] = "".join(x if bits & n else "-" for x, n in zip("rwx", (4, 2, 1)))
            missing.append("%s%s::%s" % (prefix, kind, base[kind[0]]))
    if is_named and "m" not in base:
        missing.append("%smask::%s" % (prefix, base["g"]))
    return missing


def run_tool(
    command: "list[Any]", shown_as: "list[Any] | None" = None, pass_fds: "tuple[int, ...]" = ()
) -> None:
    import subprocess

    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, PATH=path),
        pass_fds=pass_fds,
    ) as done:
        output = done.communicate()[0]
    if done.returncode:
        said = shown_as or command
        words = " ".join(shown(word) if isinstance(word, bytes) else word for word in said)
        raise Failure(
            "The command %s failed: %s." % (words, shown(output.strip()) or done.returncode)
        )


def set_context(path: bytes, words: "list[str]") -> None:
    run_tool(["semanage", "fcontext", "-a"] + words + [path])


def forget_context(path: bytes) -> None:
    run_tool(["semanage", "fcontext", "-d", path])


def forget_any_context(path: bytes) -> None:
    """Forget a rule that there may be no more, as the agent does."""
    try:
        forget_context(path)
    except (OSError, Failure):
        return
