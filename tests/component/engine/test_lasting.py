"""What hosts can tell again is written without waiting for the disk; all else is waited for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from component.engine.system import ALL, System
from parts.databases import Databases


@pytest.fixture
def system(databases: Databases, tmp_path: Path) -> Iterator[System]:
    with databases.fresh("postgresql") as url:
        system = System(url, tmp_path)
        yield system
        system.close()


def test_only_what_a_host_tells_is_not_waited_for(system: System):
    transactions: list[list[str]] = []
    event.listen(system.engine, "begin", lambda _: transactions.append([]))
    event.listen(
        system.engine, "before_cursor_execute", lambda *args: transactions[-1].append(args[2])
    )
    shop = system.shop("web-1", config=ALL)

    id_ = shop.deploy("one")
    system.settle()

    hasty = [each for each in transactions if "synchronous_commit" in each[0]]
    assert shop.deployment(id_).status == "Succeeded"
    assert hasty
    assert all(any("journal_offset" in one for one in each) for each in hasty)
    lasting = [one for each in transactions if each not in hasty for one in each]
    assert not any("journal_offset=" in one for one in lasting)
    assert any(one.startswith("UPDATE deployments SET status") for one in lasting)
