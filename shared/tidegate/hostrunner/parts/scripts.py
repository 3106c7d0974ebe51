"""One hook script, started once."""

import errno
import os
import signal
import time

from tidegate.hostrunner.parts.base import GRACE, Failure, complain, raw, shown
from tidegate.hostrunner.parts.leftovers import leftovers
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
        self.stage = "session"
        self.archive = archive
        self.path = os.path.join(raw(archive), raw(self.location).lstrip(b"/"))
        self.log = log
        self.env = hook_environment(runner.spec, event, archive)

    def fail(
        self, text: str, code: str = "ScriptFailed", exit_code: "int | None" = None
    ) -> Failure:
        where = "Script at specified location: %s " % self.location
        return Failure(where + text, code, self.location, exit_code)

    def run(self) -> None:
        self.check()
        account = self.account()
        self.log.write([b"Script - " + raw(self.location)])
        self.runner.journal.sync()
        scribe = Scribe(self.log, account)
        try:
            try:
                child = self.spawn(account, scribe.script_out, scribe.script_err)
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
        if scribe.held:
            self.warn(leftovers(self.location, scribe.pipes))
        self.judge(why, status)

    def warn(self, text: str) -> None:
        if text:
            self.runner.warnings.append(text)

    def check(self) -> None:
        archive, real = os.path.realpath(raw(self.archive)), os.path.realpath(self.path)
        if real != archive and not real.startswith(archive + b"/"):
            raise self.fail("leads out of the revision; put the script into the bundle.")
        if not os.path.exists(self.path):
            raise Failure(
                "Script does not exist at specified location: %s" % shown(self.path),
                "ScriptMissing",
                self.location,
            )
        if os.path.isdir(self.path):
            raise self.fail("is a folder; name a script in it.")
        if not os.access(self.path, os.X_OK):
            try:
                os.chmod(self.path, os.stat(self.path).st_mode & 0o7777 | 0o111)
            except OSError:
                raise Failure(
                    "Unable to set script at specified location: %s as executable" % self.location,
                    "ScriptNotExecutable",
                    self.location,
                ) from None

    def account(self) -> "Any":
        """Return the account to run as, or none where that is not ours to arrange."""
        if not self.runas:
            return None
        import pwd

        try:
            account = pwd.getpwnam(self.runas)
        except KeyError:
            raise self.fail(
                "cannot run as user %s: this host has no such user." % self.runas
            ) from None
        uid = os.geteuid()
        if account.pw_uid != uid:
            if uid != 0 and not self.sudo:
                raise self.fail(
                    "cannot run as user %s: Tidegate is logged in as user %d here, and only root"
                    " may become another. Connect as root, or give the hook or the deployment"
                    " group sudo." % (self.runas, uid)
                )
            self.let_through()
        return None if self.sudo else account

    def let_through(self) -> None:
        """Let another user get to his script: the state folder is ours alone at first."""
        state = self.runner.run.state
        if raw(self.archive).startswith(raw(state) + b"/"):
            os.chmod(state, os.stat(state).st_mode & 0o7777 | 0o011)

    def command(self) -> "list[bytes]":
        if not self.sudo:
            return [self.path]
        if not self.runas:
            return [b"sudo", b"-n", self.path]
        from shlex import quote

        script = os.fsencode(quote(os.fsdecode(self.path)))
        return [b"sudo", b"-n", b"su", b"-s", b"/bin/sh", raw(self.runas), b"-c", script]

    def spawn(self, account: "Any", out: int, err: int) -> int:
        """Start the script in a process of its own, and return its id."""
        if account:
            names = {"HOME": account.pw_dir, "SHELL": account.pw_shell or "/bin/sh"}
            names.update(USER=account.pw_name, LOGNAME=account.pw_name)
            self.env.update({raw(name): raw(value) for name, value in names.items()})
        ear, mouth = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.become(account, out, err)
            except (OSError, ValueError) as error:
                number = getattr(error, "errno", None) or errno.EINVAL
                os.write(mouth, b"%d %s" % (number, self.stage.encode()))
            finally:
                os._exit(127)
        os.close(mouth)
        said = os.read(ear, 64).decode().split()
        os.close(ear)
        if said:
            os.waitpid(child, 0)
            raise self.fail(self.start_error(int(said[0]), said[1]))
        return child

    def become(self, account: "Any", out: int, err: int) -> None:
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
        self.stage = "folder"
        os.chdir(self.working_directory())
        os.umask(int(self.runner.spec.get("umask", 0o022)))
        if account and account.pw_uid != os.geteuid():
            self.stage = "user"
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        self.stage = "start"
        argv = self.command()
        try:
            os.execvpe(argv[0], argv, self.env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        os.execve(b"/bin/sh", [b"/bin/sh", self.path], self.env)

    def working_directory(self) -> bytes:
        chosen = self.runner.spec.get("working_directory") or "/"
        return raw(self.archive if chosen == "archive" else chosen)

    def start_error(self, number: int, stage: str) -> str:
        """Return why the script could not be started, as it goes on after its name."""
        why = os.strerror(number).lower()
        if stage == "folder":
            folder = shown(self.working_directory())
            return "could not be started: its working directory %s says %s." % (folder, why)
        if stage == "user":
            return "could not become user %s: %s." % (self.runas, why)
        text = "could not be started: %s." % why
        if self.sudo:
            return text + " This host lacks sudo." if number == errno.ENOENT else text
        if number == errno.EACCES:
            return text + self.access_error()
        return text + self.shebang_error(number)

    def access_error(self) -> str:
        user = self.runas or os.geteuid()
        folder = shut_to(self.runas, self.path) if self.runas else b""
        if folder:
            shut = (
                " The folder %s does not let user %s in; open it (chmod o+x), or keep %s elsewhere."
            )
            return shut % (shown(folder), user, shown(self.path))
        must = " User %s must be able to reach %s, on a file system that is not noexec."
        return must % (user, shown(self.path))

    def shebang_error(self, number: int) -> str:
        with open(self.path, "rb") as file:
            first = file.readline(256)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            return " Its lines end as on Windows (CR LF); save it with Unix line ends."
        if first.startswith(b"#!") and number == errno.ENOENT:
            return " This host lacks its interpreter %s." % shown(first[2:].strip())
        return ""

    def wait(self, child: int, scribe: Scribe) -> "tuple[str, int]":
        """Wait for the script, not for its children; return why it was ended, and how it ended."""
        deadline = time.monotonic() + self.timeout
        why, status, kill_at = "", None, 0.0  # type: str, int | None, float
        while True:
            if status is None:
                ended, code = os.waitpid(child, os.WNOHANG)
                status = code if ended else None
            now = time.monotonic()
            if status is not None and (not why or not self.signal(child, 0)):
                return why, status
            if not why:
                why = "kill" if self.runner.run.wish() == "kill" else why
                why = "timeout" if now >= deadline else why
                if why:
                    self.signal(child, signal.SIGTERM)
                    kill_at = now + GRACE
            elif now >= kill_at:
                self.signal(child, signal.SIGKILL)
                if status is not None:
                    return why, status
                if now >= kill_at + GRACE:
                    self.warn("Process %d of %s could not be ended." % (child, self.location))
                    return why, signal.SIGKILL
            pause = 0.05 if why else max(0.0, min(0.1, deadline - now))
            self.runner.nap(pause, scribe)

    def signal(self, group: int, number: int) -> bool:
        """Signal the script's processes and return whether anybody was there."""
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return False
        except PermissionError:
            if number and self.sudo:
                words = ["sudo", "-n", "kill", "-%d" % number, "--", "-%d" % group]
                os.spawnvpe(os.P_NOWAIT, words[0], words, self.env)
        return True

    def judge(self, why: str, status: int) -> None:
        exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        if why == "timeout":
            text = "failed to complete in %d seconds" % self.timeout
            raise self.fail(text, "ScriptTimedOut", exit_code)
        if why:
            text = "The deployment was stopped while this event ran, and its script %s was ended."
            raise Ended(text % self.location, script=self.location, exit_code=exit_code)
        if exit_code == 0:
            return
        how = str(exit_code)
        if exit_code is None:
            how = "(ended by signal %d)" % os.WTERMSIG(status)
        who = "run as user %s " % self.runas if self.runas else ""
        raise self.fail("%sfailed with exit code %s" % (who, how), exit_code=exit_code)


def shut_to(user: str, path: bytes) -> bytes:
    """Return the first folder on the way to *path* that a user may not go through, by its mode."""
    import pwd

    account = pwd.getpwnam(user)
    groups = os.getgrouplist(user, account.pw_gid)
    folder = b""
    for part in path.split(b"/")[1:-1]:
        folder += b"/" + part
        info = os.stat(folder)
        shift = 6 if info.st_uid == account.pw_uid else 3 if info.st_gid in groups else 0
        if not info.st_mode >> shift & 1:
            return folder
    return b""
