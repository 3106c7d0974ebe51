"""The world of deployments that move traffic: people, hooks and alarms besides."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from component.engine.traffic import TrafficShop, ecs_appspec, lambda_appspec
from simulation.shifting import Hooks, Traffic
from simulation.world import World
from tidegate.domain.alarms import Alarms, AlarmState, Inquiry, Reading
from tidegate.domain.aws_group import (
    AwsGroup,
    BlueGreen,
    EcsService,
    LoadBalancers,
    TargetGroupPair,
)
from tidegate.domain.configs import PREDEFINED_PREFIX
from tidegate.domain.course import Word
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import (
    DeploymentActive,
    DeploymentAlreadyCompleted,
    DeploymentNotReady,
    DeploymentNotStarted,
    HookHasEnded,
    NotNow,
    UnsupportedAction,
)
from tidegate.domain.ids import DeploymentId
from tidegate.engine.alarms import AlarmPolling
from tidegate.engine.waits import end_hook
from tidegate.messages import CARRY_OUT
from tidegate.testing.fake_worker import FakeWorker

NOT_NOW = (
    DeploymentAlreadyCompleted,
    DeploymentNotReady,
    DeploymentNotStarted,
    HookHasEnded,
    NotNow,
    UnsupportedAction,
)
ALARM = Alarms(enabled=True, names=("errors",))
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/b/{}"


@dataclass
class OneAlarm:
    """A source whose every alarm stands as it is told to."""

    state: AlarmState = AlarmState.OK
    may_pass: bool = True

    def states(self, inquiry: Inquiry[Any]) -> Sequence[Reading[Any]]:
        return tuple(
            Reading(alarm=alarm, state=self.state, why="Why.", may_pass=self.may_pass)
            for alarm in inquiry.alarms
        )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What kind of deployments there are."""

    platform: ComputePlatform
    config: str
    functions: int = 1
    hooks: tuple[str, ...] = ()
    hooks_answer: bool = False
    """Whether hooks say in good weather, and without being told to, that all is well."""
    hooks_are_quick: bool = False
    """Whether they say so before their call has ended."""
    has_alarm: bool = False
    has_test: bool = False
    blue_green: BlueGreen | None = None

    @property
    def interval(self) -> timedelta:
        """How long it is from one shift to the next."""
        return timedelta(minutes=5 if self.config.startswith("Canary") else 1)

    @property
    def kept_for(self) -> timedelta:
        """How long the old side is kept when all traffic has moved, if it is removed at all."""
        end = self.blue_green.terminate if self.blue_green else None
        return timedelta(minutes=end.wait_minutes if end else 0)

    @property
    def appspec(self) -> str:
        hooks = [{event: f"check-{event}"} for event in self.hooks]
        if self.platform is ComputePlatform.LAMBDA:
            return lambda_appspec(*[f"web-{n}" for n in range(self.functions)], hooks=hooks)
        return ecs_appspec(hooks=hooks)

    @property
    def group(self) -> AwsGroup:
        alarms = ALARM if self.has_alarm else Alarms()
        if self.platform is ComputePlatform.LAMBDA:
            return AwsGroup(alarms=alarms)
        pair = TargetGroupPair(
            target_groups=("blue", "green"),
            prod_listeners=(LISTENER.format("prod"),),
            test_listeners=(LISTENER.format("test"),) if self.has_test else None,
        )
        return AwsGroup(
            alarms=alarms,
            ecs_services=(EcsService(cluster="prod", service="shop"),),
            load_balancers=LoadBalancers(pairs=(pair,)),
            blue_green=self.blue_green,
        )


class TrafficWorld(World):
    """One database, one broker, workers that come and go, and traffic."""

    shop: TrafficShop

    def __init__(self, template, folder, *, scene: Scene, **group):
        self.scene = scene
        self.alarm = OneAlarm()
        self.traffic: Any = None
        super().__init__(
            template,
            folder,
            hosts=0,
            config=f"{PREDEFINED_PREFIX}{scene.platform}{scene.config}",
            **group,
        )

    def new_shop(self, **group) -> TrafficShop:
        self.traffic = Traffic(self.clock)
        self.hooks = Hooks(self.traffic, on_call=self.answer_if_quick)
        shop = TrafficShop.with_hosts(
            self.store, (), platform=self.scene.platform, aws=self.scene.group, **group
        )
        assert isinstance(shop, TrafficShop)
        return shop

    def drivers(self) -> dict[str, Any]:
        return {"traffic": self.traffic, "hooks": self.hooks}

    def start_worker(self) -> None:
        super().start_worker()
        self.workers[-1].alarms = AlarmPolling(
            store=self.store,
            assume_role=False,
            cloudwatch=lambda: self.alarm,
            prometheus=lambda: self.alarm,
        )

    def is_busy(self, worker: FakeWorker) -> bool:
        """Tell whether a worker is in the middle of a step."""
        return any(
            fiber.name.endswith(CARRY_OUT) and not fiber.is_over
            for fiber in self.fibers[worker.name]
        )

    def go(self) -> None:
        """Create a deployment, where none is under way."""
        busy = self.rows("SELECT active_deployment_id FROM deployment_groups")
        if busy == [(None,)]:
            self.traffic.tidy()
        with suppress(DeploymentActive):
            self.shop.go(self.scene.appspec)

    def act(self, act: Callable[..., object], deployment_id: str, *words: Any, **options) -> None:
        """Have somebody do something, which may not be the time for it."""
        with suppress(*NOT_NOW), self.store.write() as uow:
            act(DeploymentId(deployment_id), *words, uow=uow, **options)

    def answer(self, index: int, word: Word) -> None:
        """Have one of the hooks that were called say how it went."""
        if self.hooks.calls:
            _, deployment_id, execution_id = self.hooks.calls[index % len(self.hooks.calls)]
            self.act(end_hook, deployment_id, execution_id, word)

    def answer_if_quick(self, deployment_id: str, execution_id: str) -> None:
        if self.scene.hooks_are_quick:
            self.act(end_hook, deployment_id, execution_id, Word.SUCCEEDED)

    def calm(self) -> None:
        """Let time pass until something is due: all alive, all delivered, all swept."""
        self.clock.advance(timedelta(seconds=1))
        if not self.broker.queue and not self.running() and (due := self._next_due()):
            self.clock.advance(max(due - self.clock.now(), timedelta(0)))
        self.show_life()
        self.sweep(0)
        self.sweep(1)
        self.deliver_all()
        for _ in range(4):
            self.resume_all()
        if self.scene.hooks_answer:
            for index in range(len(self.hooks.calls)):
                self.answer(index, Word.SUCCEEDED)

    def _next_due(self) -> datetime | None:
        rows = self.rows(
            "SELECT min(at) FROM (SELECT min(wake_at) AS at FROM deployments "
            "UNION SELECT min(due_at) FROM targets UNION SELECT min(created_at) FROM outbox)"
        )
        ((at,),) = rows
        return None if at is None else datetime.fromisoformat(at).replace(tzinfo=self._zone)

    @property
    def _zone(self):
        return self.clock.now().tzinfo
