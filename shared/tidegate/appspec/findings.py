"""What a reading of an AppSpec finds wrong or doubtful, in the order of the agent's checks."""

import difflib
from collections.abc import Collection, Sequence
from typing import Final

from tidegate.appspec.nodes import Mapping, Node
from tidegate.appspec.paths import Holds, is_held
from tidegate.appspec.ruby import cut, to_s, type_name
from tidegate.appspec.values import Problem

_MOST: Final = 100
FAILED: Final = "The deployment failed because "


class Findings:
    """Collects problems and warnings; after a hundred of a kind the rest is not kept."""

    def __init__(
        self,
        notes: Sequence[Problem] = (),
        *,
        holds: Holds | None = None,
        custom_events: Collection[str] = (),
    ) -> None:
        self.custom_events = custom_events
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = list(notes[:_MOST])
        self._holds = holds

    def refuse(self, node: Node | None, key: str, message: str, hint: str = "") -> None:
        if self.wants_problems:
            self.problems.append(_problem(node, key, message, hint))

    def warn(self, node: Node | None, key: str, message: str, hint: str = "") -> None:
        if self.wants_warnings:
            self.warnings.append(_problem(node, key, message, hint))

    @property
    def wants_problems(self) -> bool:
        return len(self.problems) < _MOST

    @property
    def wants_warnings(self) -> bool:
        return len(self.warnings) < _MOST

    def lacks(self, path: str) -> bool:
        """Tell whether the bundle is known, and has nothing under *path*."""
        return self._holds is not None and not is_held(path, self._holds)

    def wrong_type(self, node: Node | None, key: str, wanted: str) -> None:
        """Refuse what makes the agent fail with a message about Ruby's types."""
        message = f"{FAILED}{key} in the application specification file is {type_name(node)}"
        self.refuse(node, key, f"{message}, and must be {wanted}.")

    def warn_of_unknown_keys(self, mapping: Mapping, known: Collection[str], path: str) -> None:
        for key, _ in mapping.entries():
            name = cut(to_s(key))
            if name not in known and self.wants_warnings:
                full = f"{path}.{name}" if path else name
                message = f"'{name}' is no key that an AppSpec knows here; it is ignored."
                self.warn(key, full, message, did_you_mean(name, known))


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a hint that names the known word that is nearest, or nothing."""
    by_lower = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower()[:50], list(by_lower), n=1, cutoff=0.75)
    return f"Is '{by_lower[near[0]]}' meant?" if near else ""


def _problem(node: Node | None, key: str, message: str, hint: str) -> Problem:
    line, column = (node.line, node.column) if node else (1, 1)
    return Problem(line=line, column=column, key=key, message=message, hint=hint)
