"""AppSpecs for ECS: what is taken, and everything that is wrong, at its place."""

import json

import pytest

from tidegate.appspec import EcsAppSpec, InvalidAppSpec, parse_appspec
from tidegate.domain.traffic import CapacityProvider, Network

TASK = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:3"
WHOLE = f"""\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: {TASK}
        LoadBalancerInfo:
          ContainerName: app
          ContainerPort: 80
        PlatformVersion: 1.4.0
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: [subnet-1, subnet-2]
            SecurityGroups: [sg-1]
            AssignPublicIp: DISABLED
        CapacityProviderStrategy:
          - {{Base: 1, CapacityProvider: FARGATE, Weight: 2}}
          - CapacityProvider: FARGATE_SPOT
Hooks:
  - BeforeInstall: a
  - AfterInstall: b
  - AfterAllowTestTraffic: c
  - BeforeAllowTraffic: d
  - AfterAllowTraffic: e
"""
LEAST = {
    "TaskDefinition": TASK,
    "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 80},
}
AWSVPC = {"Subnets": ["s"], "SecurityGroups": ["g"], "AssignPublicIp": "ENABLED"}


def taken(text: str) -> EcsAppSpec:
    return parse_appspec(text, platform="ECS")


def service(count: int = 1, **fields: object) -> str:
    resource = {"web": {"Type": "AWS::ECS::Service", "Properties": {**LEAST, **fields}}}
    return json.dumps({"version": "0.0", "Resources": [resource] * count})


def network(**fields: object) -> str:
    return service(NetworkConfiguration={"AwsvpcConfiguration": {**AWSVPC, **fields}})


def balancer(**fields: object) -> str:
    return service(LoadBalancerInfo={**LEAST["LoadBalancerInfo"], **fields})


def test_everything_at_once():
    appspec = taken(WHOLE)

    assert appspec == EcsAppSpec(
        task_definition=TASK,
        container_name="app",
        container_port=80,
        platform_version="1.4.0",
        network=Network(
            subnets=("subnet-1", "subnet-2"),
            security_groups=("sg-1",),
            assign_public_ip="DISABLED",
        ),
        capacity_providers=(
            CapacityProvider(name="FARGATE", base=1, weight=2),
            CapacityProvider(name="FARGATE_SPOT"),
        ),
        hooks={
            "BeforeInstall": "a",
            "AfterInstall": "b",
            "AfterAllowTestTraffic": "c",
            "BeforeAllowTraffic": "d",
            "AfterAllowTraffic": "e",
        },
    )
    assert appspec.warnings == ()


def test_the_json_is_plain_and_complete():
    appspec = taken(WHOLE)

    assert json.loads(json.dumps(appspec.as_json())) == {
        "version": 0.0,
        "task_definition": TASK,
        "container_name": "app",
        "container_port": 80,
        "platform_version": "1.4.0",
        "network": {
            "subnets": ["subnet-1", "subnet-2"],
            "security_groups": ["sg-1"],
            "assign_public_ip": "DISABLED",
        },
        "capacity_providers": [
            {"name": "FARGATE", "base": 1, "weight": 2},
            {"name": "FARGATE_SPOT", "base": 0, "weight": 0},
        ],
        "hooks": dict(appspec.hooks),
    }


def test_what_is_left_out_is_left_to_the_service():
    least = EcsAppSpec(task_definition=TASK, container_name="app", container_port=80)

    assert taken(service()) == taken(service(PlatformVersion=None)) == least
    assert taken(balancer(ContainerPort="80")) == least


def test_every_problem_is_found_in_one_go():
    with pytest.raises(InvalidAppSpec) as refusal:
        taken(
            "version: 0.0\n"
            "Resources:\n"
            "  - web:\n"
            "      Type: AWS::ECS::Service\n"
            "      Properties:\n"
            "        TaskDefinition: <TASK_DEFINITION>\n"
            "        LoadBalancerInfo: {ContainerPort: 0}\n"
            "        PlatformVersion: 1.4\n"
            "        NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: yes}}\n"
            "Hooks:\n"
            "  - AllowTraffic: f\n"
        )

    at = "Resources[0].web.Properties"
    inner = f"{at}.NetworkConfiguration.AwsvpcConfiguration"
    assert [(each.line, each.column, each.key) for each in refusal.value.problems] == [
        (7, 43, f"{at}.LoadBalancerInfo.ContainerPort"),
        (6, 25, f"{at}.TaskDefinition"),
        (7, 27, f"{at}.LoadBalancerInfo.ContainerName"),
        (8, 26, f"{at}.PlatformVersion"),
        (9, 70, f"{inner}.AssignPublicIp"),
        (9, 53, f"{inner}.Subnets"),
        (9, 53, f"{inner}.SecurityGroups"),
        (11, 5, "Hooks[0]"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (service(TaskDefinition=None), "The resource 'web' has no TaskDefinition."),
        (service(TaskDefinition="a b"), "'a b' is neither the ARN of a task definition nor"),
        (service(TaskDefinition="shop:0"), "'shop:0' is neither the ARN"),
        (service(LoadBalancerInfo=None), "The resource 'web' has no LoadBalancerInfo."),
        (service(LoadBalancerInfo="app"), "must be a map with ContainerName and ContainerPort."),
        (balancer(ContainerName="a b"), "'a b' is no container"),
        (balancer(ContainerName=None), "LoadBalancerInfo has no ContainerName."),
        (balancer(ContainerPort=65536), "must be a whole number from 1 to 65,535."),
        (balancer(ContainerPort=80.5), "ContainerPort is '80.5', and must be a whole number"),
        (balancer(ContainerPort=[80]), "ContainerPort is a list, and must be a text."),
        (service(PlatformVersion="latest"), "PlatformVersion is 'latest', and must be LATEST"),
        (service(NetworkConfiguration=[]), "must be a map with AwsvpcConfiguration."),
        (service(NetworkConfiguration={}), "NetworkConfiguration has no AwsvpcConfiguration."),
        (network(Subnets=None), "AwsvpcConfiguration has no Subnets."),
        (network(Subnets=[]), "Subnets is an empty list."),
        (network(SecurityGroups="g"), 'is the text "g", and must be a list of texts.'),
        (network(Subnets=[["s"]]), "Subnets[0] is a list, and must be a text."),
        (network(AssignPublicIp="enabled"), "AssignPublicIp is 'enabled', and must be ENABLED or"),
        (service(CapacityProviderStrategy={}), "must be a list of maps with a CapacityProvider."),
        (service(CapacityProviderStrategy=["a"]), "must be a map with a CapacityProvider."),
        (service(CapacityProviderStrategy=[{}]), "The capacity provider has no CapacityProvider."),
        (
            service(CapacityProviderStrategy=[{"CapacityProvider": "a", "Weight": 1001}]),
            "Weight is '1001', and must be a whole number from 0 to 1,000.",
        ),
        (
            service(CapacityProviderStrategy=[{"CapacityProvider": "a", "Base": 1}] * 2),
            "More than one CapacityProvider has a Base",
        ),
        (service(2), "An AppSpec for ECS has one resource, and this is one more."),
    ],
)
def test_what_is_wrong_is_refused(text: str, message: str):
    with pytest.raises(InvalidAppSpec) as refusal:
        taken(text)

    assert message in refusal.value.message


def test_a_task_definition_without_revision_is_warned_of():
    appspec = taken(service(TaskDefinition="shop"))

    assert appspec.task_definition == "shop"
    assert "the newest is taken" in appspec.warnings[0].message
    assert appspec.as_json()["warnings"][0].startswith("line 1, column ")
