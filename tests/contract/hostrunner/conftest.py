"""Hosts of the runner: temporary folders on this machine, one Python after another."""

import os
from pathlib import Path

import pytest

from contract.hostrunner.client import Host, open_to_all
from parts.installs import NOBODY, Site
from parts.pythons import pythons


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "state")


@pytest.fixture(params=pythons())
def host_of_any_python(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    return Host(tmp_path / "state", python=request.param)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "root")


@pytest.fixture
def srv(tmp_path: Path) -> Path:
    """Where installs go to."""
    return tmp_path / "srv"


@pytest.fixture
def open_to_nobody(tmp_path: Path) -> None:
    """Let the user nobody work in this test's folder, which is root's alone otherwise."""
    open_to_all(tmp_path / "x")
    os.chown(tmp_path, NOBODY, NOBODY)
