"""What is planned is staged beside its place and renamed into it; or all is put back."""

import os
import signal
import stat

from tidegate.hostrunner.parts.base import (
    AT_ONCE,
    NEW_FILE,
    Failure,
    raw,
    reason,
    replace_file,
    shown,
    unlink_if_there,
    write_all,
)
from tidegate.hostrunner.parts.changes import Changes
from tidegate.hostrunner.parts.permissions import (
    forget_any_context,
    give_link,
    give_open,
    run_tool,
    set_context,
)
from tidegate.hostrunner.parts.places import Places
from tidegate.hostrunner.parts.plan import Plan, Step
from tidegate.hostrunner.parts.previous import Previous
from tidegate.hostrunner.parts.undo import (
    CONTEXT_SET,
    FINISHING,
    PLACING,
    Record,
    set_values,
    unfinished,
    write_note,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tidegate.hostrunner.parts.events import Runner

NO_ACLS = {
    "system.posix_acl_access": None,
    "system.posix_acl_default": None,
}  # type: dict[str, str | None]


class Install:
    """One install of a revision: planned, written down, carried out, and cleaned up after."""

    def __init__(self, runner: "Runner") -> None:
        self.runner = runner
        self.places = Places()
        self.signals = []  # type: list[int]
        self.folder_mode = 0o777 & ~int(runner.spec.get("umask", 0o022))

    def run(self) -> "list[str]":
        """Install the revision and return warnings.

        Raises:
            Failure: It could not be, and everything is as it was.
        """
        try:
            self.recover()
            spec = self.runner.spec
            behaviour = spec["appspec"].get("file_exists_behavior")
            behaviour = behaviour or spec.get("file_exists_behavior") or "DISALLOW"
            previous = Previous(self.runner.notes + "-cleanup")
            archive = raw(self.runner.archive)
            self.plan = Plan(spec["appspec"], str(behaviour).upper(), archive, previous)
            self.plan.make()
            if self.runner.run.wish():
                return []
            return self.plan.warnings + self.carry_out()
        finally:
            self.places.close()

    def recover(self) -> None:
        """Put back or finish what an install left that was killed."""
        record = unfinished(self.runner.notes + "-undo", self.places)
        if not record:
            return
        problems = record.finish() if FINISHING in record.marks else record.undo()
        # What cannot be put back is still in the list, and so makes way for this revision.
        unlink_if_there(raw(record.path))
        self.runner.warnings.extend(
            "An earlier install was cut off, and not all of it could be put right: %s." % problem
            for problem in problems
        )

    def carry_out(self) -> "list[str]":
        notes = self.runner.notes
        self.changes = Changes(self.plan, notes, self.runner.folder, self.places)
        self.record = Record(notes + "-undo", self.places, self.changes.body())
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [(number, signal.signal(number, self.heed)) for number in numbers]
        try:
            self.apply()
        except OSError as error:
            where = shown(error.filename) if isinstance(error.filename, bytes) else "this host"
            raise self.undone("Installing failed at %s: %s." % (where, reason(error))) from None
        except Failure as failure:
            raise self.undone(failure.message) from None
        except BaseException:
            self.undone("")
            raise
        else:
            problems = self.record.finish()
        finally:
            for number, handler in before:
                signal.signal(number, handler)
        for late in self.signals:
            os.kill(os.getpid(), late)
        return ["This could not be cleaned up: %s." % problem for problem in problems]

    def heed(self, number: int, _: "Any") -> None:
        self.signals.append(number)

    def go_on(self) -> None:
        if self.signals:
            raise Failure("The runner was ended by signal %d while it installed." % self.signals[0])

    def undone(self, why: str) -> Failure:
        problems = self.record.undo()
        if not problems:
            return Failure("%s Everything was put back as it was." % why)
        self.runner.warnings.extend("This could not be put back: %s." % one for one in problems)
        more = " The next deployment tries again." if os.path.exists(self.record.path) else ""
        return Failure(
            "%s Not everything could be put back, first of all %s.%s" % (why, problems[0], more)
        )

    # Every step is one that the record can undo, however far it came

    def apply(self) -> None:
        changes, record = self.changes, self.record
        record.save()
        replace_file(changes.list, changes.meanwhile())
        for path in changes.opened:
            record.widen(path)
        for path in self.plan.renewed:
            self.renew(path)
        for path in self.plan.made:
            self.go_on()
            self.make_way(path)
            self.places.on(os.mkdir, path, self.folder_mode)
            if self.folder_mode & 0o022:  # more than this process leaves
                self.renew(path)
        for step in self.plan.copies.values():
            self.go_on()
            self.stage(step)
        record.mark(PLACING)
        for path in self.plan.copies:
            self.go_on()
            self.make_way(path)
            self.places.rename(changes.staged[path], path)
        for step in reversed(self.plan.steps):
            if step.is_folder and step.real in self.plan.permissions.given:
                self.give_folder(step.real)
        self.set_contexts()
        for name, _, text in record.body["notes"]:
            write_note(raw(name), text)
        self.go_on()
        record.mark(FINISHING)

    def renew(self, path: bytes) -> None:
        """Make an old folder what a new one would be."""
        above = os.fstat(self.places.folder(os.path.dirname(path)))
        is_shared = above.st_mode & stat.S_ISGID
        fd = self.places.open_folder(path)
        try:
            info = os.fstat(fd)
            owner = os.geteuid(), above.st_gid if is_shared else os.getegid()
            if (info.st_uid, info.st_gid) != owner:
                os.fchown(fd, *owner)
            set_values(fd, NO_ACLS)
            if stat.S_IMODE(info.st_mode) != self.folder_mode | is_shared:
                os.fchmod(fd, self.folder_mode | is_shared)
        finally:
            os.close(fd)

    def make_way(self, path: bytes) -> None:
        """Set aside what lies at *path*, a file so that the name is never without one."""
        there = self.places.look(path)
        if not there:
            return
        backup = self.changes.aside.get(path)
        if not backup:
            raise Failure("%s came into being while the revision was installed." % shown(path))
        if path in self.plan.copies and not stat.S_ISDIR(there.st_mode):
            try:
                self.places.on_both(os.link, path, backup, follow_symlinks=False)
            except OSError:
                self.places.rename(path, backup)  # a file system without hard links
        else:
            self.places.rename(path, backup)

    def stage(self, step: Step) -> None:
        """Copy a file beside its target, complete with owner, mode and ACL."""
        if step.is_link:
            self.stage_link(step)
            return
        reader = self.places.on(os.open, step.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            info = os.fstat(reader)
            if not stat.S_ISREG(info.st_mode):
                raise Failure("%s is no file any more." % shown(step.source))
            fd = self.places.on(os.open, self.changes.staged[step.real], NEW_FILE, 0o600)
            try:
                self.copy(reader, fd)
                if os.geteuid() == 0:
                    os.fchown(fd, info.st_uid, info.st_gid)
                os.fchmod(fd, stat.S_IMODE(info.st_mode))
                os.utime(fd, ns=(info.st_atime_ns, info.st_mtime_ns))
                if step.real in self.plan.permissions.given:
                    give_open(self.plan.permissions.given[step.real], fd, step.real)
            finally:
                os.close(fd)
        finally:
            os.close(reader)

    def copy(self, reader: int, writer: int) -> None:
        while True:
            self.go_on()
            data = os.read(reader, AT_ONCE)
            if not data:
                return
            write_all(writer, data)

    def stage_link(self, step: Step) -> None:
        staged = self.changes.staged[step.real]
        self.places.symlink(self.places.on(os.readlink, step.source), staged)
        info = self.places.on(os.lstat, step.source)
        uid, gid = (info.st_uid, info.st_gid) if os.geteuid() == 0 else (-1, -1)
        wanted = self.plan.permissions.given.get(step.real)
        if wanted:
            uid = uid if wanted.uid == -1 else wanted.uid
            gid = gid if wanted.gid == -1 else wanted.gid
        if (uid, gid) != (-1, -1):
            give_link(self.places, staged, uid, gid)

    def give_folder(self, path: bytes) -> None:
        attributes = self.plan.permissions.given[path]
        fd = self.places.open_folder(path)
        try:
            give_open(attributes, fd, path)
            if os.geteuid() != 0:  # what is in there may have to be removed, at the very end
                os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) | 0o300)
        finally:
            os.close(fd)

    def set_contexts(self) -> None:
        for number, (path, words) in enumerate(self.changes.contexts.items()):
            self.go_on()
            self.record.mark("%s%d" % (CONTEXT_SET, number))
            if path in self.plan.previous.contexts:
                forget_any_context(path)
            set_context(path, words)
            run_tool(["restorecon", "-v", path])
