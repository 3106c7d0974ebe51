"""What sources of alarms are tested against: CloudWatch's double, and a real Prometheus."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from parts.aws import Client, client, environment, mute, nobody, says  # noqa: F401 - fixtures
from parts.prometheus import PrometheusServer
from parts.s3 import LIKE_AWS, S3Server
from parts.web import Web


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto-alarms"), program=LIKE_AWS) as server:
        yield server


@pytest.fixture
def cloudwatch(client: Client) -> Any:  # noqa: F811 - the fixture
    return client("cloudwatch")


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture
def web() -> Iterator[Web]:
    """What stands in for a Prometheus that does not answer as it should."""
    server = Web()
    yield server
    server.close()


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of one who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
