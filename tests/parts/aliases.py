"""Functions with aliases on a Lambda of loopback, and somebody in between us and it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from parts.between import Between, Call
from parts.s3 import LIKE_AWS, S3Server
from tidegate.domain.ids import DeploymentId
from tidegate.domain.traffic import AliasMove, Errand
from tidegate.drivers.traffic.lambda_ import LambdaTraffic
from tidegate.testing.aws import samples
from tidegate.testing.clock import FakeClock

REGION = "eu-central-1"
_names = count()


@pytest.fixture(scope="session")
def lambda_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto"), program=LIKE_AWS) as server:
        yield server


@pytest.fixture
def between(
    lambda_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Between]:
    """Lies where this process finds Lambda, and forwards to the stand-in."""
    lambda_server.point_to(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", lambda_server.url)
    between = Between(lambda_server.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", between.url)
    yield between
    between.close()


@dataclass
class Aliases:
    """A function of three versions, whose alias `live` leads to the first."""

    aws: Any
    """A client of Lambda that nobody is in between of."""
    between: Between
    function: str
    arn: str

    @property
    def move(self) -> AliasMove:
        return AliasMove(
            function=self.function, alias="live", current_version="1", target_version="2"
        )

    def errand(self, **changes: Any) -> Errand:
        return Errand(
            deployment_id=DeploymentId("d-ABCDEFGHI"),
            region=REGION,
            **{"move": self.move, **changes},
        )

    def alias(self) -> dict[str, Any]:
        answer = self.aws.get_alias(FunctionName=self.function, Name="live")
        del answer["ResponseMetadata"]
        return answer

    def set(self, version: str = "1", **others: Any) -> None:
        """Somebody changes the alias: its version, and others by `v2=0.1`."""
        weights = {name.removeprefix("v"): weight for name, weight in others.items()}
        self.aws.update_alias(
            FunctionName=self.function,
            Name="live",
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    def routes(self) -> tuple[str, dict[str, float]]:
        alias = self.alias()
        routing = alias.get("RoutingConfig", {"AdditionalVersionWeights": {}})
        return alias["FunctionVersion"], routing["AdditionalVersionWeights"]

    def updates(self) -> list[Any]:
        return [call.json for call in self.calls()]

    def calls(self) -> list[Call]:
        """Return the calls that changed the alias."""
        calls = self.between.of("UpdateAlias")
        return [call for call in calls if f"/functions/{self.function}/" in call.path]

    def state(self) -> object:
        alias = self.alias()
        del alias["RevisionId"]
        return alias

    def traffic(self) -> object:
        return self.routes()

    def share(self) -> float:
        return _share(*self.routes())

    def history(self) -> list[float]:
        return [
            _share(update["FunctionVersion"], update["RoutingConfig"]["AdditionalVersionWeights"])
            for update in self.updates()
        ]

    def meddle(self) -> None:
        self.set("3")

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        self.between.always["*"] = self.between.hangs
        yield
        self.between.heal()

    @contextmanager
    def die_after_a_change(self) -> Iterator[None]:
        self.between.dies_after("UpdateAlias")
        yield
        self.between.heal()


def _share(version: str, weights: dict[str, float]) -> float:
    return 100 if version == "2" else 100 * weights.get("2", 0.0)


@pytest.fixture
def aliases(lambda_server: S3Server, between: Between, function_role: str) -> Aliases:
    client = boto3.client("lambda", region_name=REGION, endpoint_url=lambda_server.url)
    return make_function(client, between, function_role)


def make_function(client: Any, between: Between, role: str) -> Aliases:
    name = f"checkout-{next(_names)}"
    arn = samples.make_function(client, name, role=role, versions=3)
    client.create_alias(
        FunctionName=name, Name="live", FunctionVersion="1", Description="what is sold by"
    )
    return Aliases(client, between, name, arn)


@pytest.fixture(scope="session")
def function_role(lambda_server: S3Server) -> str:
    return make_role(lambda_server.url)


def make_role(url: str) -> str:
    iam = boto3.client(
        "iam",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    return samples.make_role(iam, "lambda")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def alias_driver(between: Between, clock: FakeClock) -> LambdaTraffic:
    return LambdaTraffic(timeout=timedelta(seconds=1), clock=clock)
