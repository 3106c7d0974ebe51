"""The SSH server for demos and tests behaves as a host does."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncssh
import psutil
import pytest

from parts.processes import living_with, wait_until
from tidegate.testing.ssh_server import LoopbackSshServer


@pytest.fixture
def server(tmp_path: Path, authorized_key: str) -> LoopbackSshServer:
    return LoopbackSshServer(
        home=tmp_path / "home", authorized_key=authorized_key, environment={"COLOUR": "blue"}
    )


@asynccontextmanager
async def connection_to(
    server: LoopbackSshServer, key: asyncssh.SSHKey
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with asyncssh.connect(
        server.address,
        server.port,
        username="tide",
        client_keys=[key],
        known_hosts=([server.host_key.encode()], [], []),
        config=None,
        agent_path=None,
    ) as connection:
        yield connection


def test_a_command_gets_its_input_and_gives_output_and_exit_code(server, user_key):
    noise = os.urandom(3 << 20)

    async def story() -> None:
        async with server.serving(), connection_to(server, user_key) as connection:
            echoed = await connection.run("cat", input=noise, encoding=None)
            told = await connection.run('echo "$COLOUR"; pwd; echo no >&2; exit 7')
            killed = await connection.run("kill -TERM $$")

        assert echoed.stdout == noise
        assert (told.exit_status, told.stderr) == (7, "no\n")
        assert told.stdout == f"blue\n{server.home}\n"
        assert killed.exit_signal is not None
        assert killed.exit_signal[0] == "TERM"

    asyncio.run(story())


def test_many_commands_at_once_all_end_right(server, user_key):
    async def story() -> None:
        async with server.serving(), connection_to(server, user_key) as connection:
            done = await asyncio.gather(*(connection.run(f"exit {n % 5}") for n in range(60)))

        assert [command.exit_status for command in done] == [n % 5 for n in range(60)]

    asyncio.run(story())


def test_a_cut_connection_kills_a_command_but_not_what_detached_itself(server, user_key):
    async def story() -> None:
        async with server.serving():
            async with connection_to(server, user_key) as connection:
                await connection.create_process(
                    "setsid sleep 31 >/dev/null 2>&1 </dev/null & sleep 32 & sleep 33"
                )
                await asyncio.to_thread(wait_until, lambda: len(sleeps()) == 3, within=5, what="")
            await asyncio.to_thread(wait_until, lambda: sleeps() == ["31"], within=5, what="")

    def sleeps() -> list[str]:
        found = []
        for process in living_with("HOME", str(server.home)):
            # One that ends just now has no command line any more.
            with suppress(psutil.NoSuchProcess):
                if process.name() == "sleep":
                    found.append(process.cmdline()[1])
        return sorted(found)

    try:
        asyncio.run(story())
    finally:
        for process in living_with("HOME", str(server.home)):
            process.kill()


def test_five_hosts_fit_on_one_loop(tmp_path, authorized_key, user_key):
    async def story() -> list[str]:
        homes = [tmp_path / f"web-{number}" for number in range(5)]
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(
                    LoopbackSshServer(home=home, authorized_key=authorized_key).serving()
                )
                for home in homes
            ]
            return [await where(server) for server in servers]

    async def where(server: LoopbackSshServer) -> str:
        async with connection_to(server, user_key) as connection:
            return str((await connection.run("basename $HOME")).stdout).strip()

    assert asyncio.run(story()) == [f"web-{number}" for number in range(5)]


def test_it_keeps_its_port_and_key_when_it_comes_back(server):
    with server:
        first = (server.port, server.host_key)
    with server:
        assert (server.port, server.host_key) == first


@pytest.mark.sshd
def test_the_client_of_openssh_understands_it(server, identity):
    ssh = shutil.which("ssh")
    assert ssh is not None
    options = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    place = ["-i", identity.removeprefix("file:"), "-p", "{port}", "tide@127.0.0.1"]

    with server:
        command = [ssh, *options, *(part.format(port=server.port) for part in place)]
        done = subprocess.run(
            [*command, "wc -c; exit 3"], input=b"12345", capture_output=True, check=False
        )

    assert (done.returncode, done.stdout.strip()) == (3, b"5")
