"""An AppSpec's YAML as a tree of values that know where they stand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from tidegate.appspec import scalars


@dataclass(slots=True, kw_only=True)
class Scalar:
    line: int
    column: int
    value: scalars.Scalar
    text: str = ""
    plain: bool = False
    """It stands there without quotes."""
    tag: str = ""


@dataclass(slots=True, kw_only=True)
class Sequence:
    line: int
    column: int
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Mapping:
    line: int
    column: int
    pairs: dict[str, tuple["Node", "Node"]] = field(default_factory=dict)
    """By what tells keys apart: the last of equal ones stays, in the place of the first."""

    def get(self, key: str) -> "Node | None":
        found = self.pairs.get(_identity_of_text(key))
        return found[1] if found else None

    def entries(self) -> Iterator[tuple["Node", "Node"]]:
        return iter(self.pairs.values())


Node: TypeAlias = Scalar | Sequence | Mapping


def identity(key: Node) -> str:
    """Return what tells a key of a map from others."""
    if isinstance(key, Scalar):
        if isinstance(key.value, str):
            return _identity_of_text(key.value)
        return f"{type(key.value).__name__} {key.value}"
    return f"node {id(key)}"


def _identity_of_text(text: str) -> str:
    return f"str {text}"
