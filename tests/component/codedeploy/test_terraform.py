"""What Terraform calls for its `aws_codedeploy_*` resources, and how it reads the answers.

A value that they read without looking whether it is there is read so here, too.
"""

from typing import Any

import pytest

from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import ECS, LAMBDA, PAIR, ROLE, STYLE, TOPIC, ec2_filter

IN_PLACE = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}
PREFIX = "arn:aws:codedeploy:us-east-1:000000000000"
TAGS = [{"Key": "team", "Value": "blue"}]


class Terraform:
    """The resources' Create, Read, Update and Delete."""

    def __init__(self, aws: Aws) -> None:
        self.client = aws.client()

    def tags(self, resource: str) -> dict[str, str]:
        found = self.client.list_tags_for_resource(ResourceArn=f"{PREFIX}:{resource}")["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def create_app(self, name: str = "shop", platform: str = "Server") -> dict[str, Any]:
        self.client.create_application(applicationName=name, computePlatform=platform, tags=TAGS)
        return self.read_app(name)

    def read_app(self, name: str) -> dict[str, Any]:
        app = self.client.get_application(applicationName=name)["application"]
        return {
            "id": app["applicationId"],
            "name": app["applicationName"],
            "compute_platform": app["computePlatform"],
            "linked_to_github": app["linkedToGitHub"],
            "github_account_name": app.get("gitHubAccountName", ""),
            "create_time": app["createTime"],
            "tags": self.tags(f"application:{name}"),
        }

    def create_group(self, name: str = "prod", **said: Any) -> dict[str, Any]:
        self.client.create_deployment_group(
            applicationName="shop",
            deploymentGroupName=name,
            serviceRoleArn=ROLE,
            tags=TAGS,
            **said,
        )
        return self.read_group(name)

    def update_group(self, name: str = "prod", **said: Any) -> dict[str, Any]:
        self.client.update_deployment_group(
            applicationName="shop", currentDeploymentGroupName=name, **said
        )
        return self.read_group(said.get("newDeploymentGroupName", name))

    def read_group(self, name: str = "prod") -> dict[str, Any]:
        info = self.client.get_deployment_group(applicationName="shop", deploymentGroupName=name)[
            "deploymentGroupInfo"
        ]
        style, role = info["deploymentStyle"], info["serviceRoleArn"]
        return {
            "id": info["deploymentGroupId"],
            "app_name": info["applicationName"],
            "name": info["deploymentGroupName"],
            "config": info["deploymentConfigName"],
            "platform": info["computePlatform"],
            "role": role,
            "style": (style["deploymentType"], style["deploymentOption"]),
            "scaling_groups": {one["name"] for one in info["autoScalingGroups"]},
            "ec2_tag_filter": [_filter(one) for one in info["ec2TagFilters"]],
            "ec2_tag_set": [
                [_filter(one) for one in either]
                for either in info.get("ec2TagSet", {}).get("ec2TagSetList", [])
            ],
            "on_premises": [_filter(one) for one in info["onPremisesInstanceTagFilters"]],
            "triggers": [
                (one["triggerName"], one["triggerTargetArn"], set(one["triggerEvents"]))
                for one in info["triggerConfigurations"]
            ],
            "alarms": _alarms(info["alarmConfiguration"]),
            "rollback": _rollback(info["autoRollbackConfiguration"]),
            "load_balancers": info.get("loadBalancerInfo"),
            "blue_green": _blue_green(info.get("blueGreenDeploymentConfiguration")),
            "ecs": [
                (one["clusterName"], one["serviceName"]) for one in info.get("ecsServices", [])
            ],
            "outdated": info["outdatedInstancesStrategy"],
            "termination_hook": info["terminationHookEnabled"],
            "tags": self.tags(f"deploymentgroup:shop/{name}"),
        }


def _filter(one: dict[str, str]) -> tuple[str | None, str | None, str | None]:
    return one.get("Key"), one.get("Value"), one["Type"]


def _alarms(config: dict[str, Any]) -> tuple[bool, bool, set[str]]:
    names = {alarm["name"] for alarm in config["alarms"]}
    return config["enabled"], config["ignorePollAlarmFailure"], names


def _rollback(config: dict[str, Any]) -> tuple[bool, set[str]]:
    return config["enabled"], set(config.get("events", []))


def _blue_green(config: dict[str, Any] | None) -> dict[str, Any]:
    read: dict[str, Any] = {}
    if config is None:
        return read
    if ready := config.get("deploymentReadyOption"):
        read["ready"] = ready["actionOnTimeout"], ready["waitTimeInMinutes"]
    if fleet := config.get("greenFleetProvisioningOption"):
        read["fleet"] = fleet["action"]
    if blue := config.get("terminateBlueInstancesOnDeploymentSuccess"):
        read["blue"] = blue["action"], blue["terminationWaitTimeInMinutes"]
    return read


@pytest.fixture
def terraform(aws: Aws) -> Terraform:
    return Terraform(aws)


@pytest.fixture
def quick(quick_aws: Aws) -> Terraform:
    quick = Terraform(quick_aws)
    quick.create_app()
    return quick


@pytest.mark.parametrize("platform", ["Server", "Lambda", "ECS"])
def test_an_app_is_made_renamed_and_gone(terraform: Terraform, platform: str):
    client = terraform.client
    made = terraform.create_app(platform=platform)

    client.update_application(applicationName="shop", newApplicationName="store")
    renamed = terraform.read_app("store")
    arn = f"{PREFIX}:application:store"
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    tagged = terraform.read_app("store")
    client.delete_application(applicationName="store")

    assert (made["compute_platform"], made["linked_to_github"]) == (platform, False)
    assert made["tags"] == {"team": "blue"}
    assert renamed == {**made, "name": "store"}
    assert tagged == {**renamed, "tags": {"stage": "prod"}}
    refused("ApplicationDoesNotExistException", terraform.read_app, name="store")
    assert terraform.create_app("store")["create_time"] > made["create_time"]


@pytest.mark.parametrize(
    "said",
    [
        {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0}},
        {"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 75}},
        {
            "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 2},
            "zonalConfig": {
                "firstZoneMonitorDurationInSeconds": 10,
                "monitorDurationInSeconds": 20,
                "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 20},
            },
        },
        {
            "computePlatform": "Lambda",
            "trafficRoutingConfig": {
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryInterval": 10, "canaryPercentage": 50},
            },
        },
        {
            "computePlatform": "ECS",
            "trafficRoutingConfig": {
                "type": "TimeBasedLinear",
                "timeBasedLinear": {"linearInterval": 10, "linearPercentage": 50},
            },
        },
        {"computePlatform": "Lambda", "trafficRoutingConfig": {"type": "AllAtOnce"}},
    ],
)
def test_a_config_is_made_and_gone(terraform: Terraform, said: dict[str, Any]):
    client, name = terraform.client, {"deploymentConfigName": "mine"}
    made = client.create_deployment_config(**name, **{"computePlatform": "Server", **said})
    read = client.get_deployment_config(**name)["deploymentConfigInfo"]
    client.delete_deployment_config(**name)

    assert read.pop("createTime")
    expected = {"computePlatform": "Server", **name, **said}
    assert read == {**expected, "deploymentConfigId": made["deploymentConfigId"]}
    refused("DeploymentConfigDoesNotExistException", client.get_deployment_config, **name)


def test_a_group_is_made_with_defaults_changed_part_by_part_and_gone(terraform: Terraform):
    terraform.create_app()
    made = terraform.create_group(ec2TagFilters=[ec2_filter("a")])

    off = (False, set[str]())
    assert (made["config"], made["style"]) == (
        "CodeDeployDefault.OneAtATime",
        ("IN_PLACE", "WITHOUT_TRAFFIC_CONTROL"),
    )
    assert (made["rollback"], made["alarms"]) == (off, (False, False, set()))
    assert (made["load_balancers"], made["blue_green"], made["ecs"]) == (None, {}, [])
    assert (made["outdated"], made["termination_hook"]) == ("UPDATE", False)
    assert made["tags"] == {"team": "blue"}
    renamed = terraform.update_group(
        newDeploymentGroupName="web",
        ec2TagFilters=[ec2_filter("b")],
        serviceRoleArn=f"{ROLE}-2",
        deploymentConfigName="CodeDeployDefault.AllAtOnce",
    )
    assert renamed == {
        **made,
        "name": "web",
        "ec2_tag_filter": [("b", "x", "KEY_AND_VALUE")],
        "role": f"{ROLE}-2",
        "config": "CodeDeployDefault.AllAtOnce",
    }
    gone = {"applicationName": "shop", "deploymentGroupName": "web"}
    assert terraform.client.delete_deployment_group(**gone)["hooksNotCleanedUp"] == []
    refused("DeploymentGroupDoesNotExistException", terraform.read_group, name="web")
    terraform.client.delete_application(applicationName="shop")
    refused("ApplicationDoesNotExistException", terraform.read_group, name="web")


def test_lists_and_tag_sets_are_replaced_and_removed(quick: Terraform):
    sets = {"ec2TagSetList": [[ec2_filter("a")], [ec2_filter("b"), ec2_filter("c")]]}
    made = quick.create_group(
        ec2TagSet=sets,
        onPremisesInstanceTagFilters=[ec2_filter("d")],
        autoScalingGroups=["asg-1"],
        triggerConfigurations=[TOPIC],
    )

    changed = quick.update_group(
        ec2TagSet={"ec2TagSetList": sets["ec2TagSetList"][:1]},
        autoScalingGroups=["asg-2", "asg-3"],
        triggerConfigurations=[{**TOPIC, "triggerEvents": ["DeploymentSuccess"]}],
    )
    cleared = quick.update_group(
        ec2TagSet={"ec2TagSetList": []},
        onPremisesInstanceTagFilters=[],
        autoScalingGroups=[],
        triggerConfigurations=[],
    )

    assert [len(either) for either in made["ec2_tag_set"]] == [1, 2]
    assert made["triggers"][0][2] == {"DeploymentFailure", "InstanceReady"}
    assert [len(either) for either in changed["ec2_tag_set"]] == [1]
    assert changed["scaling_groups"] == {"asg-2", "asg-3"}
    assert changed["triggers"][0][2] == {"DeploymentSuccess"}
    assert cleared["ec2_tag_set"] == cleared["on_premises"] == cleared["triggers"] == []
    assert cleared["scaling_groups"] == set()


def test_alarms_and_rollback_are_switched_off_and_keep_what_they_name(quick: Terraform):
    alarms = {"alarms": [{"name": "hot"}], "ignorePollAlarmFailure": True}
    made = quick.create_group(
        alarmConfiguration={"enabled": True, **alarms},
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    )

    off = quick.update_group(
        alarmConfiguration={"enabled": False, **alarms},
        autoRollbackConfiguration={"enabled": False, "events": ["DEPLOYMENT_FAILURE"]},
    )
    gone = quick.update_group(
        alarmConfiguration={"enabled": False}, autoRollbackConfiguration={"enabled": False}
    )

    assert (made["alarms"], made["rollback"]) == (
        (True, True, {"hot"}),
        (True, {"DEPLOYMENT_FAILURE"}),
    )
    assert (off["alarms"], off["rollback"]) == (
        (False, True, {"hot"}),
        (False, {"DEPLOYMENT_FAILURE"}),
    )
    assert (gone["alarms"], gone["rollback"]) == ((False, False, set()), (False, set()))


def test_blue_green_comes_and_its_settings_outlive_it(quick: Terraform):
    quick.create_group(autoScalingGroups=["asg-1"])
    discovers = {
        "deploymentReadyOption": {
            "actionOnTimeout": "STOP_DEPLOYMENT",
            "waitTimeInMinutes": 60,
        },
        "greenFleetProvisioningOption": {"action": "DISCOVER_EXISTING"},
        "terminateBlueInstancesOnDeploymentSuccess": {
            "action": "TERMINATE",
            "terminationWaitTimeInMinutes": 120,
        },
    }

    changed = quick.update_group(
        deploymentStyle=STYLE,
        loadBalancerInfo={"elbInfoList": [{"name": "elb-1"}]},
        blueGreenDeploymentConfiguration=discovers,
    )
    kept_alive = quick.update_group(
        blueGreenDeploymentConfiguration={
            **discovers,
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "KEEP_ALIVE"},
        }
    )
    back = quick.update_group(deploymentStyle=IN_PLACE, loadBalancerInfo={})

    assert changed["style"] == ("BLUE_GREEN", "WITH_TRAFFIC_CONTROL")
    assert changed["load_balancers"] == {"elbInfoList": [{"name": "elb-1"}]}
    assert changed["blue_green"] == {
        "ready": ("STOP_DEPLOYMENT", 60),
        "fleet": "DISCOVER_EXISTING",
        "blue": ("TERMINATE", 120),
    }
    assert kept_alive["blue_green"]["blue"] == ("KEEP_ALIVE", 0)
    assert back["load_balancers"] is None
    assert back["style"] == ("IN_PLACE", "WITHOUT_TRAFFIC_CONTROL")
    assert back["blue_green"] == kept_alive["blue_green"]


