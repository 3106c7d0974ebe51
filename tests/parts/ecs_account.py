"""An account with a service and its listeners, and a picture of all that is in it."""

import json
import os
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from parts.aws import REGION
from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.ids import DeploymentId
from tidegate.domain.traffic import Errand, Json, ServiceMove

CLUSTER, SERVICE = "shop", "web"
_PASSING = ("createdAt", "updatedAt", "stabilityStatusAt", "events", "stabilityStatus")


def client(name: str, region: str = REGION) -> Any:
    """A client of the stand-in, made once: its model takes long to read."""
    return _client(name, region, os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _client(name: str, region: str, endpoint_url: str | None) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        name, region_name=region, endpoint_url=endpoint_url
    )


def forward(arn: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": arn}


def weighted(weights: dict[str, int], **sticky: Any) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    config: dict[str, Any] = {"TargetGroups": groups}
    if sticky:
        config["TargetGroupStickinessConfig"] = sticky
    return {"Type": "forward", "ForwardConfig": config}


@dataclass
class Account:
    """As a demanding user has it: each thing has its own odd settings."""

    blue: str
    green: str
    foreign: str
    prod: str
    test: str
    balancer: str
    subnet: str
    group: str
    definitions: tuple[str, ...]
    primary: str = ""
    region: str = REGION

    @property
    def ecs(self) -> Any:
        return client("ecs", self.region)

    @property
    def elb(self) -> Any:
        return client("elbv2", self.region)

    def move(self, **changes: Any) -> ServiceMove:
        pair = TargetGroupPair(
            target_groups=("blue", "green"),
            prod_listeners=(self.prod,),
            test_listeners=(self.test,),
        )
        wanted = {
            "cluster": CLUSTER,
            "service": SERVICE,
            "pairs": (pair,),
            "task_definition": self.definitions[1],
            "container_name": "web",
            "container_port": 8080,
        }
        return ServiceMove(**wanted | changes)

    def errand(self, deployment: str = "d-ABCDEFGHI", **changes: Any) -> Errand:
        return Errand(
            deployment_id=DeploymentId(deployment), region=self.region, move=self.move(**changes)
        )

    def rule(self, priority: int, path: str, *actions: dict[str, Any], listener: str = "") -> str:
        made = self.elb.create_rule(
            ListenerArn=listener or self.prod,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [path]}],
            Actions=list(actions),
        )
        arn: str = made["Rules"][0]["RuleArn"]
        return arn

    def actions_of(self, arn: str) -> list[Any]:
        """What a listener or a rule does."""
        found: list[Any]
        if ":listener-rule/" in arn:
            found = self.elb.describe_rules(RuleArns=[arn])["Rules"][0]["Actions"]
        else:
            found = self.elb.describe_listeners(ListenerArns=[arn])["Listeners"][0][
                "DefaultActions"
            ]
        return found

    def weights(self, arn: str) -> dict[str, int]:
        names = {self.blue: "blue", self.green: "green", self.foreign: "foreign"}
        for one in self.actions_of(arn):
            if one["Type"] == "forward":
                groups = one["ForwardConfig"]["TargetGroups"]
                return {names[group["TargetGroupArn"]]: group["Weight"] for group in groups}
        raise AssertionError(f"{arn} does not forward")

    def task_sets(self) -> list[Any]:
        found: list[Any] = self.ecs.describe_task_sets(
            cluster=CLUSTER, service=SERVICE, include=["TAGS"]
        )["taskSets"]
        return found

    def picture(self) -> dict[str, Any]:
        """All that stands in the account, without what only tells the time."""
        elb = self.elb
        listeners = elb.describe_listeners(LoadBalancerArn=self.balancer)["Listeners"]
        groups = elb.describe_target_groups()["TargetGroups"]
        ecs = self.ecs
        told = {
            "service": ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"],
            "task sets": self.task_sets(),
            "listeners": listeners,
            "rules": [
                elb.describe_rules(ListenerArn=one["ListenerArn"])["Rules"] for one in listeners
            ],
            "target groups": groups,
            "targets": [
                elb.describe_target_health(TargetGroupArn=one["TargetGroupArn"])[
                    "TargetHealthDescriptions"
                ]
                for one in groups
            ],
        }
        plain: dict[str, Any] = json.loads(json.dumps(told, default=str))
        return {name: _lasting(value) for name, value in plain.items()}


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(one) for name, one in value.items() if name not in _PASSING}
    return [_lasting(one) for one in value] if isinstance(value, list) else value


