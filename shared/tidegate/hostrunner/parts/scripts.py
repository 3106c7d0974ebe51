"""One hook script, started once."""

import errno
import os
import signal
import time

from tidegate.hostrunner.parts.base import GRACE, Failure, complain, raw, shown
from tidegate.hostrunner.parts.logs import EventLog, Scribe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tidegate.hostrunner.parts.events import Runner

INHERITED = (b"PATH", b"HOME", b"USER", b"LOGNAME", b"SHELL", b"LANG", b"LANGUAGE", b"TZ")
SYSTEM = (b"/usr/local/sbin", b"/usr/sbin", b"/sbin")


def hook_environment(spec: "dict[str, Any]", event: str, archive: str) -> "dict[bytes, bytes]":
    """Return what a script of *event* finds in its environment."""
    values = dict(os.environb)
    if not spec.get("inherit_environment"):
        values = {k: v for k, v in values.items() if k in INHERITED or k.startswith(b"LC_")}
        # A login over SSH often lacks what a service of the host has.
        path = values.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin").split(b":")
        values[b"PATH"] = b":".join(path + [folder for folder in SYSTEM if folder not in path])
    given = dict(spec.get("environment") or {})  # type: dict[str, Any]
    given.update(spec.get("revision") or {})
    given.update(
        LIFECYCLE_EVENT=event,
        DEPLOYMENT_ID=spec["deployment_id"],
        APPLICATION_NAME=spec["application_name"],
        DEPLOYMENT_GROUP_NAME=spec["group_name"],
        DEPLOYMENT_GROUP_ID=spec["group_id"],
        DEPLOYMENT_ARCHIVE=archive,
    )
    for name, value in given.items():
        if value is None:  # what the revision lacks, it lacks although the caller may have it
            values.pop(raw(name), None)
        else:
            values[raw(name)] = raw(str(value))
    return values


class Ended(Failure):
    """A script was ended because the deployment was stopped."""


