"""The engine on a real database, with a broker, a worker and hosts of this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from component.engine.system import System


@pytest.fixture
def system(database_url: str, tmp_path: Path) -> Iterator[System]:
    system = System(database_url, tmp_path)
    yield system
    system.close()
