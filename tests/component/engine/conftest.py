"""The engine on a real database, with a broker, a worker and hosts of this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from component.engine.alarms import FakeAlarms
from component.engine.system import System
from tidegate.engine.alarms import AlarmPolling


@pytest.fixture
def system(database_url: str, tmp_path: Path) -> Iterator[System]:
    system = System(database_url, tmp_path)
    yield system
    system.close()


@pytest.fixture
def source(system: System) -> FakeAlarms:
    source = FakeAlarms()
    system.worker.alarms = AlarmPolling(
        store=system.store,
        assume_role=True,
        cloudwatch=lambda: source,
        prometheus=lambda: source,
    )
    return source
