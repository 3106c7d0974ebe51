"""Nothing that CreateTaskSet takes is dropped: botocore's model says what there is."""

from typing import Any

import pytest
from botocore.validate import validate_parameters

from parts.aws_models import members, model, sample
from tidegate.domain.ids import DeploymentId
from tidegate.domain.traffic import Errand, ServiceMove
from tidegate.drivers.traffic.carried_over import new_task_set
from tidegate.drivers.traffic.forwards import Groups

MOVE = ServiceMove(
    cluster="shop",
    service="web",
    pairs=(),
    task_definition="web:2",
    container_name="web",
    container_port=8080,
)
ERRAND = Errand(deployment_id=DeploymentId("d-ABCDEFGHI"), region="eu-central-1", move=MOVE)
OF_THE_DEPLOYMENT = {
    "cluster",
    "service",
    "externalId",
    "clientToken",
    "taskDefinition",
    "loadBalancers",
    "scale",
}
"""What each new task set has of its own."""
CARRIED = {
    "networkConfiguration",
    "serviceRegistries",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "tags",
}
ONE_OF_BOTH = ("launchType", "capacityProviderStrategy")
OF_ECS_ALONE = {"advancedConfiguration", "loadBalancerName"}
"""Of a load balancer's entry: by the first ECS itself would move the traffic, and what is behind a
Classic Load Balancer is refused before."""


def primary(without: str = "capacityProviderStrategy", **changes: Any) -> dict[str, Any]:
    """A task set that has all that there is."""
    found = sample("ecs", "TaskSet", without=(without,)) | changes
    found["loadBalancers"][0]["targetGroupArn"] = "blue"
    return found


def request(primary: dict[str, Any], service: dict[str, Any] | None = None) -> dict[str, Any]:
    return new_task_set(
        ERRAND, MOVE, service=service or {}, primary=primary, pairs=[Groups("blue", "green")]
    )


def test_every_member_of_the_call_has_its_place():
    assert members("ecs", "CreateTaskSetRequest") == OF_THE_DEPLOYMENT | CARRIED


def test_all_that_a_task_set_has_in_common_with_the_call_is_carried_over():
    common = members("ecs", "CreateTaskSetRequest") & members("ecs", "TaskSet")

    assert common - OF_THE_DEPLOYMENT == CARRIED


@pytest.mark.parametrize("other", ONE_OF_BOTH)
def test_what_is_carried_over_is_whole(other: str):
    launched = {"launchType": "FARGATE"} if other != "launchType" else {}
    blue = primary(without=other, **launched)
    for one in blue.get("capacityProviderStrategy", ()):
        one["capacityProvider"] = "FARGATE_SPOT"

    made = request(blue)

    carried = CARRIED - {other}
    assert {name: made.get(name) for name in carried} == {name: blue[name] for name in carried}


@pytest.mark.parametrize("other", ONE_OF_BOTH)
def test_what_the_task_set_does_not_say_comes_from_its_service(other: str):
    launched = {"launchType": "FARGATE"} if other != "launchType" else {}
    service = sample("ecs", "Service", without=(other, "taskSets")) | launched
    for one in service.get("capacityProviderStrategy", ()):
        one["capacityProvider"] = "FARGATE"

    made = request({"loadBalancers": [{"targetGroupArn": "blue"}]}, service)

    # Tags of a service are not those of its task sets.
    carried = CARRIED - {other, "tags"}
    assert {name: made.get(name) for name in carried} == {name: service[name] for name in carried}
    assert "tags" not in made


def test_every_member_of_a_load_balancer_s_entry_has_its_place():
    blue = primary()

    [entry] = request(blue)["loadBalancers"]

    assert members("ecs", "LoadBalancer") == {*entry, *OF_ECS_ALONE}
    assert entry == {"targetGroupArn": "green", "containerName": "web", "containerPort": 8080}


def test_the_call_takes_what_is_made():
    validate_parameters(request(primary()), model("ecs").shape_for("CreateTaskSetRequest"))
