"""The ears on an SSH exec channel."""

import asyncssh
from typing_extensions import override

from tidegate.drivers.hosts.ears import Ears


class SshEars(Ears, asyncssh.SSHClientSession[bytes]):
    """Hears and speaks over one exec channel."""

    def __init__(self) -> None:
        super().__init__()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    @override
    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    @override
    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is None:
            self.take(data)
        else:
            self.take_complaint(data)

    @override
    def exit_status_received(self, status: int) -> None:
        self.exit_code = status

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.close()

    @override
    def write(self, data: bytes) -> None:
        if self._channel is None:
            raise BrokenPipeError
        self._channel.write(data)

    @override
    def pause_reading(self) -> None:
        if self._channel is not None:
            self._channel.pause_reading()

    @override
    def resume_reading(self) -> None:
        if self._channel is not None:
            self._channel.resume_reading()
