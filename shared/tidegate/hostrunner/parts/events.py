"""The lifecycle events of one deployment, in order, in a process of their own."""

import json
import os
import select
import signal

from tidegate.hostrunner.parts.archives import BUNDLE_TYPES, replace_archive
from tidegate.hostrunner.parts.base import (
    STOPPED,
    Failure,
    boot_id,
    complain,
    raw,
    reason,
    remove_tree,
    replace_file,
)
from tidegate.hostrunner.parts.install import Install
from tidegate.hostrunner.parts.journal import Journal, Run, log_cap
from tidegate.hostrunner.parts.logs import EventLog, Scribe
from tidegate.hostrunner.parts.pruning import prune_archives, prune_bundles, prune_runs
from tidegate.hostrunner.parts.revisions import DOWNLOADED, FROM_PREVIOUS, Revisions
from tidegate.hostrunner.parts.scripts import Ended, Script
from tidegate.hostrunner.parts.turns import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WITH_SCRIPTS = (
    "BeforeBlockTraffic",
    "AfterBlockTraffic",
    "ApplicationStop",
    "BeforeInstall",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
)
WITHOUT_SCRIPTS = ("DownloadBundle", "Install")


class Runner:
    """Runs the events of one spec, in order, in a process of its own."""

    def __init__(
        self, run: Run, header: "dict[str, Any]", read: "dict[str, dict[str, Any]]", knock: int
    ) -> None:
        self.run = run
        self.spec = header["spec"]  # type: dict[str, Any]
        bundle = header.get("bundle") or {}
        self.bundle_type = str(bundle.get("type") or "")
        self.knock_fd = knock
        self.revisions = Revisions(run.state, self.spec, read)
        self.folder = self.revisions.folder
        self.archive = self.revisions.archive
        self.notes = self.revisions.notes
        self.turn = Turn(self.notes + ".lock", self.spec["deployment_id"])
        self.warnings = []  # type: list[str]
        self.noop = False
        self.appspec_seen = None  # type: str | None
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

    def hold(self, script: "int | None" = None) -> None:
        """Let the next run of this group wait for *script* as well, should this process die."""
        self.turn.hold(script)

    def main(self) -> None:
        self.journal.fact("begun", boot=boot_id(), pid=os.getpid())
        try:
            outcome = self.run_events(self.enter_or_say_why_not())
        finally:
            self.turn.leave()
        self.journal.fact("end", outcome=outcome)
        self.journal.close()
        self.tidy(lambda: remove_tree(raw(self.run.bundle)))
        self.tidy(lambda: prune_runs(self.run))

    def enter_or_say_why_not(self) -> str:
        try:
            os.makedirs(os.path.dirname(self.notes), 0o755, exist_ok=True)
            came = self.turn.come(self.run, self.waiting)
        except OSError as error:
            why = "The folder %s cannot be used: %s." % (self.revisions.root, reason(error))
            for name in self.spec["events"][:1]:
                self.finish(name, "Failed", 0, Failure(why))
            return "failed"
        return "succeeded" if came else "stopped"

    def waiting(self, holder: str) -> None:
        self.journal.fact("waiting", **{"for": holder})

    # Events

    def run_events(self, outcome: str) -> str:
        done = 1 if outcome == "failed" else 0
        for place, name in enumerate(self.spec["events"][done:]):
            if outcome == "succeeded" and self.run.wish():
                outcome = "stopped"
            if outcome != "succeeded":
                self.finish(name, "Skipped", 0, None)
                continue
            failed = self.run_event(name, first=place == 0)
            if failed and self.run.wish():
                outcome = "stopped"
            elif failed and not (
                name in FROM_PREVIOUS and self.spec.get("ignore_application_stop_failures")
            ):
                outcome = "failed"
        return outcome

    def run_event(self, name: str, first: bool) -> bool:
        """Run one event and return whether it failed."""
        scripts_log = os.path.join(self.folder, "logs", "scripts.log")
        log = EventLog(name, self.run.log(name), scripts_log, log_cap(self.spec))
        self.warnings, self.noop = [], False
        self.journal.fact("event", name=name, status="InProgress")
        failure, exit_code = None, None  # type: Failure | None, int | None
        try:
            if first:
                self.check_spec()
                if self.spec.get("restart"):  # nothing is downloaded, where others prune
                    self.tidy(lambda: prune_archives(self.revisions))
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
        size = self.end_log(name, log)
        self.finish(name, "Failed" if failure else "Succeeded", size, failure, exit_code)
        return failure is not None

    def end_log(self, name: str, log: EventLog) -> int:
        """Write down the warnings, and return the size of all that this event has logged."""
        self.watch_appspec()
        if log.full:
            self.warnings.append("The disk was full, so the log of this event is not complete.")
        if log.torn:
            self.warnings.append("What writes the log of this event died, so it is not complete.")
        log.write([b"Warning - " + raw(warning) for warning in self.warnings])
        log.close()
        try:
            return os.stat(self.run.log(name)).st_size  # also of what it did earlier in this run
        except FileNotFoundError:
            return 0

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
            noop=self.noop and status == "Succeeded",
            exit_code=failure.exit_code if failure else exit_code,
            error_code=failure.code if failure else "Success",
            script=failure.script if failure else "",
            message=failure.message if failure else status if status == "Succeeded" else "",
            log_size=log_size,
            warnings=[] if status == "Skipped" else self.warnings,
        )
        if log_size or name in WITHOUT_SCRIPTS:
            self.journal.sync()

    def check_spec(self) -> None:
        """Fail the first event, whichever it is, by what is wrong with the deployment itself."""
        if self.spec.get("spec_error"):
            raise Failure(str(self.spec["spec_error"]))
        if self.bundle_type and self.bundle_type not in BUNDLE_TYPES:
            raise Failure(
                "The BundleType %s is not known; it must be %s or %s."
                % (self.bundle_type, ", ".join(BUNDLE_TYPES[:-1]), BUNDLE_TYPES[-1])
            )

    def perform(self, name: str, log: EventLog) -> "int | None":
        os.makedirs(self.folder, 0o755, exist_ok=True)
        if name == "DownloadBundle":
            self.journal.sync()
            self.download()
            return None
        if name == "Install":
            self.journal.sync()
            self.install()
            return None
        return self.run_hooks(name, log)

    # DownloadBundle

    def download(self) -> None:
        self.tidy(lambda: prune_archives(self.revisions))
        if self.spec.get("bundle_error"):
            raise Failure(str(self.spec["bundle_error"]))
        bundle = raw(self.run.bundle)
        old = replace_archive(raw(self.archive), bundle, self.bundle_type, self.spec)
        self.revisions.keep()
        replace_file(self.notes + DOWNLOADED, raw(self.folder))
        self.tidy(lambda: remove_tree(old))
        self.tidy(lambda: prune_bundles(self.run.state, self.revisions))

    def tidy(self, act: "Callable[[], None]") -> None:
        """Do what no deployment depends on."""
        try:
            act()
        except OSError as error:
            self.warnings.append("Old files on this host could not be removed: %s." % error)

    # Install

    def install(self) -> None:
        appspec = self.revisions.appspec_of(self.folder, by_name=False)
        self.warnings.extend(map(str, self.spec.get("appspec_warnings") or []))
        self.check_possible_events(list(appspec.get("hooks") or {}))
        self.spec["appspec"] = appspec
        self.warnings.extend(Install(self).run())

    def check_possible_events(self, hooks: "list[str]") -> None:
        """Compare the events of the AppSpec with those that may be, as the agent does."""
        possible = self.spec.get("possible_events")
        if possible is None:
            return
        mapped = hooks + [event for event in WITH_SCRIPTS if event not in hooks]
        unknown = [event for event in mapped if event not in possible]
        if unknown:
            raise Failure(
                "%s file contains unknown lifecycle events: %s. The list of all possible events"
                " must have each of them, and all of the agent's own."
                % (self.revisions.filename, json.dumps(unknown))
            )
        own = hooks + list(WITH_SCRIPTS + WITHOUT_SCRIPTS)
        missing = [event for event in possible if event not in own]
        if missing:
            raise Failure(
                "You specified a lifecycle event which is not a default one and doesn't exist in"
                " your %s file: %s. Give it a script there, or leave it out of the list."
                % (self.revisions.filename, ",".join(missing))
            )

    # Hooks

    def run_hooks(self, event: str, log: EventLog) -> "int | None":
        if event not in WITH_SCRIPTS and event not in (self.spec.get("possible_events") or []):
            raise Failure(
                "Unsupported command type: %s. It is none of the agent's own lifecycle events and"
                " not in the list of all possible events." % event
            )
        source = self.revisions.scripts_of(event)
        archive, appspec = source or ("", {})
        hooks = (appspec.get("hooks") or {}).get(event) or []
        self.noop = not hooks
        if not hooks:
            return None
        log.write([b"LifecycleEvent - " + raw(event)])
        for hook in hooks:
            if self.run.wish():
                break
            Script(self, event, hook, archive, log).run()
        return 0

    def watch_appspec(self) -> None:
        """Warn of an AppSpec file that is not any more what was unpacked: it changes nothing."""
        unpacked = (self.revisions.kept(self.folder) or {}).get("sha256")
        digest = self.revisions.digest() or ""
        is_news = digest not in (unpacked, self.appspec_seen)
        self.appspec_seen = digest
        if unpacked and is_news:
            self.warnings.append(
                "%s was %s in the revision on this host; the AppSpec of the bundle stays in force."
                % (self.revisions.filename, "changed" if digest else "removed")
            )
