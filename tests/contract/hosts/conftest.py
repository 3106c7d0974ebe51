"""Keys, hosts and drivers for the contract of host drivers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tidegate.drivers.hosts.ssh import SshHosts


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