def test_words_that_it_leaves_empty_are_as_good_as_none(quick: Terraform):
    """It sends what a block does not say as an empty string, a zero or an empty list."""
    of_key = {"Key": "a", "Value": "", "Type": "KEY_ONLY"}
    of_value = {"Key": "", "Value": "x", "Type": "VALUE_ONLY"}
    kept = {"action": "KEEP_ALIVE", "terminationWaitTimeInMinutes": 0}
    made = quick.create_group(
        ec2TagFilters=[of_key, of_value],
        onPremisesInstanceTagFilters=[of_value],
        autoRollbackConfiguration={"enabled": False, "events": []},
        loadBalancerInfo={},
        blueGreenDeploymentConfiguration={"terminateBlueInstancesOnDeploymentSuccess": kept},
    )

    to_sets = quick.update_group(ec2TagFilters=[], ec2TagSet={"ec2TagSetList": [[of_key]]})
    back = quick.update_group(
        ec2TagFilters=[of_key, of_value], ec2TagSet={"ec2TagSetList": []}, ecsServices=[]
    )

    assert made["ec2_tag_filter"] == [("a", None, "KEY_ONLY"), (None, "x", "VALUE_ONLY")]
    assert made["on_premises"] == [(None, "x", "VALUE_ONLY")]
    assert (made["load_balancers"], made["ec2_tag_set"]) == (None, [])
    assert made["blue_green"] == {"blue": ("KEEP_ALIVE", 0)}
    assert (to_sets["ec2_tag_filter"], len(to_sets["ec2_tag_set"])) == ([], 1)
    assert back == made