class Script:
    """One hook script, started once."""

    def __init__(
        self, runner: "Runner", event: str, hook: "dict[str, Any]", archive: str, log: EventLog
    ) -> None:
        self.runner = runner
        self.location = str(hook["location"])
        self.timeout = int(hook.get("timeout") or 3600)
        self.runas = (hook.get("runas") or "").strip()
        self.sudo = bool(hook.get("sudo"))
        self.archive = archive
        self.path = os.path.normpath(os.path.join(raw(archive), raw(self.location).lstrip(b"/")))
        self.log = log
        self.env = hook_environment(runner.spec, event, archive)

    def fail(self, text: str, code: str, exit_code: "int | None" = None) -> Failure:
        return Failure(text, code, self.location, exit_code)

    def run(self) -> None:
        self.check()
        argv = [self.path]
        if self.sudo:
            argv = [b"sudo", b"-n"] + (
                [b"su", raw(self.runas), b"-c", self.path] if self.runas else [self.path]
            )
        account = None if self.sudo else self.account()
        self.log.write([b"Script - " + raw(self.location)])
        self.runner.journal.sync()
        scribe = Scribe(self.log, account)
        try:
            try:
                child = self.spawn(argv, account, scribe.script_out, scribe.script_err)
            finally:
                scribe.let_script_go()
            why, status = self.wait(child, scribe)
            try:
                self.runner.hold()
            except OSError:
                complain()  # the lock names a script that has ended, which keeps nobody waiting
        finally:
            scribe.finish()
            self.runner.knock()
        self.judge(why, status)

    def check(self) -> None:
        if not self.path.startswith(raw(self.archive) + b"/"):
            raise self.fail(
                "Script location %s leads out of the revision." % self.location, "ScriptFailed"
            )
        if not os.path.exists(self.path):
            raise self.fail(
                "Script does not exist at specified location: %s" % shown(self.path),
                "ScriptMissing",
            )
        if not os.access(self.path, os.X_OK):
            try:
                os.chmod(self.path, os.stat(self.path).st_mode & 0o7777 | 0o111)
            except OSError:
                raise self.fail(
                    "Unable to set script at specified location: %s as executable" % self.location,
                    "ScriptNotExecutable",
                ) from None

    def account(self) -> "Any":
        """Return the account to become, or none to stay who we are."""
        if not self.runas:
            return None
        import pwd

        try:
            account = pwd.getpwnam(self.runas)
        except KeyError:
            raise self.fail(
                "Script at specified location: %s cannot run as user %s:"
                " this host has no such user." % (self.location, self.runas),
                "ScriptFailed",
            ) from None
        uid = os.geteuid()
        if account.pw_uid == uid:
            return None
        if uid != 0:
            raise self.fail(
                "Script at specified location: %s cannot run as user %s: Tidegate is logged in as"
                " user %d here, and only root may become another. Connect as root, or give the hook"
                " sudo: true." % (self.location, self.runas, uid),
                "ScriptFailed",
            )
        # The state folder is ours alone; whoever is to run a script must at least get through it.
        os.chmod(self.runner.run.state, os.stat(self.runner.run.state).st_mode & 0o7777 | 0o011)
        return account

    def spawn(self, argv: "list[bytes]", account: "Any", out: int, err: int) -> int:
        if account:
            names = {"HOME": account.pw_dir, "SHELL": account.pw_shell or "/bin/sh"}
            names.update(USER=account.pw_name, LOGNAME=account.pw_name)
            self.env.update({raw(name): raw(value) for name, value in names.items()})
        ear, mouth = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.become(argv, account, out, err)
            except (OSError, ValueError) as error:
                os.write(mouth, b"%d" % (getattr(error, "errno", None) or errno.EINVAL))
            finally:
                os._exit(127)
        os.close(mouth)
        number = os.read(ear, 32)
        os.close(ear)
        if number:
            os.waitpid(child, 0)
            raise self.fail(self.start_error(int(number)), "ScriptFailed")
        return child

    def become(self, argv: "list[bytes]", account: "Any", out: int, err: int) -> None:
        """Turn this forked process into the script."""
        signal.set_wakeup_fd(-1)
        for name in ("HUP", "INT", "QUIT", "TERM", "PIPE", "XFSZ", "CHLD", "USR1", "USR2"):
            signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.setsid()
        # Before the script begins: should its runner die, the next run waits for it all the same.
        self.runner.hold(os.getpid())
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(self.archive if self.runner.spec.get("working_directory") == "archive" else "/")
        if account:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        try:
            os.execvpe(argv[0], argv, self.env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        os.execve(b"/bin/sh", [b"/bin/sh", self.path], self.env)

    def start_error(self, number: int) -> str:
        text = "Script at specified location: %s could not be started: %s." % (
            self.location,
            os.strerror(number).lower(),
        )
        if os.path.isdir(self.path):
            return text + " It is a folder."
        with open(self.path, "rb") as file:
            first = file.readline(256)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            return text + " Its lines end as on Windows (CR LF); save it with Unix line ends."
        if first.startswith(b"#!") and number == errno.ENOENT:
            return text + " This host lacks its interpreter %s." % shown(first[2:].strip())
        if number == errno.ENOENT and self.sudo:
            return text + " This host lacks sudo."
        if number == errno.EACCES:
            return (
                text
                + " User %s must be able to reach %s, on a file system that is not noexec."
                % (
                    self.runas or os.geteuid(),
                    shown(self.path),
                )
            )
        return text

    def wait(self, child: int, scribe: Scribe) -> "tuple[str, int]":
        """Wait for the script, not for its children; return why it was ended, and how it ended."""
        deadline = time.monotonic() + self.timeout
        why, status, kill_at = "", None, 0.0  # type: str, int | None, float
        while True:
            if status is None:
                ended, code = os.waitpid(child, os.WNOHANG)
                status = code if ended else None
            now = time.monotonic()
            if status is not None and (not why or not signal_group(child, 0)):
                return why, status
            if not why:
                why = "kill" if self.runner.run.wish() == "kill" else why
                why = "timeout" if now >= deadline else why
                if why:
                    signal_group(child, signal.SIGTERM)
                    kill_at = now + GRACE
            elif now >= kill_at:
                signal_group(child, signal.SIGKILL)
                if status is not None:
                    return why, status
                if now >= kill_at + GRACE:
                    self.runner.warnings.append(
                        "Process %d of this script could not be ended and may still run." % child
                    )
                    return why, signal.SIGKILL
            pause = 0.05 if why else max(0.0, min(0.1, deadline - now))
            self.runner.nap(pause, scribe)

    def judge(self, why: str, status: int) -> None:
        exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        where = "Script at specified location: %s" % self.location
        if why == "timeout":
            text = "%s failed to complete in %d seconds" % (where, self.timeout)
            raise self.fail(text, "ScriptTimedOut", exit_code)
        if why:
            text = "The deployment was stopped while this event ran, and its script %s was ended."
            raise Ended(text % self.location, script=self.location, exit_code=exit_code)
        if exit_code == 0:
            return
        if self.runas:
            where += " run as user %s" % self.runas
        if exit_code is None:
            text = "%s was ended by signal %d" % (where, os.WTERMSIG(status))
        else:
            text = "%s failed with exit code %d" % (where, exit_code)
        raise self.fail(text, "ScriptFailed", exit_code)


def signal_group(group: int, number: int) -> bool:
    """Signal a process group and return whether anybody was there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
