"""What pipelines built on CodeDeploy call, in their order, and how they read the answers."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from component.codedeploy.conftest import Aws, refused, seen
from component.codedeploy.groups import ECS, ROLE
from component.codedeploy.shops import OTHER, Shop
from component.codedeploy.test_applications import with_many
from component.codedeploy.test_revisions import APPSPEC, CONTENT, GITHUB, S3

ACTIVE = re.compile(r"(?:is already deploying|already has an active Deployment) '(d-\w+)'")
OF_SHOP = {"applicationName": "shop", "deploymentGroupName": "prod"}


@pytest.fixture
def shop(aws: Aws) -> Shop:
    shop = Shop(aws)
    shop.with_instance()
    return shop


def test_an_action_of_github_makes_a_group_and_waits_for_who_was_first(aws: Aws):
    """webfactory/create-aws-codedeploy-deployment."""
    client = aws.client()
    client.create_application(applicationName="shop")
    config: dict[str, Any] = {"serviceRoleArn": ROLE}

    refused(
        "DeploymentGroupDoesNotExistException",
        client.update_deployment_group,
        applicationName="shop",
        currentDeploymentGroupName="prod",
        **config,
    )
    client.create_deployment_group(**OF_SHOP, **config)
    info = client.get_deployment_group(**OF_SHOP)["deploymentGroupInfo"]
    assert "lastAttemptedDeployment" not in info
    first = client.create_deployment(
        **OF_SHOP, revision=GITHUB, description="run_number=1", fileExistsBehavior="OVERWRITE"
    )["deploymentId"]
    message = refused(
        "DeploymentLimitExceededException", client.create_deployment, **OF_SHOP, revision=GITHUB
    )
    assert ACTIVE.findall(message) == [first]
    last = client.get_deployment_group(**OF_SHOP)["deploymentGroupInfo"]["lastAttemptedDeployment"]
    shown = client.get_deployment(deploymentId=last["deploymentId"])["deploymentInfo"]
    assert shown["description"] == "run_number=1"
    client.stop_deployment(deploymentId=first)
    assert client.create_deployment(**OF_SHOP, revision=GITHUB)["deploymentId"] != first


def test_an_orb_makes_what_is_not_there_and_asks_until_it_succeeded(aws: Aws):
    """CircleCI's orb, and techpivot's script."""
    client = aws.client()
    minimum = {"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 50}}
    for get, create, name, more in (
        (client.get_application, client.create_application, {"applicationName": "shop"}, {}),
        (
            client.get_deployment_config,
            client.create_deployment_config,
            {"deploymentConfigName": "half"},
            minimum,
        ),
        (
            client.get_deployment_group,
            client.create_deployment_group,
            OF_SHOP,
            {"deploymentConfigName": "half", "serviceRoleArn": ROLE},
        ),
    ):
        with pytest.raises(ClientError, match="DoesNotExist"):
            get(**name)
        create(**name, **more)
        get(**name)
    client.register_application_revision(applicationName="shop", revision=S3, description="42")
    id_ = client.create_deployment(**OF_SHOP, revision=S3)["deploymentId"]

    shown = client.get_deployment(deploymentId=id_)["deploymentInfo"]

    assert shown["status"] == "Created"
    assert shown["deploymentConfigName"] == "half"
    assert "completeTime" not in shown


def test_an_action_waits_until_nothing_runs_before_it_deploys(shop: Shop):
    """sourcetoad/aws-codedeploy-action."""
    client = shop.client

    def running() -> list[str]:
        statuses = ["Queued", "InProgress"]
        return client.list_deployments(**OF_SHOP, includeOnlyStatuses=statuses)["deployments"]

    assert running() == []
    id_ = shop.deploy(fileExistsBehavior="OVERWRITE")
    assert "deploymentOverview" not in shop.info(id_)
    shop.carry_out(id_)
    assert running() == []
    shown = shop.info(id_)
    assert (shown["status"], shown["deploymentOverview"]["Failed"]) == ("Succeeded", 0)
    assert shown["revision"]["s3Location"]["eTag"] == '"abc"'


def test_jenkins_looks_at_the_first_page_and_at_when_it_was_complete(shop: Shop):
    """Its plugins aws-codedeploy and pipeline-aws."""
    client = shop.client
    with_many(shop.aws, 99)
    assert "shop" in client.list_applications()["applications"]
    assert "prod" in client.list_deployment_groups(applicationName="shop")["deploymentGroups"]

    id_ = shop.deploy(OTHER)
    assert "completeTime" not in shop.info(id_)
    shop.carry_out(id_, failing="AfterInstall")

    shown = shop.info(id_)
    assert shown["completeTime"] >= shown["createTime"]
    assert shown["errorInformation"]["message"]


def test_who_reads_hosts_finds_the_event_that_failed(shop: Shop):
    """gcdt."""
    id_ = shop.carry_out(shop.deploy(), failing="AfterInstall")

    (name,) = shop.client.list_deployment_instances(deploymentId=id_)["instancesList"]
    summary = shop.client.get_deployment_instance(deploymentId=id_, instanceId=name)[
        "instanceSummary"
    ]

    events = {one["lifecycleEventName"]: one for one in summary["lifecycleEvents"]}
    assert events["AfterInstall"]["diagnostics"]["errorCode"] == "ScriptFailed"
    assert summary["lifecycleEvents"][-1]["status"] == "Skipped"
    assert ":instance/" in summary["instanceId"]


def test_an_orb_asks_for_the_hosts_that_failed(shop: Shop):
    """CircleCI's orb, once `get-deployment` has said `Failed`."""
    shop.with_instance("web-2")
    id_ = shop.carry_out(shop.deploy(), failing="AfterInstall")

    found = {
        status: shop.client.list_deployment_instances(
            deploymentId=id_, instanceStatusFilter=[status]
        )["instancesList"]
        for status in ("Failed", "Skipped", "Succeeded")
    }

    assert found == {"Failed": ["web-1"], "Skipped": ["web-2"], "Succeeded": []}


