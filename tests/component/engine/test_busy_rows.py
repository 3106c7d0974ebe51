"""PostgreSQL, where hundreds of hosts report at once: somebody always has a deployment's row."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from component.engine.system import System
from parts.databases import Databases
from tidegate.messages import ADVANCE


@pytest.fixture
def system(databases: Databases, tmp_path: Path) -> Iterator[System]:
    with databases.fresh("postgresql") as url:
        system = System(url, tmp_path)
        yield system
        system.close()


def test_an_advance_that_is_late_is_sent_at_doubling_intervals_though_somebody_has_the_row(
    system: System,
):
    shop = system.shop("web-1")
    id_ = shop.deploy("one")
    system.broker.queue.clear()

    with system.store.write() as somebody:
        somebody.deployments.lock(id_)
        due = system.sweep(after=2).woken
        late = [system.sweep(after=after).woken for after in (1.2, 1, 1, 1)]
        sent = system.waiting().count(ADVANCE)
    system.settle()
    afterwards = system.sweep(after=2).woken

    assert due == 0
    assert late == [1, 0, 1, 0]
    assert sent == 2
    assert afterwards == 0
    assert shop.deployment(id_).status == "Succeeded"
