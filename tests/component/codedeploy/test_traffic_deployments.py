"""Deployments for Lambda and ECS through boto3: stored, shown and stopped."""

import hashlib
from typing import Any

import pytest

from component.api import worker
from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import ECS, LAMBDA, STYLE
from component.codedeploy.shops import ALL, WEB, Shop
from component.codedeploy.test_revisions import APPSPEC, JSON, S3, SHA256
from component.engine.traffic import ecs_appspec, lambda_appspec
from tidegate.engine.errands import SEVERAL


def appspec_content(text: str) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    content = {"content": text, "sha256": digest}
    return {"revisionType": "AppSpecContent", "appSpecContent": content}


@pytest.mark.parametrize(
    ("platform", "group", "text"),
    [("Lambda", LAMBDA, lambda_appspec()), ("ECS", ECS, ecs_appspec())],
)
def test_where_traffic_is_moved_it_is_stored_shown_and_stopped(
    aws: Aws, platform: str, group: dict[str, Any], text: str
):
    shop = Shop(aws, platform=platform, **group)
    revision = appspec_content(text)
    id_ = shop.deploy(revision, overrideAlarmConfiguration={"enabled": False})
    code = "DeploymentNotStartedException"
    refused(code, shop.client.list_deployment_targets, deploymentId=id_)
    worker.advance(aws.service, id_)

    info = shop.info(id_)

    assert (info["status"], info["computePlatform"]) == ("InProgress", platform)
    assert info["deploymentStyle"] == STYLE
    assert info["deploymentConfigName"] == f"CodeDeployDefault.{platform}AllAtOnce"
    assert info["deploymentStatusMessages"] == []
    assert info["instanceTerminationWaitTimeStarted"] is False
    alarms = info["overrideAlarmConfiguration"]
    assert alarms == {"enabled": False, "ignorePollAlarmFailure": False, "alarms": []}
    assert not {"fileExistsBehavior", "deploymentOverview"} & set(info)
    same = ("loadBalancerInfo", "blueGreenDeploymentConfiguration")
    group_info = shop.groups.get()
    assert {name: info.get(name) for name in same} == {name: group_info.get(name) for name in same}
    digest = {"sha256": revision["appSpecContent"]["sha256"]}
    assert info["revision"] == {"revisionType": "AppSpecContent", "appSpecContent": digest}
    shop.refuses("DeploymentLimitExceeded", revision)
    shop.client.stop_deployment(deploymentId=id_, autoRollbackEnabled=True)
    stopped = shop.info(id_)
    assert stopped["status"] == "Stopped"
    assert stopped["deploymentOverview"]["Failed"] == 1
    assert stopped["rollbackInfo"]["rollbackMessage"].startswith("Nothing had been changed")
    [target] = shop.client.list_deployment_targets(deploymentId=id_)["targetIds"]
    shown = shop.client.get_deployment_target(deploymentId=id_, targetId=target)
    assert shown["deploymentTarget"]["deploymentTargetType"] == f"{platform}Target"
    shop.deploy(revision)


def test_an_appspec_in_s3_is_fetched_first(quick_aws: Aws):
    shop = Shop(quick_aws, platform="ECS", **ECS)
    id_ = shop.deploy(JSON)
    worker.advance(quick_aws.service, id_)

    assert shop.info(id_)["status"] == "Created"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("InvalidFileExistsBehavior", {"fileExistsBehavior": "DISALLOW"}),
        ("InvalidIgnoreApplicationStopFailuresValue", {"ignoreApplicationStopFailures": True}),
        ("InvalidUpdateOutdatedInstancesOnlyValue", {"updateOutdatedInstancesOnly": True}),
        ("InvalidTargetInstances", {"targetInstances": {"tagFilters": WEB}}),
        ("InvalidRevision", {"revision": S3}),
        ("InvalidComputePlatform", {"revision": None, "deploymentMode": "RESTART"}),
        ("RevisionDoesNotExist", {"revision": {**APPSPEC, "appSpecContent": {"sha256": SHA256}}}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": ALL}),
    ],
)
@pytest.mark.parametrize(("platform", "group"), [("Lambda", LAMBDA), ("ECS", ECS)])
def test_where_traffic_is_moved_nothing_is_said_of_servers(
    quick_aws: Aws, platform: str, group: dict[str, Any], code: str, said: dict[str, Any]
):
    shop = Shop(quick_aws, platform=platform, **group)

    message = shop.refuses(code, **{"revision": APPSPEC, **said})

    if code == "InvalidFileExistsBehavior":
        assert message == "For Lambda and ECS deployment, fileExistsBehavior can not be specified"
    assert shop.rows() == []


