"""The keys of a map in an AppSpec for Lambda or ECS, which may be written in any case."""

import re
from collections.abc import Sequence as Many
from typing import Final

from tidegate.appspec.findings import Findings, did_you_mean
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.ruby import cut, is_nil, to_s, type_name

_PLACEHOLDER: Final = re.compile(r"<[A-Za-z0-9_-]+>")


class Fields:
    """What a map says of the keys that are *known*; all others are warned of."""

    def __init__(
        self, node: Mapping, path: str, known: Many[str], *, what: str, findings: Findings
    ) -> None:
        self.node = node
        self.path = path
        self.what = what
        self.findings = findings
        self._known = known
        self._found: dict[str, Node] = {}
        by_lower = {name.lower(): name for name in known}
        for key, value in node.entries():
            name = by_lower.get(to_s(key).lower())
            if name is None:
                self._warn_of_unknown(key)
                continue
            if name in self._found:
                message = (
                    f"'{cut(to_s(key))}' stands here for the second time; the last one counts."
                )
                findings.warn(key, self.key(name), message, "Remove or join them.")
            self._found[name] = value

    def key(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str) -> Node | None:
        """Return the value of a key, or None where it is missing or null."""
        node = self._found.get(name)
        return None if is_nil(node) else node

    def required(self, name: str, hint: str = "") -> Node | None:
        """Return the value of a key; that there is none is a problem."""
        node = self.get(name)
        if node is None:
            self.findings.refuse(
                self._found.get(name) or self.node,
                self.key(name),
                f"{self.what} has no {name}.",
                hint,
            )
        return node

    def refuse(self, name: str, message: str, hint: str = "") -> None:
        self.findings.refuse(self._found.get(name) or self.node, self.key(name), message, hint)

    def warn(self, name: str, message: str, hint: str = "") -> None:
        self.findings.warn(self._found.get(name) or self.node, self.key(name), message, hint)

    def text(self, name: str, *, is_required: bool = True) -> str | None:
        """Return a text, or a number as it is written."""
        node = self.required(name) if is_required else self.get(name)
        return None if node is None else text_of(node, self.key(name), self.findings)

    def whole(self, name: str, lowest: int, highest: int, default: int | None = None) -> int | None:
        """Return a whole number; without a *default* it has to be there."""
        if default is not None and self.get(name) is None:
            return default
        text = self.text(name)
        if text is None:
            return None
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if not digits or not lowest <= int(text) <= highest:
            message = f"{name} is '{cut(text)}', and must be a whole number"
            self.refuse(name, f"{message} from {lowest} to {highest:,}.")
            return None
        return int(text)

    def inner(self, name: str, known: Many[str], *, is_required: bool = True) -> "Fields | None":
        """Return the fields of a map."""
        node = self.required(name) if is_required else self.get(name)
        if node is None:
            return None
        key = self.key(name)
        if not isinstance(node, Mapping):
            self.findings.wrong_type(node, key, f"a map with {' and '.join(known)}")
            return None
        return Fields(node, key, known, what=name, findings=self.findings)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts that has to be there, and not empty."""
        node = self.required(name)
        if node is None:
            return ()
        key = self.key(name)
        if not isinstance(node, Sequence):
            self.findings.wrong_type(node, key, "a list of texts")
            return ()
        if not node.items:
            self.refuse(name, f"{name} is an empty list.")
        read = [text_of(item, f"{key}[{at}]", self.findings) for at, item in enumerate(node.items)]
        return tuple(text for text in read if text is not None)

    def _warn_of_unknown(self, key: Node) -> None:
        if not self.findings.wants_warnings:
            return
        name = cut(to_s(key))
        message = f"'{name}' is no key that an AppSpec knows here; it is ignored."
        self.findings.warn(key, self.key(name), message, did_you_mean(name, self._known))


def text_of(node: Node, key: str, findings: Findings) -> str | None:
    """Return a text, or a number as it is written; anything else is a problem."""
    is_number = (
        isinstance(node, Scalar)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    )
    if isinstance(node, Scalar) and (is_number or isinstance(node.value, str)):
        text = node.text.strip() if is_number else str(node.value).strip()
        if _PLACEHOLDER.fullmatch(text):
            message = f"'{cut(text)}' is a placeholder."
            hint = "What fills it in, such as `aws ecs deploy` or a pipeline, has to run first."
            findings.refuse(node, key, message, hint)
            return None
        if text:
            return text
    what = "an empty text" if isinstance(node, Scalar) and node.value == "" else type_name(node)
    hint = "Put it in quotes." if isinstance(node, Scalar) and node.text else ""
    findings.refuse(node, key, f"{key} is {what}, and must be a text.", hint)
    return None
