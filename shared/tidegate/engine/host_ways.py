"""How hosts are reached: which drivers there are, and settings that lead to a host."""

from collections.abc import Mapping
from typing import Final

from tidegate.domain.errors import Invalid
from tidegate.domain.host import NO_WAY
from tidegate.drivers.hosts.settings import HostSettings, InvalidSettings

SSH: Final = "ssh"
SSM: Final = "ssm"
ON_PREMISES_NODE: Final = "mi-"
"""How Systems Manager's ids of machines begin that are not of EC2."""


def check_ssh(settings: Mapping[str, object]) -> dict[str, object]:
    """Return what is set of *settings*, which SSH can use.

    Raises:
        Invalid: It cannot.
    """
    given = {key: value for key, value in settings.items() if value not in {None, ""}}
    if any("PRIVATE KEY" in str(value) for value in given.values()):
        raise Invalid(
            "A private key is never stored; put it into a file where the worker runs and give "
            "the identity as 'file:/path/to/key', or as 'env:NAME' or 'agent'.",
            code="KeyMaterialRefused",
        )
    # Brings asyncssh along, which is large; only whoever writes hosts needs it.
    from tidegate.drivers.hosts.ssh_settings import SshSettings  # noqa: PLC0415

    _check(SshSettings, {"address": "localhost", **given})
    return given


def check_ssm(settings: Mapping[str, object]) -> dict[str, object]:
    """Return what is set of a group's *settings*, which SSM can use.

    Raises:
        Invalid: It cannot.
    """
    given = _given(settings)
    from tidegate.drivers.hosts.ssm_settings import SsmOptions  # noqa: PLC0415 - as for SSH

    _check(SsmOptions, given)
    return given


def is_ssm_node(name: str) -> bool:
    """Tell whether a name is the id of a machine that Systems Manager reaches outside of EC2."""
    from tidegate.drivers.hosts.ssm_settings import INSTANCE  # noqa: PLC0415 - as for SSH

    return name.startswith(ON_PREMISES_NODE) and INSTANCE.fullmatch(name) is not None


def check_way(driver: str, settings: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Return the driver and the settings that a host comes to; without a driver, they tell it.

    Raises:
        Invalid: They lead to no host, or to whoever answers.
    """
    given = _given(settings)
    if driver == SSM or (driver == NO_WAY and "instance_id" in given):
        return SSM, _checked_ssm(given)
    if driver not in {SSH, NO_WAY}:
        raise Invalid(f"There is no host driver {driver[:40]!r}; there are: ssh, ssm.")
    found = check_ssh(settings)
    if driver == NO_WAY and not found:
        return NO_WAY, found
    _check_ssh_way(found)
    return SSH, found


def _given(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if value not in (None, "", False)}


def _check(kind: type[HostSettings], given: Mapping[str, object]) -> None:
    try:
        kind.read(given)
    except InvalidSettings as invalid:
        raise Invalid(str(invalid)) from None


def _checked_ssm(given: dict[str, object]) -> dict[str, object]:
    from tidegate.drivers.hosts.ssm_settings import SsmSettings  # noqa: PLC0415 - as for SSH

    if "instance_id" not in given:
        raise Invalid(
            "A host over SSM needs its instance_id, such as 'i-0123456789abcdef0', or "
            "'mi-0123456789abcdef0' where the machine is not of EC2."
        )
    _check(SsmSettings, given)
    return given


def _check_ssh_way(settings: Mapping[str, object]) -> None:
    """Refuse settings that lead to no host, or to whoever answers."""
    address = settings.get("address")
    if not address:
        raise Invalid("A host needs an address: its name or IP address.")
    if not settings.get("host_key") and not settings.get("trust_on_first_use"):
        port = settings.get("port", 22)
        raise Invalid(
            "A host needs its host_key, so that no other machine can pose as it; "
            f"`ssh-keyscan -t ed25519 -p {port} {address}` prints it. "
            "Or set trust_on_first_use to true to take the key that it shows at first.",
            code="HostKeyMissing",
        )