def test_load_balancers_take_each_others_place(quick: Terraform):
    shown = quick.create_group(
        deploymentStyle={**IN_PLACE, "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        loadBalancerInfo={"elbInfoList": [{"name": "elb-1"}, {"name": "elb-2"}]},
    )
    other = {"targetGroupInfoList": [{"name": "web"}]}

    assert [one["name"] for one in shown["load_balancers"]["elbInfoList"]] == ["elb-1", "elb-2"]
    assert quick.update_group(loadBalancerInfo=other)["load_balancers"] == other


def test_a_group_of_ecs_keeps_the_order_of_its_target_groups(terraform: Terraform):
    terraform.create_app(platform="ECS")
    plain = {name: value for name, value in PAIR.items() if name != "testTrafficRoute"}

    made = terraform.create_group(
        **{**ECS, "loadBalancerInfo": {"targetGroupPairInfoList": [plain]}}
    )
    other = {**PAIR, "targetGroups": PAIR["targetGroups"][::-1]}
    changed = terraform.update_group(loadBalancerInfo={"targetGroupPairInfoList": [other]})

    assert made["config"] == "CodeDeployDefault.ECSAllAtOnce"
    assert made["ecs"] == [("main", "web")]
    assert "fleet" not in made["blue_green"]
    assert made["load_balancers"] == {"targetGroupPairInfoList": [plain]}
    assert changed["load_balancers"] == {"targetGroupPairInfoList": [other]}


def test_a_group_of_lambda_has_what_was_recorded(terraform: Terraform):
    terraform.create_app(platform="Lambda")

    made = terraform.create_group(**LAMBDA)

    assert made["style"] == ("BLUE_GREEN", "WITH_TRAFFIC_CONTROL")
    assert made["blue_green"] == {}
    assert made["load_balancers"] is None


def test_what_will_not_pass_is_not_tried_again(quick: Terraform):
    """Creates are repeated for five minutes where a message speaks of a "Topic ARN"."""
    wrong = [{**TOPIC, "triggerTargetArn": "news"}]

    message = refused(
        "InvalidTriggerConfigException", lambda: quick.create_group(triggerConfigurations=wrong)
    )

    assert "Topic ARN" not in message
