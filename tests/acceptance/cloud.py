"""A running system whose AWS is a stand-in, and what its users ask of it through boto3."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config

from acceptance.system import System
from parts.aliases import make_role
from parts.between import Between
from parts.s3 import LIKE_AWS, S3Server
from tidegate.testing.aws.samples import make_alarm, make_function

MINUTE = 2.0
"""Seconds that a minute of traffic configs and of waits lasts here."""
ROLE = "arn:aws:iam::000000000000:role/CodeDeployDemo"
STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
ROLL_BACK = {
    "enabled": True,
    "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
}
FINAL = ("Succeeded", "Failed", "Stopped")
PATIENCE = 280
"""Seconds; all but the longest configs take a few where nothing else goes on."""
T = TypeVar("T")
_names = count(1)


def until(condition: Callable[[], T], *, what: str, within: float = PATIENCE) -> T:
    """Ask until the answer is true, and return it; the longer it takes, the less often."""
    deadline, pause = time.monotonic() + within, 0.2
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"Waited {within} s in vain: {what}"
        time.sleep(pause)
        # Many ask at the same time, and whom they ask has work to do.
        pause = min(pause * 1.2, 1.0)
    return answer


@dataclass
class Cloud:
    """The stand-in, who is in between, and the system that calls it there."""

    moto: S3Server
    between: Between
    system: System
    environment: Mapping[str, str]
    """That of AWS's clients that talk to the system, and to the stand-in past who is in between."""
    function_role: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _applications: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def client(self, service: str, region: str) -> Any:
        """A client of the system, or of the stand-in; it may be used by many threads."""
        with self.lock:
            if (service, region) not in self._clients:
                ours = service == "codedeploy"
                self._clients[service, region] = boto3.client(  # type: ignore[call-overload]
                    service,
                    region_name=region,
                    endpoint_url=self.system.url if ours else self.moto.url,
                    aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
                    # The system may be away for a while: that is what some tests are about.
                    config=Config(
                        retries={"total_max_attempts": 8 if ours else 2, "mode": "standard"},
                        max_pool_connections=50,
                    ),
                )
            return self._clients[service, region]

    def forget(self) -> None:
        """Have nothing be in the stand-in any more, or in groups: it has only so many regions."""
        for region, name in self._applications:
            self.client("codedeploy", region).delete_application(applicationName=name)
        self._applications.clear()
        reset = urllib.request.Request(f"{self.moto.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset, timeout=30).close()
        self.function_role = make_role(self.moto.url)

    def group(self, region: str, platform: str, **more: Any) -> tuple[str, str]:
        """Make an application with a group of this platform; return both names."""
        codedeploy, name = self.client("codedeploy", region), f"shop-{next(_names)}"
        codedeploy.create_application(applicationName=name, computePlatform=platform)
        self._applications.append((region, name))
        codedeploy.create_deployment_group(
            applicationName=name,
            deploymentGroupName="live",
            serviceRoleArn=ROLE,
            deploymentStyle=STYLE,
            **more,
        )
        return name, "live"

    def deploy(
        self, region: str, group: tuple[str, str], appspec: Any, config: str = "", **more: Any
    ) -> "Run":
        """Create a deployment; *config* is the name of a predefined one without its prefix."""
        if config:
            more["deploymentConfigName"] = f"CodeDeployDefault.{config}"
        made = self.client("codedeploy", region).create_deployment(
            applicationName=group[0],
            deploymentGroupName=group[1],
            revision={
                "revisionType": "AppSpecContent",
                "appSpecContent": {"content": json.dumps(appspec)},
            },
            **more,
        )
        return Run(self, region, made["deploymentId"])

    def hook(self, region: str, name: str) -> str:
        """Make a function that can be a hook, unless it is there; return its name."""
        functions = self.client("lambda", region)
        with self.lock:
            known = {one["FunctionName"] for one in functions.list_functions()["Functions"]}
            if name not in known:
                make_function(functions, name, role=self.function_role)
        return name

    def alarm(self, region: str) -> str:
        """Make an alarm that is out; return its name."""
        name = f"errors-{next(_names)}"
        make_alarm(self.client("cloudwatch", region), name)
        self.light(region, name, "OK")
        return name

    def light(self, region: str, name: str, state: str = "ALARM") -> None:
        self.client("cloudwatch", region).set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="somebody says so"
        )


