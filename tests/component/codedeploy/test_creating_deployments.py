"""CreateDeployment through boto3: what it takes and what it refuses."""

from typing import Any

import pytest

from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import BLUE_GREEN, ec2_filter
from component.codedeploy.shops import ALL, OTHER, WEB, Shop
from component.codedeploy.test_deployments import ON_STOP
from component.codedeploy.test_revisions import APPSPEC, GITHUB, JSON, S3
from tidegate.domain.access import Role

ALARMS = {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": "hot"}]}
IN_PLACE = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}


@pytest.fixture
def shop(aws: Aws) -> Shop:
    return Shop(aws)


@pytest.fixture
def quick_shop(quick_aws: Aws) -> Shop:
    return Shop(quick_aws)


@pytest.mark.parametrize("revision", [S3, GITHUB])
def test_a_revision_is_registered_with_its_first_deployment(shop: Shop, revision: Any):
    id_ = shop.deploy(revision)

    info = shop.info(id_)
    found = shop.client.get_application_revision(applicationName="shop", revision=revision)
    about = found["revisionInfo"]

    assert info["revision"] == revision
    assert info["status"] == "Created"
    assert about["description"] == f"Application revision registered by Deployment ID: {id_}"
    assert about["registerTime"] == about["firstUsedTime"] == about["lastUsedTime"]
    assert about["registerTime"] == info["createTime"]
    assert "previousRevision" not in info


def test_one_that_is_registered_keeps_its_description(shop: Shop):
    shop.client.register_application_revision(
        applicationName="shop", revision=S3, description="mine"
    )

    shop.deploy()

    about = shop.client.get_application_revision(applicationName="shop", revision=S3)[
        "revisionInfo"
    ]
    assert about["description"] == "mine"
    assert about["registerTime"] <= about["firstUsedTime"]


def test_all_options_are_shown_as_they_were_said(shop: Shop):
    said = {
        "deploymentConfigName": ALL,
        "description": "x" * 256,
        "ignoreApplicationStopFailures": True,
        "updateOutdatedInstancesOnly": True,
        "fileExistsBehavior": "RETAIN",
        "autoRollbackConfiguration": ON_STOP,
        "overrideAlarmConfiguration": ALARMS,
        "ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["AZRebalance"]},
    }

    info = shop.info(shop.deploy(**said, deploymentMode="STANDARD"))

    assert {name: info[name] for name in said} == said
    assert "deploymentMode" not in info


def test_what_is_not_said_is_the_groups_as_it_was(shop: Shop):
    shop.groups.update(
        deploymentConfigName=ALL,
        autoRollbackConfiguration=ON_STOP,
        loadBalancerInfo={"targetGroupInfoList": [{"name": "web"}]},
        deploymentStyle={
            "deploymentType": "IN_PLACE",
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
        },
        ec2DeploymentOptions={"autoScalingGroupProcessesToSuspend": ["Terminate"]},
        alarmConfiguration=ALARMS,
    )
    info = shop.info(shop.deploy())
    settled = (
        "deploymentConfigName",
        "autoRollbackConfiguration",
        "loadBalancerInfo",
        "deploymentStyle",
        "ec2DeploymentOptions",
    )
    group = shop.groups.get()
    shop.groups.update(loadBalancerInfo={}, deploymentStyle=IN_PLACE)

    assert {name: info[name] for name in settled} == {name: group[name] for name in settled}
    assert "overrideAlarmConfiguration" not in info
    assert shop.info(info["deploymentId"]) == info


def test_both_faces_know_it(shop: Shop):
    id_ = shop.deploy(description="seen by both", fileExistsBehavior="OVERWRITE")

    by_rest = shop.service.get(f"/v1/deployments/{id_}").json()

    assert (by_rest["description"], by_rest["file_exists_behavior"]) == (
        "seen by both",
        "OVERWRITE",
    )
    assert (by_rest["deployment_mode"], by_rest["status_messages"]) == ("STANDARD", [])


