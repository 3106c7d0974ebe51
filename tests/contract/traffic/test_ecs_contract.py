"""The ECS driver keeps the promises of all traffic drivers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws
from moto.elbv2.models import ELBv2Backend
from typing_extensions import override

from parts.aws_faults import counted, times_out
from parts.ecs_account import Account, forward, make_account
from tidegate.domain.traffic import Errand
from tidegate.drivers.traffic import TrafficDriver
from tidegate.drivers.traffic.ecs import EcsTraffic
from tidegate.testing.aws.ecs import like_aws
from tidegate.testing.traffic_contract import TrafficDriverContract

CHANGES = ("Create", "Modify", "Update", "Delete")


class Service:
    """A service and its listeners, as somebody sees and changes them who is not the driver."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.asked: list[float] = []
        self.meddling = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note what shares the production listener is given."""
        real = ELBv2Backend.modify_listener

        def modify(backend: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
            changed = real(backend, arn, *args, **kwargs)
            if arn == self.account.prod and not self.meddling:
                self.asked.append(self.share())
            return changed

        with patch.object(ELBv2Backend, "modify_listener", modify):
            yield

    def state(self) -> object:
        return self.account.picture()

    def share(self) -> float:
        weights = self.account.weights(self.account.prod)
        return 100 * weights.get("green", 0) / sum(weights.values())

    def traffic(self) -> object:
        return self.account.weights(self.account.prod)

    def history(self) -> Sequence[float]:
        return self.asked

    def meddle(self) -> None:
        self.meddling = True
        self.account.elb.modify_listener(
            ListenerArn=self.account.prod, DefaultActions=[forward(self.account.foreign)]
        )

    def cut_off(self) -> AbstractContextManager[object]:
        return counted(lambda operation, _call: times_out(operation, lambda: None))

    def die_after_a_change(self) -> AbstractContextManager[object]:
        changed = False

        def die(operation: str, call: Callable[[], Any]) -> Any:
            nonlocal changed
            if changed:
                return times_out(operation, lambda: None)
            if operation.startswith(CHANGES):
                call()
                changed = True
                return times_out(operation, lambda: None)
            return call()

        return counted(die)


class TestEcs(TrafficDriverContract):
    @override
    @pytest.fixture
    def driver(self) -> TrafficDriver:
        return EcsTraffic(timeout=timedelta(seconds=1))

    @override
    @pytest.fixture
    def world(self) -> Iterator[Service]:
        with like_aws(), mock_aws():
            world = Service(make_account())
            with world.watched():
                yield world

    @override
    @pytest.fixture
    def errand(self, world: Service) -> Errand:
        return world.account.errand()
