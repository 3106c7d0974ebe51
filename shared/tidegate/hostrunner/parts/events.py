"""The lifecycle events of one deployment, in order, in a process of their own."""

import fcntl
import json
import os
import select
import signal
import time

from tidegate.hostrunner.parts.archives import replace_archive
from tidegate.hostrunner.parts.base import (
    STOPPED,
    Failure,
    age,
    boot_id,
    complain,
    names_in,
    raw,
    read_file,
    reason,
    remove_tree,
    replace_file,
    started_at,
    unlink_if_there,
)
from tidegate.hostrunner.parts.install import Install
from tidegate.hostrunner.parts.journal import Journal, Run, log_cap
from tidegate.hostrunner.parts.logs import EventLog, Scribe
from tidegate.hostrunner.parts.scripts import Ended, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FROM_PREVIOUS = ("ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic")
KEEP_RUNS_FOR = 7 * 86400


class Runner:
    """Runs the events of one spec, in order, in a process of its own."""

    def __init__(
        self, run: Run, spec: "dict[str, Any]", bundle: "dict[str, Any] | None", knock: int
    ) -> None:
        self.run = run
        self.spec = spec
        self.bundle = bundle
        self.knock_fd = knock
        self.root = os.path.join(run.state, "deployment-root")
        self.group = os.path.join(self.root, spec["group_id"])
        self.folder = os.path.join(self.group, spec["deployment_id"])
        self.archive = os.path.join(self.folder, "deployment-archive")
        self.notes = os.path.join(self.root, "deployment-instructions", spec["group_id"])
        self.group_lock = -1
        self.holding = False
        self.warnings = []  # type: list[str]
        os.set_blocking(knock, False)
        self.journal = Journal(run, self.knock)
        self.child_ended = self.listen()

    def knock(self) -> None:
        try:
            os.write(self.knock_fd, b".")
        except OSError:
            return  # full or nobody there: the follower looks by itself

    def listen(self) -> int:
        ear, mouth = os.pipe()
        for fd in (ear, mouth):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(mouth)
        return ear

    def nap(self, pause: float, scribe: Scribe) -> None:
        """Sleep, but not longer than until a child ends or says something."""
        ears = [self.child_ended] + ([scribe.answer_fd] if scribe.alive else [])
        ready = select.select(ears, [], [], pause)[0]
        if self.child_ended in ready:
            os.read(self.child_ended, 4096)
        if scribe.answer_fd in ready:
            scribe.heard()
            self.knock()

    def main(self) -> None:
        self.journal.fact("begun", boot=boot_id(), pid=os.getpid())
        try:
            outcome = self.run_events(self.enter_or_say_why_not())
        finally:
            self.leave()
        self.journal.fact("end", outcome=outcome)
        self.journal.close()
        self.tidy(self.prune_runs)

    # One run per group at a time

    def enter_or_say_why_not(self) -> str:
        try:
            os.makedirs(os.path.dirname(self.notes), 0o755, exist_ok=True)
            return "succeeded" if self.enter() else "stopped"
        except OSError as error:
            why = "The state folder %s cannot be used: %s." % (self.run.state, reason(error))
            for name in self.spec["events"][:1]:
                self.finish(name, "Failed", 0, Failure(why))
            return "failed"

    def enter(self) -> bool:
        """Wait for the group's lock; false when the run was cancelled meanwhile."""
        folder = os.path.join(self.run.state, "locks")
        os.makedirs(folder, 0o700, exist_ok=True)
        path = os.path.join(folder, self.spec["group_id"])
        self.group_lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        locked, told = False, ""
        while True:
            locked = locked or self.try_group_lock()
            holder, busy = self.holder()
            if locked and not busy:
                self.hold()
                return True
            if self.run.wish():
                return False
            if holder and holder != told:
                told = holder
                self.journal.fact("waiting", **{"for": holder})
            time.sleep(0.1)

    def try_group_lock(self) -> bool:
        try:
            fcntl.flock(self.group_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def holder(self) -> "tuple[str, bool]":
        """Return whose lock it is, and whether that one's script outlived its runner."""
        words = os.pread(self.group_lock, 512, 0).decode().split()
        if len(words) == 4:
            alive = words[3] == boot_id() and started_at(int(words[1])) == words[2]
            return words[0], alive
        return "".join(words[:1]), False

    def hold(self, script: "int | None" = None) -> None:
        """Write down whose lock it is, and which process the next run has to wait for as well."""
        self.holding = True
        text = self.spec["deployment_id"]
        if script is not None:
            text += "\n%d %s %s" % (script, started_at(script), boot_id())
        data = text.encode() + b"\n"
        os.pwrite(self.group_lock, data, 0)
        os.ftruncate(self.group_lock, len(data))

    def leave(self) -> None:
        if self.holding:
            os.ftruncate(self.group_lock, 0)
        if self.group_lock >= 0:
            os.close(self.group_lock)

    # Events

    def run_events(self, outcome: str) -> str:
        for name in self.spec["events"][1 if outcome == "failed" else 0 :]:
            if outcome == "succeeded" and self.run.wish():
                outcome = "stopped"
            if outcome != "succeeded":
                self.finish(name, "Skipped", 0, None)
                continue
            failed = self.run_event(name)
            if failed and self.run.wish():
                outcome = "stopped"
            elif failed and not (
                name in FROM_PREVIOUS and self.spec.get("ignore_application_stop_failures")
            ):
                outcome = "failed"
        return outcome

    def run_event(self, name: str) -> bool:
        """Run one event and return whether it failed."""
        scripts_log = os.path.join(self.folder, "logs", "scripts.log")
        log = EventLog(name, self.run.log(name), scripts_log, log_cap(self.spec))
        self.warnings = []
        self.journal.fact("event", name=name, status="InProgress")
        failure, exit_code = None, None  # type: Failure | None, int | None
        try:
            exit_code = self.perform(name, log)
        except Failure as error:
            failure = error
        except OSError as error:
            where = os.fsdecode(error.filename) if error.filename else "This host"
            failure = Failure("%s failed at %s: %s." % (name, where, reason(error)))
        except Exception as error:
            complain()
            failure = Failure(
                "The runner failed in %s: %s: %s." % (name, type(error).__name__, error)
            )
        if self.run.wish() and not isinstance(failure, Ended):
            script, code = (failure.script, failure.exit_code) if failure else ("", exit_code)
            failure = Failure(STOPPED, script=script, exit_code=code)
        if log.full:
            self.warnings.append("The disk was full, so the log of this event is not complete.")
        if log.torn:
            self.warnings.append("What writes the log of this event died, so it is not complete.")
        log.write([b"Warning - " + raw(warning) for warning in self.warnings])
        log.close()
        status = "Failed" if failure else "Succeeded"
        self.finish(name, status, log.size, failure, exit_code)
        return failure is not None

    def finish(
        self,
        name: str,
        status: str,
        log_size: int,
        failure: "Failure | None",
        exit_code: "int | None" = None,
    ) -> None:
        self.journal.fact(
            "event",
            name=name,
            status=status,
            exit_code=failure.exit_code if failure else exit_code,
            error_code=failure.code if failure else "Success",
            script=failure.script if failure else "",
            message=failure.message if failure else status if status == "Succeeded" else "",
            log_size=log_size,
            warnings=[] if status == "Skipped" else self.warnings,
        )
        if log_size or name in ("Install", "DownloadBundle"):
            self.journal.sync()

    def perform(self, name: str, log: EventLog) -> "int | None":
        if name == "DownloadBundle":
            self.journal.sync()
            self.download()
            return None
        if name == "Install":
            self.journal.sync()
            self.warnings.extend(Install(self).run())
            return None
        return self.run_hooks(name, log)

    # DownloadBundle

    def download(self) -> None:
        self.tidy(self.prune_archives)
        os.makedirs(self.folder, 0o755, exist_ok=True)
        kind = self.bundle["type"] if self.bundle else ""
        old = replace_archive(raw(self.archive), raw(self.run.bundle), kind, self.spec)
        replace_file(
            os.path.join(self.folder, "appspec.json"), json.dumps(self.spec["appspec"]).encode()
        )
        replace_file(self.notes + "_most_recent_install", raw(self.folder))
        self.tidy(lambda: remove_tree(old))
        remove_tree(raw(self.run.bundle))
        self.tidy(self.prune_bundles)

    def tidy(self, act: "Callable[[], None]") -> None:
        """Do what no deployment depends on."""
        try:
            act()
        except OSError as error:
            self.warnings.append("Old files on this host could not be removed: %s." % error)

    def revisions_kept(self) -> int:
        return max(1, int(self.spec.get("max_revisions") or 5))

    def prune_archives(self) -> None:
        """Delete the oldest archives of this group as the agent does, never the installed one."""
        names = [name for name in names_in(self.group) if name != self.spec["deployment_id"]]
        folders = sorted(
            (os.path.join(self.group, name) for name in names),
            key=lambda path: os.lstat(path).st_mtime,
        )
        installed = read_file(self.notes + "_last_successful_install").decode().strip()
        surplus = len(folders) - (self.revisions_kept() - 1)
        for path in folders:
            if surplus > 0 and path != installed:
                remove_tree(raw(path))
                surplus -= 1

    def prune_bundles(self) -> None:
        folder = os.path.join(self.run.state, "bundles")
        paths = [os.path.join(folder, name) for name in names_in(folder)]
        whole = [path for path in paths if "." not in os.path.basename(path)]
        # Downloads that ended half-way leave a name with a dot; an hour is longer than any of them.
        old = [path for path in paths if path not in whole and age(path) > 3600]
        whole.sort(key=age)
        for path in whole[self.revisions_kept() :] + old:
            remove_tree(raw(path))

    def prune_runs(self) -> None:
        """Delete old runs that have ended, and old versions of this file."""
        versions = os.path.join(self.run.state, "runner")
        for folder in (versions, os.path.join(versions, "__pycache__")):
            for name in names_in(folder):
                path = os.path.join(folder, name)
                mine = name.startswith((__name__, "__pycache__"))
                if not mine and age(path) > KEEP_RUNS_FOR:
                    unlink_if_there(raw(path))
        folder = os.path.dirname(self.run.folder)
        for name in names_in(folder):
            run = Run(self.run.state, name)
            if run.key == self.run.key or age(run.journal) < KEEP_RUNS_FOR:
                continue
            if b'"fact": "end"' in read_file(run.journal)[-200:]:
                remove_tree(raw(run.folder))

    # Hooks

    def run_hooks(self, event: str, log: EventLog) -> "int | None":
        archive, appspec = self.scripts_of(event)
        hooks = (appspec.get("hooks") or {}).get(event) or []
        if not hooks:
            return None
        log.write([b"LifecycleEvent - " + raw(event)])
        for hook in hooks:
            if self.run.wish():
                break
            Script(self, event, hook, archive, log).run()
        return 0

    def scripts_of(self, event: str) -> "tuple[str, dict[str, Any]]":
        """Return the archive and the AppSpec that *event* runs from."""
        if event not in FROM_PREVIOUS or os.path.isdir(self.archive):
            return self.archive, self.spec["appspec"]
        pointer = self.notes + "_last_successful_install"
        folder = read_file(pointer).decode().strip()
        if not folder:
            return "", {}
        text = read_file(os.path.join(folder, "appspec.json"))
        if not text:
            raise Failure(
                "The scripts of %s belong to the revision that was installed last, and its"
                " folder %s is gone from this host. Deploy with"
                " ignore_application_stop_failures once, or delete %s there."
                % (event, folder, pointer)
            )
        return os.path.join(folder, "deployment-archive"), json.loads(text.decode())
