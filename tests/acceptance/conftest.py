"""Whole systems for acceptance tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.system import System
from parts.databases import KINDS, Databases


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
