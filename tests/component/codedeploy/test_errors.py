"""Each error that an operation declares is raised in boto3, or there is a reason why it is not."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name

from component.api import worker
from component.codedeploy import test_applications, test_configs, test_groups
from component.codedeploy.bodies import KNOWN, USER
from component.codedeploy.conftest import MODEL, REGION, Aws, refused, running
from component.codedeploy.groups import ECS, ROLE
from component.codedeploy.shops import Shop
from component.codedeploy.test_fuzz import make_world
from component.codedeploy.test_traffic_deployments import appspec_content
from component.codedeploy.unreachable import UNREACHABLE
from component.codedeploy.wrongs import FULL_REGION, MINIMUM, wrong_request
from component.codedeploy.wrongs_of_deployments import (
    BUSY,
    CALL,
    DONE,
    HAS_SPOKEN,
    HOOKED,
    OF_ECS,
    WORD,
)
from component.engine.traffic import ecs_appspec
from parts.databases import Databases
from tidegate_api.codedeploy.operations import OPERATIONS

DECLARED = [
    (name, shape.name.removesuffix("Exception"))
    for name in sorted(OPERATIONS)
    for shape in MODEL.operation_model(name).error_shapes
]


class World:
    """A service with one of everything, and in another region with all that it may have."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        shop = Shop(aws)
        shop.with_instance()
        make_world(aws)
        make_more(shop.client)
        aws.service.with_group("bare", application="tasks")
        done = shop.carry_out(newest(shop.client, "shop"))
        busy = shop.deploy(deploymentGroupName="busy")
        of_ecs = newest(shop.client, "tasks")
        hooked = shop.deploy(
            appspec_content(ecs_appspec([{"BeforeInstall": "check"}])),
            applicationName="tasks",
            deploymentGroupName="other",
        )
        [(_, _, call)] = worker.move_traffic(aws.service, hooked, "main:other").calls
        self.ids = {DONE: done, BUSY: busy, OF_ECS: of_ecs, HOOKED: hooked, CALL: call}
        self.clients = {region: aws.client(region=region) for region in (REGION, FULL_REGION)}
        self.ask(REGION, "PutLifecycleEventHookExecutionStatus", {**HAS_SPOKEN, **WORD})
        test_applications.with_many(aws, 1000, region=FULL_REGION)
        test_configs.with_many(aws, 50, region=FULL_REGION)
        test_groups.with_many(aws, "id-app-0000", 1000)

    def ask(self, region: str, operation: str, request: dict[str, Any]) -> Any:
        """Make a call about the deployments that there are."""
        named = {name: self.ids.get(str(value), value) for name, value in request.items()}
        return getattr(self.clients[region], xform_name(operation))(**named)


def newest(client: Any, application: str) -> str:
    """Return the deployment that the world has of an application."""
    names = {"applicationName": application, "deploymentGroupName": "prod"}
    return str(client.list_deployments(**names)["deployments"][0])


def make_more(client: Any) -> None:
    client.create_deployment_config(deploymentConfigName="used", minimumHealthyHosts=MINIMUM)
    session = KNOWN["iamSessionArn"][0]
    client.register_on_premises_instance(instanceName="web-2", iamSessionArn=session)
    client.register_on_premises_instance(instanceName="web-3", iamUserArn=USER)
    other = {**ECS, "ecsServices": [{"clusterName": "main", "serviceName": "other"}]}
    for application, group, said in (
        ("shop", "used", {"deploymentConfigName": "used"}),
        ("shop", "busy", {}),
        ("tasks", "other", other),
    ):
        client.create_deployment_group(
            applicationName=application, deploymentGroupName=group, serviceRoleArn=ROLE, **said
        )


@pytest.fixture(scope="module")
def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("errors")
    with databases.fresh("sqlite") as url, running(url, folder) as aws:
        yield World(aws)


@pytest.mark.parametrize(
    ("operation", "code"), [pair for pair in DECLARED if pair not in UNREACHABLE]
)
def test_each_is_raised(world: World, operation: str, code: str):
    found = wrong_request(operation, code)
    assert found, "say in wrongs.py which request is refused so, or in unreachable.py why none is"

    refused(f"{code}Exception", lambda: world.ask(found[0], operation, found[1]))


def test_what_is_out_of_reach_is_declared():
    declared = {
        (name, shape.name.removesuffix("Exception"))
        for name in MODEL.operation_names
        for shape in MODEL.operation_model(name).error_shapes
    }

    assert set(UNREACHABLE) <= declared
    assert all(reason.endswith(".") for reason in UNREACHABLE.values())
