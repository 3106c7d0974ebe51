"""What tells of instances, against moto's EC2 and EC2 Auto Scaling."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from parts.aws import Client, client, environment, mute, nobody, says  # noqa: F401 - fixtures
from parts.ec2 import Account
from parts.s3 import S3Server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch:
        # Images that nobody uses take two seconds to read.
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        with S3Server(tmp_path_factory.mktemp("moto-instances")) as server:
            yield server


@pytest.fixture
def account(client: Client) -> Iterator[Account]:  # noqa: F811 - the fixture
    account = Account(client("ec2"), client("autoscaling"))
    yield account
    account.clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """What was asked of EC2 and Auto Scaling: operation and parameters."""
    from botocore.client import BaseClient

    heard: list[Any] = []
    ask = BaseClient._make_api_call

    def asked(self, operation, parameters):
        heard.append((operation, parameters))
        return ask(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", asked)
    return lambda: heard
