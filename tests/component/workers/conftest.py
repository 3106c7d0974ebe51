"""The Celery tasks of a worker in this process, on a real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from component.engine.system import System


@pytest.fixture
def system(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """A system whose store and runs are those of the worker's runtime."""
    from tidegate_workers.runtime import runtime

    system = System(database_url, tmp_path)
    parts = {
        "store": system.store,
        "pulse": system.store,
        "together": system.worker.together,
        "runs": system.worker.runs,
    }
    for name, part in parts.items():
        runtime.__dict__.pop(name, None)
        monkeypatch.setitem(runtime.__dict__, name, part)
    monkeypatch.setattr(runtime, "owner", "worker-1")
    yield system
    system.close()
