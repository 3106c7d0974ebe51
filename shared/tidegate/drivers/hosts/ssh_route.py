"""From a host's settings to the connections that lead to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from tidegate.drivers.hosts import HostAddress
from tidegate.drivers.hosts.loop_hosts import Unroutable
from tidegate.drivers.hosts.settings import InvalidSettings
from tidegate.drivers.hosts.ssh_connect import Hop
from tidegate.drivers.hosts.ssh_errors import Place
from tidegate.drivers.hosts.ssh_identity import Credentials, IdentityUnusable, load_identity
from tidegate.drivers.hosts.ssh_settings import SshSettings, TrustedKey


@dataclass(frozen=True, slots=True)
class Route:
    """The connections to make, the last of which is the host itself."""

    hops: tuple[Hop, ...]
    state_dir: str | None

    @property
    def place(self) -> Place:
        return self.hops[-1].place


def route_to(address: HostAddress, *, environment: Mapping[str, str], known_hosts: Path) -> Route:
    """Return how the host at *address* is reached.

    Raises:
        Unroutable: Its settings do not say, or name an identity that cannot be used.
    """
    name = address.name
    try:
        settings = SshSettings.read(address.settings)
        if settings.user is None:
            raise Unroutable(f"{name} has no SSH user; set one on the host or on its group.")
        if settings.identity is None:
            raise Unroutable(f"{name} has no SSH identity; set one on the host or on its group.")
        credentials = load_identity(settings.identity, environment)
    except InvalidSettings as invalid:
        raise Unroutable(f"{name} has wrong SSH settings: {invalid}") from None
    except IdentityUnusable as unusable:
        raise Unroutable(f"{name} cannot be logged in to: {unusable}") from None
    place = Place(
        name,
        settings.address,
        settings.port,
        settings.user,
        settings.identity,
        by_sudo=settings.sudo,
    )
    hop = Hop(
        place=place,
        credentials=credentials,
        trusted=settings.trusted_key,
        accept_any=settings.trust_on_first_use,
    )
    before = _jump(place, settings, credentials, known_hosts)
    return Route((*before, hop), settings.state_dir)


def _jump(
    place: Place, settings: SshSettings, credentials: Credentials, known_hosts: Path
) -> tuple[Hop, ...]:
    jump = settings.jump
    if jump is None:
        return ()
    key = settings.proxy_host_key
    hop = Hop(
        place=Place(
            place.name,
            jump.host,
            jump.port,
            jump.user or place.user,
            place.identity,
            is_jump=True,
        ),
        credentials=credentials,
        trusted=TrustedKey.parse(key) if key else None,
        known_hosts=None if key else _read(known_hosts.expanduser()),
    )
    return (hop,)


def _read(known_hosts: Path) -> asyncssh.SSHKnownHosts:
    try:
        return asyncssh.import_known_hosts(known_hosts.read_text())
    except FileNotFoundError:
        return asyncssh.import_known_hosts("")
    except (OSError, ValueError) as bad:
        raise Unroutable(f"{known_hosts} cannot be read as known hosts: {bad}.") from None
