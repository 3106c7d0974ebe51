"""An alarm of each kind goes off at each step of a linear shift: how it ends, and who has what."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from component.engine.system import System
from component.engine.traffic import (
    ALIAS,
    ALWAYS,
    SERVICE,
    TrafficShop,
    ecs_appspec,
    functions,
    lambda_appspec,
    minutes,
    say,
    service,
)
from parts.databases import Databases
from parts.github import gives
from parts.s3 import LIKE_AWS, S3Server
from parts.web import Web
from tidegate.domain.alarms import Alarms, CloudWatchAlarm, PrometheusCheck
from tidegate.domain.aws_group import (
    AwsGroup,
    BlueGreen,
    InstanceAction,
    ReadyAction,
    TerminateBlue,
    WhenReady,
)
from tidegate.domain.course import CourseStep, StepStatus
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.ids import DeploymentId
from tidegate.domain.region import DEFAULT_REGION
from tidegate.drivers.alarms import AlarmSource, cloudwatch_alarms, prometheus_checks
from tidegate.engine.alarms import AlarmPolling
from tidegate.engine.waits import Wait, continue_deployment
from tidegate.testing.aws.samples import make_alarm

pytestmark = pytest.mark.slow

LAMBDA, ECS = ComputePlatform.LAMBDA, ComputePlatform.ECS
MOVED = {LAMBDA: ALIAS, ECS: SERVICE}
WEIGHTS = range(10, 101, 10)
BETWEEN = [f"between {weight} and {weight + 10}" for weight in WEIGHTS[:-1]]
CALLS = [f"call of shift {weight}" for weight in WEIGHTS]
POINTS = {
    LAMBDA: [
        "before the start",
        "call of look",
        "hook BeforeAllowTraffic",
        *CALLS,
        *BETWEEN,
        "hook AfterAllowTraffic",
    ],
    ECS: [
        "before the start",
        "call of look",
        "hook BeforeInstall",
        "call of prepare",
        "hook AfterInstall",
        "call of test",
        "hook AfterAllowTestTraffic",
        "ready",
        "hook BeforeAllowTraffic",
        *CALLS,
        *BETWEEN,
        "hook AfterAllowTraffic",
        "termination",
        "call of finish",
    ],
}
HOOKS = {
    platform: [{point.removeprefix("hook "): "check"} for point in points if "hook" in point]
    for platform, points in POINTS.items()
}
NOTHING_CHANGED = {
    (LAMBDA, "hook BeforeAllowTraffic"),
    (ECS, "hook BeforeInstall"),
    *((platform, at) for platform in POINTS for at in ("before the start", "call of look")),
}
CASES = [(platform, at) for platform, points in POINTS.items() for at in points]
_names = count()

Sources = tuple[AlarmSource[CloudWatchAlarm], AlarmSource[PrometheusCheck]]


class CloudWatch:
    """An alarm of a CloudWatch that stands in for AWS's, or one that is composed of it."""

    def __init__(self, client: Any, *, is_composite: bool) -> None:
        self._client = client
        self._metric = self.name = f"errors-{next(_names)}"
        make_alarm(client, self._metric)
        self._stand("OK")
        if is_composite:
            self.name = f"any-{self._metric}"
            rule = f"ALARM({self._metric})"
            self._client.put_composite_alarm(AlarmName=self.name, AlarmRule=rule)

    @property
    def alarms(self) -> Alarms:
        return Alarms(enabled=True, names=(self.name,))

    def light(self) -> None:
        self._stand("ALARM")

    def _stand(self, state: str) -> None:
        self._client.set_alarm_state(AlarmName=self._metric, StateValue=state, StateReason="Why.")


class Prometheus:
    """A check whose query a Prometheus answers that stands in for one."""

    name = "errors"
    alarms = Alarms(enabled=True, checks=(PrometheusCheck(name=name, query="e", threshold=1),))

    def __init__(self, web: Web) -> None:
        self._web = web
        self._answer("0")

    def light(self) -> None:
        self._answer("2")

    def _answer(self, value: str) -> None:
        data = {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]}
        body = json.dumps({"status": "success", "data": data}).encode()
        self._web.answers["/api/v1/query"] = gives(body)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto-alarms"), program=LIKE_AWS) as server:
        yield server


@pytest.fixture(scope="module")
def cloudwatch(sources: Sources, moto: S3Server) -> Any:
    return boto3.client("cloudwatch", region_name=DEFAULT_REGION, endpoint_url=moto.url)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture
def system(databases: Databases, tmp_path: Path) -> Iterator[System]:
    """A system on SQLite: what the databases have to do with it is tested elsewhere."""
    with databases.fresh("sqlite") as url:
        system = System(url, tmp_path)
        yield system
        system.close()


@pytest.fixture(scope="module")
def sources(
    moto: S3Server, web: Web, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sources]:
    """The drivers that read alarms in earnest."""
    with pytest.MonkeyPatch.context() as patch:
        moto.point_to(patch, tmp_path_factory.mktemp("no-settings"))
        patch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", moto.url)
        yield cloudwatch_alarms(), prometheus_checks(web.url)


