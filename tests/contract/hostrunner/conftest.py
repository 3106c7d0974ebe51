"""Hosts of the runner: temporary folders on this machine, one Python after another."""

from pathlib import Path

import pytest

from contract.hostrunner.client import Host
from parts.pythons import pythons


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "state")


@pytest.fixture(params=pythons())
def host_of_any_python(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    return Host(tmp_path / "state", python=request.param)
