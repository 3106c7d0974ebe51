"""Keys, hosts and drivers for the contract of host drivers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from contract.hosts.scripted import Script, ScriptedHost
from parts.run_command import aws_that_runs, exchange, run_command
from tidegate.drivers.hosts import HostRun
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.testing.host_runs import run_of

__all__ = ["aws_that_runs", "exchange", "run_command"]


@pytest.fixture(scope="session")
def user_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
def identity(user_key: asyncssh.SSHKey, tmp_path: Path) -> str:
    path = tmp_path / "id_ed25519"
    path.touch(mode=0o600)
    path.write_bytes(user_key.export_private_key("openssh"))
    return f"file:{path}"


@pytest.fixture
def authorized_key(user_key: asyncssh.SSHKey) -> str:
    return user_key.export_public_key("openssh").decode()


@pytest.fixture
def make_driver(tmp_path: Path) -> Iterator[Callable[..., SshHosts]]:
    """Make drivers that are closed in the end, and that know no hosts but those of the test."""
    made: list[SshHosts] = []

    def make(**options: Any) -> SshHosts:
        made.append(SshHosts(**{"known_hosts": tmp_path / "known_hosts", **options}))
        return made[-1]

    yield make
    for driver in made:
        driver.close()


@pytest.fixture
def scripted(authorized_key: str) -> Iterator[Callable[[Script], ScriptedHost]]:
    """Start hosts that follow a script."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(ScriptedHost(authorized_key, script))


@pytest.fixture
def hasty(make_driver: Callable[..., SshHosts]) -> SshHosts:
    """A driver that loses patience soon."""
    return make_driver(silence=0.5, lost_after=4.0, connect_timeout=2.0, login_timeout=2.0)


@pytest.fixture
def run(tmp_path: Path) -> HostRun:
    return run_of({"AfterInstall": "true"}, folder=tmp_path / "bundles")