def kept(before: Any) -> dict[str, Json]:
    """What the first look said, as it comes back out of a row."""
    found: dict[str, Json] = json.loads(json.dumps(before))
    return found


class Saved:
    """How an account stands, to come back to it any number of times."""

    def __init__(self) -> None:
        self._kept = deepcopy(_backends())

    def again(self) -> None:
        """Have the account stand so once more."""
        for all_of_service, one in zip(_ALL_BACKENDS, deepcopy(self._kept), strict=True):
            all_of_service[DEFAULT_ACCOUNT_ID][REGION] = one


_ALL_BACKENDS: tuple[Any, ...] = (ecs_backends, elbv2_backends)


def _backends() -> list[Any]:
    return [one[DEFAULT_ACCOUNT_ID][REGION] for one in _ALL_BACKENDS]


def make_account(
    controller: str = "EXTERNAL", protocol: str = "HTTP", region: str = REGION
) -> Account:
    ec2 = client("ec2", region)
    ecs = client("ecs", region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
    arns = _load_balancing(vpc, subnet, protocol, region)
    ecs.create_cluster(clusterName=CLUSTER)
    definitions = tuple(
        ecs.register_task_definition(
            family="web",
            networkMode="awsvpc",
            containerDefinitions=[{"name": "web", "image": image, "memory": 64, "cpu": 1}],
        )["taskDefinition"]["taskDefinitionArn"]
        for image in ("web:1", "web:2", "web:broken")
    )
    account = Account(**arns, subnet=subnet, group=group, definitions=definitions, region=region)
    _running_service(account, controller)
    return account


def _load_balancing(vpc: str, subnet: str, protocol: str, region: str) -> dict[str, str]:
    elb = client("elbv2", region)
    kind = "application" if protocol == "HTTP" else "network"
    made = elb.create_load_balancer(Name="shop", Subnets=[subnet], Type=kind)["LoadBalancers"]
    arns: dict[str, str] = {"balancer": made[0]["LoadBalancerArn"]}
    for name in ("blue", "green", "foreign"):
        arns[name] = elb.create_target_group(
            Name=name, Protocol=protocol, Port=80, VpcId=vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
    for name, port, to in (("prod", 80, "blue"), ("test", 8080, "blue")):
        arns[name] = elb.create_listener(
            LoadBalancerArn=arns["balancer"],
            Protocol=protocol,
            Port=port,
            DefaultActions=[forward(arns[to])],
        )["Listeners"][0]["ListenerArn"]
    return arns


def _running_service(account: Account, controller: str) -> None:
    ecs = account.ecs
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        desiredCount=2,
        deploymentController={"type": controller},
    )
    account.primary = ecs.create_task_set(
        cluster=CLUSTER,
        service=SERVICE,
        externalId="d-EARLIER00",
        taskDefinition=account.definitions[0],
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": [account.subnet],
                "securityGroups": [account.group],
                "assignPublicIp": "DISABLED",
            }
        },
        capacityProviderStrategy=[
            {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
            {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0},
        ],
        platformVersion="1.4.0",
        loadBalancers=[
            {"targetGroupArn": account.blue, "containerName": "web", "containerPort": 8080}
        ],
        serviceRegistries=[
            {"registryArn": "arn:aws:servicediscovery:eu-central-1:1:service/srv-1"}
        ],
        scale={"value": 100.0, "unit": "PERCENT"},
        tags=[{"key": "team", "value": "shop"}],
    )["taskSet"]["taskSetArn"]
    ecs.update_service_primary_task_set(
        cluster=CLUSTER, service=SERVICE, primaryTaskSet=account.primary
    )
    for _ in range(3):
        account.task_sets()
