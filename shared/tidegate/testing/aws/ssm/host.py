"""A host with an agent: a folder, and what runs there."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from tidegate.testing.aws.ssm import script, telling
from tidegate.testing.aws.ssm.command import KILLED, Command, Invocation
from tidegate.testing.aws.ssm.switches import Switches

AGENT_VERSION: Final = "3.3.4624.0"
REBOOTS, ALSO_SUCCESS = 194, 168
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLUGIN: Final = "awsrunShellScript/0.awsrunShellScript"
_LOST: Final = (
    "document process failed unexpectedly: document worker timed out , check"
    " [ssm-document-worker]/[ssm-session-worker] log for crash reason"
)


@dataclass(kw_only=True)
class Job:
    """What the agent has taken."""

    command: Command
    invocation: Invocation
    process: subprocess.Popen[bytes] | None = None
    until: float = 0.0
    killed: str = ""
    """Why its script was killed, as details."""
    is_lost: bool = False
    """Whether the worker that ran it is gone."""
    found_lost_at: float | None = None
    result: tuple[int, bytes, bytes] | None = None
    printed: Mapping[str, bytearray] = field(default_factory=dict)
    logged_at: float = 0.0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.result is None


@dataclass(kw_only=True)
class Host:
    """An instance that is managed; only the agent's methods below change what runs on it."""

    id: str
    folder: Path
    region: str
    prefix: Sequence[str] = ()
    """What is put before each command."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the agent's service has in its environment beside a PATH."""
    platform: str = "Linux"
    has_agent: bool = True
    is_on: bool = True
    on_again_at: float | None = None
    pinged_at: float = field(default_factory=time.time)
    jobs: list[Job] = field(default_factory=list)
    command_ids: list[str] = field(default_factory=list)

    @property
    def listens(self) -> bool:
        return self.has_agent and self.is_on

    def has_room(self, switches: Switches) -> bool:
        return len(self.jobs) < switches.workers + switches.buffered

    def take(self, command: Command, invocation: Invocation) -> None:
        """Have the agent take a command, which it acknowledges."""
        (self.folder / "orchestration").mkdir(mode=0o700, exist_ok=True)
        self.jobs.append(Job(command=command, invocation=invocation))
        self.command_ids.append(command.id)
        invocation.details = "InProgress"

    def stop_agent(self, *, workers_die: bool) -> None:
        """Have nobody answer here; what runs loses its worker and is killed, or goes on."""
        self.has_agent = False
        for job in self.jobs:
            if workers_die and job.is_running:
                self._lose(job)

    def start_agent(self) -> None:
        self.has_agent = True

    def switch_off(self) -> None:
        """End everything that runs here."""
        self.is_on = False
        for job in self.jobs:
            if job.is_running:
                self._lose(job)
        script.kill_all_of(self.command_ids, instance_id=self.id)

    def look(self, now: float, switches: Switches, wake: Callable[[], None]) -> None:
        """Let the agent do what is due; *wake* is called from other threads when more is."""
        if self.on_again_at is not None and now >= self.on_again_at:
            self.is_on, self.on_again_at = True, None
        if not self.listens:
            return
        self.pinged_at = now
        for job in list(self.jobs):
            self._look_at(job, now, switches)
            if job.is_running and now >= job.logged_at + switches.log_every:
                self._log(job, now)
        waiting = [job for job in self.jobs if job.process is None and self.listens]
        running = sum(job.process is not None for job in self.jobs)
        for job in waiting[: max(0, switches.workers - running)]:
            self._start(job, now, wake)

    def _look_at(self, job: Job, now: float, switches: Switches) -> None:
        if job.is_lost:
            job.found_lost_at = job.found_lost_at or now
            if now >= job.found_lost_at + switches.worker_lost_after:
                self._report(job, "Failed", now, code=0, stdout=_LOST.encode())
        elif job.result is not None:
            self._end(job, now, switches)
        elif job.invocation.details == "Cancelling" and not job.killed:
            self._kill(job, "Cancelled", now)
        elif job.process and now >= job.until and not job.killed:
            self._kill(job, "ExecutionTimedOut", now)

    def _kill(self, job: Job, why: str, now: float) -> None:
        job.killed = why
        if job.process is None:
            self._report(job, why, now)
        else:
            script.kill_group(job.process)

    def _end(self, job: Job, now: float, switches: Switches) -> None:
        assert job.result
        code, stdout, stderr = job.result
        if job.killed:
            self._report(job, job.killed, now, code=KILLED, stdout=stdout, stderr=stderr)
        elif code == REBOOTS:
            self.switch_off()
            self.on_again_at = now + switches.reboot_after
            job.process = job.result = None
        else:
            details = "Success" if code in (0, ALSO_SUCCESS) else "Failed"
            self._report(job, details, now, code=code, stdout=stdout, stderr=stderr)

    def _report(
        self,
        job: Job,
        details: str,
        now: float,
        *,
        code: int = -1,
        stdout: bytes = b"",
        stderr: bytes = b"",
    ) -> None:
        self.jobs.remove(job)
        one = job.invocation
        self._log(job, now, at_end=True)
        if one.mishap is not None and one.mishap.details == "InProgress":
            return
        if not one.is_final:
            one.stdout, one.stderr = stdout, stderr
        one.end(details, at=now, code=code)

    def _log(self, job: Job, now: float, *, at_end: bool = False) -> None:
        job.logged_at = now
        printed = {name: bytes(output) for name, output in job.printed.items()}
        telling.log_output(job.command, job.invocation, printed, now, at_end=at_end)

    def _start(self, job: Job, now: float, wake: Callable[[], None]) -> None:
        command = job.command
        job.invocation.begun_at = now
        job.printed = {"stdout": bytearray(), "stderr": bytearray()}
        job.invocation.logged.clear()
        job.until = now + command.execution_timeout * command.switches.execution_scale
        runs = len(list(self._work_folder(command).glob("*")))
        try:
            text = script.filled_in("\n".join(command.parameters["commands"]), self.region)
            job.process = script.start(
                text,
                folder=self._work_folder(command) / str(runs),
                cwd=self._cwd(command),
                prefix=[part.replace("{folder}", str(self.folder)) for part in self.prefix],
                variables=self._variables(command),
                base={"PATH": _PATH, **self.environment},
            )
        except (OSError, script.Unresolved) as told:
            self._report(job, "Failed", now, code=1, stderr=str(told).encode())
        else:
            follow = threading.Thread(target=self._follow, args=(job, wake), daemon=True)
            follow.start()

    def _work_folder(self, command: Command) -> Path:
        return self.folder / "orchestration" / command.id / _PLUGIN

    def _cwd(self, command: Command) -> str:
        """Return where the script runs: the service's folder, unless an absolute one is named."""
        told = (command.parameters.get("workingDirectory") or [""])[0]
        return told if told.startswith("/") else str(self.folder)

    def _variables(self, command: Command) -> dict[str, str]:
        return {
            "AWS_SSM_INSTANCE_ID": self.id,
            "AWS_SSM_REGION_NAME": self.region,
            "AWS_SSM_PLATFORM_NAME": "Debian GNU/Linux",
            "AWS_SSM_PLATFORM_VERSION": "12",
            "SSM_COMMAND_ID": command.id,
        }

    def _lose(self, job: Job) -> None:
        job.is_lost = True
        assert job.process
        script.kill_group(job.process)

    def _follow(self, job: Job, wake: Callable[[], None]) -> None:
        assert job.process
        process = job.process
        with process:
            # As with the agent, whoever holds one of both open keeps the command from ending.
            readers = [
                threading.Thread(target=_read, args=(pipe, job.printed[name]), daemon=True)
                for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr))
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
        stdout, stderr = (bytes(output) for output in job.printed.values())
        code = process.returncode
        if not job.is_lost:
            self._upload(job, stdout, stderr)
            job.result = (code if code >= 0 else 128 - code, stdout, stderr)
        wake()

    def _upload(self, job: Job, stdout: bytes, stderr: bytes) -> None:
        request, urls = job.command.request, ["", ""]
        bucket = request.get("OutputS3BucketName")
        if not bucket:
            return
        parts = (request.get("OutputS3KeyPrefix"), job.command.id, self.id, _PLUGIN)
        base = "/".join(part for part in parts if part)
        store = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
        if bucket not in store.buckets:
            return
        for number, (name, output) in enumerate((("stdout", stdout), ("stderr", stderr))):
            if output:
                store.put_object(bucket, f"{base}/{name}", output)
                place = f"https://s3.{self.region}.amazonaws.com"
                urls[number] = f"{place}/{bucket}/{base}/{name}"
        job.invocation.urls = (urls[0], urls[1])


def _read(pipe: IO[bytes], into: bytearray) -> None:
    while piece := os.read(pipe.fileno(), 1 << 16):
        into += piece
