"""The hosts of the bench, as the bench sees them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from fleet_work import Host, Hosts

FARM = Path(__file__).with_name("fleet_farm.py")


class HostFarm:
    """Starts the hosts, asks what they used, and ends them."""

    def __init__(self, base: Path, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, FARM, base, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = self._hear()
        self.hosts = Hosts(
            place=Path(said["place"]),
            identity=Path(said["identity"]),
            user=said["user"],
            each=[
                Host(h["name"], h["address"], h["port"], h["host_key"], Path(h["folder"]))
                for h in said["hosts"]
            ],
        )

    def cpu(self) -> float:
        """Seconds of processor time that all hosts used until now, once they are quiet."""
        assert self._process.stdin is not None
        self._process.stdin.write("cpu\n")
        self._process.stdin.flush()
        return float(self._hear()["cpu"])

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("The hosts ended, or did not start.")
        return dict(json.loads(line))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
