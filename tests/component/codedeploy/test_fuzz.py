"""Whatever an operation is sent: never a failure of ours, and never half of a thing left behind."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.model import OperationModel
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Table, select

from component.codedeploy.bodies import (
    APPLICATIONS,
    ON_ECS,
    ON_SERVERS,
    USER,
    WHOLE,
    bodies,
    spoilt_one_by_one,
    written,
)
from component.codedeploy.conftest import GENERIC, MODEL, UUID, Aws, check_value, running, seen
from component.codedeploy.groups import ECS, LAMBDA, ROLE
from component.codedeploy.test_revisions import APPSPEC, S3
from component.codedeploy.test_wire import JSON_1_1, post
from component.codedeploy.wrongs import whole_request
from parts.databases import KINDS, Databases
from tidegate.store.tables import Row
from tidegate_api.codedeploy.operations import OPERATIONS

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("TIDEGATE_FUZZ_EXAMPLES", "0"))
"""How many bodies for each operation, by chance; if nothing is said, a few, always the same."""
FEW = {"sqlite": 5, "postgresql": 4}
OURS = {"InternalFailure", "ServiceUnavailable", "UnknownOperationException"}
"""What no body may lead to."""
KEPT_OF_CALLS = {"audit", "access_keys"}
"""Tables in which a call that is refused leaves its traces."""
WORLD: list[tuple[str, dict[str, Any]]] = [
    ("CreateApplication", {"applicationName": "shop"}),
    ("CreateApplication", {"applicationName": "fn", "computePlatform": "Lambda"}),
    ("CreateApplication", {"applicationName": "tasks", "computePlatform": "ECS"}),
    *(
        (
            "CreateDeploymentGroup",
            {
                "applicationName": application,
                "deploymentGroupName": "prod",
                "serviceRoleArn": ROLE,
                **said,
            },
        )
        for application, said in zip(APPLICATIONS, ({}, LAMBDA, ECS), strict=True)
    ),
    (
        "CreateDeploymentConfig",
        {
            "deploymentConfigName": "mine",
            "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1},
        },
    ),
    ("RegisterOnPremisesInstance", {"instanceName": "web-1", "iamUserArn": USER}),
    *(
        (
            "CreateDeployment",
            {"applicationName": name, "deploymentGroupName": "prod", "revision": revision},
        )
        for name, revision in (("shop", S3), ("tasks", APPSPEC))
    ),
]


class Fuzzed:
    """A service that is sent anything, and what it has in its database."""

    def __init__(self, aws: Aws, kind: str) -> None:
        self.aws, self.kind = aws, kind
        self.remake()

    def remake(self) -> None:
        make_world(self.aws)
        self.there = rows(self.aws)

    def send(self, model: OperationModel, body: bytes) -> None:
        """See that an answer is one, and that what it refuses left nothing."""
        for mark, row in zip((ON_SERVERS, ON_ECS), self.there["deployments"][-2:], strict=True):
            body = body.replace(mark.encode(), row.id.encode())
        answer = post(self.aws, model.name, body)
        check(answer, model)
        if answer.status_code == 200 and OPERATIONS[model.name].changes:
            self.remake()
        else:
            assert rows(self.aws) == self.there


@pytest.fixture(scope="module", params=KINDS)
def fuzzed(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fuzzed]:
    """One service for the whole file."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with databases.fresh(request.param) as url, running(url, folder) as aws:
        yield Fuzzed(aws, request.param)


def chosen(kind: str) -> settings:
    return settings(
        max_examples=EXAMPLES or FEW[kind],
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(0 if EXAMPLES else 300)
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_whatever_is_sent(fuzzed: Fuzzed, name: str):
    model = MODEL.operation_model(name)

    @chosen(fuzzed.kind)
    @given(body=bodies(model))
    def try_it(body: bytes) -> None:
        fuzzed.send(model, body)

    try_it()
    look_at_all(fuzzed.aws)


@pytest.mark.timeout(0 if EXAMPLES else 300)
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_each_member_is_spoilt(fuzzed: Fuzzed, name: str):
    model = MODEL.operation_model(name)
    most = EXAMPLES * 10 or FEW[fuzzed.kind] * 3

    for whole in WHOLE.get(name, [whole_request(model)]):
        for body in spoilt_one_by_one(whole, model.input_shape, most=most):
            fuzzed.send(model, written(body))


def check(answer: Any, model: OperationModel) -> None:
    """An answer is one that the model has, or a refusal under a code that it may have."""
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])
    assert answer.headers["content-type"] == JSON_1_1
    if answer.status_code == 200:
        shape = model.output_shape
        if shape is None:
            assert answer.content == b""
        else:
            check_value(answer.json(), shape, model.name)
        return
    told = answer.json()
    assert answer.status_code == (413 if "TooLarge" in told["__type"] else 400), told
    declared = {shape.name for shape in model.error_shapes}
    assert told["__type"] in (declared | GENERIC) - OURS, told
    assert told["message"]
    assert len(told["message"]) < 2000


def rows(aws: Aws) -> dict[str, list[Any]]:
    """All that is in the database, but for what is kept of calls."""
    tables = [one for one in Row.metadata.sorted_tables if one.name not in KEPT_OF_CALLS]
    with aws.service.parts.store.engine.connect() as connection:
        return {
            one.name: list(connection.execute(select(one).order_by(*_age_of(one))))
            for one in tables
        }


def _age_of(table: Table) -> list[Any]:
    return [table.c.created_at] if "created_at" in table.c else list(table.primary_key)


def make_world(aws: Aws) -> None:
    """Make again what requests are about, as far as it is gone."""
    for operation, body in WORLD:
        assert post(aws, operation, json.dumps(body)).status_code in {200, 400}


def look_at_all(aws: Aws) -> None:
    """What was taken can be shown."""
    client = aws.client()
    names = seen(client.list_applications, "applications")
    for at in range(0, len(names), 100):
        client.batch_get_applications(applicationNames=names[at : at + 100])
    for name in names:
        for revision in seen(client.list_application_revisions, "revisions", applicationName=name):
            client.get_application_revision(applicationName=name, revision=revision)
        groups = seen(client.list_deployment_groups, "deploymentGroups", applicationName=name)
        for group in groups:
            client.get_deployment_group(applicationName=name, deploymentGroupName=group)
    for name in seen(client.list_deployment_configs, "deploymentConfigsList"):
        client.get_deployment_config(deploymentConfigName=name)
    for id_ in seen(client.list_deployments, "deployments"):
        client.get_deployment(deploymentId=id_)
    for name in seen(client.list_on_premises_instances, "instanceNames"):
        client.get_on_premises_instance(instanceName=name)
