"""What no deployment group may be: each rule by its exception, through boto3."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import (
    BLUE_GREEN,
    ECS,
    FULL,
    LAMBDA,
    PAIR,
    ROLE,
    STYLE,
    TOPIC,
    Groups,
    ec2_filter,
)

COPY = (
    "Exactly one AutoScaling group must be specifed when selecting the COPY_AUTO_SCALING_GROUP "
    "green fleet provisioning option."
)
ECS_STYLE = (
    "For ECS deployment, the deployment type must be BLUE_GREEN, and deployment option must be "
    "WITH_TRAFFIC_CONTROL."
)
IN_PLACE = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}


def tags(count: int) -> list[dict[str, str]]:
    return [ec2_filter(str(number)) for number in range(count)]


def pair(**other: Any) -> dict[str, Any]:
    return {"loadBalancerInfo": {"targetGroupPairInfoList": [{**PAIR, **other}]}}


def alarms(*names: str, enabled: bool = True) -> dict[str, Any]:
    listed = [{"name": name} for name in names]
    return {"alarmConfiguration": {"enabled": enabled, "alarms": listed}}


def blue_green(**parts: Any) -> dict[str, Any]:
    return {"blueGreenDeploymentConfiguration": parts}


WRONG_EVERYWHERE: list[tuple[str, dict[str, Any]]] = [
    ("RoleRequired", {"serviceRoleArn": ""}),
    ("InvalidRole", {"serviceRoleArn": "codedeploy"}),
    ("InvalidRole", {"serviceRoleArn": "arn:aws:iam::000000000000:user/me"}),
    ("InvalidDeploymentConfigName", {"deploymentConfigName": ""}),
    ("InvalidDeploymentConfigName", {"deploymentConfigName": "a b"}),
    ("DeploymentConfigDoesNotExist", {"deploymentConfigName": "nobodys"}),
    ("InvalidTriggerConfig", {"triggerConfigurations": [{**TOPIC, "triggerName": ""}]}),
    ("InvalidTriggerConfig", {"triggerConfigurations": [{**TOPIC, "triggerEvents": []}]}),
    ("InvalidTriggerConfig", {"triggerConfigurations": [{**TOPIC, "triggerEvents": ["Rain"]}]}),
    ("InvalidTriggerConfig", {"triggerConfigurations": [{**TOPIC, "triggerTargetArn": "news"}]}),
    ("InvalidTriggerConfig", {"triggerConfigurations": [TOPIC, TOPIC]}),
    (
        "TriggerTargetsLimitExceeded",
        {"triggerConfigurations": [{**TOPIC, "triggerName": str(n)} for n in range(11)]},
    ),
    ("InvalidAlarmConfig", alarms()),
    ("InvalidAlarmConfig", alarms("hot", "hot")),
    ("InvalidAlarmConfig", alarms("")),
    ("InvalidAlarmConfig", alarms("a" * 256, enabled=False)),
    ("AlarmsLimitExceeded", alarms(*map(str, range(51)))),
    ("InvalidAutoRollbackConfig", {"autoRollbackConfiguration": {"enabled": True}}),
    ("InvalidAutoRollbackConfig", {"autoRollbackConfiguration": {"events": ["WHIM"]}}),
    ("InvalidDeploymentStyle", {"deploymentStyle": {"deploymentType": "BLUE_GREEN"}}),
    ("InvalidDeploymentStyle", {"deploymentStyle": {**STYLE, "deploymentType": "RED"}}),
    ("InvalidDeploymentStyle", {"deploymentStyle": {**STYLE, "deploymentOption": "MAYBE"}}),
    ("InvalidInput", {"outdatedInstancesStrategy": "LEAVE"}),
    ("InvalidTagsToAdd", {"tags": [{"Key": "aws:a", "Value": "b"}]}),
]
WRONG_ON_SERVERS: list[tuple[str, dict[str, Any]]] = [
    ("InvalidDeploymentConfigName", {"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}),
    (
        "InvalidEC2TagCombination",
        {"ec2TagFilters": tags(1), "ec2TagSet": {"ec2TagSetList": [tags(1)]}},
    ),
    (
        "InvalidOnPremisesTagCombination",
        {
            "onPremisesInstanceTagFilters": tags(1),
            "onPremisesTagSet": {"onPremisesTagSetList": [tags(1)]},
        },
    ),
    ("TagSetListLimitExceeded", {"ec2TagSet": {"ec2TagSetList": [tags(1)] * 4}}),
    ("TagSetListLimitExceeded", {"onPremisesTagSet": {"onPremisesTagSetList": [tags(1)] * 4}}),
    ("InvalidEC2Tag", {"ec2TagFilters": tags(11)}),
    ("InvalidEC2Tag", {"ec2TagFilters": [{"Key": "a", "Type": "NO_KEY"}]}),
    ("InvalidEC2Tag", {"ec2TagFilters": [{}]}),
    ("InvalidEC2Tag", {"ec2TagFilters": [{"Value": "a", "Type": "KEY_ONLY"}]}),
    ("InvalidEC2Tag", {"ec2TagFilters": [{"Key": "a", "Type": "VALUE_ONLY"}]}),
    ("InvalidEC2Tag", {"ec2TagFilters": [{"Key": "a", "Type": "KEY_AND_VALUE"}]}),
    ("InvalidEC2Tag", {"ec2TagFilters": [ec2_filter("a" * 129)]}),
    ("InvalidEC2Tag", {"ec2TagSet": {"ec2TagSetList": [tags(1), []]}}),
    ("InvalidTag", {"onPremisesInstanceTagFilters": tags(11)}),
    ("InvalidTag", {"onPremisesInstanceTagFilters": [{"Key": "a", "Value": "b" * 257}]}),
    ("InvalidTag", {"onPremisesTagSet": {"onPremisesTagSetList": [[{"Type": "KEY_ONLY"}]]}}),
    ("InvalidAutoScalingGroup", {"autoScalingGroups": [str(n) for n in range(11)]}),
    ("InvalidAutoScalingGroup", {"autoScalingGroups": ["asg-1", "asg-1"]}),
    ("InvalidAutoScalingGroup", {"autoScalingGroups": [""]}),
    (
        "InvalidAutoScalingGroupProcessToSuspend",
        {"ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["terminate"]}},
    ),
    ("InvalidLoadBalancerInfo", {"loadBalancerInfo": {"elbInfoList": []}}),
    ("InvalidLoadBalancerInfo", {"loadBalancerInfo": {"targetGroupInfoList": [{}]}}),
    (
        "InvalidLoadBalancerInfo",
        {"loadBalancerInfo": {"elbInfoList": [{"name": str(n)} for n in range(11)]}},
    ),
    ("InvalidLoadBalancerInfo", {"deploymentStyle": STYLE}),
    (
        "InvalidDeploymentStyle",
        {"deploymentStyle": {**STYLE, "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}},
    ),
    ("InvalidInput", {**BLUE_GREEN, "onPremisesInstanceTagFilters": tags(1)}),
    ("InvalidECSService", {"ecsServices": ECS["ecsServices"]}),
    ("InvalidBlueGreenDeploymentConfiguration", {**BLUE_GREEN, "autoScalingGroups": []}),
    ("InvalidBlueGreenDeploymentConfiguration", {**BLUE_GREEN, "autoScalingGroups": ["1", "2"]}),
    (
        "InvalidBlueGreenDeploymentConfiguration",
        blue_green(deploymentReadyOption={"waitTimeInMinutes": 2881}),
    ),
    (
        "InvalidBlueGreenDeploymentConfiguration",
        blue_green(deploymentReadyOption={"actionOnTimeout": "HOPE"}),
    ),
    (
        "InvalidBlueGreenDeploymentConfiguration",
        blue_green(terminateBlueInstancesOnDeploymentSuccess={"terminationWaitTimeInMinutes": -1}),
    ),
    ("InvalidBlueGreenDeploymentConfiguration", blue_green(greenFleetProvisioningOption={})),
]
WRONG_ON_LAMBDA: list[tuple[str, dict[str, Any]]] = [
    ("InvalidDeploymentStyle", {"deploymentStyle": IN_PLACE}),
    ("InvalidEC2Tag", {"ec2TagFilters": tags(1)}),
    ("InvalidTag", {"onPremisesInstanceTagFilters": tags(1)}),
    ("InvalidAutoScalingGroup", {"autoScalingGroups": ["asg-1"]}),
    ("InvalidLoadBalancerInfo", {"loadBalancerInfo": {"elbInfoList": [{"name": "a"}]}}),
    ("InvalidECSService", {"ecsServices": ECS["ecsServices"]}),
    ("InvalidDeploymentConfigName", {"deploymentConfigName": "CodeDeployDefault.OneAtATime"}),
]
WRONG_ON_ECS: list[tuple[str, dict[str, Any]]] = [
    ("InvalidDeploymentStyle", {"deploymentStyle": IN_PLACE}),
    ("InvalidEC2Tag", {"ec2TagSet": {"ec2TagSetList": [tags(1)]}}),
    ("InvalidTag", {"onPremisesTagSet": {"onPremisesTagSetList": [tags(1)]}}),
    ("InvalidAutoScalingGroup", {"autoScalingGroups": ["asg-1"]}),
    ("InvalidBlueGreenDeploymentConfiguration", {"blueGreenDeploymentConfiguration": {}}),
    ("InvalidLoadBalancerInfo", {"loadBalancerInfo": {}}),
    ("InvalidLoadBalancerInfo", {"loadBalancerInfo": {"elbInfoList": [{"name": "a"}]}}),
    ("InvalidLoadBalancerInfo", {"loadBalancerInfo": {"targetGroupInfoList": [{"name": "a"}]}}),
    ("InvalidTargetGroupPair", {"loadBalancerInfo": {"targetGroupPairInfoList": []}}),
    ("InvalidTargetGroupPair", {"loadBalancerInfo": {"targetGroupPairInfoList": [PAIR, PAIR]}}),
    ("InvalidTargetGroupPair", pair(targetGroups=[{"name": "blue"}])),
    ("InvalidTargetGroupPair", pair(targetGroups=[{"name": "blue"}, {"name": "blue"}])),
    ("InvalidTargetGroupPair", pair(testTrafficRoute={"listenerArns": ["a", "b"]})),
    ("InvalidTrafficRoutingConfiguration", pair(prodTrafficRoute={"listenerArns": []})),
    ("InvalidTrafficRoutingConfiguration", pair(prodTrafficRoute={})),
    ("InvalidECSService", {"ecsServices": []}),
    ("InvalidECSService", {"ecsServices": [{"clusterName": "main"}]}),
    (
        "InvalidECSService",
        {"ecsServices": [{"serviceName": "web"}, {"serviceName": "api"}]},
    ),
]
RIGHT: dict[str, dict[str, Any]] = {"Server": {}, "Lambda": LAMBDA, "ECS": ECS}
WRONG = {
    "Server": WRONG_EVERYWHERE + WRONG_ON_SERVERS,
    "Lambda": WRONG_EVERYWHERE + WRONG_ON_LAMBDA,
    "ECS": WRONG_EVERYWHERE + WRONG_ON_ECS,
}
NOT_ON_UPDATE = {"RoleRequired", "InvalidTagsToAdd"}


@pytest.mark.parametrize("platform", RIGHT)
def test_each_rule_has_its_exception(quick_aws: Aws, platform: str):
    groups = Groups(quick_aws, platform=platform)
    for code, wrong in WRONG[platform]:
        groups.refuses(f"{code}Exception", **{**RIGHT[platform], **wrong})

    assert groups.names() == []
    groups.create(**RIGHT[platform])
    before = groups.get()
    for code, wrong in WRONG[platform]:
        if code not in NOT_ON_UPDATE:
            groups.refuses_update(f"{code}Exception", **wrong)
    assert groups.get() == before


def test_sentences_about_servers_that_clients_know(quick_aws: Aws):
    groups = Groups(quick_aws)
    style, half = "InvalidDeploymentStyleException", {"deploymentType": "IN_PLACE"}

    assert groups.refuses(style, deploymentStyle=half) == (
        "Deployment type or deployment option cannot be null or empty"
    )
    assert groups.refuses(style, deploymentStyle={**half, "deploymentOption": "X"}) == (
        "Deployment option can only be WITH_TRAFFIC_CONTROL or WITHOUT_TRAFFIC_CONTROL"
    )
    no_balancer = groups.refuses("InvalidLoadBalancerInfoException", deploymentStyle=STYLE)
    assert no_balancer.endswith("no target group was specified in targetGroupInfoList.")
    copied = {**BLUE_GREEN, "autoScalingGroups": []}
    assert groups.refuses("InvalidBlueGreenDeploymentConfigurationException", **copied) == COPY
    assert groups.refuses("InvalidECSServiceException", ecsServices=ECS["ecsServices"]) == (
        "Should not specify ECS services parameter for Server deployment group"
    )
    unknown = [{"Key": "role", "Type": "key_only"}]
    said = groups.refuses("InvalidEC2TagException", ec2TagFilters=unknown)
    assert said.startswith("The filter with Key 'role', Type 'key_only' is none; one has the Type")


@pytest.mark.parametrize(
    ("code", "wrong", "sentence"),
    [
        ("InvalidDeploymentStyle", {"deploymentStyle": IN_PLACE}, ECS_STYLE),
        (
            "InvalidAutoScalingGroup",
            {"autoScalingGroups": ["a"]},
            "For ECS deployment group, autoScalingGroups can not be specified",
        ),
        (
            "InvalidTrafficRoutingConfiguration",
            pair(prodTrafficRoute={}),
            "Production traffic route must have exactly one listener Arn",
        ),
        (
            "InvalidBlueGreenDeploymentConfiguration",
            blue_green(),
            "For ECS deployment group, blueGreenDeploymentConfiguration must be specified",
        ),
        (
            "InvalidLoadBalancerInfo",
            {"loadBalancerInfo": {}},
            "For ECS deployment group, loadBalancerInfo must be specified",
        ),
    ],
)
def test_sentences_about_ecs_that_clients_know(quick_aws: Aws, code: str, wrong, sentence: str):
    groups = Groups(quick_aws, platform="ECS")

    assert groups.refuses(f"{code}Exception", **{**ECS, **wrong}) == sentence


def test_names_and_what_they_name(aws: Aws):
    groups = Groups(aws)
    groups.create()

    for code, application, name in (
        ("ApplicationNameRequired", "", "new"),
        ("InvalidApplicationName", "a b", "new"),
        ("ApplicationDoesNotExist", "none", "new"),
        ("DeploymentGroupNameRequired", "shop", ""),
        ("InvalidDeploymentGroupName", "shop", "a/b"),
        ("DeploymentGroupAlreadyExists", "shop", "prod"),
    ):
        refused(
            f"{code}Exception",
            groups.client.create_deployment_group,
            applicationName=application,
            deploymentGroupName=name,
            serviceRoleArn=ROLE,
        )
    refused("ApplicationNameRequiredException", groups.client.create_deployment_group)
    assert groups.names() == ["prod"]


def test_of_many_who_want_a_service_one_gets_it(aws: Aws):
    groups = Groups(aws, platform="ECS")
    names = [f"group-{number}" for number in range(6)]

    def create(name: str) -> str:
        try:
            return Groups(aws, client=aws.client()).create(name, **ECS)["deploymentGroupId"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(create, names))

    assert results.count("ECSServiceMappingLimitExceededException") == 5
    assert len(groups.names()) == 1


def test_a_service_is_in_one_group_however_it_is_named(aws: Aws):
    groups = Groups(aws, platform="ECS")
    groups.create(**ECS)
    place = "arn:aws:ecs:us-east-1:000000000000"
    by_arn = [{"clusterName": f"{place}:cluster/main", "serviceName": f"{place}:service/main/web"}]
    other = [{"clusterName": "main", "serviceName": "other"}]

    taken = "ECSServiceMappingLimitExceededException"
    assert "main:web" in groups.refuses(taken, "second", **{**ECS, "ecsServices": by_arn})
    groups.create("second", **{**ECS, "ecsServices": other})
    groups.refuses_update(taken, "second", ecsServices=ECS["ecsServices"])
    assert groups.get("second")["ecsServices"] == other
    groups.update(ecsServices=by_arn)
    assert groups.get()["ecsServices"] == by_arn
    groups.delete()
    groups.update("second", ecsServices=ECS["ecsServices"])
    there = Groups(aws, client=ecs_elsewhere(aws))
    there.create(**ECS)


def ecs_elsewhere(aws: Aws) -> Any:
    client = aws.client(region="eu-west-1")
    client.create_application(applicationName="shop", computePlatform="ECS")
    return client


def test_all_of_it_at_once_is_no_rule_broken(aws: Aws):
    groups = Groups(aws)

    groups.create(**FULL)
    groups.create("blue", **BLUE_GREEN)
    most = {
        "onPremisesTagSet": {"onPremisesTagSetList": [tags(10)] * 3},
        "ec2TagSet": {"ec2TagSetList": [tags(10)] * 3},
        "autoScalingGroups": [str(number) for number in range(10)],
        "triggerConfigurations": [{**TOPIC, "triggerName": str(n)} for n in range(10)],
        **alarms(*map(str, range(50))),
    }
    groups.create("most", **most)
    assert groups.names() == ["blue", "most", "prod"]
