"""Operations on deployment configs, through boto3."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from component.codedeploy.conftest import UUID, Aws, refused, seen
from tidegate.domain.configs import PREDEFINED
from tidegate.store.tables import ConfigRow

HALF = {"type": "HOST_COUNT", "value": 2}
CANARY = {
    "type": "TimeBasedCanary",
    "timeBasedCanary": {"canaryPercentage": 25, "canaryInterval": 2880},
}
LINEAR = {
    "type": "TimeBasedLinear",
    "timeBasedLinear": {"linearPercentage": 30, "linearInterval": 960},
}
ZONAL = {
    "firstZoneMonitorDurationInSeconds": 600,
    "monitorDurationInSeconds": 0,
    "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 50},
}
BAD_MINIMUM = "InvalidMinimumHealthyHostValueException"
BAD_ROUTING = "InvalidTrafficRoutingConfigurationException"
BAD_ZONAL = "InvalidZonalDeploymentConfigurationException"


@pytest.mark.parametrize(
    "wanted",
    [
        {"minimumHealthyHosts": HALF},
        {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0}},
        {"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 99}, "zonalConfig": ZONAL},
        {"minimumHealthyHosts": HALF, "computePlatform": "Server", "zonalConfig": {}},
        {"computePlatform": "Lambda", "trafficRoutingConfig": {"type": "AllAtOnce"}},
        {"computePlatform": "Lambda", "trafficRoutingConfig": CANARY},
        {"computePlatform": "ECS", "trafficRoutingConfig": LINEAR},
    ],
)
def test_one_is_created_and_shown_as_it_was_sent(codedeploy, wanted: dict[str, Any]):
    id_ = codedeploy.create_deployment_config(deploymentConfigName="mine", **wanted)

    shown = codedeploy.get_deployment_config(deploymentConfigName="mine")["deploymentConfigInfo"]

    assert UUID.fullmatch(id_["deploymentConfigId"])
    assert datetime.now(UTC) - shown.pop("createTime") < timedelta(minutes=1)
    assert shown == {
        "computePlatform": "Server",
        **wanted,
        "deploymentConfigId": id_["deploymentConfigId"],
        "deploymentConfigName": "mine",
    }


BAD_FOR_SERVERS = [
    ("DeploymentConfigNameRequiredException", {"deploymentConfigName": ""}),
    ("DeploymentConfigNameRequiredException", {"deploymentConfigName": None}),
    ("InvalidDeploymentConfigNameException", {"deploymentConfigName": "a" * 101}),
    ("InvalidDeploymentConfigNameException", {"deploymentConfigName": "a b"}),
    ("InvalidDeploymentConfigNameException", {"deploymentConfigName": "CodeDeployDefault.X"}),
    ("InvalidComputePlatformException", {"computePlatform": "EC2"}),
    (BAD_MINIMUM, {"minimumHealthyHosts": None}),
    (BAD_MINIMUM, {"minimumHealthyHosts": {}}),
    (BAD_MINIMUM, {"minimumHealthyHosts": {"type": "HOST_COUNT"}}),
    (BAD_MINIMUM, {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": -1}}),
    (BAD_MINIMUM, {"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 100}}),
    (BAD_MINIMUM, {"minimumHealthyHosts": {"type": "MOST_CONCURRENCY", "value": 1}}),
    (BAD_MINIMUM, {"minimumHealthyHosts": {"type": "HALF", "value": 1}}),
    (BAD_MINIMUM, {"computePlatform": "ECS", "trafficRoutingConfig": CANARY}),
    (BAD_ROUTING, {"trafficRoutingConfig": {"type": "AllAtOnce"}}),
    (BAD_ZONAL, {"zonalConfig": {"monitorDurationInSeconds": -1}}),
    (BAD_ZONAL, {"zonalConfig": {"firstZoneMonitorDurationInSeconds": 2**62}}),
    (BAD_ZONAL, {"zonalConfig": {"minimumHealthyHostsPerZone": {"type": "X", "value": 1}}}),
    (
        BAD_ZONAL,
        {"zonalConfig": {"minimumHealthyHostsPerZone": {"type": "HOST_COUNT", "value": -1}}},
    ),
    (
        BAD_ZONAL,
        {"zonalConfig": {"minimumHealthyHostsPerZone": {"type": "MOST_CONCURRENCY", "value": 1}}},
    ),
    (
        BAD_ZONAL,
        {"zonalConfig": {"minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 100}}},
    ),
]


def test_what_cannot_be_created_for_servers(codedeploy):
    for code, wanted in BAD_FOR_SERVERS:
        request = {"deploymentConfigName": "mine", "minimumHealthyHosts": HALF, **wanted}
        refused(code, codedeploy.create_deployment_config, **given(request))

    assert "mine" not in seen(codedeploy.list_deployment_configs, "deploymentConfigsList")


BAD_ROUTINGS = [
    None,
    {},
    {"type": "Sudden"},
    {**CANARY, "type": "AllAtOnce"},
    {**CANARY, "type": "TimeBasedLinear"},
    {**CANARY, "timeBasedLinear": LINEAR["timeBasedLinear"]},
    {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 10}},
    *(
        {
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": percentage, "canaryInterval": interval},
        }
        for percentage, interval in ((0, 1), (100, 1), (10, 0), (10, -1), (10, 2881))
    ),
    {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 30, "linearInterval": 961}},
]


@pytest.mark.parametrize("platform", ["Lambda", "ECS"])
def test_what_cannot_be_created_for_traffic(quick_aws: Aws, platform: str):
    create = quick_aws.client().create_deployment_config
    request = {"deploymentConfigName": "mine", "computePlatform": platform}

    for routing in BAD_ROUTINGS:
        sentence = refused(
            BAD_ROUTING, create, **given({**request, "trafficRoutingConfig": routing})
        )
        assert "traffic_routing" not in sentence
    zonal = {**request, "trafficRoutingConfig": CANARY, "zonalConfig": ZONAL}
    refused(BAD_ZONAL, create, **zonal)


def given(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if value is not None}


def test_a_name_is_taken_once_and_fifty_are_enough(aws: Aws, codedeploy):
    create = codedeploy.create_deployment_config
    create(deploymentConfigName="mine", minimumHealthyHosts=HALF)
    refused(
        "DeploymentConfigAlreadyExistsException",
        create,
        deploymentConfigName="mine",
        minimumHealthyHosts=HALF,
    )
    with_many(aws, 49)
    refused(
        "DeploymentConfigLimitExceededException",
        create,
        deploymentConfigName="more",
        minimumHealthyHosts=HALF,
    )
    aws.client(region="eu-west-1").create_deployment_config(
        deploymentConfigName="mine", minimumHealthyHosts=HALF
    )


def test_the_predefined_ones_are_there(codedeploy):
    listed = seen(codedeploy.list_deployment_configs, "deploymentConfigsList")
    shown = {
        name: codedeploy.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
        for name in listed
    }

    assert set(listed) == set(PREDEFINED)
    assert len({one["deploymentConfigId"] for one in shown.values()}) == 17
    assert shown["CodeDeployDefault.OneAtATime"] == {
        "deploymentConfigId": "00000000-0000-0000-0000-000000000001",
        "deploymentConfigName": "CodeDeployDefault.OneAtATime",
        "minimumHealthyHosts": {"type": "MOST_CONCURRENCY", "value": 1},
        "computePlatform": "Server",
    }
    assert shown["CodeDeployDefault.ECSCanary10Percent15Minutes"] == {
        "deploymentConfigId": "00000000-0000-0000-0000-000000000022",
        "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent15Minutes",
        "computePlatform": "ECS",
        "trafficRoutingConfig": {
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 15},
        },
    }
    assert shown["CodeDeployDefault.LambdaAllAtOnce"]["trafficRoutingConfig"] == {
        "type": "AllAtOnce"
    }


def test_pages_of_more_than_one_can_show(aws: Aws, codedeploy):
    names = with_many(aws, 260)
    first = codedeploy.list_deployment_configs()["deploymentConfigsList"]
    listed = seen(codedeploy.list_deployment_configs, "deploymentConfigsList")

    assert len(first) == 100
    assert listed == sorted([*PREDEFINED, *names])
    refused("InvalidNextTokenException", codedeploy.list_deployment_configs, nextToken="x")
    other = codedeploy.list_deployment_configs()["nextToken"]
    refused("InvalidNextTokenException", codedeploy.list_applications, nextToken=other)


def test_an_unknown_one_is_not_shown(codedeploy):
    get = codedeploy.get_deployment_config

    assert "none" in refused(
        "DeploymentConfigDoesNotExistException", get, deploymentConfigName="none"
    )
    refused("DeploymentConfigNameRequiredException", get)
    refused("InvalidDeploymentConfigNameException", get, deploymentConfigName="a/b")


def test_only_what_nobody_uses_can_be_deleted(aws: Aws, codedeploy):
    delete = codedeploy.delete_deployment_config
    for name in ("used", "unused"):
        codedeploy.create_deployment_config(deploymentConfigName=name, minimumHealthyHosts=HALF)
    aws.service.with_application()
    aws.service.with_group(deployment_config="used")

    delete(deploymentConfigName="unused")
    delete(deploymentConfigName="unused")
    assert "prod" in refused("DeploymentConfigInUseException", delete, deploymentConfigName="used")
    refused("InvalidOperationException", delete, deploymentConfigName="CodeDeployDefault.AllAtOnce")
    refused("DeploymentConfigNameRequiredException", delete)
    refused("InvalidDeploymentConfigNameException", delete, deploymentConfigName="a/b")
    there = aws.client(region="eu-west-1")
    there.delete_deployment_config(deploymentConfigName="used")

    codedeploy.delete_application(applicationName="shop")
    delete(deploymentConfigName="used")
    assert aws.service.get("/v1/deployment-configs/used").status_code == 404


def test_what_an_active_deployment_goes_by_stays_even_without_its_application(aws: Aws, codedeploy):
    codedeploy.create_deployment_config(
        deploymentConfigName="mine", minimumHealthyHosts={"type": "HOST_COUNT", "value": 0}
    )
    id_ = aws.service.with_deployment(deployment_config="mine")
    codedeploy.delete_application(applicationName="shop")

    sentence = refused(
        "DeploymentConfigInUseException",
        codedeploy.delete_deployment_config,
        deploymentConfigName="mine",
    )

    assert id_ in sentence


def with_many(aws: Aws, count: int, *, region: str = "us-east-1") -> list[str]:
    """Write so many custom configs as rows, and return their names in order."""
    names = [f"config-{number:03}" for number in range(count)]
    facts = {
        "region": region,
        "compute_platform": "Server",
        "settings": {"minimum_healthy": HALF, "traffic_routing": None},
        "tags": {},
        "created_at": datetime.now(UTC),
    }
    with aws.service.parts.store.write() as uow:
        rows = [{"id": f"id-{name}", "name": name, **facts} for name in names]
        uow.session.execute(insert(ConfigRow), rows)
    return names
