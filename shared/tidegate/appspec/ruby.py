"""How Ruby, in which the agent is written, turns values into text and numbers."""

import math
import re
from typing import Final

from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.scalars import Symbol

_MOST_SHOWN: Final = 200
_LEADING_INTEGER: Final = re.compile(r"\s*([-+]?\d+(?:_\d+)*)", re.ASCII)
_MOST_DIGITS: Final = 15
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
)


def to_s(node: Node | None) -> str:
    """Return what `to_s` gives."""
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return _scalar_to_s(node.value)
    return inspect(node)


def _scalar_to_s(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, float):
        return _float_to_s(value)
    return str(value)


def _float_to_s(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, mark, exponent = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{mark}{exponent}"


def inspect(node: Node | None) -> str:
    """Return about what `inspect` gives; long ones are cut."""
    if node is None:
        return "nil"
    if isinstance(node, Scalar):
        return _scalar_inspect(node.value)
    if isinstance(node, Sequence):
        return f"[{', '.join(inspect(item) for item in node.items[:20])}]"
    pairs = list(node.entries())[:20]
    return f"{{{', '.join(f'{inspect(key)}=>{inspect(value)}' for key, value in pairs)}}}"


def _scalar_inspect(value: object) -> str:
    if value is None:
        return "nil"
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, Symbol):
        return f":{value.name}"
    return _scalar_to_s(value)


def shown(node: Node | None) -> str:
    """Return a value as the agent shows it in a message, cut where it is long."""
    return cut(to_s(node))


def cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def truthy(node: Node | None) -> bool:
    """Tell whether Ruby takes a value for true: all but nil and false."""
    return not is_nil(node) and not (isinstance(node, Scalar) and node.value is False)


def is_nil(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.value is None)


def to_i(node: Node) -> int | None:
    """Return what `to_i` gives, or None where Ruby raises."""
    if not isinstance(node, Scalar):
        return None
    value = node.value
    if isinstance(value, str):
        match = _LEADING_INTEGER.match(value)
        digits = match[1].replace("_", "") if match else "0"
        return int(digits) if len(digits) <= _MOST_DIGITS else _huge(digits)
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _huge(digits: str) -> int:
    return -(10**_MOST_DIGITS) if digits.startswith("-") else 10**_MOST_DIGITS


def index(node: Node, key: str) -> Node | None:
    """Return `node[key]`.

    Raises:
        TypeError: Ruby has no such thing for a value of this type.
    """
    if isinstance(node, Mapping):
        return node.get(key)
    if isinstance(node, Scalar) and isinstance(node.value, str):
        found = key if key in node.value else None
        return Scalar(line=node.line, column=node.column, value=found)
    raise TypeError


def type_name(node: Node | None) -> str:
    """Return a word for the type of a value, for a reader who does not know Ruby."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    value = node.value if isinstance(node, Scalar) else None
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {cut(_scalar_to_s(value))}"
    return f"the text {cut(_scalar_inspect(value))}"
