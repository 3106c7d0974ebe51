"""A stand-in for S3 on loopback: moto's server."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

from parts.ports import free_port

MOTO = ("-m", "moto.server")
LIKE_AWS = ("-m", "tidegate.testing.aws")


class S3Server:
    """Serves while it is entered; *program* is what Python runs: moto, or one that adds to it."""

    def __init__(self, folder: Path, *, program: Sequence[str] = MOTO) -> None:
        self._program = program
        self._log = folder / "log"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def environment(self, folder: Path) -> dict[str, str]:
        """The environment of a process that finds S3 here, and no settings of a person's."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        }

    def point_to(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Have this process find S3 here, and no settings of a person's."""
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.environment(folder).items():
            monkeypatch.setenv(name, value)

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._program, "-H", "127.0.0.1", "-p", str(self._port)],
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5):
                    return
            except OSError:
                assert time.monotonic() < deadline, "moto's server does not answer"
                time.sleep(0.1)
