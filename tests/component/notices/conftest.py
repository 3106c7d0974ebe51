"""A system whose notices go where a test looks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from component.engine.system import System
from component.notices.ears import BUS, Ears
from parts.aws import (  # noqa: F401 - fixtures
    bus,
    client,
    environment,
    moto,
    mute,
    queue,
    says,
    topic,
)
from tidegate.domain.notices import NoticeSettings


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def system(database_url: str, tmp_path: Path, ears: Ears) -> Iterator[System]:
    """One where triggers are told, and nobody else."""
    system = System(database_url, tmp_path, sender=ears.sender)
    yield system
    system.close()


@pytest.fixture
def with_bus(database_url: str, tmp_path: Path, ears: Ears) -> Iterator[System]:
    """One where an event bus is told everything as well."""
    settings = NoticeSettings(account_id="123456789012", event_bus=BUS)
    system = System(database_url, tmp_path, notices=settings, sender=ears.sender)
    yield system
    system.close()
