"""The real `aws` moves traffic: `aws ecs deploy` for a service, `aws deploy` for a function."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance import lambdas
from acceptance.cloud import Cloud, running_cloud, until
from acceptance.services import hook_of, outcome_after
from contract.traffic.ecs_course import outcome
from parts.awscli import AwsCli
from parts.databases import Databases
from parts.ecs_account import CLUSTER, REGION, SERVICE, Account, make_account

APPLICATION, GROUP = f"AppECS-{CLUSTER}-{SERVICE}", f"DgpECS-{CLUSTER}-{SERVICE}"
NAMES = ("--application-name", APPLICATION, "--deployment-group-name", GROUP)
TASK = {
    "family": "web",
    "networkMode": "awsvpc",
    "containerDefinitions": [{"name": "web", "image": "web:new", "memory": 64}],
}
BUCKET = "appspecs"
YAML = """\
version: 0.0
Resources:
  - shop:
      Type: AWS::Lambda::Function
      Properties:
        Name: {name}
        Alias: live
        CurrentVersion: 1
        TargetVersion: 2
"""


@pytest.fixture(scope="module")
def cloud(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("aws")
    with databases.empty("postgresql") as url, running_cloud(folder, database_url=url) as cloud:
        yield cloud


@pytest.fixture
def aws(cloud: Cloud, tmp_path: Path) -> AwsCli:
    own = {"AWS_ENDPOINT_URL_CODEDEPLOY": cloud.system.url, "AWS_DEFAULT_REGION": REGION}
    return AwsCli({**cloud.environment, **own}, tmp_path)


@pytest.fixture(scope="module")
def account(cloud: Cloud) -> Account:
    return make_account()


def appspec(*hooks: str) -> dict[str, Any]:
    balancer = {"ContainerName": "web", "ContainerPort": 8080}
    properties = {"TaskDefinition": "put in by the client", "LoadBalancerInfo": balancer}
    resource = {"Type": "AWS::ECS::Service", "Properties": properties}
    return {
        "version": 0.0,
        "Resources": [{"TargetService": resource}],
        "Hooks": [{event: hook_of(event)} for event in hooks],
    }


def create_group(aws: AwsCli, account: Account) -> None:
    aws(
        *("deploy", "create-application", "--application-name", APPLICATION),
        *("--compute-platform", "ECS"),
    )
    pair = {
        "targetGroups": [{"name": "blue"}, {"name": "green"}],
        "prodTrafficRoute": {"listenerArns": [account.prod]},
        "testTrafficRoute": {"listenerArns": [account.test]},
    }
    group = {
        "applicationName": APPLICATION,
        "deploymentGroupName": GROUP,
        "serviceRoleArn": "arn:aws:iam::000000000000:role/CodeDeployDemo",
        "ecsServices": [{"clusterName": CLUSTER, "serviceName": SERVICE}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
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


def start_client(aws: AwsCli, folder: Path, appspec: dict[str, Any]) -> subprocess.Popen[str]:
    for name, content in {"task.json": TASK, "appspec.json": appspec}.items():
        (folder / name).write_text(json.dumps(content))
    return aws.start(
        *("ecs", "deploy", "--cluster", CLUSTER, "--service", SERVICE),
        *("--task-definition", str(folder / "task.json")),
        *("--codedeploy-appspec", str(folder / "appspec.json")),
    )


@pytest.mark.slow
def test_ecs_deploy_goes_to_its_end_and_hears_of_a_stop(
    aws: AwsCli, account: Account, cloud: Cloud, tmp_path: Path
):
    create_group(aws, account)
    client = start_client(aws, tmp_path, appspec())
    said, complaint = client.communicate(timeout=150)
    [deployment] = deployments(aws)

    assert client.returncode == 0, complaint
    assert f"Successfully created deployment {deployment}" in said
    assert f"task-definition/web:4 to service '{SERVICE}'" in said
    left = outcome(account)
    assert left == {**outcome_after(deployment), "sets": [(deployment, "PRIMARY", 2, "4", "green")]}
    shown = json.loads(aws("deploy", "get-deployment", "--deployment-id", deployment))
    revision = shown["deploymentInfo"]["revision"]
    assert revision["revisionType"] == "AppSpecContent"
    assert len(revision["appSpecContent"]["sha256"]) == 64

    cloud.hook(REGION, hook_of("BeforeInstall"))
    client = start_client(aws, tmp_path, appspec("BeforeInstall"))
    try:
        second = until(
            lambda: next((one for one in deployments(aws) if one != deployment), ""),
            what="the client creates another deployment",
        )
        aws("deploy", "stop-deployment", "--deployment-id", second)
        said, complaint = client.communicate(timeout=150)
    finally:
        client.kill()
    assert client.returncode == 255
    assert "terminal failure state" in complaint
    assert outcome(account) == left


def deployments(aws: AwsCli) -> list[str]:
    text = ("--query", "deployments", "--output", "text")
    return aws("deploy", "list-deployments", *NAMES, *text).split()


@pytest.mark.slow
def test_deploy_moves_a_function_by_a_file_in_s3(aws: AwsCli, cloud: Cloud):
    shop = lambdas.Shop(cloud=cloud)
    s3 = cloud.client("s3", "us-east-1")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(
        Bucket=BUCKET, Key="shop.yaml", Body=YAML.format(name=shop.function.function).encode()
    )
    names = ("--application-name", shop.group[0], "--deployment-group-name", shop.group[1])

    deployment = aws(
        *("deploy", "create-deployment", *names),
        *("--s3-location", f"bucket={BUCKET},key=shop.yaml,bundleType=YAML"),
        *("--deployment-config-name", "CodeDeployDefault.LambdaCanary10Percent5Minutes"),
        *("--query", "deploymentId", "--output", "text"),
    )
    id_ = ("--deployment-id", deployment)
    aws("deploy", "wait", "deployment-successful", *id_)

    assert shop.function.history() == [10, 100]
    assert shop.stands("2")
    [name] = json.loads(aws("deploy", "list-deployment-targets", *id_))["targetIds"]
    shown = json.loads(aws("deploy", "get-deployment-target", *id_, "--target-id", name))
    told = shown["deploymentTarget"]
    assert told["deploymentTargetType"] == "LambdaTarget"
    assert told["lambdaTarget"]["lambdaFunctionInfo"]["targetVersionWeight"] == 1.0
    assert [one["status"] for one in told["lambdaTarget"]["lifecycleEvents"]] == ["Succeeded"] * 3
    info = json.loads(aws("deploy", "get-deployment", *id_))["deploymentInfo"]
    assert info["revision"]["s3Location"]["bundleType"] == "YAML"
