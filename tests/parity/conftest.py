"""Machines for the parity suite, as root and as an ordinary user."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from parity.machine import NOBODY, Commands, Machine
from parts.pythons import python_for_all


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    with Commands() as commands:
        yield commands


@pytest.fixture(scope="session")
def python() -> str:
    return python_for_all() or "python3"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that any user can reach; pytest's own are their owner's alone."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


def machine_of(place: Path, commands: Commands, python: str, uid: int | None) -> Machine:
    machine = Machine(place, commands, python, uid)
    (place / "tmp").mkdir()
    machine.give(place)
    return machine


@pytest.fixture
def machine(place: Path, commands: Commands, python: str) -> Machine:
    """A machine where commands are the tests' own user's."""
    return machine_of(place, commands, python, None)


@pytest.fixture
def rooted(place: Path, commands: Commands, python: str) -> Machine:
    """A machine where commands are root's."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return machine_of(place, commands, python, None)


@pytest.fixture
def ordinary(place: Path, commands: Commands, python: str) -> Machine:
    """A machine where commands are an ordinary user's."""
    return machine_of(place, commands, python, NOBODY if os.geteuid() == 0 else None)


@pytest.fixture(params=["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"])
def anybodys(
    request: pytest.FixtureRequest, place: Path, commands: Commands, python: str
) -> Machine:
    """A machine where commands are root's, and one where they are an ordinary user's."""
    uid = NOBODY if os.geteuid() == 0 and request.param == "ordinary" else None
    return machine_of(place, commands, python, uid)