def test_a_group_has_one_active_deployment(shop: Shop):
    first = shop.deploy()

    message = shop.refuses("DeploymentLimitExceeded", OTHER)

    assert message == f"The Deployment Group 'prod' already has an active Deployment '{first}'"
    assert shop.groups.get()["lastAttemptedDeployment"]["deploymentId"] == first
    assert shop.rows() == [first]
    refused(
        "RevisionDoesNotExistException",
        shop.client.get_application_revision,
        applicationName="shop",
        revision=OTHER,
    )
    shop.client.stop_deployment(deploymentId=first)
    second = shop.deploy(OTHER)
    assert shop.rows() == [second, first]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ApplicationNameRequired", {"applicationName": ""}),
        ("InvalidApplicationName", {"applicationName": "a/b"}),
        ("ApplicationDoesNotExist", {"applicationName": "none"}),
        ("DeploymentGroupNameRequired", {"deploymentGroupName": ""}),
        ("InvalidDeploymentGroupName", {"deploymentGroupName": "a/b"}),
        ("DeploymentGroupDoesNotExist", {"deploymentGroupName": "none"}),
        ("RevisionRequired", {"revision": None}),
        ("RevisionRequired", {"revision": None, "updateOutdatedInstancesOnly": True}),
        ("RevisionRequired", {"revision": None, "deploymentMode": "RESTART"}),
        ("InvalidRevision", {"revision": {"revisionType": "S3"}}),
        ("InvalidRevision", {"revision": APPSPEC}),
        ("InvalidRevision", {"revision": JSON}),
        ("InvalidRevision", {"deploymentMode": "RESTART"}),
        (
            "InvalidUpdateOutdatedInstancesOnlyValue",
            {"revision": None, "deploymentMode": "RESTART", "updateOutdatedInstancesOnly": True},
        ),
        ("InvalidInput", {"deploymentMode": "restart"}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": ""}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": "a/b"}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}),
        ("DeploymentConfigDoesNotExist", {"deploymentConfigName": "none"}),
        ("DescriptionTooLong", {"description": "x" * 257}),
        ("InvalidFileExistsBehavior", {"fileExistsBehavior": "overwrite"}),
        ("InvalidAutoRollbackConfig", {"autoRollbackConfiguration": {"enabled": True}}),
        ("InvalidAutoRollbackConfig", {"autoRollbackConfiguration": {"events": ["NEVER"]}}),
        ("InvalidAlarmConfig", {"overrideAlarmConfiguration": {"enabled": True}}),
        (
            "AlarmsLimitExceeded",
            {"overrideAlarmConfiguration": {"alarms": [{"name": str(n)} for n in range(51)]}},
        ),
        (
            "InvalidAutoScalingGroupProcessToSuspend",
            {"ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["Launch"]}},
        ),
        (
            "InvalidAutoScalingGroupProcessToSuspend",
            {
                "ec2DeploymentOptions": {
                    "autoScalingGroupProcessesToSuspend": ["Terminate", "Terminate"]
                }
            },
        ),
        ("InvalidTargetInstances", {"targetInstances": {"tagFilters": WEB}}),
        ("InvalidTargetInstances", {"targetInstances": {}}),
        (
            "InvalidTargetInstances",
            {"targetInstances": {"tagFilters": [ec2_filter(str(n)) for n in range(11)]}},
        ),
        (
            "InvalidTargetInstances",
            {"targetInstances": {"tagFilters": WEB, "ec2TagSet": {"ec2TagSetList": [WEB]}}},
        ),
        ("InvalidTargetInstances", {"targetInstances": {"tagFilters": [{"Type": "KEY_ONLY"}]}}),
        ("InvalidTargetInstances", {"targetInstances": {"autoScalingGroups": ["a", "a"]}}),
    ],
)
def test_what_is_refused_leaves_nothing(quick_shop: Shop, code: str, said: dict[str, Any]):
    quick_shop.refuses(code, **said)

    assert quick_shop.rows() == []
    found = quick_shop.client.list_application_revisions(applicationName="shop")
    assert found["revisions"] == []
    assert "lastAttemptedDeployment" not in quick_shop.groups.get()


def test_without_a_revision_the_sentence_is_that_of_aws(quick_shop: Shop):
    message = quick_shop.refuses("RevisionRequired", None)

    assert message == "RevisionLocation must be specified"


def test_replacement_instances_are_shown_where_a_group_discovers_them(quick_aws: Aws):
    settings = {"greenFleetProvisioningOption": {"action": "DISCOVER_EXISTING"}}
    group = {**BLUE_GREEN, "blueGreenDeploymentConfiguration": settings}
    shop = Shop(quick_aws, onPremisesInstanceTagFilters=[], **group)
    said = {"tagFilters": WEB, "autoScalingGroups": ["asg-2"]}

    id_ = shop.deploy(targetInstances=said)

    assert shop.info(id_)["targetInstances"] == said
    shop.client.stop_deployment(deploymentId=id_)
    sets = {"ec2TagSet": {"ec2TagSetList": [WEB, WEB]}}
    assert shop.info(shop.deploy(targetInstances=sets))["targetInstances"] == sets


def test_those_that_copy_a_group_have_no_instances_to_name(quick_aws: Aws):
    shop = Shop(quick_aws, onPremisesInstanceTagFilters=[], **BLUE_GREEN)

    shop.refuses("InvalidTargetInstances", targetInstances={"tagFilters": WEB})
    shop.refuses("InvalidInput", None, deploymentMode="RESTART")


def test_a_deployer_deploys_and_a_viewer_does_not(quick_shop: Shop):
    said = {"applicationName": "shop", "deploymentGroupName": "prod", "revision": S3}
    viewer, deployer = (quick_shop.aws.client(role) for role in (Role.VIEWER, Role.DEPLOYER))

    refused("AccessDeniedException", viewer.create_deployment, **said)
    assert deployer.create_deployment(**said)["deploymentId"] in quick_shop.rows()
