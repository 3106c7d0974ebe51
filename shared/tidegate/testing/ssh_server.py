"""An SSH server on loopback that runs commands for real: a host for demos and tests."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Self

import asyncssh
from typing_extensions import override

from tidegate.drivers.hosts.event_loop import LoopThread

_PIECE: Final = 128 << 10
_LAST_WORDS: Final = 1.0
"""How long output is waited for when a command has ended but left its pipes open."""
_PARTING: Final = 5.0
_HOST_KEY_ALG: Final = "ssh-ed25519"


class LoopbackSshServer:
    """One host: whoever holds the authorized key runs commands as this process's user.

    A command runs in a session of its own under `home`. When its channel closes, its process group
    is killed; what detached itself lives on, as on a real host.
    """

    def __init__(
        self,
        *,
        home: Path,
        authorized_key: str,
        host_key: asyncssh.SSHKey | None = None,
        host_certificate: asyncssh.SSHCertificate | None = None,
        environment: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Serve at *port*, or at a free one, as soon as it is entered."""
        self.home = home
        self.address = address
        self.port = port
        self._authorized = asyncssh.import_authorized_keys(authorized_key)
        self._key = host_key or asyncssh.generate_private_key(_HOST_KEY_ALG)
        self._certificate = host_certificate
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            **(environment or {}),
            "HOME": str(home),
        }
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._commands: set[asyncio.Task[None]] = set()
        self._thread: LoopThread | None = None

    @property
    def host_key(self) -> str:
        """The public host key, as known_hosts has it."""
        return self._key.export_public_key("openssh").decode().strip()

    def settings(self, identity: str, **others: object) -> dict[str, object]:
        """Return what the driver `ssh` must know to reach this host."""
        return {
            "address": self.address,
            "port": self.port,
            "user": "tide",
            "identity": identity,
            "host_key": self.host_key,
            **others,
        }

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Serve on the running loop, for as long as the context lasts."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Serve on the running loop; at the same port as before, if it served before."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._acceptor = await asyncssh.listen(
            self.address,
            self.port,
            server_factory=lambda: _Door(self._connections),
            server_host_keys=[self._key],
            server_host_certs=[self._certificate] if self._certificate else (),
            authorized_client_keys=self._authorized,
            process_factory=self._run,
            encoding=None,
            reuse_address=True,
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        await self.drop()
        if self._commands:
            await asyncio.wait(self._commands, timeout=_PARTING)

    async def drop(self) -> None:
        """Cut every connection, as a broken line does."""
        for connection in list(self._connections):
            connection.abort()
            await connection.wait_closed()

    def __enter__(self) -> Self:
        self._thread = LoopThread("tidegate-loopback-ssh")
        try:
            self._thread.submit(self.start()).result(30)
        except BaseException:
            self._thread.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.submit(self.stop()).result(30)
            self._thread.close()
            self._thread = None

    def drop_now(self) -> None:
        """Cut every connection of a server that was entered."""
        if self._thread is not None:
            self._thread.submit(self.drop()).result(30)

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if process.command is None:
            process.stderr.write(b"This host runs commands only.\n")
            process.exit(1)
            return
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env=self._environment,
            start_new_session=True,
        )
        # The task that asyncssh runs this in may be cancelled with the connection; its end may not.
        talk = asyncio.create_task(_converse(process, child))
        self._commands.add(talk)
        talk.add_done_callback(self._commands.discard)
        await asyncio.shield(talk)


class _Door(asyncssh.SSHServer):
    """Keeps count of who is inside."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    @override
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.discard(self._connection)

    @override
    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        return True


async def _converse(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> None:
    """Carry bytes between the channel and the command, until either of them ends."""
    listening = asyncio.create_task(_feed(process, child))
    talking = [
        asyncio.create_task(_carry(child.stdout, process.stdout)),
        asyncio.create_task(_carry(child.stderr, process.stderr)),
    ]
    ended = asyncio.create_task(child.wait())
    closed = asyncio.create_task(process.wait_closed())
    try:
        await asyncio.wait([ended, closed], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            await asyncio.wait(talking, timeout=_LAST_WORDS)
            _say_how_it_ended(process, ended.result())
    finally:
        for task in (listening, closed, *talking):
            task.cancel()
        # Its group may outlive the command itself.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        await ended
        await asyncio.gather(listening, closed, *talking, return_exceptions=True)


def _say_how_it_ended(process: asyncssh.SSHServerProcess[bytes], code: int) -> None:
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


async def _feed(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> None:
    stdin = child.stdin
    if stdin is None:
        return
    with suppress(OSError, asyncssh.Error):
        while piece := await process.stdin.read(_PIECE):
            stdin.write(piece)
            await stdin.drain()
    stdin.close()


async def _carry(source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]) -> None:
    if source is None:
        return
    with suppress(OSError, asyncssh.Error):
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