@dataclass(frozen=True)
class Run:
    """One deployment, as who created it sees it."""

    cloud: Cloud
    region: str
    id: str

    @property
    def codedeploy(self) -> Any:
        return self.cloud.client("codedeploy", self.region)

    def info(self) -> dict[str, Any]:
        info: dict[str, Any] = self.codedeploy.get_deployment(deploymentId=self.id)[
            "deploymentInfo"
        ]
        return info

    def target(self) -> dict[str, Any]:
        """Return what its one target is told to be, whatever its type."""
        [name] = self.codedeploy.list_deployment_targets(deploymentId=self.id)["targetIds"]
        shown = self.codedeploy.get_deployment_target(deploymentId=self.id, targetId=name)
        target: dict[str, Any] = shown["deploymentTarget"]
        kind = target["deploymentTargetType"]
        told: dict[str, Any] = target[
            {"LambdaTarget": "lambdaTarget", "ECSTarget": "ecsTarget"}[kind]
        ]
        return told

    def events(self) -> dict[str, str]:
        """Return how its lifecycle events stand."""
        return {
            one["lifecycleEventName"]: one["status"] for one in self.target()["lifecycleEvents"]
        }

    def ended(self, *statuses: str) -> dict[str, Any]:
        """Return what is told of it at its end, which has to be one of these."""
        info = until(self._at_its_end, what=f"{self.id} ends")
        assert info["status"] in (statuses or FINAL), info
        return info

    def _at_its_end(self) -> dict[str, Any] | None:
        info = self.info()
        return info if info["status"] in FINAL else None

    def closed(self) -> dict[str, Any]:
        """Return its target when nothing is called for it any more."""
        return until(
            lambda: (target := self.target())["status"] in ("Succeeded", "Failed") and target,
            what=f"the target of {self.id} ends",
        )

    def rollback(self) -> "Run":
        """Return what rolls it back."""
        rollback = self.info()["rollbackInfo"]["rollbackDeploymentId"]
        return Run(self.cloud, self.region, rollback)

    def called(self, hook: str) -> str:
        """Wait until it has called a hook, and return the execution id that the hook was told."""
        return until(lambda: self._called(hook), what=f"{self.id} calls {hook}")

    def _called(self, hook: str) -> str:
        for call in list(self.cloud.between.of("Invoke")):
            told = call.json
            if f"/functions/{hook}/" in call.path and told["DeploymentId"] == self.id:
                assert set(told) == {"DeploymentId", "LifecycleEventHookExecutionId"}
                return str(told["LifecycleEventHookExecutionId"])
        return ""

    def says(self, hook: str, status: str = "Succeeded") -> None:
        """Have a hook put its status when it has been called."""
        execution = self.called(hook)
        said = self.codedeploy.put_lifecycle_event_hook_execution_status(
            deploymentId=self.id, lifecycleEventHookExecutionId=execution, status=status
        )
        assert said["lifecycleEventHookExecutionId"] == execution

    def stop(self, **how: bool) -> None:
        said = self.codedeploy.stop_deployment(deploymentId=self.id, **how)
        assert said["status"] in ("Succeeded", "Pending")


@contextmanager
def running_cloud(folder: Path, **options: Any) -> Iterator[Cloud]:
    """Have a system run, on the database that is named, beside a stand-in for AWS."""
    with ExitStack() as stack:
        moto = stack.enter_context(S3Server(folder, program=LIKE_AWS))
        between = Between(moto.url)
        stack.callback(between.close)
        aws = {k: v for k, v in moto.environment(folder).items() if not k.endswith("_S3")}
        theirs = {
            **aws,
            "AWS_ENDPOINT_URL": between.url,
            "TIDEGATE_MINUTE_SECONDS": str(MINUTE),
            "TIDEGATE_LEASE_SECONDS": "8",
        }
        system = System(folder / "data", environment=theirs, **options)
        stack.enter_context(system)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        ours = {**aws, **system.access_key(), "AWS_ENDPOINT_URL": moto.url}
        for name, value in ours.items():
            patch.setenv(name, value)
        yield Cloud(moto, between, system, ours, make_role(moto.url))


def assert_in_time(
    found: Sequence[float], times: Sequence[float], weights: Sequence[int], minutes: int
) -> None:
    """See that traffic got the *weights* in turn, none before its time.

    *times* are in seconds since the first was begun. Where an interval is so short that a busy
    machine misses it, a weight may be left out: it is as with a control plane that was away.
    """
    for weight, time_ in zip(found, times, strict=True):
        # A step is begun when it is due, not when its time has been rounded to milliseconds.
        assert time_ >= weights.index(int(weight)) * minutes * MINUTE - 0.01, (found, times)
    if minutes >= 3:
        assert list(found) == list(weights)
    assert list(found) == sorted(set(found))
    assert (found[0], found[-1]) == (weights[0], weights[-1])
    assert len(found) >= len(weights) - 4, found
