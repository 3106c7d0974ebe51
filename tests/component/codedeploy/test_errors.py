"""Each error that an operation declares is raised in boto3, or there is a reason why it is not."""

from collections.abc import Iterator

import pytest
from botocore import xform_name

from component.codedeploy import test_applications, test_configs, test_groups
from component.codedeploy.bodies import KNOWN
from component.codedeploy.conftest import MODEL, Aws, refused, running
from component.codedeploy.groups import ECS, ROLE
from component.codedeploy.test_fuzz import make_world
from component.codedeploy.unreachable import UNREACHABLE
from component.codedeploy.wrongs import FULL_REGION, MINIMUM, wrong_request
from parts.databases import Databases
from tidegate_api.codedeploy.operations import OPERATIONS

DECLARED = [
    (name, shape.name.removesuffix("Exception"))
    for name in sorted(OPERATIONS)
    for shape in MODEL.operation_model(name).error_shapes
]


@pytest.fixture(scope="module")
def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A service with one of everything, and in another region with all that it may have."""
    folder = tmp_path_factory.mktemp("errors")
    with databases.fresh("sqlite") as url, running(url, folder) as aws:
        make_world(aws)
        client = aws.client()
        client.create_deployment_config(deploymentConfigName="used", minimumHealthyHosts=MINIMUM)
        client.register_on_premises_instance(
            instanceName="web-2", iamSessionArn=KNOWN["iamSessionArn"][0]
        )
        client.create_deployment_group(
            applicationName="shop",
            deploymentGroupName="used",
            serviceRoleArn=ROLE,
            deploymentConfigName="used",
        )
        other = {**ECS, "ecsServices": [{"clusterName": "main", "serviceName": "other"}]}
        client.create_deployment_group(
            applicationName="tasks", deploymentGroupName="other", serviceRoleArn=ROLE, **other
        )
        test_applications.with_many(aws, 1000, region=FULL_REGION)
        test_configs.with_many(aws, 50, region=FULL_REGION)
        test_groups.with_many(aws, "id-app-0000", 1000)
        yield aws


@pytest.mark.parametrize(
    ("operation", "code"), [pair for pair in DECLARED if pair not in UNREACHABLE]
)
def test_each_is_raised(world: Aws, operation: str, code: str):
    found = wrong_request(operation, code)
    assert found, "say in wrongs.py which request is refused so, or in unreachable.py why none is"
    region, request = found

    refused(
        f"{code}Exception", getattr(world.client(region=region), xform_name(operation)), **request
    )


def test_what_is_out_of_reach_is_declared():
    declared = {
        (name, shape.name.removesuffix("Exception"))
        for name in MODEL.operation_names
        for shape in MODEL.operation_model(name).error_shapes
    }

    assert set(UNREACHABLE) <= declared
    assert all(reason.endswith(".") for reason in UNREACHABLE.values())
