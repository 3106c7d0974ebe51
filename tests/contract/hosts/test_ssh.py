"""The driver `ssh` keeps the contract, on a server of our own and on OpenSSH's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parts.sshd import SshdFarm
from tidegate.drivers.hosts import HostAddress, HostDriver
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.testing.host_contract import HostDriverContract
from tidegate.testing.ssh_server import LoopbackSshServer


class TestSshOnLoopback(HostDriverContract):
    @pytest.fixture
    def driver(self, make_driver: Callable[..., SshHosts]) -> HostDriver:
        return make_driver()

    @pytest.fixture
    def host(self, tmp_path: Path, authorized_key: str, identity: str) -> Iterator[HostAddress]:
        with LoopbackSshServer(home=tmp_path / "home", authorized_key=authorized_key) as server:
            yield HostAddress(name="web-1", settings=server.settings(identity))


@pytest.mark.sshd
class TestSshOnOpenSsh(HostDriverContract):
    @pytest.fixture
    def driver(self, make_driver: Callable[..., SshHosts]) -> HostDriver:
        return make_driver()

    @pytest.fixture
    def host(self, sshd_farm: SshdFarm) -> HostAddress:
        host = sshd_farm.start_one("web-1")
        return HostAddress(name=host.name, settings=host.settings)
