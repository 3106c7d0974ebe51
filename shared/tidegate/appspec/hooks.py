"""The `hooks` of an AppSpec for servers."""

from typing import Final

from tidegate.appspec.findings import FAILED, Findings, did_you_mean
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.paths import in_bundle
from tidegate.appspec.ruby import cut, is_nil, shown, to_i, to_s, truthy
from tidegate.appspec.values import Script

BLANKS: Final = " \t\n\v\f\r\0"
"""What Ruby's `strip` takes off."""
_LONGEST_TIMEOUT: Final = 2**31 - 1
_KEYS: Final = ("location", "timeout", "runas", "sudo")
_SCRIPTED: Final = (
    "BeforeBlockTraffic",
    "AfterBlockTraffic",
    "ApplicationStop",
    "BeforeInstall",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
)
_OWN_WORK: Final = ("DownloadBundle", "Install")
_UNSCRIPTED: Final = ("Start", *_OWN_WORK, "BlockTraffic", "AllowTraffic", "End")
_NO_LOCATION: Final = (
    f"{FAILED}the application specification file specifies a script with no location value. "
    "Specify the location in the hooks section of the AppSpec file, and then try again."
)
_BAD_TIMEOUT: Final = (
    f"{FAILED}an invalid timeout value was provided for a script in the application specification "
    "file. Make corrections in the hooks section of the AppSpec file, and then try again."
)


def read_hooks(node: Node | None, findings: Findings) -> dict[str, tuple[Script, ...]]:
    """Return the scripts of each event, in the order of the file."""
    if not truthy(node):
        return {}
    if not isinstance(node, Mapping):
        findings.wrong_type(node, "hooks", "a map from lifecycle event to a list of scripts")
        return {}
    hooks: dict[str, tuple[Script, ...]] = {}
    for key, scripts in node.entries():
        if truthy(scripts):
            event = cut(to_s(key))
            _warn_of_event(key, event, findings)
            hooks[event] = _read_scripts(scripts, f"hooks.{event}", findings)
    return hooks


def _warn_of_event(key: Node, event: str, findings: Findings) -> None:
    is_custom = event in findings.custom_events and event not in _OWN_WORK
    if event in _SCRIPTED or is_custom or not findings.wants_warnings:
        return
    if event in _UNSCRIPTED:
        message = f"The event {event} runs no scripts; these are ignored."
        findings.warn(key, f"hooks.{event}", message, f"Events with scripts: {_listed()}.")
    else:
        message = f"'{event}' is no lifecycle event of a server; unless it is a custom one, its "
        hint = did_you_mean(event, _SCRIPTED) or f"Events with scripts: {_listed()}."
        findings.warn(key, f"hooks.{event}", f"{message}scripts never run.", hint)


def _listed() -> str:
    return ", ".join(_SCRIPTED)


def _read_scripts(node: Node, path: str, findings: Findings) -> tuple[Script, ...]:
    if isinstance(node, Mapping) and not node.pairs:
        return ()
    if not isinstance(node, Sequence):
        findings.wrong_type(node, path, "a list of scripts, each begun with '-'")
        return ()
    read = (_read_script(item, f"{path}[{at}]", findings) for at, item in enumerate(node.items))
    return tuple(script for script in read if script)


def _read_script(item: Node, path: str, findings: Findings) -> Script | None:
    if not isinstance(item, Mapping):
        findings.wrong_type(item, path, "a map with a location")
        return None
    findings.warn_of_unknown_keys(item, _KEYS, path)
    location = to_s(item.get("location")).strip(BLANKS) if item.get("location") else ""
    if is_nil(item.get("location")) or not location:
        findings.refuse(item.get("location") or item, f"{path}.location", _NO_LOCATION)
    else:
        _warn_of_location(item.get("location"), location, f"{path}.location", findings)
    timeout = _read_timeout(item.get("timeout"), f"{path}.timeout", findings)
    runas = _read_runas(item.get("runas"), f"{path}.runas", findings)
    sudo = _read_sudo(item.get("sudo"), f"{path}.sudo", findings)
    if not location or timeout is None:
        return None
    return Script(location=location, timeout=timeout, runas=runas, sudo=sudo)


def _warn_of_location(node: Node | None, location: str, key: str, findings: Findings) -> None:
    if in_bundle(location) is None:
        message = f"The script '{cut(location)}' leads out of the bundle; the event will fail."
        findings.warn(node, key, message, "Name a script of the bundle.")
    elif findings.lacks(location):
        message = (
            f"The bundle holds no '{cut(location)}'; the event will fail, "
            "unless an earlier script makes it."
        )
        findings.warn(node, key, message)


def _read_timeout(node: Node | None, key: str, findings: Findings) -> int | None:
    if node is None or not truthy(node):
        return 3600
    seconds = to_i(node)
    if seconds is None or seconds <= 0:
        hint = f"It is '{shown(node)}'; a timeout is a whole number of seconds above 0."
        findings.refuse(node, key, _BAD_TIMEOUT, hint)
        return None
    if isinstance(node, Scalar) and node.text.strip() != str(seconds):
        message = (
            f"The timeout '{cut(node.text)}' is read as {min(seconds, _LONGEST_TIMEOUT)} seconds."
        )
        findings.warn(node, key, message, "Write a whole number of seconds.")
    return min(seconds, _LONGEST_TIMEOUT)


def _read_runas(node: Node | None, key: str, findings: Findings) -> str | None:
    if is_nil(node):
        return None
    user = to_s(node).strip(BLANKS)
    if not user:
        message = "A blank runas makes the script run as root."
        findings.warn(node, key, message, "Name the user, or remove the key.")
    return user


def _read_sudo(node: Node | None, key: str, findings: Findings) -> bool:
    if truthy(node) and not (isinstance(node, Scalar) and node.value is True):
        message = f"sudo is '{shown(node)}', which counts as true, as all but false and null do."
        findings.warn(node, key, message, "Write true or false without quotes.")
    return truthy(node)