def test_travis_registers_a_version_and_deploys_the_same(shop: Shop):
    """dpl: the eTag of `head_object` with its quotes; a word of its users in upper case."""
    client = shop.client
    client.register_application_revision(
        applicationName="shop", revision=S3, description="Build #42"
    )

    id_ = shop.deploy(S3, description="Build #42", fileExistsBehavior="RETAIN")
    assert shop.info(id_)["status"] == "Created"
    shop.carry_out(id_)

    shown = shop.info(id_)
    assert (shown["status"], shown["fileExistsBehavior"]) == ("Succeeded", "RETAIN")
    assert client.list_application_revisions(applicationName="shop")["revisions"] == [S3]
    told = client.get_application_revision(applicationName="shop", revision=S3)["revisionInfo"]
    assert (told["description"], told["deploymentGroups"]) == ("Build #42", ["prod"])


def test_pipelines_for_azure_look_before_and_wait_after(shop: Shop):
    """AWS's toolkit for Azure DevOps: no eTag, and the ending of the file as its type."""
    client = shop.client
    assert client.get_application(applicationName="shop")["application"]["applicationId"]
    assert client.get_deployment_group(**OF_SHOP)["deploymentGroupInfo"]["deploymentGroupId"]
    location = {"bucket": "bundles", "key": "shop.v3.zip", "bundleType": "zip"}
    revision = {"revisionType": "S3", "s3Location": location}

    id_ = shop.deploy(
        revision,
        description="Release 3",
        fileExistsBehavior="OVERWRITE",
        ignoreApplicationStopFailures=True,
        updateOutdatedInstancesOnly=False,
    )
    shop.carry_out(id_)

    waiter = client.get_waiter("deployment_successful")
    waiter.wait(deploymentId=id_, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    assert shop.info(id_)["revision"] == revision


def test_ecspresso_and_cdk_find_the_rollback_of_what_they_stop(shop: Shop):
    """They ask some ten times at most for the id of the rollback."""
    client = shop.client
    good = shop.carry_out(shop.deploy())
    id_ = shop.deploy(OTHER)
    client.stop_deployment(deploymentId=id_, autoRollbackEnabled=True)

    stopped = shop.info(id_)

    assert stopped["status"] == "Stopped"
    rollback = shop.carry_out(stopped["rollbackInfo"]["rollbackDeploymentId"])
    shown = shop.info(rollback)
    assert (shown["status"], shown["creator"]) == ("Succeeded", "codeDeployRollback")
    assert shown["rollbackInfo"]["rollbackTriggeringDeploymentId"] == id_
    assert shown["revision"] == shop.info(good)["revision"]
    assert client.list_deployments(**OF_SHOP)["deployments"] == [rollback, id_, good]


def test_ecspresso_finds_the_group_of_a_service_and_deploys(aws: Aws):
    shop = Shop(aws, platform="ECS", **ECS)
    client = shop.client
    names = seen(client.list_applications, "applications")
    of_ecs = [
        one["applicationName"]
        for one in client.batch_get_applications(applicationNames=names)["applicationsInfo"]
        if one["computePlatform"] == "ECS"
    ]
    groups = seen(client.list_deployment_groups, "deploymentGroups", applicationName=of_ecs[0])
    (found,) = client.batch_get_deployment_groups(
        applicationName=of_ecs[0], deploymentGroupNames=groups
    )["deploymentGroupsInfo"]
    assert found["ecsServices"] == [{"clusterName": "main", "serviceName": "web"}]

    id_ = shop.deploy(
        {"revisionType": "AppSpecContent", "appSpecContent": {"content": CONTENT}},
        deploymentConfigName="CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
    )

    assert client.list_deployments(**OF_SHOP)["deployments"][0] == id_
    revision = shop.info(id_)["revision"]
    assert "content" not in revision["appSpecContent"]
    told = client.get_application_revision(applicationName="shop", revision=revision)["revision"]
    assert told == APPSPEC


def test_aws_ecs_deploy_reads_both_waits_without_a_look(aws: Aws):
    shop = Shop(
        aws,
        platform="ECS",
        **{
            **ECS,
            "blueGreenDeploymentConfiguration": {
                "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"}
            },
        },
    )

    info = shop.groups.get()
    settings = info["blueGreenDeploymentConfiguration"]

    assert (
        shop.client.get_application(applicationName="shop")["application"]["computePlatform"]
        == info["computePlatform"]
    )
    assert info["ecsServices"][0] == {"serviceName": "web", "clusterName": "main"}
    assert settings["deploymentReadyOption"]["waitTimeInMinutes"] == 0
    blue = settings["terminateBlueInstancesOnDeploymentSuccess"]
    assert blue["terminationWaitTimeInMinutes"] == 0


def test_cloud_custodian_sees_what_runs_and_takes_all_away(shop: Shop):
    client = shop.client
    id_ = shop.deploy()
    statuses = ["Created", "Queued", "InProgress", "Baking", "Ready"]

    active = client.list_deployments(includeOnlyStatuses=statuses)["deployments"]
    shown = client.batch_get_deployments(deploymentIds=[*active, "d-NOBODYS00"])["deploymentsInfo"]
    arn = "arn:aws:codedeploy:us-east-1:000000000000:deploymentgroup:shop/prod"

    assert [one["deploymentId"] for one in shown] == [id_]
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
    assert client.delete_deployment_group(**OF_SHOP)["hooksNotCleanedUp"] == []
    client.delete_application(applicationName="shop")
    assert client.list_applications()["applications"] == []
