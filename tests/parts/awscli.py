"""The real AWS command line, which lives in an environment of its own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

AWS = Path(__file__).parents[2] / ".venv-tests-awscli" / "bin" / "aws"


class AwsCli:
    """`aws` with one environment, and nothing of the person who runs the tests."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None = None) -> None:
        if not AWS.exists():
            pytest.skip("the AWS command line is not installed; `make test` does it")
        self._environment = {"PATH": os.environ["PATH"], "AWS_PAGER": "", **environment}
        self._folder = folder

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run it, whatever its end."""
        return subprocess.run(
            [str(AWS), *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def __call__(self, *arguments: str, timeout: float = 120) -> str:
        """Return what it prints when it ends well."""
        ended = self.run(*arguments, timeout=timeout)
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout.strip()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it; the caller ends it."""
        return subprocess.Popen(
            [str(AWS), *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
