"""The driver `ssm` keeps the contract, on hosts of the stand-in for AWS that run what they get."""

from collections.abc import Iterator

import pytest

from contract.hosts.ssm_scene import address_of, ssm_driver
from tidegate.drivers.hosts import HostAddress
from tidegate.drivers.hosts.ssm import SsmHosts
from tidegate.testing.aws.ssm.handle import RunCommand
from tidegate.testing.host_contract import HostDriverContract


class TestSsmHosts(HostDriverContract):
    long_enough = 6.0

    @pytest.fixture
    def driver(self, exchange: str) -> Iterator[SsmHosts]:
        driver = ssm_driver(exchange)
        yield driver
        driver.close()

    @pytest.fixture
    def host(self, run_command: RunCommand) -> HostAddress:
        (host,) = run_command.make_hosts(1)
        return address_of(host)
