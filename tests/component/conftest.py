"""What component tests stand on: a database of each kind."""

from collections.abc import Iterator

import pytest

from parts.databases import KINDS, Databases


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A fresh database at the newest schema, once of each kind."""
    with databases.fresh(request.param) as url:
        yield url


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A database without a table, once of each kind."""
    with databases.empty(request.param) as url:
        yield url
