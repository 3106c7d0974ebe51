"""Whole systems for acceptance tests, and hosts to deploy to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from acceptance.fleet import Fleet
from acceptance.system import System
from parts.databases import KINDS, Databases
from parts.rabbitmq import RabbitServer
from parts.sshd import SshdFarm, require_sshd

REDIS, RABBITMQ = "redis", "rabbitmq"


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
def fleet_in(
    folder: Path, *, data_dir: Path | None = None, broker: str = REDIS, **options: Any
) -> Iterator[Fleet]:
    """A running system without a host; its end is asserted unless the tests break off."""
    require_sshd()
    with ExitStack() as opened:
        if broker == RABBITMQ:
            options["rabbitmq"] = opened.enter_context(RabbitServer(folder / "rabbitmq"))
        farm = opened.enter_context(SshdFarm(folder / "hosts"))
        system = opened.enter_context(System(data_dir or folder / "data", **options))
        yield Fleet(system, farm)


@pytest.fixture(scope="module")
def shared_fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """A system on SQLite that the tests of a module share; the module's OPTIONS are its options.

    Its broker is Redis, unless a test is parametrized with it.
    """
    folder = tmp_path_factory.mktemp("fleet")
    options = getattr(request.module, "OPTIONS", {})
    with fleet_in(folder, broker=getattr(request, "param", REDIS), **options) as fleet:
        fleet.add_hosts(getattr(request.module, "HOSTS", 3))
        yield fleet


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """The shared one, with hooks that do nothing unasked."""
    shared_fleet.mend()
    yield shared_fleet
    shared_fleet.mend()


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("sqlite", REDIS), marks=pytest.mark.slow),
        ("postgresql", REDIS),
        pytest.param(("postgresql", RABBITMQ), marks=pytest.mark.slow),
    ],
    ids="-".join,
)
def shared_fleet_of_ten(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Ten hosts and a system, and where there is time each database and each broker."""
    folder = tmp_path_factory.mktemp("ten")
    database, broker = request.param
    with (
        databases.empty(database) as url,
        fleet_in(folder, database_url=url, broker=broker) as fleet,
    ):
        fleet.add_hosts(10)
        yield fleet


@pytest.fixture
def ten(shared_fleet_of_ten: Fleet) -> Iterator[Fleet]:
    """The shared fleet of ten, with hooks that do nothing unasked."""
    shared_fleet_of_ten.mend()
    yield shared_fleet_of_ten
    shared_fleet_of_ten.mend()
