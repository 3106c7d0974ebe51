"""Hosts of the runner: temporary folders on this machine, one Python after another."""

import shutil
from pathlib import Path

import pytest

from contract.hostrunner.client import Host

PYTHONS = ("3.6", "3.8", "3.11", "3.13")


def pythons() -> list[str]:
    """Every interpreter at hand, found on the PATH or where pyenv keeps its versions."""
    found = {version: shutil.which(f"python{version}") for version in PYTHONS}
    pyenv = Path(shutil.which("pyenv") or "/").resolve().parent.parent / "versions"
    for version in PYTHONS:
        for folder in sorted(pyenv.glob(f"{version}.*/bin/python3")):
            found[version] = str(folder)
    return ["python3", *(path for path in found.values() if path)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "state")


@pytest.fixture(params=pythons())
def host_of_any_python(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    return Host(tmp_path / "state", python=request.param)
