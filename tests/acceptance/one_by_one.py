"""A Tidegate whose processes are started one by one, as in production, of whichever version."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import httpx2

from parts.ports import free_port
from parts.processes import end, ending_with_us
from parts.versions import environment_of

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "api": ("tidegate_api",),
    "worker-control": ("tidegate_workers", "worker", "--queue", "control"),
    "worker-hosts-1": ("tidegate_workers", "worker", "--queue", "hosts", "--queue", "traffic"),
    "worker-hosts-2": ("tidegate_workers", "worker", "--queue", "hosts", "--queue", "traffic"),
    "beat": ("tidegate_workers", "beat"),
}
"""The processes of a system, by name: modules and their arguments."""


class OneByOne:
    """One system without a supervisor; `code` is the tree that processes are started from."""

    def __init__(self, data_dir: Path, *, code: Path, database_url: str, broker_url: str) -> None:
        self.code = code
        self.data_dir = data_dir
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            "TIDEGATE_DATA_DIR": str(data_dir),
            "TIDEGATE_DATABASE_URL": database_url,
            "TIDEGATE_BROKER_URL": broker_url,
            "TIDEGATE_PORT": str(port),
            "TIDEGATE_CONCURRENCY": "20",
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._log = data_dir.with_name(f"{data_dir.name}.log")

    def __enter__(self) -> Self:
        # Migrates, and leaves an admin's token, as `tidegate up` does.
        self.run(sys.executable, "-m", "tidegate_cli.prepare")
        token = (self.data_dir / "admin.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx2.Client(base_url=self.url, headers=headers, timeout=30)
        for name in COMMANDS:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            end(process, within=20)

    def run(self, *command: str | Path) -> None:
        """Run a command with the present code to its end."""
        done = subprocess.run(
            command,
            env=self._own_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self, name: str) -> None:
        with self._log.open("ab") as log:
            self._running[name] = subprocess.Popen(
                ending_with_us([sys.executable, "-m", *COMMANDS[name]]),
                env=self._own_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def replace(self, name: str) -> None:
        """End a process and start it anew, of the present code."""
        process = self._running[name]
        # The beat may miss a signal that comes in the middle of a message.
        for _ in range(3):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
                break
        assert process.poll() == 0, self.tail()
        self.start(name)

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-5000:]

    def _own_environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TIDEGATE_")}
        return {**inherited, **self._environment, **environment_of(self.code)}
