"""What a deployment needs on the stand-in: a function, a service behind a load balancer, an alarm.

Each is made at once, and can be asked how it stands, past whoever deploys to it.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from tidegate.testing.aws.place import Place

_ALL: Final = 100.0


class SampleFunction:
    """A function of several versions, and an alias that leads to the first of them."""

    def __init__(self, place: Place, name: str, *, alias: str) -> None:
        self.name, self.alias = name, alias
        self._lambda = place.client("lambda")

    @classmethod
    def make(cls, place: Place, name: str, *, alias: str, versions: int) -> Self:
        """Make it, with so many versions."""
        made = cls(place, name, alias=alias)
        role = make_role(place.client("iam"), name)
        make_function(made._lambda, name, role=role, versions=versions)
        made._lambda.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
        return made

    def shares(self) -> Mapping[str, float]:
        """Return which version has how much of the traffic, in percent; nothing if nobody says."""
        try:
            alias = self._lambda.get_alias(FunctionName=self.name, Name=self.alias)
        except (BotoCoreError, ClientError):
            return {}
        others = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        shares = {version: _ALL * weight for version, weight in others.items()}
        return {alias["FunctionVersion"]: _ALL - sum(shares.values()), **shares}


def make_hook(place: Place, name: str) -> None:
    """Make a function that can be a hook."""
    make_function(place.client("lambda"), name, role=make_role(place.client("iam"), name))


class SampleService:
    """A service whose primary task set is behind a load balancer with a production and a test port.

    It has a task definition for each of the revisions; the first of them runs.
    """

    cluster: Final = "demo"
    tasks: Final = 2
    container: Final = "web"
    container_port: Final = 8080

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self.target_groups = (f"{name}-blue", f"{name}-green")
        self.definitions: list[str] = []
        self.prod_listener = self.test_listener = ""
        self._arns: dict[str, str] = {}
        self._place = place
        self._ecs, self._elb = place.client("ecs"), place.client("elbv2")

    @classmethod
    def make(cls, place: Place, name: str, *, revisions: int) -> Self:
        """Make it, with so many revisions of its task definition."""
        made = cls(place, name)
        subnets, group = made._make_network()
        made._make_load_balancer(subnets)
        made._ecs.create_cluster(clusterName=cls.cluster)
        made.definitions = [made._define(number) for number in range(1, revisions + 1)]
        made._run_first(subnets, group)
        return made

    def shares(self, *, test: bool = False) -> Mapping[str, float]:
        """Return how much of the traffic each target group gets, in percent; nothing if unsaid."""
        listener = self.test_listener if test else self.prod_listener
        try:
            found = self._elb.describe_listeners(ListenerArns=[listener])
        except (BotoCoreError, ClientError):
            return {}
        groups = found["Listeners"][0]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        weights = {self._arns[one["TargetGroupArn"]]: int(one["Weight"]) for one in groups}
        total = sum(weights.values()) or 1
        return {name: _ALL * weight / total for name, weight in weights.items()}

    def running(self) -> Mapping[str, str]:
        """Return the status of each task set by its task definition, as in `shop:2`."""
        try:
            found = self._ecs.describe_task_sets(cluster=self.cluster, service=self.name)
        except (BotoCoreError, ClientError):
            return {}
        return {
            one["taskDefinition"].rpartition("/")[2]: one["status"] for one in found["taskSets"]
        }

    def _make_network(self) -> tuple[Sequence[str], str]:
        ec2 = self._place.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"]
            for number in (1, 2)
        ]
        group = ec2.create_security_group(VpcId=vpc, GroupName=self.name, Description=self.name)
        for name in self.target_groups:
            made = self._elb.create_target_group(
                Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
            )
            self._arns[made["TargetGroups"][0]["TargetGroupArn"]] = name
        return subnets, group["GroupId"]

    def _make_load_balancer(self, subnets: Sequence[str]) -> None:
        made = self._elb.create_load_balancer(Name=self.name, Subnets=list(subnets))
        balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        self.prod_listener, self.test_listener = (
            self._elb.create_listener(
                LoadBalancerArn=balancer,
                Protocol="HTTP",
                Port=port,
                DefaultActions=[{"Type": "forward", "TargetGroupArn": next(iter(self._arns))}],
            )["Listeners"][0]["ListenerArn"]
            for port in (80, 8080)
        )

    def _define(self, number: int) -> str:
        image = f"{self.name}:{number}"
        made = self._ecs.register_task_definition(
            family=self.name,
            networkMode="awsvpc",
            containerDefinitions=[{"name": self.container, "image": image, "memory": 64}],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def _run_first(self, subnets: Sequence[str], group: str) -> None:
        self._ecs.create_service(
            cluster=self.cluster,
            serviceName=self.name,
            desiredCount=self.tasks,
            deploymentController={"type": "EXTERNAL"},
        )
        network = {"subnets": list(subnets), "securityGroups": [group]}
        balanced = {
            "targetGroupArn": next(iter(self._arns)),
            "containerName": self.container,
            "containerPort": self.container_port,
        }
        made = self._ecs.create_task_set(
            cluster=self.cluster,
            service=self.name,
            taskDefinition=self.definitions[0],
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
            loadBalancers=[balanced],
            scale={"value": _ALL, "unit": "PERCENT"},
        )
        self._ecs.update_service_primary_task_set(
            cluster=self.cluster, service=self.name, primaryTaskSet=made["taskSet"]["taskSetArn"]
        )


def make_alarm(cloudwatch: Any, name: str) -> None:
    """Make an alarm by this client of CloudWatch; it has no data yet."""
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="demo",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )


class SampleAlarm:
    """An alarm that is lit and put out by hand."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self._cloudwatch = place.client("cloudwatch")

    @classmethod
    def make(cls, place: Place, name: str) -> Self:
        """Make it; it is out."""
        made = cls(place, name)
        make_alarm(made._cloudwatch, name)
        made.put_out()
        return made

    def light(self) -> None:
        self._be("ALARM")

    def put_out(self) -> None:
        self._be("OK")

    def state(self) -> str:
        """Return its state, or nothing if nobody says."""
        try:
            found = self._cloudwatch.describe_alarms(AlarmNames=[self.name])
        except (BotoCoreError, ClientError):
            return ""
        return "".join(one["StateValue"] for one in found["MetricAlarms"])

    def _be(self, state: str) -> None:
        self._cloudwatch.set_alarm_state(
            AlarmName=self.name, StateValue=state, StateReason="Somebody says so."
        )


def make_role(iam: Any, name: str) -> str:
    """Make a role for functions by this client of IAM, and return its ARN."""
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({}))
    return str(made["Role"]["Arn"])


def make_function(lambda_: Any, name: str, *, role: str, versions: int = 0) -> str:
    """Make a function with so many versions by this client of Lambda, and return its ARN."""
    made = lambda_.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="code.handler",
        Code={"ZipFile": _code(0)},
    )
    for version in range(1, versions + 1):
        lambda_.update_function_code(FunctionName=name, ZipFile=_code(version), Publish=True)
    return str(made["FunctionArn"])


def _code(version: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("code.py", f"version = {version}")
    return file.getvalue()
