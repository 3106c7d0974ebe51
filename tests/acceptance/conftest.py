"""Whole systems for acceptance tests, and hosts to deploy to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acceptance.fleet import Fleet
from acceptance.system import System
from parts.databases import KINDS, Databases
from parts.sshd import SshdFarm, require_sshd


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A fresh database, once of each kind."""
    with databases.empty(request.param) as url:
        yield url


@pytest.fixture
def new_system(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Make a system; it is not started, and whatever lives of it at the end is killed."""
    made: list[System] = []

    def make(**options: Any) -> System:
        made.append(System(tmp_path / f"data-{len(made) + 1}", **options))
        return made[-1]

    yield make
    for system in made:
        system.kill_all()


@pytest.fixture
def system(new_system: Callable[..., System], database_url: str) -> Iterator[System]:
    """A running system, once on SQLite and once on PostgreSQL; its end is asserted too."""
    with new_system(database_url=database_url) as system:
        yield system


@contextmanager
def fleet_in(folder: Path, *, data_dir: Path | None = None, **options: Any) -> Iterator[Fleet]:
    """A running system without a host; its end is asserted unless the tests break off."""
    require_sshd()
    system = System(data_dir or folder / "data", **options)
    with SshdFarm(folder / "hosts") as farm, system:
        yield Fleet(system, farm)


@pytest.fixture(scope="module")
def shared_fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """A system on SQLite that the tests of a module share; the module's OPTIONS are its options."""
    folder = tmp_path_factory.mktemp("fleet")
    with fleet_in(folder, **getattr(request.module, "OPTIONS", {})) as fleet:
        fleet.add_hosts(getattr(request.module, "HOSTS", 3))
        yield fleet


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """The shared one, with hooks that do nothing unasked."""
    shared_fleet.mend()
    yield shared_fleet
    shared_fleet.mend()


@pytest.fixture(
    scope="session", params=[pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"]
)
def shared_fleet_of_ten(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Ten hosts and a system, on PostgreSQL, and where there is time on SQLite, too."""
    folder = tmp_path_factory.mktemp("ten")
    with databases.empty(request.param) as url, fleet_in(folder, database_url=url) as fleet:
        fleet.add_hosts(10)
        yield fleet


@pytest.fixture
def ten(shared_fleet_of_ten: Fleet) -> Iterator[Fleet]:
    """The shared fleet of ten, with hooks that do nothing unasked."""
    shared_fleet_of_ten.mend()
    yield shared_fleet_of_ten
    shared_fleet_of_ten.mend()
