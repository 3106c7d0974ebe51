"""Which service a command speaks to, and with which token."""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tidegate_cli.errors import BadProfile, BadToken

DEFAULT_URL: Final = "http://127.0.0.1:8080"
PROFILE_KEYS: Final = frozenset({"url", "token_file", "region"})

chosen_profile: ContextVar[str | None] = ContextVar("chosen_profile", default=None)
"""The profile that was named before the command (`tidegate --profile NAME …`)."""


chosen_region: ContextVar[str | None] = ContextVar("chosen_region", default=None)
"""The region that was named before the command (`tidegate --region NAME …`)."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An address, and the token to show there."""

    url: str
    token: str | None
    remedy: str
    """What can be done where the service wants a token and none was found."""
    region: str = ""
    """Where names are looked for; empty leaves it to the service."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One table of the profile file."""

    url: str = ""
    token_file: Path | None = None
    region: str = ""


def find_connection(
    profile: str | None, *, environ: Mapping[str, str] | None = None, home: Path | None = None
) -> Connection:
    """Settle address and token: a named profile, the environment, the default profile, here.

    A token goes only where it belongs: that of a profile to the profile's address, that of the
    embedded system to this machine.

    Raises:
        BadProfile: A profile was named and is not there, or its file cannot be used.
        BadToken: The file that the environment names holds none.
    """
    environ = os.environ if environ is None else environ
    home = Path.home() if home is None else home
    name = profile or chosen_profile.get() or environ.get("TIDEGATE_PROFILE")
    found = _read_profile(home / ".config" / "tidegate" / "profile.toml", name)
    admin = admin_token_file(environ, home)
    named_url = found.url if name else ""
    url = (named_url or environ.get("TIDEGATE_URL") or found.url or DEFAULT_URL).rstrip("/")
    own = found.token_file if found.url in {"", url} else None
    first, second = (_token_in(own), _given(environ)) if name else (_given(environ), _token_in(own))
    token = first or second or (_readable(admin) if _is_local(url) else None)
    return Connection(
        url=url, token=token, remedy=_remedy(url, admin), region=_region(name, found, environ)
    )


def admin_token_file(environ: Mapping[str, str], home: Path) -> Path:
    """Return where the embedded system of this user keeps its admin token."""
    data_dir = environ.get("TIDEGATE_DATA_DIR") or home / ".local" / "share" / "tidegate"
    return Path(data_dir).expanduser() / "admin.token"


def _region(name: str | None, found: Profile, environ: Mapping[str, str]) -> str:
    """Return the region: the one that was named, else as address and token are found."""
    given = environ.get("TIDEGATE_REGION", "").strip()
    first, second = (found.region, given) if name else (given, found.region)
    return chosen_region.get() or first or second


def _read_profile(file: Path, name: str | None) -> Profile:
    try:
        tables = tomllib.loads(file.read_text())
    except FileNotFoundError:
        tables = {}
    except (OSError, ValueError) as error:
        raise BadProfile(f"{file} cannot be read: {error}.") from None
    table = tables.get(name or "default", None if name else {})
    if table is None:
        known = ", ".join(sorted(tables)) or "none"
        raise BadProfile(f"There is no profile {name!r} in {file}; it has: {known}.")
    return _profile(table, file, name or "default")


def _profile(table: object, file: Path, name: str) -> Profile:
    if not isinstance(table, dict):
        raise BadProfile(
            f"{name!r} in {file} is no table; write [{name}] above url and token_file."
        )
    strange = sorted(set(table) - PROFILE_KEYS)
    wrong = strange or sorted(key for key, value in table.items() if not isinstance(value, str))
    if wrong:
        raise BadProfile(
            f"The profile {name!r} in {file} has {wrong[0]!r}, which cannot be used; "
            "it takes url, token_file and region, all as text."
        )
    token_file = table.get("token_file")
    path = file.parent / Path(token_file).expanduser() if token_file else None
    return Profile(
        url=table.get("url", "").rstrip("/"), token_file=path, region=table.get("region", "")
    )


def _given(environ: Mapping[str, str]) -> str | None:
    token = environ.get("TIDEGATE_TOKEN", "").strip()
    path = environ.get("TIDEGATE_TOKEN_FILE")
    if not path:
        return token or None
    cannot_be = f"TIDEGATE_TOKEN_FILE cannot be {path!r}"
    if token:
        raise BadToken(f"{cannot_be}: with TIDEGATE_TOKEN it is given twice; give one.")
    # With pydantic in its tow, which no command needs that only asks a service.
    from tidegate.secret_files import UnfitFile, read_secret  # noqa: PLC0415

    try:
        return read_secret(path)
    except UnfitFile as unfit:
        raise BadToken(f"{cannot_be}: {unfit}.") from None


def _token_in(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().strip() or None
    except (OSError, ValueError) as error:
        raise BadProfile(f"The profile's token_file {file} cannot be read: {error}.") from None


def _readable(file: Path) -> str | None:
    try:
        return file.read_text().strip() or None
    except (OSError, ValueError):
        return None


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _remedy(url: str, admin: Path) -> str:
    here = f" ({admin} cannot be read)" if _is_local(url) else ""
    return (
        f"No token was found for {url}{here}; set TIDEGATE_TOKEN, or name a token_file in "
        "~/.config/tidegate/profile.toml."
    )
