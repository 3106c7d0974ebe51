"""A shop whose deployments move traffic."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from component.engine.system import System
from tidegate.domain.aws_group import AwsGroup, EcsService, LoadBalancers, TargetGroupPair
from tidegate.domain.course import Word
from tidegate.domain.deployment import AutoRollback, ComputePlatform, RollbackEvent
from tidegate.domain.ids import DeploymentId
from tidegate.domain.revision import Source, SourceType
from tidegate.domain.traffic import Found
from tidegate.engine.waits import end_hook
from tidegate.store.courses import KeptErrand
from tidegate.testing.builders import Shop

ALWAYS = AutoRollback(enabled=True, events=tuple(RollbackEvent))
BEFORE, AFTER = {"BeforeAllowTraffic": "check"}, {"AfterAllowTraffic": "check-again"}
ALIAS = "shop-web:live"
SERVICE = "prod:shop"


def lambda_appspec(*functions: str, hooks: Sequence[dict[str, str]] = ()) -> str:
    """The AppSpec of functions that go from version 1 to 2."""
    return json.dumps(
        {
            "version": 0.0,
            "Resources": [
                {
                    name: {
                        "Type": "AWS::Lambda::Function",
                        "Properties": {
                            "Name": name,
                            "Alias": "live",
                            "CurrentVersion": "1",
                            "TargetVersion": "2",
                        },
                    }
                }
                for name in functions or ("shop-web",)
            ],
            "Hooks": list(hooks),
        }
    )


def ecs_appspec(hooks: Sequence[dict[str, str]] = ()) -> str:
    arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/shop:3"
    balancer = {"ContainerName": "web", "ContainerPort": 80}
    properties = {"TaskDefinition": arn, "LoadBalancerInfo": balancer}
    return json.dumps(
        {
            "version": 0.0,
            "Resources": [{"web": {"Type": "AWS::ECS::Service", "Properties": properties}}],
            "Hooks": list(hooks),
        }
    )


def text_source(text: str) -> Source:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Source(type=SourceType.APPSPEC_CONTENT, sha256=digest, content=text)


class TrafficShop(Shop):
    """An application on Lambda or ECS, and how its deployments stand."""

    def go(self, text: str, **request: Any) -> DeploymentId:
        """Create a deployment of an AppSpec."""
        source = text_source(text)
        if source.sha256 not in self.revisions:
            self.revision(source.sha256, source=source)
        return self.deploy(source.sha256, **request)

    def kinds(self, deployment_id: str) -> dict[str, str]:
        """Return the status of every step, by its kind and weight."""
        with self.store.read() as uow:
            course = uow.courses.course(DeploymentId(deployment_id))
        return {
            f"{step.number} {step.kind}{'' if step.weight is None else f' {step.weight}'}": (
                step.status.value
            )
            for step in course
        }

    def errand(self, deployment_id: str) -> KeptErrand:
        with self.store.read() as uow:
            return uow.courses.errands(DeploymentId(deployment_id))[0]


def functions(system: System, config: str = "LambdaAllAtOnce", **more: Any) -> TrafficShop:
    return TrafficShop.with_hosts(
        system.store,
        (),
        platform=ComputePlatform.LAMBDA,
        config=f"CodeDeployDefault.{config}",
        **more,
    )  # type: ignore[return-value]


def service(
    system: System, config: str = "ECSAllAtOnce", *, has_test: bool = False, **aws: Any
) -> TrafficShop:
    listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/b/{}"
    pair = TargetGroupPair(
        target_groups=("blue", "green"),
        prod_listeners=(listener.format("prod"),),
        test_listeners=(listener.format("test"),) if has_test else None,
    )
    rollback = aws.pop("auto_rollback", None)
    return TrafficShop.with_hosts(
        system.store,
        (),
        platform=ComputePlatform.ECS,
        config=f"CodeDeployDefault.{config}",
        auto_rollback=rollback,
        aws=AwsGroup(
            ecs_services=(EcsService(cluster="prod", service="shop"),),
            load_balancers=LoadBalancers(pairs=(pair,)),
            **aws,
        ),
    )  # type: ignore[return-value]


def minutes(system: System, count: float) -> None:
    """Let time pass in sweeps a second apart at the end of it, as far as it matters."""
    system.clock.advance(timedelta(minutes=count) - timedelta(seconds=2))
    for _ in range(4):
        system.sweep(after=1)
        system.settle()


def say(system: System, deployment_id: str, word: Word = Word.SUCCEEDED) -> None:
    """Have the hook that was called last say how it went."""
    _, _, execution_id = system.hooks.calls[-1]
    with system.store.write() as uow:
        end_hook(DeploymentId(deployment_id), execution_id, word, uow=uow)
    system.settle()


def steer(system: System, act: Callable[..., object], deployment_id: str, **options) -> None:
    with system.store.write() as uow:
        act(DeploymentId(deployment_id), uow=uow, actor="ann", reason="lunch", **options)
    system.settle()


def as_found(system: System) -> Found:
    return Found(weight=0, at=system.clock.now())
