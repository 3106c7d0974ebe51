"""A host that says what a test wants it to say, over real SSH."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import asyncssh

from tidegate.drivers.hosts.event_loop import LoopThread

BEGUN = {"fact": "begun", "at": 1.0, "boot": "b", "pid": 7}
HOOK_RUNS = {"fact": "event", "at": 2.0, "name": "AfterInstall", "status": "InProgress"}
ENDED = {"fact": "end", "at": 3.0, "outcome": "succeeded"}


class Conversation:
    """One session that a driver opened."""

    def __init__(self, process: asyncssh.SSHServerProcess[bytes], number: int) -> None:
        self.process = process
        self.number = number
        self._connection = process.channel.get_connection()
        self.header: dict[str, Any] = {}

    async def open(self) -> None:
        """Read the header and give the marker, as the runner does."""
        self.header = json.loads(await self.process.stdin.readline())
        await self.raw(f"\n{self.header['marker']}\n".encode())

    async def raw(self, data: bytes) -> None:
        self.process.stdout.write(data)
        await self.process.stdout.drain()

    async def say(self, **line: Any) -> None:
        await self.raw(json.dumps(line).encode() + b"\n")

    async def fact(self, offset: int, body: dict[str, Any]) -> None:
        await self.say(t="fact", o=offset, f=body)

    async def finish(self, offset: int) -> None:
        await self.fact(offset, ENDED)
        await self.say(t="end")

    async def next_line(self) -> Any:
        return json.loads(await self.process.stdin.readline())

    async def receive(self, size: int) -> bytes:
        return await self.process.stdin.readexactly(size)

    async def hang(self) -> None:
        await asyncio.sleep(60)

    def exit(self, code: int, complaint: bytes = b"") -> None:
        self.process.stderr.write(complaint)
        self.process.exit(code)

    def cut(self) -> None:
        """Break the connection, as a reset does."""
        self._connection.abort()


Script = Callable[[Conversation], Awaitable[None]]


class ScriptedHost:
    """Serves on a free port, each session by the same script."""

    def __init__(self, authorized_key: str, script: Script) -> None:
        self._authorized = asyncssh.import_authorized_keys(authorized_key)
        self._script = script
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._thread = LoopThread("scripted-host")
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.port = 0
        self.conversations: list[Conversation] = []

    @property
    def host_key(self) -> str:
        return self._key.export_public_key("openssh").decode().strip()

    def settings(self, identity: str, **others: object) -> dict[str, object]:
        return {
            "address": "127.0.0.1",
            "port": self.port,
            "user": "tide",
            "identity": identity,
            "host_key": self.host_key,
            **others,
        }

    def open(self) -> None:
        self._thread.submit(self._open()).result(10)

    def shut(self) -> None:
        """Refuse connections from now on, and break those there are."""
        self._thread.submit(self._shut()).result(10)

    def change_key(self) -> None:
        self.shut()
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.open()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        self._thread.close()

    async def _open(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self._key],
            authorized_client_keys=self._authorized,
            process_factory=self._converse,
            encoding=None,
            reuse_address=True,
        )
        self.port = self._acceptor.get_port()

    async def _shut(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        for conversation in self.conversations:
            conversation.cut()

    async def _converse(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        conversation = Conversation(process, len(self.conversations) + 1)
        self.conversations.append(conversation)
        with suppress(OSError, asyncssh.Error, asyncio.IncompleteReadError, ValueError):
            await self._script(conversation)
