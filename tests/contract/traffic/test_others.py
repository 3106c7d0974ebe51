"""What is wrong with some deployments is no matter to the others of the same worker."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from parts.aliases import Aliases, make_function
from parts.aws import REGION
from parts.between import Between, answers
from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.ids import DeploymentId
from tidegate.domain.traffic import Errand, ServiceMove
from tidegate.drivers.traffic import Done, Failed
from tidegate.drivers.traffic.ecs import EcsTraffic
from tidegate.drivers.traffic.lambda_ import LambdaTraffic

ROLE = "arn:aws:iam::123456789012:role/{}"
SLOTS = 8
UNREACHABLE = 30


class BlackHole:
    """An address where connections are taken and nothing is ever said."""

    def __init__(self) -> None:
        self.taken: list[socket.socket] = []
        self._is_closing = False
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while True:
            connection, _ = self._server.accept()
            self.taken.append(connection)
            if self._is_closing:
                return

    def close(self) -> None:
        self._is_closing = True
        with socket.create_connection(self._server.getsockname()):
            self._thread.join()
        for connection in self.taken:
            connection.close()
        self._server.close()


@pytest.fixture
def hole() -> Iterator[BlackHole]:
    hole = BlackHole()
    yield hole
    hole.close()


def service(number: int) -> Errand:
    return Errand(
        deployment_id=DeploymentId(f"d-{number:09}"),
        region=REGION,
        role_arn=ROLE.format("shop"),
        move=ServiceMove(
            cluster="shop",
            service=f"web-{number}",
            pairs=(TargetGroupPair(target_groups=("blue", "green"), prod_listeners=("prod",)),),
            task_definition="web:1",
            container_name="web",
            container_port=80,
        ),
    )


def crowd(look: Callable[[Errand], object], then: Callable[[], object]) -> list[object]:
    """Have many look for a service, and *then* another one do something, on a few slots."""
    with ThreadPoolExecutor(SLOTS) as slots:
        crowd = [slots.submit(look, service(number)) for number in range(UNREACHABLE)]
        last = slots.submit(then)
        return [last.result(), *(one.result() for one in crowd)]


@pytest.mark.parametrize("service_name", ["ECS", "STS"])
def test_an_endpoint_that_never_answers_holds_up_no_other(
    aliases: Aliases, hole: BlackHole, monkeypatch: pytest.MonkeyPatch, service_name: str
):
    """Each call would wait for two seconds, twice: some 16 s with so few slots."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", hole.url)
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service_name}", hole.url)
    ecs = EcsTraffic(timeout=timedelta(seconds=2), assume_role=service_name == "STS")
    lambda_ = LambdaTraffic()
    asked: list[int] = []

    def good() -> Done | Failed:
        asked.append(len(hole.taken))
        return lambda_.look(aliases.errand())

    answer, *others = crowd(ecs.look, good)

    assert isinstance(answer, Done)
    assert asked[0] <= SLOTS + 2
    for other in others:
        assert isinstance(other, Failed)
        assert other.may_pass
        assert f"{service_name} cannot be reached for " in other.message


def test_who_is_asked_again_when_it_answers_is_asked_by_all(
    aliases: Aliases, between: Between, lambda_server: object
):
    driver = LambdaTraffic(timeout=timedelta(seconds=1))
    between.always["*"] = between.hangs
    with ThreadPoolExecutor(SLOTS) as slots:
        answers = slots.map(lambda _: driver.look(aliases.errand()), range(SLOTS))
        assert not any(isinstance(one, Done) for one in answers)
    between.heal()

    deadline = time.monotonic() + 60
    while not isinstance(driver.look(aliases.errand()), Done):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    with ThreadPoolExecutor(SLOTS) as slots:
        answers = slots.map(lambda _: driver.look(aliases.errand()), range(3 * SLOTS))
        assert all(isinstance(one, Done) for one in answers)


def test_one_function_that_is_throttled_slows_no_other(
    aliases: Aliases, between: Between, function_role: str
):
    """By botocore's mode `adaptive` each call of the others took half a minute."""
    driver = LambdaTraffic()
    busy = make_function(aliases.aws, between, function_role)
    between.about[f"/{busy.function}/"] = answers(429, "TooManyRequestsException")
    over = threading.Event()

    def hammer(_: int) -> None:
        while not over.wait(0.1):
            assert isinstance(driver.look(busy.errand()), Failed)

    with ThreadPoolExecutor(SLOTS) as slots:
        hammering = slots.map(hammer, range(SLOTS))
        while len(between.of("GetAlias")) < 5 * SLOTS:
            time.sleep(0.1)
        begun, before = time.monotonic(), len(between.of("GetAlias"))
        for _ in range(5):
            assert isinstance(driver.look(aliases.errand()), Done)
        took, calls = time.monotonic() - begun, len(between.of("GetAlias")) - before
        over.set()
        list(hammering)

    assert took < 20, f"{calls} calls came meanwhile"
