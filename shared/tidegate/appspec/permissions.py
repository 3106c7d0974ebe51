"""The `permissions` of an AppSpec for servers."""

import re
from typing import Final

from tidegate.appspec.acl import read_acls
from tidegate.appspec.findings import FAILED, Findings
from tidegate.appspec.hooks import BLANKS
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.ruby import cut, inspect, is_nil, shown, to_s, truthy, type_name
from tidegate.appspec.scalars import Symbol
from tidegate.appspec.selinux import BadRange, normal_range
from tidegate.appspec.values import Context, Permission

_TYPES: Final = ("file", "directory")
_KEYS: Final = (
    "object",
    "pattern",
    "except",
    "type",
    "owner",
    "group",
    "mode",
    "acls",
    "context",
)
_UNQUOTED_OCTAL: Final = re.compile(r"0[0-7_,]+")
_NO_OBJECT: Final = (
    f"{FAILED}a permission listed in the application specification file has no object value. "
    "Update the permissions section of the AppSpec file, and then try again."
)
_AGAIN: Final = "Update the permissions section of the AppSpec file, and then try again."


def read_permissions(node: Node | None, findings: Findings) -> tuple[Permission, ...]:
    """Return the entries that are right; what is wrong goes to *findings*."""
    if not truthy(node) or (isinstance(node, Mapping) and not node.pairs):
        return ()
    if not isinstance(node, Sequence):
        findings.wrong_type(node, "permissions", "a list of maps with an object")
        return ()
    read = (_read(item, f"permissions[{at}]", findings) for at, item in enumerate(node.items))
    return tuple(permission for permission in read if permission)


def _read(item: Node, path: str, findings: Findings) -> Permission | None:
    if not isinstance(item, Mapping):
        findings.wrong_type(item, path, "a map with an object")
        return None
    findings.warn_of_unknown_keys(item, _KEYS, path)
    object_ = to_s(item.get("object")).strip(BLANKS) if not is_nil(item.get("object")) else ""
    if is_nil(item.get("object")):
        findings.refuse(item, f"{path}.object", _NO_OBJECT)
    permission = Permission(
        object=object_,
        pattern=to_s(item.get("pattern")) if truthy(item.get("pattern")) else "**",
        except_=_read_except(item.get("except"), f"{path}.except", findings),
        type=_read_type(item.get("type"), f"{path}.type", findings),
        owner=_read_name(item.get("owner"), f"{path}.owner", findings),
        group=_read_name(item.get("group"), f"{path}.group", findings),
        mode=_read_mode(item.get("mode"), f"{path}.mode", findings),
        acls=read_acls(item.get("acls"), f"{path}.acls", findings),
        context=_read_context(item.get("context"), f"{path}.context", findings),
    )
    if not object_ and not is_nil(item.get("object")):
        findings.refuse(item.get("object"), f"{path}.object", _NO_OBJECT)
    return permission


def _read_name(node: Node | None, key: str, findings: Findings) -> str | None:
    if not is_nil(node) and not (isinstance(node, Scalar) and isinstance(node.value, str)):
        what = key.rpartition(".")[2]
        end = "Install will fail on it" if truthy(node) else f"no {what} is set"
        message = f"The {what} is {type_name(node)} and no name; {end}."
        findings.warn(node, key, message, "Put the name in quotes.")
    return _optional(node)


def _optional(node: Node | None) -> str | None:
    return to_s(node) if truthy(node) else None


def _read_except(node: Node | None, key: str, findings: Findings) -> tuple[str, ...]:
    if not truthy(node) or (isinstance(node, Mapping) and not node.pairs):
        return ()
    if not isinstance(node, Sequence):
        findings.wrong_type(node, key, "a list of patterns")
        return ()
    return tuple(to_s(item) for item in node.items)


