"""The processes of the demo: a whole Tidegate and what it deploys to, none of which outlives it."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from tidegate.clock import monotonic
from tidegate_cli.asking import ask
from tidegate_cli.connection import Connection
from tidegate_cli.demo_cleanup import end_what_runs
from tidegate_cli.demo_hosts import ADDRESS, DemoHost, read_hosts
from tidegate_cli.demo_platforms import Platform
from tidegate_cli.refusal import CannotStart
from tidegate_cli.supervisor import die_with_parent

READY: Final = "Tidegate is ready"
READY_WITHIN: Final = 90.0
SYSTEM_STOPS_WITHIN: Final = 60.0
HOSTS_STOP_WITHIN: Final = 10.0
STAND_IN_STOPS_WITHIN: Final = 5.0
CONCURRENCY: Final = 20
_MAIN: Final = "from tidegate_cli.main import main; main()"


class DemoSystem:
    """Everything that the demo starts; `start` belongs into the main thread, before any other."""

    def __init__(
        self,
        folder: Path,
        platform: Platform,
        *,
        port: int,
        flower_port: int,
        stand_in_port: int,
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "system"
        self.hosts_dir = folder / "hosts"
        self.log_file = folder / "demo.log"
        self.url = f"http://127.0.0.1:{port}"
        self.flower_url = f"http://127.0.0.1:{flower_port}"
        self.stand_in_url = f"http://{ADDRESS}:{stand_in_port}"
        self.hosts: list[DemoHost] = []
        self._platform = platform
        self._ports = (port, flower_port)
        self._stand_in_port = stand_in_port
        self._log: IO[bytes] | None = None
        self._log_begins = 0
        self._up: subprocess.Popen[bytes] | None = None
        self._ssh: subprocess.Popen[bytes] | None = None
        self._stand_in: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start all of it, after ending what an earlier demo may have left."""
        self.hosts_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_what_runs(self.hosts_dir)
        self._log = self.log_file.open("ab")
        self._log_begins = self._log.tell()
        self._up = self._start(self._up_command(), stdout=self._log)
        if self._platform.has_hosts:
            self._ssh = self._start_module("demo_hosts", str(self.hosts_dir))
        if self._platform.needs_aws:
            self._stand_in = self._start_module("demo_stand_in", str(self._stand_in_port))

    def wait_for_what_is_deployed_to(self) -> None:
        """Return when the hosts and the stand-in for AWS are ready.

        Raises:
            CannotStart: They do not come up; what has started is for `stop` to end.
        """
        if self._ssh:
            self.hosts = self._read_hosts(self._ssh)
        if self._stand_in:
            self._wait_for_stand_in(self._stand_in)

    def wait(self) -> None:
        """Return when Tidegate itself is ready.

        Raises:
            CannotStart: It does not come up; what has started is for `stop` to end.
        """
        if self._up:
            self._wait_for_system(self._up)

    @property
    def calls(self) -> IO[bytes]:
        """Return where the stand-in tells, line by line, of the functions that it is to run."""
        if self._stand_in is None or self._stand_in.stdout is None:
            raise CannotStart("This demo has no stand-in for AWS.")
        return self._stand_in.stdout

    def stop(self) -> None:
        """End all of it; a person who asks again does not make it leave something behind."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _end(self._up, within=SYSTEM_STOPS_WITHIN)
        _end(self._ssh, within=HOSTS_STOP_WITHIN)
        _end(self._stand_in, within=STAND_IN_STOPS_WITHIN)
        # Hooks are detached from the session that started them, and sites from their hook.
        end_what_runs(self.hosts_dir)
        if self._log:
            self._log.close()

    def connection(self) -> Connection:
        """Return how its admin speaks to it."""
        token = (self.data_dir / "admin.token").read_text().strip()
        return Connection(url=self.url, token=token, remedy="")

    def _up_command(self) -> Sequence[str]:
        port, flower_port = map(str, self._ports)
        where = ["--data-dir", str(self.data_dir), "--host", "127.0.0.1"]
        size = ["--workers", "1", "--concurrency", str(CONCURRENCY)]
        at = ["--port", port, "--flower-port", flower_port]
        return [sys.executable, "-c", _MAIN, "up", *where, *at, *size]

    def _start_module(self, name: str, argument: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"tidegate_cli.{name}", argument]
        return self._start(command, stdout=subprocess.PIPE)

    def _start(self, command: Sequence[str], *, stdout: IO[bytes] | int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=self._log,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509  # this process has one thread
        )

    def _read_hosts(self, process: subprocess.Popen[bytes]) -> list[DemoHost]:
        line = process.stdout.readline().decode() if process.stdout else ""
        if not line:
            raise CannotStart(f"The hosts of the demo did not start; {self.log_file} says why.")
        return read_hosts(line, self.hosts_dir)

    def _wait_for_stand_in(self, process: subprocess.Popen[bytes]) -> None:
        deadline = monotonic() + READY_WITHIN
        while ask(ADDRESS, self._stand_in_port, "/moto-api/data.json") is not None:
            if process.poll() is None and monotonic() < deadline:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                continue
            raise CannotStart(
                f"The stand-in for AWS does not answer at {self.stand_in_url}; "
                f"{self.log_file} says why."
            )

    def _wait_for_system(self, process: subprocess.Popen[bytes]) -> None:
        deadline = monotonic() + READY_WITHIN
        while READY not in self._logged():
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                if monotonic() < deadline:
                    continue
                raise CannotStart(
                    f"Tidegate is not ready after {READY_WITHIN:.0f} s; {self.log_file} says why."
                ) from None
            last = self._logged().strip().splitlines()[-1:]
            raise CannotStart("\n".join([*last, f"Tidegate did not start; see {self.log_file}."]))

    def _logged(self) -> str:
        with self.log_file.open("rb") as log:
            log.seek(self._log_begins)
            return log.read().decode(errors="replace")


def _end(process: subprocess.Popen[bytes] | None, *, within: float) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
