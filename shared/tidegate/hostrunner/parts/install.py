"""What is copied where: planned, staged, renamed, or undone."""

import binascii
import os
import stat

from tidegate.hostrunner.parts.base import (
    FOLDER,
    NEW_FILE,
    Failure,
    raw,
    read_file,
    reason,
    remove_tree,
    replace_file,
    shown,
    unlink_if_there,
    write_all,
)
from tidegate.hostrunner.parts.permissions import (
    Attributes,
    forget_context,
    give_folder,
    give_link,
    is_default,
    matches,
    open_folder,
    run_tool,
    set_acl,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tidegate.hostrunner.parts.events import Runner


class Install:
    """Plans everything, then stages beside the targets, then renames; or leaves all as it was."""

    def __init__(self, runner: "Runner") -> None:
        spec = runner.spec
        self.runner = runner
        self.appspec = spec["appspec"]
        self.archive = raw(runner.archive)
        self.real_archive = os.path.realpath(self.archive)
        self.behaviour = str(
            self.appspec.get("file_exists_behavior")
            or spec.get("file_exists_behavior")
            or "DISALLOW"
        ).upper()
        self.list = runner.notes + "-cleanup"
        self.old_lines = self.read_list()
        self.owned = {line for line in self.old_lines if not line.startswith(b"semanage\0")}
        self.steps = []  # type: list[tuple[str, bytes, bytes]]
        self.copies = {}  # type: dict[bytes, bytes]
        self.folders = {}  # type: dict[bytes, bool]
        self.renewed = set()  # type: set[bytes]
        self.space = {}  # type: dict[int, tuple[int, bytes]]
        self.writable = set()  # type: set[bytes]
        self.attributes = {}  # type: dict[bytes, Attributes]
        self.unique = binascii.hexlify(os.urandom(5))
        self.count = 0
        self.undo = []  # type: list[tuple[Callable[..., None], tuple[Any, ...]]]
        self.backups = {}  # type: dict[bytes, bytes]
        self.staged = {}  # type: dict[bytes, bytes]
        self.warnings = []  # type: list[str]

    def read_list(self) -> "list[bytes]":
        # A last line without its end was being written when something died.
        return [line for line in read_file(self.list).split(b"\n")[:-1] if line.strip()]

    def run(self) -> "list[str]":
        for entry in self.appspec.get("files") or []:
            self.plan_entry(raw(str(entry["source"])), raw(str(entry["destination"])))
        for entry in self.appspec.get("permissions") or []:
            self.plan_permissions(entry)
        self.plan_removals()
        self.check_space()
        if self.runner.run.wish():
            return []
        try:
            self.apply()
        except OSError as error:
            self.roll_back()
            where = shown(error.filename) if isinstance(error.filename, bytes) else "this host"
            raise Failure(
                "Installing failed at %s: %s. Everything was put back as it was."
                % (where, reason(error))
            ) from None
        except BaseException:
            self.roll_back()
            raise
        self.finish()
        return self.warnings

    # Planning: nothing on disk changes

    def plan_entry(self, source: bytes, destination: bytes) -> None:
        if not destination.startswith(b"/"):
            raise Failure(
                "The destination %s of the AppSpec file is not an absolute path."
                % shown(destination)
            )
        destination = clean(destination)
        path = os.path.normpath(os.path.join(self.archive, source.lstrip(b"/")))
        if not self.inside(path):
            raise Failure(
                "The source %s of the AppSpec file leads out of the revision." % shown(source)
            )
        if not os.path.exists(path):
            raise Failure(
                "The AppSpec file installs %s, and the revision has no such file or folder."
                % shown(source)
            )
        if os.path.isdir(path):
            self.plan_folder(destination)
            self.plan_tree(path, destination, (os.path.realpath(path),))
        else:
            self.plan_folder(destination)
            self.plan_copy(path, os.path.join(destination, os.path.basename(path)))

    def inside(self, path: bytes) -> bool:
        real = os.path.realpath(path)
        return real == self.real_archive or real.startswith(self.real_archive + b"/")

    def plan_tree(self, source: bytes, destination: bytes, above: "tuple[bytes, ...]") -> None:
        for name in sorted(os.listdir(source)):
            path, target = os.path.join(source, name), os.path.join(destination, name)
            # The agent copies what a link to a folder leads to; out of the archive it stays a link.
            if os.path.isdir(path) and (not os.path.islink(path) or self.inside(path)):
                real = os.path.realpath(path)
                if real in above:
                    raise Failure("The link %s leads to a folder above it." % shown(path))
                self.plan_folder(target)
                self.plan_tree(path, target, above + (real,))
            else:
                self.plan_copy(path, target)

    def plan_folder(self, path: bytes) -> None:
        if path in self.copies:
            raise Failure(
                "The deployment failed because the application specification file calls for a"
                " folder at %s, where it also installs the file %s."
                % (shown(path), shown(self.copies[path]))
            )
        if path in self.folders:
            return
        if os.path.isdir(path) and not (os.path.islink(path) and path in self.owned):
            if path in self.owned:  # the previous revision made it: now it is this one's
                self.plan_folder(os.path.dirname(path))
                self.folders[path] = False
                if not self.foreigner(path):
                    self.renewed.add(path)
                self.steps.append(("mkdir", path, b""))
            return
        if os.path.lexists(path) and path not in self.owned:
            raise Failure(
                "%s is a file on this host, and the revision needs a folder there." % shown(path)
            )
        parent = os.path.dirname(path)
        self.plan_folder(parent)
        self.check_writable(parent)
        self.folders[path] = True
        self.steps.append(("mkdir", path, b""))

    def plan_copy(self, source: bytes, target: bytes) -> None:
        info = os.lstat(source)
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise Failure("%s is neither a file, a folder nor a link." % shown(source))
        if b"\n" in target:
            raise Failure("The file name %r holds a newline; rename it." % shown(target))
        if target in self.copies:
            raise Failure(
                "The deployment failed because the application specification file specifies two"
                " source files named %s and %s for the same destination (%s). Remove one of"
                " the source file paths from the AppSpec file, and then try again."
                % (shown(self.copies[target]), shown(source), shown(target))
            )
        if target in self.folders:
            raise Failure(
                "The deployment failed because the application specification file calls for a"
                " folder at %s, where it also installs the file %s."
                % (shown(target), shown(source))
            )
        if os.path.lexists(target) and not self.may_replace(target):
            return
        self.check_writable(os.path.dirname(target))
        self.copies[target] = source
        self.steps.append(("copy", target, source))
        if stat.S_ISREG(info.st_mode):
            self.add_space(os.path.dirname(target), info.st_size)

    def may_replace(self, target: bytes) -> bool:
        """Return whether what lies at *target* gives way; false if it is to stay."""
        if target in self.owned:
            foreigner = self.foreigner(target) if real_folder(target) else None
            if foreigner:
                raise Failure(
                    "The revision has a file where the previous one had the folder %s, and %s in it"
                    " is of neither; move it away." % (shown(target), shown(foreigner))
                )
            return True
        if self.behaviour == "RETAIN":
            return False
        if self.behaviour != "OVERWRITE":
            raise Failure(
                "The deployment failed because a specified file already exists at this location: %s"
                % shown(target)
            )
        if os.path.isdir(target) and not os.path.islink(target):
            raise Failure(
                "%s is a folder on this host, and the revision has a file there." % shown(target)
            )
        return True

    def foreigner(self, folder: bytes) -> "bytes | None":
        """Return something in *folder* that the previous revision did not put there."""
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if path not in self.owned:
                return path
            found = self.foreigner(path) if real_folder(path) else None
            if found:
                return found
        return None

    def check_writable(self, folder: bytes) -> None:
        if folder in self.writable or self.folders.get(folder):
            return
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Failure(
                "User %d may not write to %s on this host. Give it the right, or connect as root."
                % (os.geteuid(), shown(folder))
            )
        self.writable.add(folder)

    def add_space(self, folder: bytes, size: int) -> None:
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        device = os.stat(folder).st_dev
        total, where = self.space.get(device, (0, folder))
        self.space[device] = (total + (size + 4095) // 4096 * 4096, where)

    def check_space(self) -> None:
        for total, folder in self.space.values():
            system = os.statvfs(folder)
            free = (system.f_bavail if os.geteuid() else system.f_bfree) * system.f_frsize
            if total > free:
                raise Failure(
                    "Installing needs %d MB on the file system of %s, and %d MB are free."
                    % (total >> 20, shown(folder), free >> 20)
                )

    def plan_removals(self) -> None:
        for path in self.owned:
            if self.is_gone(path) and os.path.lexists(path) and not real_folder(path):
                self.check_writable(os.path.dirname(path))

    # Permissions

    def plan_permissions(self, entry: "dict[str, Any]") -> None:
        target = clean(raw(str(entry["object"])))
        types = entry.get("type") or ["file", "directory"]
        pattern, excluded = entry.get("pattern") or "**", entry.get("except") or []
        attributes = Attributes(
            entry, self.user(entry.get("owner")), self.user_group(entry.get("group"))
        )
        self.check_tools(attributes)
        if target in self.copies:
            if pattern != "**" or excluded:
                raise Failure(
                    "The deployment failed because permissions for %s, which is a file, have a"
                    " pattern or an except; remove them from the AppSpec file." % shown(target)
                )
            if "file" in types:
                self.give(target, attributes)
            return
        if target not in self.folders and not os.path.isdir(target):
            return
        inside = target.rstrip(b"/") + b"/"
        for kind, path, _ in self.steps:
            if (
                not path.startswith(inside)
                or ("file" if kind == "copy" else "directory") not in types
            ):
                continue
            child = shown(path[len(inside) :])
            direct = "/" not in child
            if direct and any(matches(glob, child) for glob in excluded):
                continue
            if pattern == "**" or (direct and matches(pattern, child)):
                self.give(path, attributes)

    def give(self, path: bytes, attributes: Attributes) -> None:
        if path in self.attributes:
            raise Failure(
                "The deployment failed because the permissions setting for (%s) is specified more"
                " than once in the application specification file. Update the permissions section"
                " of the AppSpec file, and then try again." % shown(path)
            )
        if path in self.copies and any(is_default(acl) for acl in attributes.acls):
            raise Failure(
                "The default ACL of the AppSpec file cannot be set on the file %s." % shown(path)
            )
        self.attributes[path] = attributes

    def user(self, name: "str | None") -> int:
        if not name:
            return -1
        import pwd

        try:
            uid = pwd.getpwnam(name).pw_uid
        except KeyError:
            raise Failure(
                "The AppSpec file gives files to user %s, whom this host lacks." % name
            ) from None
        if uid != os.geteuid() and os.geteuid() != 0:
            raise Failure(
                "Only root may give files to user %s; Tidegate is logged in as user %d here."
                % (name, os.geteuid())
            )
        return uid

    def user_group(self, name: "str | None") -> int:
        if not name:
            return -1
        import grp

        try:
            gid = grp.getgrnam(name).gr_gid
        except KeyError:
            raise Failure(
                "The AppSpec file gives files to group %s, which this host lacks." % name
            ) from None
        if os.geteuid() != 0 and gid != os.getegid() and gid not in os.getgroups():
            raise Failure(
                "Only root may give files to group %s; user %d is no member of it here."
                % (name, os.geteuid())
            )
        return gid

    def check_tools(self, attributes: Attributes) -> None:
        tools = ["setfacl"] if attributes.acls else []
        tools += ["semanage", "restorecon"] if attributes.context else []
        folders = os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        for tool in tools:
            if not any(
                os.access(os.path.join(folder, tool), os.X_OK) for folder in folders if folder
            ):
                raise Failure(
                    "The AppSpec file needs %s, which this host lacks; install it." % tool
                )

    # Applying: every step knows how to undo itself

    def apply(self) -> None:
        made = [path for kind, path, _ in self.steps if kind == "mkdir" and self.folders[path]]
        gone = [path for path in self.owned if self.is_gone(path) and not real_folder(path)]
        for path in made + sorted(self.copies) + sorted(gone, reverse=True):
            if os.path.lexists(path):
                self.backups[path] = self.temporary(path)
        for path in self.copies:
            self.staged[path] = self.temporary(path)
        # Whatever happens from here on, the next deployment finds everything that is ours.
        steps = [path for _, path, _ in self.steps]
        extra = list(self.backups.values()) + list(self.staged.values())
        self.write_list(self.old_lines + steps + extra)
        for path in made:
            self.set_aside(path)
            os.mkdir(path, 0o755)
            self.on_undo(os.rmdir, path)
        for path in self.copies:
            self.stage(path)
        for path in self.copies:
            self.set_aside(path)
            os.replace(self.staged[path], path)
            self.on_undo(unlink_if_there, path)
        for path in sorted(gone, reverse=True):
            self.set_aside(path)
        for path in reversed(list(self.folders)):
            self.set_folder(path)
        contexts = self.set_contexts()
        self.write_list(steps + [b"semanage\0" + path for path in contexts])
        pointer = self.runner.notes + "_last_successful_install"
        replace_file(pointer, raw(self.runner.folder))

    def is_gone(self, path: bytes) -> bool:
        return path not in self.copies and path not in self.folders

    def on_undo(self, act: "Callable[..., None]", *arguments: "Any") -> None:
        self.undo.append((act, arguments))

    def roll_back(self) -> None:
        for act, arguments in reversed(self.undo):
            try:
                act(*arguments)
            except OSError as error:
                self.runner.warnings.append(
                    "%s could not be put back: %s." % (shown(arguments[0]), reason(error))
                )
        try:
            self.write_list(self.old_lines)
        except OSError as error:
            self.runner.warnings.append("%s is not up to date: %s." % (self.list, reason(error)))

    def temporary(self, target: bytes) -> bytes:
        self.count += 1
        name = b".tidegate-%s-%d" % (self.unique, self.count)
        return os.path.join(os.path.dirname(target), name)

    def stage(self, target: bytes) -> None:
        """Copy a file beside its target, complete with owner, mode and ACL."""
        source, temporary = self.copies[target], self.staged[target]
        self.on_undo(unlink_if_there, temporary)
        if os.path.islink(source):
            self.stage_link(target, source, temporary)
            return
        reader = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            # Its folder may be another's: the name may lead elsewhere by now, the descriptor not.
            fd = os.open(temporary, NEW_FILE, 0o600)
            try:
                info = os.fstat(reader)
                copy(reader, fd)
                if os.geteuid() == 0:
                    os.fchown(fd, info.st_uid, info.st_gid)
                os.fchmod(fd, stat.S_IMODE(info.st_mode))
                os.utime(fd, ns=(info.st_atime_ns, info.st_mtime_ns))
                self.set_attributes(target, fd, temporary)
            finally:
                os.close(fd)
        finally:
            os.close(reader)

    def stage_link(self, target: bytes, source: bytes, temporary: bytes) -> None:
        os.symlink(os.readlink(source), temporary)
        info = os.lstat(source)
        uid, gid = (info.st_uid, info.st_gid) if os.geteuid() == 0 else (-1, -1)
        if target in self.attributes:
            wanted = self.attributes[target]
            uid = uid if wanted.uid == -1 else wanted.uid
            gid = gid if wanted.gid == -1 else wanted.gid
        if (uid, gid) != (-1, -1):
            give_link(temporary, uid, gid)

    def set_aside(self, path: bytes) -> None:
        """Keep what lies at *path* under another name until the new revision is in place."""
        if not os.path.lexists(path):
            return
        backup = self.backups.setdefault(path, self.temporary(path))
        if path in self.copies and not real_folder(path):
            try:  # the name is never without a file
                os.link(path, backup, follow_symlinks=False)
            except OSError:
                os.rename(path, backup)
        else:
            os.rename(path, backup)
        self.on_undo(put_back, backup, path)

    def set_folder(self, path: bytes) -> None:
        if path not in self.renewed and path not in self.attributes:
            return
        fd = os.open(path, FOLDER)
        try:
            if path in self.renewed:  # the agent would have removed it and made it anew
                self.renew(path, fd)
            self.set_attributes(path, fd, path)
        finally:
            os.close(fd)

    def renew(self, path: bytes, fd: int) -> None:
        info, me = os.fstat(fd), (os.geteuid(), os.getegid())
        if (info.st_uid, info.st_gid) != me and me[0] == 0:
            self.on_undo(give_folder, path, info.st_uid, info.st_gid)
            os.fchown(fd, *me)
        if stat.S_IMODE(info.st_mode) != 0o755 and me[0] in (0, info.st_uid):
            self.on_undo(open_folder, path, stat.S_IMODE(info.st_mode))
            os.fchmod(fd, 0o755)

    def set_attributes(self, path: bytes, fd: int, place: bytes) -> None:
        """Give what is open, and lies at *place* for now, what the AppSpec file says of *path*."""
        if path not in self.attributes:
            return
        attributes = self.attributes[path]
        if attributes.mode is not None:
            os.fchmod(fd, attributes.mode)
        if attributes.acls:
            set_acl(attributes.acls, fd, place)
        if attributes.uid != -1 or attributes.gid != -1:
            os.fchown(fd, attributes.uid, attributes.gid)

    def set_contexts(self) -> "list[bytes]":
        done = []
        for path, attributes in self.attributes.items():
            context = attributes.context
            if not context:
                continue
            real = os.path.realpath(path)
            command = ["semanage", "fcontext", "-a"]
            command += ["-s", context["user"]] if context.get("user") else []
            command += ["-t", context["type"]]
            command += ["-r", context["range"]] if context.get("range") else []
            run_tool(command + [real])
            self.on_undo(forget_context, real)
            run_tool(["restorecon", "-v", real])
            done.append(real)
        return done

    def write_list(self, lines: "list[bytes]") -> None:
        replace_file(self.list, b"".join(line + b"\n" for line in lines))

    def finish(self) -> None:
        """Remove what the previous revision had and this one, in place already, has not."""
        for backup in self.backups.values():
            self.try_to(remove_tree, backup)
        for path in reversed(self.old_lines):
            if path.startswith(b"semanage\0"):
                real = path[9:]
                if not any(
                    a.context and os.path.realpath(p) == real for p, a in self.attributes.items()
                ):
                    self.try_to(forget_context, real)
            elif path not in self.folders and real_folder(path):
                try:
                    os.rmdir(path)
                except OSError:
                    continue  # it holds what somebody else put there

    def try_to(self, act: "Callable[[bytes], None]", path: bytes) -> None:
        try:
            act(path)
        except (OSError, Failure) as error:
            self.warnings.append("%s could not be cleaned up: %s." % (shown(path), error))


def clean(path: bytes) -> bytes:
    # POSIX lets two leading slashes mean something else; here they do not.
    return b"/" + os.path.normpath(path).lstrip(b"/")


def real_folder(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def put_back(backup: bytes, path: bytes) -> None:
    os.replace(backup, path)
    unlink_if_there(backup)  # replacing one hard link by another of the same file leaves both


def copy(reader: int, writer: int) -> None:
    while True:
        data = os.read(reader, 1 << 20)
        if not data:
            return
        write_all(writer, data)
