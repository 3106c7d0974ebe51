"""Changes that others are ahead of: begun anew as a whole, and given up after some times.

Only on PostgreSQL: SQLite lets nobody write beside a unit of work that writes.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from component.codedeploy.conftest import Aws, refused, running
from parts.databases import Databases
from tidegate.domain.ids import DeploymentId
from tidegate.store.unit_of_work import UnitOfWork
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.face import TRIES
from tidegate_api.codedeploy.operations import OPERATIONS


@pytest.fixture
def crowded(databases: Databases, tmp_path: Path) -> Iterator[Aws]:
    with databases.fresh("postgresql") as url, running(url, tmp_path / "data") as aws:
        yield aws


def move(id_: DeploymentId, uow: UnitOfWork, *, between: Callable[[], Any]) -> None:
    """Read a deployment, and change it after what comes *between*."""
    deployment = uow.deployments.get(id_)
    between()
    uow.deployments.settle(deployment, wake_at=uow.now())


def version(aws: Aws, id_: DeploymentId) -> int:
    with aws.service.parts.store.read() as uow:
        return uow.deployments.get(id_).version


def audit(aws: Aws) -> list[tuple[str, str]]:
    with aws.service.parts.store.read() as uow:
        return [(entry.operation, entry.refusal) for _, entry in uow.audit.page(limit=100)]


def test_of_two_at_once_the_second_begins_anew_and_both_succeed(crowded: Aws, monkeypatch):
    id_ = DeploymentId(crowded.service.with_deployment())
    both_have_read = threading.Barrier(2)
    begun: list[str] = []
    create = OPERATIONS["CreateApplication"].carry_out

    def carry_out(call: Call, wanted: Any):
        begun.append(wanted.application_name)
        output = create(call, wanted)
        first = begun.count(wanted.application_name) == 1
        move(id_, call.uow, between=(lambda: both_have_read.wait(30)) if first else lambda: None)
        return output

    operation = replace(OPERATIONS["CreateApplication"], carry_out=carry_out)
    monkeypatch.setitem(OPERATIONS, "CreateApplication", operation)
    before, client = version(crowded, id_), crowded.client()

    with ThreadPoolExecutor(2) as threads:
        made = [
            threads.submit(client.create_application, applicationName=name)
            for name in ("one", "two")
        ]
        ids = {each.result(60)["applicationId"] for each in made}

    assert len(ids) == 2
    assert len(begun) == 3
    assert version(crowded, id_) == before + 2
    assert client.list_applications()["applications"] == ["one", "shop", "two"]
    assert audit(crowded) == [("CreateApplication", "")] * 2


@pytest.mark.parametrize(
    ("name", "call", "code"),
    [
        ("CreateApplication", "create_application", "ThrottlingException"),
        ("DeleteApplication", "delete_application", "ServiceUnavailable"),
    ],
)
def test_who_is_never_first_is_told_to_come_again_and_has_changed_nothing(
    crowded: Aws, monkeypatch, name: str, call: str, code: str
):
    id_ = DeploymentId(crowded.service.with_deployment())
    crowded.client().create_application(applicationName="lasting")
    carry_out, others = OPERATIONS[name].carry_out, 0

    def another() -> None:
        nonlocal others
        others += 1
        with crowded.service.parts.store.write() as uow:
            move(id_, uow, between=lambda: None)

    def overtaken(call: Call, wanted: Any):
        output = carry_out(call, wanted)
        move(id_, call.uow, between=another)
        return output

    monkeypatch.setitem(OPERATIONS, name, replace(OPERATIONS[name], carry_out=overtaken))
    before, client = version(crowded, id_), crowded.client()
    wanted = "lasting" if name.startswith("Delete") else "fleeting"

    refused(code, getattr(client, call), applicationName=wanted)

    assert others == TRIES == 3
    assert version(crowded, id_) == before + others
    assert client.list_applications()["applications"] == ["lasting", "shop"]
    assert audit(crowded)[0] == (name, code)
