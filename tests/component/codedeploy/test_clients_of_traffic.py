"""What tools for Lambda and ECS call, in their order, and how they read the answers."""

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import ECS, ROLE, STYLE
from component.codedeploy.shops import Shop

OF_SHOP = {"applicationName": "shop", "deploymentGroupName": "prod"}
AT_ONCE = {"Delay": 0, "MaxAttempts": 1}
LAMBDA_CONFIGS = (
    *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
    *(f"Linear10PercentEvery{minutes}Minutes" for minutes in (2, 3, 10)),
    "Linear10PercentEvery1Minute",
    "AllAtOnce",
)
ALL_EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]


def appspec(task: int) -> dict[str, Any]:
    properties = {
        "TaskDefinition": f"arn:aws:ecs:us-east-1:000000000000:task-definition/web:{task}",
        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80},
    }
    service = {"Type": "AWS::ECS::Service", "Properties": properties}
    content = json.dumps({"version": 1, "Resources": [{"TargetService": service}]})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


@pytest.fixture
def shop(aws: Aws) -> Shop:
    return Shop(aws, platform="ECS", **ECS)


def test_an_action_of_aws_adds_up_both_waits_and_waits_for_the_end(shop: Shop):
    """aws-actions/amazon-ecs-deploy-task-definition."""
    client = shop.client
    info = client.get_deployment_group(**OF_SHOP)["deploymentGroupInfo"]
    settings = info["blueGreenDeploymentConfiguration"]
    minutes = (
        settings["deploymentReadyOption"]["waitTimeInMinutes"]
        + settings["terminateBlueInstancesOnDeploymentSuccess"]["terminationWaitTimeInMinutes"]
    )
    id_ = shop.deploy(appspec(2), description="from the action")
    client.stop_deployment(deploymentId=id_)

    assert minutes == 5
    with pytest.raises(WaiterError, match='matched expected path: "Stopped"'):
        client.get_waiter("deployment_successful").wait(deploymentId=id_, WaiterConfig=AT_ONCE)


def test_a_resource_of_cdk_reads_why_a_deployment_did_not_succeed(shop: Shop):
    """cdk-ecs-codedeploy: its Delete stops what runs, with a rollback."""
    client = shop.client
    id_ = shop.deploy(appspec(2), autoRollbackConfiguration={"enabled": True, "events": ALL_EVENTS})
    assert shop.info(id_)["status"] == "Created"
    client.stop_deployment(deploymentId=id_, autoRollbackEnabled=True)

    told = shop.info(id_)

    assert told["status"] == "Stopped"
    assert told["errorInformation"]["code"] == "MANUAL_STOP"
    assert told["errorInformation"]["message"]
    assert "rollbackDeploymentId" not in told["rollbackInfo"]
    refused("DeploymentAlreadyCompletedException", client.stop_deployment, deploymentId=id_)


def test_ecspresso_reads_an_id_of_the_service_where_nothing_has_begun(shop: Shop):
    id_ = shop.deploy(appspec(2))

    refused(
        "DeploymentNotStartedException",
        shop.client.get_deployment_target,
        deploymentId=id_,
        targetId="main:web",
    )


def test_sam_makes_a_group_for_each_function_with_each_of_the_configs(aws: Aws):
    """SAM and serverless-plugin-canary, by CloudFormation."""
    client = aws.client()
    application = "stack-ServerlessDeploymentApplication-1A2B3C4D5E6F"
    client.create_application(applicationName=application, computePlatform="Lambda")
    for config in LAMBDA_CONFIGS:
        group: dict[str, Any] = {
            "applicationName": application,
            "deploymentGroupName": f"stack-{config}-1A2B3C4D5E6F",
        }
        client.create_deployment_group(
            **group,
            serviceRoleArn=ROLE,
            deploymentConfigName=f"CodeDeployDefault.Lambda{config}",
            deploymentStyle=STYLE,
            autoRollbackConfiguration={"enabled": True, "events": ALL_EVENTS},
        )
        info = client.get_deployment_group(**group)["deploymentGroupInfo"]
        assert info["deploymentConfigName"] == f"CodeDeployDefault.Lambda{config}"
        assert info["autoRollbackConfiguration"] == {"enabled": True, "events": ALL_EVENTS}
        assert (info["computePlatform"], info["deploymentStyle"]) == ("Lambda", STYLE)
        assert client.delete_deployment_group(**group)["hooksNotCleanedUp"] == []

    client.delete_application(applicationName=application)

    listed = client.list_deployment_configs()["deploymentConfigsList"]
    of_lambda = {name for name in listed if name.startswith("CodeDeployDefault.Lambda")}
    assert of_lambda == {f"CodeDeployDefault.Lambda{config}" for config in LAMBDA_CONFIGS}


def test_pipelines_for_azure_send_the_ending_of_a_file_as_its_type(aws: Aws):
    """AWS's toolkit for Azure DevOps: `appspec.YAML` makes `yaml`, and no eTag is sent."""
    shop = Shop(aws, platform="Lambda", deploymentStyle=STYLE)
    location = {"bucket": "bundles", "key": "appspec.YAML", "bundleType": "yaml"}

    id_ = shop.deploy(
        {"revisionType": "S3", "s3Location": location}, ignoreApplicationStopFailures=False
    )

    shown = shop.info(id_)["revision"]
    assert shown["s3Location"] == {**location, "bundleType": "YAML"}
