"""`aws ecs deploy`, the real one: what it asks of ECS and of us, until the deployment ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from acceptance.system import System
from parts.awscli import AwsCli
from parts.processes import wait_until
from parts.s3 import S3Server

CLUSTER, SERVICE = "main", "web"
APPLICATION, GROUP = f"AppECS-{CLUSTER}-{SERVICE}", f"DgpECS-{CLUSTER}-{SERVICE}"
TASK = {
    "family": "web",
    "containerDefinitions": [{"name": "web", "image": "web:2", "memory": 64}],
}
APPSPEC = {
    "version": 0.0,
    "Resources": [
        {
            "TargetService": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "TaskDefinition": "put in by the client",
                    "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80},
                },
            }
        }
    ],
}
PAIR = {
    "targetGroups": [{"name": "blue"}, {"name": "green"}],
    "prodTrafficRoute": {
        "listenerArns": [
            "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/front/1/2"
        ]
    },
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[AwsCli, Path]]:
    """A system, an ECS that has a service, and the client."""
    with S3Server(tmp_path) as moto, System(tmp_path / "data") as system:
        environment = {
            **moto.environment(tmp_path),
            **system.access_key(),
            "AWS_ENDPOINT_URL_ECS": moto.url,
            "AWS_ENDPOINT_URL_CODEDEPLOY": system.url,
        }
        make_service(moto.url)
        yield AwsCli(environment), tmp_path


def make_service(url: str) -> None:
    ecs: Any = boto3.client(
        "ecs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    ecs.create_cluster(clusterName=CLUSTER)
    ecs.register_task_definition(**TASK)
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        taskDefinition="web",
        desiredCount=1,
        deploymentController={"type": "CODE_DEPLOY"},
    )


def test_it_creates_a_deployment_and_hears_of_its_end(world: tuple[AwsCli, Path]):
    aws, folder = world
    aws("deploy", "create-application", "--application-name", APPLICATION, *PLATFORM)
    group = {
        "applicationName": APPLICATION,
        "deploymentGroupName": GROUP,
        "serviceRoleArn": "arn:aws:iam::000000000000:role/CodeDeployDemo",
        "ecsServices": [{"clusterName": CLUSTER, "serviceName": SERVICE}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [PAIR]},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE"},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
        },
        "deploymentStyle": {
            "deploymentType": "BLUE_GREEN",
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
        },
    }
    aws("deploy", "create-deployment-group", "--cli-input-json", json.dumps(group))
    files = {"task.json": TASK, "appspec.json": APPSPEC}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))

    client = aws.start(
        *("ecs", "deploy", "--cluster", CLUSTER, "--service", SERVICE),
        *("--task-definition", str(folder / "task.json")),
        *("--codedeploy-appspec", str(folder / "appspec.json")),
    )
    try:
        deployment = the_deployment(aws)
        aws("deploy", "stop-deployment", "--deployment-id", deployment)
        said, complaint = client.communicate(timeout=120)
    finally:
        client.kill()

    assert f"Successfully created deployment {deployment}" in said
    assert client.returncode == 255
    assert "terminal failure state" in complaint


PLATFORM = ("--compute-platform", "ECS")


def the_deployment(aws: AwsCli) -> str:
    names = ("--application-name", APPLICATION, "--deployment-group-name", GROUP)

    def look() -> str:
        text = ("--query", "deployments", "--output", "text")
        return aws("deploy", "list-deployments", *names, *text)

    found = wait_until(look, within=90, what="the client creates a deployment")
    shown = json.loads(aws("deploy", "get-deployment", "--deployment-id", found))["deploymentInfo"]
    assert shown["computePlatform"] == "ECS"
    assert shown["revision"]["revisionType"] == "AppSpecContent"
    assert len(shown["revision"]["appSpecContent"]["sha256"]) == 64
    return found
