"""Making one verified SSH connection, through a jump host where one is named."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import asyncssh
from typing_extensions import override

from tidegate.drivers.hosts import Failed
from tidegate.drivers.hosts.follow import Unreached
from tidegate.drivers.hosts.pace import Pace
from tidegate.drivers.hosts.ssh_errors import (
    Place,
    bad_certificate,
    no_certificate,
    other_authority,
    other_key,
    reason_of,
    revoked_key,
    unknown_key,
)
from tidegate.drivers.hosts.ssh_identity import Credentials
from tidegate.drivers.hosts.ssh_settings import TrustedKey

# A handshake with curve25519 costs a third of one with OpenSSH's own first choice.
_KEX: Final = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "mlkem768x25519-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
)
_CIPHERS: Final = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)
_HOST_KEYS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_CERTIFICATES: Final = tuple(f"{name}-cert-v01@openssh.com" for name in _HOST_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One SSH connection to make, and the key that has to be at its other end."""

    place: Place
    credentials: Credentials
    trusted: TrustedKey | None = None
    accept_any: bool = False
    """Take whatever key is presented: asked for by trust_on_first_use."""
    known_hosts: asyncssh.SSHKnownHosts | None = None


class _Doorkeeper(asyncssh.SSHClient):
    """Compares the key that is presented with the one that is trusted, and remembers both."""

    def __init__(self, hop: Hop, deadline: asyncio.Timeout, login_timeout: float) -> None:
        self._hop = hop
        self._deadline = deadline
        self._login_timeout = login_timeout
        self.presented: asyncssh.SSHKey | None = None
        self._vouched_by: asyncssh.SSHKey | None = None

    @override
    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        login_until = asyncio.get_running_loop().time() + self._login_timeout
        self._deadline.reschedule(login_until)

    @override
    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.presented = key
        trusted = self._hop.trusted
        if trusted is None:
            return self._hop.accept_any
        return not trusted.is_authority and trusted.key == key

    @override
    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self._vouched_by = key
        return False

    def refusal(self, why: str) -> Failed:
        """Say why what was presented is not trusted; *why* is in asyncssh's words."""
        place, trusted = self._hop.place, self._hop.trusted
        if "revoked" in why:
            return revoked_key(place, why)
        if self.presented is None and trusted is not None and self._vouched_by is not None:
            return other_authority(place, trusted.key, self._vouched_by)
        if self.presented is None:
            return bad_certificate(place, why)
        if trusted is None:
            return unknown_key(place, self.presented)
        if trusted.is_authority:
            return no_certificate(place, trusted.key, self.presented)
        return other_key(place, trusted.key, self.presented)


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection whose other end is who it should be."""

    connection: asyncssh.SSHClientConnection
    presented: asyncssh.SSHKey | None


@asynccontextmanager
async def connected(hops: Sequence[Hop], pace: Pace) -> AsyncIterator[Connected]:
    """Connect through *hops*, one after the other, and close all of them in the end.

    Raises:
        Unreached: One of them could not be connected to.
    """
    made: list[asyncssh.SSHClientConnection] = []
    try:
        for hop in hops:
            last = await _connect(hop, made[-1] if made else None, pace)
            made.append(last.connection)
        yield last
    finally:
        for connection in reversed(made):
            await _closed(connection)


async def _closed(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await connection.wait_closed()
    connection.abort()


async def _connect(hop: Hop, tunnel: asyncssh.SSHClientConnection | None, pace: Pace) -> Connected:
    deadline = asyncio.timeout(pace.connect_timeout)
    doorkeeper = _Doorkeeper(hop, deadline, pace.login_timeout)
    try:
        async with deadline, _keys(hop) as keys:
            connection = await asyncssh.connect(
                hop.place.address,
                hop.place.port,
                tunnel=tunnel or (),
                client_factory=lambda: doorkeeper,
                client_keys=keys,
                **_options(hop, pace),
            )
    except asyncssh.HostKeyNotVerifiable as error:
        raise Unreached(doorkeeper.refusal(error.reason.partition(" for host ")[0])) from None
    except (OSError, asyncssh.Error, ValueError) as error:
        raise Unreached(reason_of(error, hop.place)) from None
    return Connected(connection, doorkeeper.presented)


@asynccontextmanager
async def _keys(hop: Hop) -> AsyncIterator[Sequence[asyncssh.SSHKeyPair]]:
    if hop.credentials.agent_path is None:
        yield hop.credentials.client_keys
        return
    # With an agent but no keys of its own, asyncssh would also try those in ~/.ssh.
    async with asyncssh.connect_agent(hop.credentials.agent_path) as agent:
        keys = await agent.get_keys()
        if not keys:
            raise Unreached(
                Failed(
                    "misconfigured",
                    f"{hop.place} cannot be logged in to: the SSH agent holds no key; "
                    "add one with `ssh-add`.",
                )
            )
        yield keys


def _options(hop: Hop, pace: Pace) -> dict[str, Any]:
    return {
        "config": None,
        "username": hop.place.user,
        "agent_path": None,
        "agent_forwarding": False,
        "known_hosts": _known_hosts(hop),
        "server_host_key_algs": _host_key_algs(hop),
        "x509_trusted_certs": None,
        "preferred_auth": "publickey",
        "gss_kex": False,
        "gss_auth": False,
        "kex_algs": _KEX,
        "encryption_algs": _CIPHERS,
        "compression_algs": ("none",),
        "keepalive_interval": pace.keepalive_interval,
        "keepalive_count_max": pace.keepalive_count_max,
        "login_timeout": pace.login_timeout,
    }


def _known_hosts(hop: Hop) -> Any:
    """Return what asyncssh trusts by itself; the doorkeeper is asked about all else."""
    if hop.trusted is not None:
        authorities = [hop.trusted.key] if hop.trusted.is_authority else []
        return ([], authorities, list(hop.trusted.revoked))
    return hop.known_hosts or ([], [], [])


def _host_key_algs(hop: Hop) -> Any:
    """Ask for the kind of key that is trusted first, so that a host with several presents it."""
    if hop.known_hosts is not None:
        return ()
    if hop.trusted is not None and hop.trusted.is_authority:
        # A host without a certificate is told apart from one that shares no algorithm.
        return (*_CERTIFICATES, *_HOST_KEYS)
    if hop.trusted is None:
        return _HOST_KEYS
    kind = hop.trusted.key.get_algorithm()
    first = [name for name in _HOST_KEYS if name.startswith("rsa-") == (kind == "ssh-rsa")]
    first = [name for name in first if kind in {name, "ssh-rsa"}] or [kind]
    return (*first, *(name for name in _HOST_KEYS if name not in first))