def _read_type(node: Node | None, key: str, findings: Findings) -> tuple[str, ...]:
    if not truthy(node):
        return _TYPES
    if not isinstance(node, Sequence):
        findings.wrong_type(node, key, "a list of file and directory")
        return _TYPES
    for item in node.items:
        if not (isinstance(item, Scalar) and item.value in _TYPES):
            message = (
                f"{FAILED}the application specification filespecifies a permission for an object "
                f"type not supported for permissions ({shown(item)}). {_AGAIN}"
            )
            findings.refuse(item, key, message, "The types are file and directory.")
    return tuple(to_s(item) for item in node.items)


def _read_mode(node: Node | None, key: str, findings: Findings) -> str | None:
    if is_nil(node):
        return None
    mode = to_s(node).rjust(3, "0")
    hint = _mode_hint(node, mode)
    bad = next((char for char in mode if not "0" <= char <= "7"), None)
    if len(mode) > 4:
        message = (
            f"{FAILED}the length of a permissions mode ({cut(mode)}) in the application "
            "specification file is invalid. Permissions modes must be between one and four "
            f"characters long. {_AGAIN}"
        )
        findings.refuse(node, key, message, hint)
        return None
    if bad is not None:
        message = (
            f"{FAILED}the permissions mode ({mode}) in the application specification file contains "
            f"an invalid character ({bad}). {_AGAIN}"
        )
        findings.refuse(node, key, message, hint)
        return None
    if hint:
        findings.warn(node, key, f"The mode in force is {mode.rjust(4, '0')}.", hint)
    return mode


def _mode_hint(node: Node | None, mode: str) -> str:
    if not isinstance(node, Scalar) or not node.plain:
        return ""
    if node.text.startswith("0o"):
        return f"Write mode: '0{cut(node.text[2:])}'."
    is_number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if not is_number or mode.lstrip("0") == node.text.lstrip("0"):
        return ""
    if _UNQUOTED_OCTAL.fullmatch(node.text):
        digits = cut(node.text.replace("_", "").replace(",", ""))
        return (
            f"Without quotes YAML takes {cut(node.text)} for an octal number, which is "
            f"{node.value}; write mode: '{digits}' to mean those digits."
        )
    return (
        f"Without quotes YAML takes {cut(node.text)} for the number {shown(node)}; "
        "write octal digits in quotes, such as mode: '0644'."
    )


def _read_context(node: Node | None, key: str, findings: Findings) -> Context | None:
    if is_nil(node):
        return None
    if isinstance(node, Scalar) and isinstance(node.value, str | Symbol):
        _refuse_context(node, key, findings)
        return None
    if not isinstance(node, Mapping):
        findings.wrong_type(node, key, "a map with a type")
        return None
    _warn_of_context_keys(node, key, findings)
    if is_nil(node.get("type")):
        _refuse_context(node, f"{key}.type", findings)
    range_ = _read_range(node.get("range"), f"{key}.range", findings)
    return Context(type=to_s(node.get("type")), user=_optional(node.get("name")), range=range_)


def _refuse_context(node: Node, key: str, findings: Findings) -> None:
    message = (
        f"{FAILED}the application specification file specifies an invalid context type "
        f"({cut(inspect(node))}). {_AGAIN}"
    )
    findings.refuse(node, key, message, "A context is a map with a type.")


def _warn_of_context_keys(node: Mapping, key: str, findings: Findings) -> None:
    if node.get("user") and not node.get("name"):
        message = "The SELinux user is read from the key 'name'; 'user' is ignored."
        findings.warn(node.get("user"), f"{key}.user", message, "Rename it to 'name'.")
    findings.warn_of_unknown_keys(node, ("name", "user", "type", "range"), key)


def _read_range(node: Node | None, key: str, findings: Findings) -> str | None:
    if is_nil(node):
        return None
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        findings.wrong_type(node, key, "a text such as 's0:c0.c255'")
        return None
    try:
        return normal_range(node.value)
    except BadRange as refusal:
        hint = "An SELinux range is s0, s0-s3 or s0:c0.c5,c7, with categories up to c1023."
        findings.refuse(node, key, str(refusal), hint)
        return None
