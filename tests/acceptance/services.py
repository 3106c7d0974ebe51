"""Deployments to ECS in a cloud: each has an account of its own, which is a region here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import boto3

from acceptance.cloud import ROLL_BACK, Cloud, Run, until
from parts.ecs_account import CLUSTER, SERVICE, Account, client, forward, make_account

TESTED = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
)
EVENTS = (*TESTED, "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
HOOKED = tuple(
    event for event in EVENTS if event not in ("Install", "AllowTestTraffic", "AllowTraffic")
)
AT_ONCE, CANARY = "ECSAllAtOnce", "ECSCanary10Percent15Minutes"
LONG_WAIT = 600
"""Minutes that no test outlasts."""
_regions = count()


def hook_of(event: str) -> str:
    return f"CodeDeployHook_{event}"


def waits(*, ready: int = 0, termination: int = 0) -> dict[str, Any]:
    """A group's settings with waits of so many minutes."""
    option = {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0}
    if ready:
        option = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": ready}
    terminate = {"action": "TERMINATE", "terminationWaitTimeInMinutes": termination}
    return {
        "deploymentReadyOption": option,
        "terminateBlueInstancesOnDeploymentSuccess": terminate,
    }


@dataclass(kw_only=True)
class Shop:
    """A service with its group, before it is deployed to."""

    cloud: Cloud
    config: str = AT_ONCE
    hooks: tuple[str, ...] = ()
    """The events that have one."""
    waits: Mapping[str, Any] = field(default_factory=waits)
    settings: Callable[[str], Mapping[str, Any]] = field(
        default=lambda _: {"autoRollbackConfiguration": ROLL_BACK}
    )
    """What else its group is to be, by its region."""
    definition: int = 1

    def __post_init__(self) -> None:
        cloud = self.cloud
        regions = boto3.Session().get_available_regions("ecs")
        self.region = regions[next(_regions) % len(regions)]
        with cloud.lock:
            # Clients are made with the environment, which is that of the stand-in here.
            for name in ("ec2", "ecs", "elbv2"):
                client(name, self.region)
        self.account: Account = make_account(region=self.region)
        for event in self.hooks:
            cloud.hook(self.region, hook_of(event))
        # One rule has the service's traffic as well, and one is of no concern to it.
        self.account.rule(5, "/foreign", forward(self.account.foreign))
        self.account.rule(6, "/shop/*", forward(self.account.blue))
        self.before = self.account.picture()
        pair = {
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
            "prodTrafficRoute": {"listenerArns": [self.account.prod]},
            "testTrafficRoute": {"listenerArns": [self.account.test]},
        }
        self.group = cloud.group(
            self.region,
            "ECS",
            ecsServices=[{"clusterName": CLUSTER, "serviceName": SERVICE}],
            loadBalancerInfo={"targetGroupPairInfoList": [pair]},
            blueGreenDeploymentConfiguration=self.waits,
            **self.settings(self.region),
        )

    @property
    def appspec(self) -> dict[str, Any]:
        properties = {
            "TaskDefinition": self.account.definitions[self.definition],
            "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 8080},
        }
        resource = {"Type": "AWS::ECS::Service", "Properties": properties}
        hooks = [{event: hook_of(event)} for event in self.hooks]
        return {"version": 0.0, "Resources": [{"web": resource}], "Hooks": hooks}

    def deploy(self, **more: Any) -> Run:
        return self.cloud.deploy(self.region, self.group, self.appspec, self.config, **more)

    def share(self, listener: str = "") -> float:
        """Return what percentage of a listener's traffic green has, of the production one's."""
        weights = self.account.weights(listener or self.account.prod)
        return 100 * weights.get("green", 0) / sum(weights.values())

    def wait_for(self, share: float, listener: str = "") -> None:
        until(lambda: self.share(listener) == share, what=f"the listener is at {share} %")

    def shares(self) -> list[tuple[float, float]]:
        """Return when the production listener was given which share for green."""
        return list(self._shares())

    def _shares(self) -> Iterator[tuple[float, float]]:
        for call in list(self.cloud.between.of("ModifyListener")):
            form = call.form
            if form["ListenerArn"] != self.account.prod:
                continue
            groups = "DefaultActions.member.1.ForwardConfig.TargetGroups.member."
            weights = {
                form[f"{groups}{number}.TargetGroupArn"]: int(form[f"{groups}{number}.Weight"])
                for number in range(1, 6)
                if f"{groups}{number}.TargetGroupArn" in form
            }
            alone = form.get("DefaultActions.member.1.TargetGroupArn")
            weights = weights or {str(alone): 1}
            yield call.at, 100 * weights.get(self.account.green, 0) / sum(weights.values())

    def settled(self) -> dict[str, Any]:
        """Return a picture of the account that stays as it is."""
        seen: list[dict[str, Any]] = [{}, self.account.picture()]
        while seen[-1] != seen[-2]:
            seen.append(self.account.picture())
        return seen[-1]