@pytest.fixture(params=["metric", "composite", "prometheus"])
def alarm(
    request: pytest.FixtureRequest, system: System, sources: Sources, cloudwatch: Any, web: Web
) -> CloudWatch | Prometheus:
    """An alarm of each kind."""
    system.worker.alarms = AlarmPolling(
        store=system.store,
        assume_role=False,
        cloudwatch=lambda: sources[0],
        prometheus=lambda: sources[1],
    )
    if request.param == "prometheus":
        return Prometheus(web)
    return CloudWatch(cloudwatch, is_composite=request.param == "composite")


@pytest.mark.parametrize(("platform", "at"), CASES)
def test_an_alarm_at_any_step_stops_it_and_all_is_as_before(
    system: System, alarm: CloudWatch | Prometheus, platform: ComputePlatform, at: str
):
    shop, moved = shop_with(system, platform, alarm.alarms), MOVED[platform]
    if at == "before the start":
        alarm.light()
    elif at.startswith("call of"):
        light_in_call(system, alarm.light, at)
    id_ = shop.go(appspec_of(platform))
    system.settle()
    for _ in range(60):
        if shop.deployment(id_).is_final:
            break
        if is_at(shop, id_, at):
            alarm.light()
            pass_seconds(system, 12)
        else:
            go_on(system, shop, id_)
    pass_seconds(system, 12)

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert stopped.error_message.endswith(f"Activated alarms: <{alarm.name}>")
    shares = system.traffic.weights[moved]
    reached = [0, *range(10, reached_at(at) + 1, 10)]
    restored = [v for v, _ in system.traffic.verbs].count("restore")
    if (platform, at) in NOTHING_CHANGED:
        assert (shares, restored) == ([] if at == "before the start" else [0], 0)
        assert stopped.rollback_deployment_id is None
    elif at == "call of finish":
        assert (shares, restored) == (reached, 0)
        assert stopped.rollback_deployment_id is None
        assert "was being removed already" in stopped.rollback_message
    else:
        assert shares == (reached if len(reached) == 1 else [*reached, 0])
        assert restored == 1
        assert system.traffic.made == set()
        assert shop.deployment(stopped.rollback_deployment_id or "").status == "Succeeded"


def shop_with(system: System, platform: ComputePlatform, alarms: Alarms) -> TrafficShop:
    if platform is LAMBDA:
        aws = AwsGroup(alarms=alarms)
        return functions(system, "LambdaLinear10PercentEvery1Minute", auto_rollback=ALWAYS, aws=aws)
    return service(
        system,
        "ECSLinear10PercentEvery1Minutes",
        has_test=True,
        auto_rollback=ALWAYS,
        alarms=alarms,
        blue_green=BlueGreen(
            ready=WhenReady(ReadyAction.STOP_DEPLOYMENT, 60),
            terminate=TerminateBlue(InstanceAction.TERMINATE, 5),
        ),
    )


def appspec_of(platform: ComputePlatform) -> str:
    hooks = HOOKS[platform]
    return lambda_appspec(hooks=hooks) if platform is LAMBDA else ecs_appspec(hooks)


def course_of(shop: TrafficShop, id_: DeploymentId) -> list[CourseStep]:
    with shop.store.read() as uow:
        return uow.courses.course(id_)


def begun_of(shop: TrafficShop, id_: DeploymentId) -> CourseStep | None:
    """Return the step in progress, if there is one."""
    course = course_of(shop, id_)
    return next((step for step in course if step.status is StepStatus.IN_PROGRESS), None)


def is_at(shop: TrafficShop, id_: DeploymentId, at: str) -> bool:
    """Tell whether a deployment stands where the alarm is to go off."""
    if begun := begun_of(shop, id_):
        return at == (f"hook {begun.event}" if begun.hook else begun.kind)
    done = [step for step in course_of(shop, id_) if step.status is StepStatus.SUCCEEDED]
    return bool(done) and at.startswith(f"between {done[-1].weight} ")


def go_on(system: System, shop: TrafficShop, id_: DeploymentId) -> None:
    """Do what the deployment waits for: say that all is well, or let a minute pass."""
    begun = begun_of(shop, id_)
    if begun and begun.hook:
        say(system, id_)
    elif begun and begun.kind == "ready":
        with system.store.write() as uow:
            continue_deployment(id_, Wait.READY, uow=uow)
        system.settle()
    else:
        minutes(system, 1)


def light_in_call(system: System, light: Callable[[], None], at: str) -> None:
    """Have the alarm go off, and be read, while a verb is called."""
    verb, _, weight = at.removeprefix("call of ").partition(" ")
    calls = count(10, 10)

    def on_sent(called: str) -> None:
        if called == verb and (not weight or next(calls) == int(weight)):
            light()
            system.worker.alarms.poll()

    system.traffic.on_sent = on_sent


def reached_at(at: str) -> int:
    """Return the greatest share that the new side had by then."""
    if at.startswith(("call of shift", "between")):
        return int(at.removeprefix("call of shift ").removeprefix("between ").split()[0])
    return 100 if at in {"hook AfterAllowTraffic", "termination", "call of finish"} else 0


def pass_seconds(system: System, seconds: int) -> None:
    for _ in range(seconds):
        system.sweep(after=1)
        system.settle()
