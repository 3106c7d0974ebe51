"""What a host's row says about reaching it over SSH, checked with sentences that help."""

import re
from dataclasses import dataclass
from typing import Final, Self

import asyncssh
from pydantic import Field, field_validator

from tidegate.drivers.hosts.settings import HostSettings, Text

_AUTHORITY: Final = "@cert-authority"
_REVOKED: Final = "@revoked"
MOST_REVOKED: Final = 100
_PLAIN: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")
_JUMP: Final = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^@:\s,\[\]]+))"
    r"(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A host key that is trusted, or the key of an authority that vouches for host keys."""

    key: asyncssh.SSHKey
    is_authority: bool = False
    revoked: tuple[asyncssh.SSHKey, ...] = ()
    """Keys of hosts or authorities that are refused, whoever vouches for them."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one key as it stands in a known_hosts file, with or without the host's name.

        Lines with `@revoked` may stand beside it.

        Raises:
            ValueError: It is none.
        """
        lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
        revoked = [line for line in lines if line.split()[0] == _REVOKED]
        if len(lines) - len(revoked) > 1:
            raise ValueError(
                f"A host has one host key, and these are {len(lines) - len(revoked)}; "
                "`ssh-keyscan -t ed25519 ADDRESS` prints one."
            )
        if len(revoked) > MOST_REVOKED:
            raise ValueError(f"At most {MOST_REVOKED} keys are revoked, not {len(revoked)}.")
        words = next((line.split() for line in lines if line not in revoked), [])
        is_authority = bool(words) and words[0] == _AUTHORITY
        key = _public_key(words[1:] if is_authority else words, text)
        return cls(key, is_authority, tuple(_public_key(one.split()[1:], one) for one in revoked))


def _public_key(words: list[str], text: str) -> asyncssh.SSHKey:
    if len(words) > 2 and not words[1].startswith("AAAA") and words[0] != _REVOKED:
        words = words[1:]
    try:
        return asyncssh.import_public_key(" ".join(words[:2]))
    except (asyncssh.KeyImportError, ValueError):
        message = (
            f"The host key {text[:60]!r} is no known_hosts key; it looks like "
            "'ssh-ed25519 AAAA…', as `ssh-keyscan -t ed25519 ADDRESS` prints it."
        )
        raise ValueError(message) from None


@dataclass(frozen=True, slots=True)
class Jump:
    """The host that connections go through."""

    host: str
    port: int
    user: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `[user@]host[:port]`.

        Raises:
            ValueError: It is not of that form.
        """
        found = _JUMP.fullmatch(text)
        port = int(found["port"] or 22) if found else 0
        if not found or not 0 < port < 65536:
            raise ValueError(f"The jump host {text[:80]!r} is not of the form user@host:port.")
        return cls(found["six"] or found["host"], port, found["user"])


class SshSettings(HostSettings):
    """How one host is reached over SSH."""

    kind = "SSH"

    address: str
    """Name or IP address."""
    port: int = Field(default=22)
    user: Text = None
    identity: Text = None
    """`file:/path/to/key`, `env:NAME` of a variable that holds the key, or `agent`."""
    host_key: Text = None
    """One key as in known_hosts; `@cert-authority` before it trusts certificates of that key, and
    lines with `@revoked` name keys that are refused."""
    trust_on_first_use: bool = False
    proxy_jump: Text = None
    """`user@host:port` of a host to go through; user and port may be missing."""
    proxy_host_key: Text = None
    """The jump host's key; without it, `~/.ssh/known_hosts` must hold it."""
    sudo: bool = False
    """Have the runner started by `sudo -n`, so that it runs as root."""

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        address = address.strip().removeprefix("[").removesuffix("]")
        if not _PLAIN.fullmatch(address) or address.startswith("-") or "@" in address:
            raise ValueError(f"The address {address[:80]!r} is neither a host name nor an IP.")
        return address

    @field_validator("port")
    @classmethod
    def _is_port(cls, port: int) -> int:
        if not 0 < port < 65536:
            raise ValueError(f"The port {port} is not between 1 and 65535.")
        return port

    @field_validator("user")
    @classmethod
    def _is_user(cls, user: str | None) -> str | None:
        if user is not None and (not _PLAIN.fullmatch(user) or user.startswith("-")):
            raise ValueError(f"The user {user[:80]!r} is no user name.")
        return user

    @field_validator("identity")
    @classmethod
    def _is_identity(cls, identity: str | None) -> str | None:
        kind, _, rest = (identity or "agent").partition(":")
        if (kind, bool(rest)) not in {("file", True), ("env", True), ("agent", False)}:
            raise ValueError(
                "An identity is 'file:/path/to/key', 'env:NAME' or 'agent'; the key itself is "
                "never stored."
            )
        return identity

    @field_validator("host_key", "proxy_host_key")
    @classmethod
    def _is_host_key(cls, host_key: str | None) -> str | None:
        if host_key is not None:
            TrustedKey.parse(host_key)
        return host_key

    @field_validator("proxy_jump")
    @classmethod
    def _is_jump(cls, jump: str | None) -> str | None:
        if jump is not None:
            Jump.parse(jump)
        return jump

    @property
    def trusted_key(self) -> TrustedKey | None:
        return TrustedKey.parse(self.host_key) if self.host_key else None

    @property
    def jump(self) -> Jump | None:
        return Jump.parse(self.proxy_jump) if self.proxy_jump else None