def outcome_after(deployment: str, *, green: str = "green", blue: str = "blue") -> dict[str, Any]:
    """What an account looks like after a deployment that went well."""
    return {
        "prod": {blue: 0, green: 100},
        "test": {blue: 0, green: 100},
        "sets": [(deployment, "PRIMARY", 2, "2", green)],
        "targets": {blue: 0, green: 2, "foreign": 0},
    }


def assert_restored(shop: Shop, run: Run, *, nothing_moved: bool = False) -> None:
    """See that the account is in every field what it was, and that a deployment says so."""
    assert run.closed()["status"] == "Failed"
    info = run.info()
    assert info["deploymentOverview"]["Failed"] == 1
    if nothing_moved:
        assert "rollbackDeploymentId" not in info["rollbackInfo"]
    else:
        rollback = run.rollback()
        told = rollback.ended("Succeeded")
        assert (told["creator"], told["deploymentConfigName"]) == (
            "codeDeployRollback",
            "CodeDeployDefault.ECSAllAtOnce",
        )
        assert told["rollbackInfo"]["rollbackTriggeringDeploymentId"] == run.id
        assert rollback.events() == dict.fromkeys(EVENTS, "Succeeded")
        [blue] = rollback.target()["taskSetsInfo"]
        assert (blue["taskSetLabel"], blue["trafficWeight"]) == ("Blue", 100.0)
    assert shop.settled() == shop.before


def phase_hook(event: str, cloud: Cloud, **settings: Any) -> tuple[Shop, Run]:
    """A deployment whose hook of an event was called and says nothing."""
    shop = Shop(cloud=cloud, hooks=(event,), **settings)
    run = shop.deploy()
    run.called(hook_of(event))
    return shop, run


def phase_install(cloud: Cloud, **settings: Any) -> tuple[Shop, Run]:
    """One whose new task set does not become steady."""
    shop = Shop(cloud=cloud, definition=2, **settings)
    run = shop.deploy()
    until(lambda: len(shop.account.task_sets()) == 2, what="green is created")
    return shop, run


def phase_begun(cloud: Cloud) -> tuple[Shop, Run]:
    """One that is on its way to being installed."""
    shop = Shop(cloud=cloud)
    run = shop.deploy()
    until(lambda: len(shop.account.task_sets()) == 2, what="green is created")
    return shop, run


def phase_ready(cloud: Cloud, **settings: Any) -> tuple[Shop, Run]:
    """One that waits until it may move traffic."""
    shop = Shop(cloud=cloud, waits=waits(ready=LONG_WAIT), **settings)
    run = shop.deploy()
    until(lambda: run.info()["status"] == "Ready", what="it is ready")
    return shop, run


def phase_canary(cloud: Cloud, *, minutes: int = LONG_WAIT, **settings: Any) -> tuple[Shop, Run]:
    """One whose canary is being watched."""
    shop = Shop(cloud=cloud, **settings)
    name = f"{shop.group[0]}-canary"
    codedeploy = cloud.client("codedeploy", shop.region)
    codedeploy.create_deployment_config(
        deploymentConfigName=name,
        computePlatform="ECS",
        trafficRoutingConfig={
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": minutes},
        },
    )
    shop.config = ""
    run = shop.deploy(deploymentConfigName=name)
    shop.wait_for(10)
    return shop, run


def phase_termination(cloud: Cloud, **settings: Any) -> tuple[Shop, Run]:
    """One that has moved all traffic, and keeps blue."""
    shop = Shop(cloud=cloud, waits=waits(termination=LONG_WAIT), **settings)
    run = shop.deploy()
    until(lambda: run.info()["instanceTerminationWaitTimeStarted"], what="blue is kept")
    return shop, run


Phase = Callable[..., tuple[Shop, Run]]
PHASES: dict[str, Phase] = {
    "BeforeInstall": partial(phase_hook, "BeforeInstall"),
    "Install": phase_install,
    "AfterInstall": partial(phase_hook, "AfterInstall"),
    "AfterAllowTestTraffic": partial(phase_hook, "AfterAllowTestTraffic"),
    "Ready": phase_ready,
    "BeforeAllowTraffic": partial(phase_hook, "BeforeAllowTraffic"),
    "AllowTraffic": phase_canary,
    "AfterAllowTraffic": partial(phase_hook, "AfterAllowTraffic"),
    "Termination": phase_termination,
}
