"""Entries of access control lists, as the agent reads and writes them."""

from dataclasses import dataclass
from typing import Final

from tidegate.appspec.findings import FAILED, Findings
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.ruby import cut, is_nil

_DEFAULT: Final = ("d", "default")
_TYPES: Final = {
    "m": "mask",
    "mask": "mask",
    "o": "other",
    "other": "other",
    "g": "group",
    "group": "group",
    "u": "user",
    "user": "user",
}
_TROUBLE: Final = (
    f"{FAILED}of a problem with the acls permission settings in the application specification file."
)


class BadEntry(ValueError):
    """The text is no entry that the agent takes."""


@dataclass(frozen=True, slots=True)
class _Entry:
    default: bool
    type: str
    name: str
    permissions: str

    @property
    def text(self) -> str:
        prefix = "default:" if self.default else ""
        return f"{prefix}{self.type}:{self.name}:{self.permissions}"


def read_acls(node: Node | None, key: str, findings: Findings) -> tuple[str, ...]:
    """Return the entries, each in its long form."""
    if is_nil(node) or (isinstance(node, Mapping) and not node.pairs):
        return ()
    if not isinstance(node, Sequence):
        findings.wrong_type(node, key, "a list of entries such as u:bob:rw")
        return ()
    read = (_read(item, f"{key}[{at}]", findings) for at, item in enumerate(node.items))
    return tuple(entry for entry in read if entry)


def _read(item: Node, key: str, findings: Findings) -> str | None:
    if not (isinstance(item, Scalar) and isinstance(item.value, str)):
        findings.wrong_type(item, key, "a text such as u:bob:rw")
        return None
    try:
        return normal_entry(item.value)
    except BadEntry as refusal:
        findings.refuse(item, key, str(refusal))
        return None


def normal_entry(text: str) -> str:
    """Return an entry as `[default:]type:name:rwx`.

    Raises:
        BadEntry: It is none, with the agent's sentence.
    """
    parts = text.split(":")
    if not 2 <= len(parts) <= 4:
        raise _invalid(text)
    default, type_ = _qualifiers(text, parts)
    type_, name = _type_and_name(type_, parts[-2])
    if type_ in ("mask", "other") and name:
        raise _invalid(text)
    if not default and type_ != "mask" and not name:
        message = f"{_TROUBLE} Use mode to set the base acl entry ({cut(text)}). Update the "
        raise BadEntry(f"{message}permissions section of the AppSpec file, and then try again.")
    return _Entry(default, type_, name, _permissions(text, parts[-1])).text


def _invalid(text: str) -> BadEntry:
    return BadEntry(f"{_TROUBLE} Invalid acl entry ({cut(text)}).")


def _qualifiers(text: str, parts: list[str]) -> tuple[bool, str | None]:
    if len(parts) == 2:
        return False, None
    word = parts[-3]
    default = len(parts) == 4
    if default and parts[0] not in _DEFAULT:
        raise _invalid(text)
    if word in _DEFAULT and not default:
        return True, None
    if word not in _TYPES:
        raise _invalid(text)
    return default, _TYPES[word]


def _type_and_name(type_: str | None, word: str) -> tuple[str, str]:
    meaning = _TYPES.get(word)
    if meaning in ("mask", "other"):
        return (meaning, "") if type_ is None else (type_, meaning)
    return type_ or "user", word


def _permissions(text: str, word: str) -> str:
    if len(word) == 1 and "0" <= word <= "7":
        bits = int(word)
        return "".join(
            letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1))
        )
    for letter in word:
        if letter not in "rwx-":
            message = f"{FAILED}the access control list (ACL) named {cut(text)} in the application "
            raise BadEntry(
                f"{message}specification file contains an invalid character ({letter}). Correct "
                "the ACL in the hooks section of the AppSpec file, and then try again."
            )
    return "".join(letter if letter in word else "-" for letter in "rwx")
