"""Lists of deployments: in order, by ids, and by way of an index whatever lies before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from component.engine.system import System
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId
from tidegate.store.deployment_lists import Wanted
from tidegate.store.tables import DeploymentRow
from tidegate.testing.clock import START

US = "us-east-1"
GROUP = GroupId("group-1")
ACTIVE = (DeploymentStatus.QUEUED, DeploymentStatus.IN_PROGRESS)


def a_row(number: int, at: datetime, status: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"d-{number:09}",
        "region": US,
        "application_id": "app-1",
        "application": "shop",
        "group_id": GROUP,
        "group": "prod",
        "compute_platform": "Server",
        "revision_id": "r-1",
        "config_name": "CodeDeployDefault.OneAtATime",
        "creator": "user",
        "options": {},
        "auto_rollback": {"enabled": False, "events": []},
        "group_settings": {},
        "status": status,
        "version": 1,
        "last_transition": 0,
        "total_targets": 0,
        "created_at": at,
        "error_message": "",
        "rollback_message": "",
        "status_messages": [],
        **changes,
    }


def with_history(system: System, count: int) -> list[str]:
    """Write so many deployments, two of each second; return their ids, newest first."""
    statuses = ["Succeeded", "Failed", "Stopped"]
    rows = [
        a_row(number, START + timedelta(seconds=number // 2), statuses[number % 3])
        for number in range(count)
    ]
    with system.store.write() as uow:
        uow.session.execute(insert(DeploymentRow), rows)
    return [row["id"] for row in reversed(rows)]


def listed(system: System, wanted: Wanted, *, limit: int = 7) -> list[str]:
    """Return all pages."""
    found: list[str] = []
    after = None
    with system.store.read() as uow:
        while page := uow.deployments.keys(wanted, limit=limit, after=after):
            found += [key.id for key in page]
            after = page[-1]
    return found


def test_pages_hold_each_once_in_the_order_of_creation(system: System):
    ids = with_history(system, 40)

    assert listed(system, Wanted(region=US)) == ids
    assert listed(system, Wanted(group_ids=[GROUP]), limit=1) == ids
    assert listed(system, Wanted(region="eu-west-1")) == []


def test_statuses_are_merged_into_one_order(system: System):
    ids = with_history(system, 40)
    wanted = {DeploymentStatus.SUCCEEDED: 0, DeploymentStatus.STOPPED: 2}

    found = listed(system, Wanted(region=US, statuses=[*wanted, *wanted]))

    assert found == [id_ for id_ in ids if int(id_[2:]) % 3 in wanted.values()]


def test_a_stretch_of_time_has_both_its_ends(system: System):
    ids = with_history(system, 40)
    start, end = START + timedelta(seconds=3), START + timedelta(seconds=5)

    found = listed(system, Wanted(created_from=start, created_to=end))

    assert found == [id_ for id_ in ids if 6 <= int(id_[2:]) <= 11]


def test_groups_and_applications_go_by_their_ids(system: System):
    with system.store.write() as uow:
        others = {"application_id": "app-2", "group_id": "group-2"}
        rows = [a_row(1, START, "Failed"), a_row(2, START, "Failed", **others)]
        uow.session.execute(insert(DeploymentRow), rows)

    assert listed(system, Wanted(application_id=ApplicationId("app-2"))) == ["d-000000002"]
    assert listed(system, Wanted(group_ids=[GROUP])) == ["d-000000001"]
    assert len(listed(system, Wanted(group_ids=[GROUP, GroupId("group-2")]))) == 2
    assert listed(system, Wanted(group_ids=[])) == []


def test_what_made_them_finds_them(system: System):
    with system.store.write() as uow:
        rows = [a_row(1, START, "Failed"), a_row(2, START, "Failed", external_id="stack")]
        uow.session.execute(insert(DeploymentRow), rows)

    assert listed(system, Wanted(region=US, external_id="stack")) == ["d-000000002"]
    with system.store.read() as uow:
        assert uow.deployments.get(DeploymentId("d-000000002")).external_id == "stack"


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(region=US),
        Wanted(region=US, statuses=ACTIVE),
        Wanted(region=US, created_from=START),
        Wanted(region=US, external_id="stack"),
        Wanted(group_ids=[GROUP]),
        Wanted(region=US, group_ids=[GROUP], statuses=ACTIVE),
    ],
)
@pytest.mark.parametrize("after", [None, (START, "d-000000005")])
def test_an_index_leads_to_a_page(system: System, wanted: Wanted, after):
    with_history(system, 200)
    asked: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    with system.store.write() as uow:
        uow.session.connection().exec_driver_sql("ANALYZE")
    event.listen(system.engine, "before_cursor_execute", note)
    with system.store.read() as uow:
        uow.deployments.keys(wanted, limit=100, after=after)
    event.remove(system.engine, "before_cursor_execute", note)

    assert len(asked) == max(len(wanted.statuses), 1)
    is_sqlite = system.engine.dialect.name == "sqlite"
    word = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    with system.engine.connect() as connection:
        if not is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan TO off")
        for statement, parameters in asked:
            plan = str(connection.exec_driver_sql(word + statement, parameters).all())
            assert "INDEX" in plan.upper(), plan
            assert not any(bad in plan for bad in ("TEMP B-TREE", "Sort", "SCAN deployments")), plan


def test_one_is_read_with_its_revisions_by_two_statements(system: System):
    shop = system.shop("web-1")
    first = shop.deploy("one")
    system.settle()
    second = shop.deploy("two")
    system.settle()
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_):
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(system.engine, "before_cursor_execute", note)
    with system.store.read() as uow:
        (recorded,) = uow.deployments.recorded([second])
    event.remove(system.engine, "before_cursor_execute", note)

    assert len(asked) == 2
    assert recorded.deployment.overview == {"Succeeded": 1}
    assert recorded.previous is not None
    assert recorded.revision is not None
    with system.store.read() as uow:
        both = uow.deployments.recorded([second, DeploymentId("d-NOBODY000"), first])
        revision = uow.catalog.revision_by_id(recorded.deployment.revision_id)
    assert [one.deployment.id for one in both] == [second, first]
    assert both[0] == recorded
    assert both[1].previous is None
    assert revision is not None
    assert recorded.revision.source == revision.source