def test_an_appspec_that_was_sent_before_is_known_by_its_digest(quick_aws: Aws):
    shop = Shop(quick_aws, platform="Lambda", **LAMBDA)
    first = shop.deploy(APPSPEC)
    shop.client.stop_deployment(deploymentId=first)

    second = shop.deploy({**APPSPEC, "appSpecContent": {"sha256": SHA256}})

    assert shop.info(second)["revision"] == shop.info(first)["revision"]


def test_a_group_of_v1_that_lacks_a_service_is_not_deployed_to(quick_aws: Aws):
    client = quick_aws.client()
    client.create_application(applicationName="shop", computePlatform="ECS")
    quick_aws.service.with_group()

    refused(
        "InvalidLoadBalancerInfoException",
        client.create_deployment,
        applicationName="shop",
        deploymentGroupName="prod",
        revision=APPSPEC,
    )


def test_what_waits_for_nobody_takes_no_word(quick_aws: Aws):
    shop = Shop(quick_aws, platform="ECS", **ECS)
    client, id_ = shop.client, shop.deploy(APPSPEC)
    hook, skip = (
        client.put_lifecycle_event_hook_execution_status,
        client.skip_wait_time_for_instance_termination,
    )
    said = {"deploymentId": id_, "lifecycleEventHookExecutionId": "x", "status": "Succeeded"}

    refused("InvalidLifecycleEventHookExecutionIdException", hook, **said)
    for wrong in ({"lifecycleEventHookExecutionId": ""}, {"lifecycleEventHookExecutionId": None}):
        refused("InvalidLifecycleEventHookExecutionIdException", hook, **{**said, **wrong})
    for status in ("Pending", "", None):
        code = "InvalidLifecycleEventHookExecutionStatusException"
        refused(code, hook, **{**said, "status": status})
    code = "DeploymentIsNotInReadyStateException"
    for wait in ({}, {"deploymentWaitType": "TERMINATION_WAIT"}):
        refused(code, client.continue_deployment, deploymentId=id_, **wait)
    code = "InvalidDeploymentWaitTypeException"
    for name in ("READY", ""):
        refused(code, client.continue_deployment, deploymentId=id_, deploymentWaitType=name)
    said = refused("DeploymentNotStartedException", skip, deploymentId=id_)
    assert "waits to be removed when all traffic has moved" in said


def test_what_has_not_started_fails_with_its_group(quick_aws: Aws):
    shop = Shop(quick_aws, platform="Lambda", **LAMBDA)
    id_ = shop.deploy(APPSPEC)
    shop.groups.delete()
    worker.advance(quick_aws.service, id_)

    info = shop.info(id_)

    assert info["errorInformation"]["code"] == "DEPLOYMENT_GROUP_MISSING"
    assert info["status"] == "Failed"


def test_several_functions_are_for_v1_alone(aws: Aws):
    shop = Shop(aws, platform="Lambda", **LAMBDA)
    both = appspec_content(lambda_appspec("shop-web", "shop-api"))
    id_ = shop.deploy(both)
    worker.advance(aws.service, id_)

    info = shop.info(id_)

    assert info["status"] == "Failed"
    assert info["errorInformation"]["code"] == "INVALID_REVISION"
    assert info["errorInformation"]["message"] == SEVERAL.format(2)
    revision = aws.service.get(f"/v1/deployments/{id_}").json()["revision"]
    by_v1 = aws.service.deploy(revision)
    worker.advance(aws.service, by_v1)
    listed = shop.client.list_deployment_targets(deploymentId=by_v1)["targetIds"]
    assert listed == ["shop-web:live", "shop-api:live"]
