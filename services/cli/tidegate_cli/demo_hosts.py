"""The five hosts of the demo: SSH servers in one process, each with a folder and ports of its own.

Started as `python -m tidegate_cli.demo_hosts FOLDER`; prints the hosts as one line of JSON once
they can be reached, and ends at SIGTERM.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from tidegate.testing.ssh_server import LoopbackSshServer
from tidegate_cli import ports

ADDRESS: Final = "127.0.0.1"
COUNT: Final = 5
FIRST_SSH_PORT: Final = 2201
FIRST_SITE_PORT: Final = 8101
USER: Final = "tide"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoHost:
    """One host as the demo sees it."""

    name: str
    folder: Path
    port: int
    site_port: int
    host_key: str

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def site_url(self) -> str:
        return f"http://{ADDRESS}:{self.site_port}/"

    def as_json(self) -> Mapping[str, object]:
        return {
            "name": self.name,
            "port": self.port,
            "site_port": self.site_port,
            "host_key": self.host_key,
        }


def read_hosts(line: str, folder: Path) -> list[DemoHost]:
    """Return the hosts that the process printed."""
    return [DemoHost(folder=folder / host["name"], **host) for host in json.loads(line)]


def host_names() -> list[str]:
    """Return what the hosts are called."""
    return [f"web-{number}" for number in range(1, COUNT + 1)]


def identity_file(folder: Path) -> Path:
    """Return where the private key lies that opens every host."""
    return folder / "id_ed25519"


def main() -> None:
    """Serve until SIGTERM."""
    os.umask(0o077)
    asyncio.run(_serve(Path(sys.argv[1])))


async def _serve(folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    authorized = _key(identity_file(folder)).export_public_key().decode()
    async with AsyncExitStack() as stack:
        hosts = []
        for position, name in enumerate(host_names()):
            home = folder / name
            server = LoopbackSshServer(
                home=home,
                authorized_key=authorized,
                host_key=_key(home / "host_key"),
                environment={"PATH": _path()},
                port=ports.preferred(ADDRESS, FIRST_SSH_PORT + position),
            )
            await stack.enter_async_context(server.serving())
            hosts.append(
                DemoHost(
                    name=name,
                    folder=home,
                    port=server.port,
                    site_port=ports.preferred(ADDRESS, FIRST_SITE_PORT + position),
                    host_key=server.host_key,
                )
            )
        sys.stdout.write(json.dumps([host.as_json() for host in hosts]) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _key(path: Path) -> asyncssh.SSHKey:
    """Return the key in a file; it is made when there is none, and stays."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(path))
    return asyncssh.read_private_key(str(path))


def _path() -> str:
    """Return a PATH on which python3 is the one that runs this."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


if __name__ == "__main__":
    main()
