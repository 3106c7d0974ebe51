"""Deployment groups that are changed, renamed and deleted, through boto3."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from component.api.conftest import bundle
from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import BLUE_GREEN, ECS, FULL, TOPIC, Groups, ec2_filter

COPY = BLUE_GREEN["blueGreenDeploymentConfiguration"]


@pytest.fixture
def groups(aws: Aws) -> Groups:
    return Groups(aws)


def test_what_is_absent_stays(groups: Groups):
    groups.create(**FULL)
    before = groups.get()

    assert groups.update()["hooksNotCleanedUp"] == []
    assert groups.get() == before
    groups.update(terminationHookEnabled=False)
    assert groups.get() == {**before, "terminationHookEnabled": False}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"ec2TagFilters": []}, {"ec2TagFilters": []}),
        ({"onPremisesInstanceTagFilters": []}, {"onPremisesInstanceTagFilters": []}),
        ({"autoScalingGroups": []}, {"autoScalingGroups": []}),
        ({"triggerConfigurations": []}, {"triggerConfigurations": []}),
        ({"ec2DeploymentOptions": {}}, {"ec2DeploymentOptions": None}),
        (
            {"alarmConfiguration": {}},
            {
                "alarmConfiguration": {
                    "enabled": False,
                    "ignorePollAlarmFailure": False,
                    "alarms": [],
                }
            },
        ),
        ({"autoRollbackConfiguration": {}}, {"autoRollbackConfiguration": {"enabled": False}}),
        (
            {"autoRollbackConfiguration": {"enabled": False, "events": ["DEPLOYMENT_FAILURE"]}},
            {"autoRollbackConfiguration": {"enabled": False, "events": ["DEPLOYMENT_FAILURE"]}},
        ),
        (
            {"deploymentConfigName": "CodeDeployDefault.AllAtOnce"},
            {"deploymentConfigName": "CodeDeployDefault.AllAtOnce"},
        ),
        ({"serviceRoleArn": "arn:aws:iam::000000000000:role/b"},) * 2,
        (
            {"autoScalingGroups": ["other"]},
            {"autoScalingGroups": [{"name": "other"}]},
        ),
    ],
)
def test_what_is_empty_clears_and_nothing_else_changes(quick_aws: Aws, said, shown):
    groups = Groups(quick_aws)
    groups.create(**FULL)
    before = groups.get()

    groups.update(**said)

    expected = {**before, **shown}
    assert groups.get() == {name: value for name, value in expected.items() if value is not None}


def test_load_balancers_and_blue_green_can_be_taken_away(groups: Groups):
    groups.create(**BLUE_GREEN)
    in_place = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}

    groups.update(deploymentStyle=in_place, loadBalancerInfo={})
    shown = groups.get()
    assert "loadBalancerInfo" not in shown
    assert shown["blueGreenDeploymentConfiguration"]["greenFleetProvisioningOption"] == {
        "action": "COPY_AUTO_SCALING_GROUP"
    }
    groups.update(autoScalingGroups=[])
    groups.update(blueGreenDeploymentConfiguration={})
    assert "blueGreenDeploymentConfiguration" not in groups.get()


def test_a_group_to_copy_must_be_sent_again(groups: Groups):
    groups.create(**BLUE_GREEN)
    code = "InvalidBlueGreenDeploymentConfigurationException"

    assert "Exactly one AutoScaling group must be specifed" in groups.refuses_update(
        code, blueGreenDeploymentConfiguration=COPY
    )
    groups.refuses_update(code, blueGreenDeploymentConfiguration=COPY, autoScalingGroups=[])
    groups.refuses_update(code, autoScalingGroups=["asg-1", "asg-2"])
    groups.update(blueGreenDeploymentConfiguration=COPY, autoScalingGroups=["asg-2"])
    groups.update(triggerConfigurations=[TOPIC])
    assert groups.get()["autoScalingGroups"] == [{"name": "asg-2"}]


def test_one_form_of_tags_gives_way_to_the_other(groups: Groups):
    flat, sets = [ec2_filter("a")], [[ec2_filter("b")]]
    groups.create(ec2TagFilters=flat, onPremisesInstanceTagFilters=flat)

    groups.refuses_update("InvalidEC2TagCombinationException", ec2TagSet={"ec2TagSetList": sets})
    groups.refuses_update(
        "InvalidOnPremisesTagCombinationException",
        onPremisesTagSet={"onPremisesTagSetList": sets},
    )
    groups.update(
        ec2TagFilters=[],
        ec2TagSet={"ec2TagSetList": sets},
        onPremisesInstanceTagFilters=[],
        onPremisesTagSet={"onPremisesTagSetList": sets},
    )
    shown = groups.get()
    assert shown["ec2TagSet"] == {"ec2TagSetList": sets}
    assert shown["onPremisesTagSet"] == {"onPremisesTagSetList": sets}
    assert (shown["ec2TagFilters"], shown["onPremisesInstanceTagFilters"]) == ([], [])
    groups.update(ec2TagSet={}, onPremisesTagSet={"onPremisesTagSetList": []})
    assert not {"ec2TagSet", "onPremisesTagSet"} & set(groups.get())


def test_one_is_renamed_with_all_that_belongs_to_it(aws: Aws, groups: Groups):
    aws.service.with_host()
    aws.service.with_group("rest", hosts=["web-1"])
    id_ = aws.service.deploy(
        aws.service.upload("shop", bundle()).json()["id"], deployment_group="rest"
    )
    groups.create()
    before = groups.get("rest")

    groups.update("rest", newDeploymentGroupName="web")

    assert groups.get("web") == {**before, "deploymentGroupName": "web"}
    assert groups.names() == ["prod", "web"]
    assert aws.service.get(f"/v1/deployments/{id_}").json()["deployment_group"] == "web"
    groups.update("web", newDeploymentGroupName="web")
    for code, name in (
        ("DeploymentGroupAlreadyExists", "prod"),
        ("DeploymentGroupNameRequired", ""),
        ("InvalidDeploymentGroupName", "a/b"),
    ):
        groups.refuses_update(f"{code}Exception", "web", newDeploymentGroupName=name)


def test_what_cannot_be_changed(groups: Groups):
    update = groups.client.update_deployment_group
    groups.create()

    for code, application, name in (
        ("ApplicationNameRequired", "", "prod"),
        ("InvalidApplicationName", "a b", "prod"),
        ("ApplicationDoesNotExist", "none", "prod"),
        ("DeploymentGroupNameRequired", "shop", ""),
        ("InvalidDeploymentGroupName", "shop", "a/b"),
        ("DeploymentGroupDoesNotExist", "shop", "none"),
    ):
        refused(
            f"{code}Exception",
            update,
            applicationName=application,
            currentDeploymentGroupName=name,
        )


def test_a_change_that_is_refused_changes_nothing(groups: Groups):
    groups.create(**FULL)
    before = groups.get()

    groups.create("web")
    changes: dict[str, Any] = {"ec2TagFilters": [], "terminationHookEnabled": False}

    groups.refuses_update(
        "DeploymentGroupAlreadyExistsException", newDeploymentGroupName="web", **changes
    )
    groups.refuses_update(
        "InvalidAutoScalingGroupException",
        newDeploymentGroupName="other",
        autoScalingGroups=["asg-1", "asg-1"],
        **changes,
    )

    assert groups.get() == before
    assert groups.names() == ["prod", "web"]


def test_changes_at_once_do_not_undo_each_other(aws: Aws, groups: Groups):
    groups.create()
    changes: list[dict[str, Any]] = [
        {"autoScalingGroups": ["asg-1"]},
        {"ec2TagFilters": [ec2_filter("a")]},
        {"terminationHookEnabled": True},
        {"triggerConfigurations": [TOPIC]},
        {"outdatedInstancesStrategy": "IGNORE"},
    ]

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda said: Groups(aws, client=aws.client()).update(**said), changes))

    shown = groups.get()
    assert shown["autoScalingGroups"] == [{"name": "asg-1"}]
    assert {**changes[1], **changes[2], **changes[3], **changes[4]}.items() <= shown.items()


def test_a_deleted_one_is_gone_and_its_name_is_free(aws: Aws, groups: Groups):
    first = groups.create(**FULL)

    assert groups.delete()["hooksNotCleanedUp"] == []
    assert groups.delete()["hooksNotCleanedUp"] == []

    assert groups.names() == []
    assert groups.create()["deploymentGroupId"] != first["deploymentGroupId"]
    delete = groups.client.delete_deployment_group
    delete(applicationName="none", deploymentGroupName="prod")
    for code, application, name in (
        ("ApplicationNameRequired", "", "prod"),
        ("InvalidApplicationName", "a b", "prod"),
        ("DeploymentGroupNameRequired", "shop", ""),
        ("InvalidDeploymentGroupName", "shop", "a/b"),
    ):
        refused(f"{code}Exception", delete, applicationName=application, deploymentGroupName=name)


def test_one_is_deleted_while_it_deploys_and_history_stays(aws: Aws):
    id_ = aws.service.with_deployment()
    groups = Groups(aws, client=aws.client())

    groups.delete()

    assert groups.names() == []
    assert aws.service.get(f"/v1/deployments/{id_}").json()["status"] == "Created"
    refused("DeploymentGroupDoesNotExistException", groups.get)
    infos = groups.client.batch_get_deployment_groups(
        applicationName="shop", deploymentGroupNames=["prod"]
    )
    assert infos["deploymentGroupsInfo"] == []
    assert aws.service.get("/v1/applications/shop/deployment-groups").json()["items"] == []
    groups.create()
    assert groups.names() == ["prod"]


def test_the_group_of_a_service_is_renamed_and_kept(aws: Aws):
    groups = Groups(aws, platform="ECS")
    groups.create(**ECS)

    groups.update(newDeploymentGroupName="web", terminationHookEnabled=True)

    assert groups.get("web")["ecsServices"] == ECS["ecsServices"]
    groups.refuses_update("InvalidECSServiceException", "web", ecsServices=[])
