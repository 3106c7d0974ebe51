"""What traffic drivers are tested against."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from contract.traffic.ecs_course import Course
from contract.traffic.ecs_way import way  # noqa: F401 - a fixture
from parts.aliases import (  # noqa: F401 - fixtures
    alias_driver,
    aliases,
    between,
    clock,
    function_role,
    lambda_server,
)
from parts.ecs_account import Account, make_account
from tidegate.testing.aws.ecs import like_aws


@pytest.fixture
def account() -> Iterator[Account]:
    """One on a stand-in in this process."""
    with like_aws(), mock_aws():
        yield make_account()


@pytest.fixture
def course(account: Account) -> Course:
    """The course of a deployment that has looked."""
    return Course.looked(account)
