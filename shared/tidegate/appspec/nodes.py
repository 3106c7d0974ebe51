"""YAML text as a tree of values that know where they stand, read as the agent reads it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

import yaml

from tidegate.appspec import scalars
from tidegate.appspec.values import Problem

MOST_BYTES: Final = 1024 * 1024
MOST_NODES: Final = 100_000
MOST_DEPTH: Final = 50
_MOST_PROBLEMS: Final = 100


@dataclass(slots=True, kw_only=True)
class Scalar:
    line: int
    column: int
    value: scalars.Scalar
    text: str = ""
    plain: bool = False
    """It stands there without quotes."""


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


class Unreadable(Exception):
    """The text is no YAML that the agent can read."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Document:
    root: Node | None
    """None where there is no document at all."""
    notes: tuple[Problem, ...]


_CORE: Final = "tag:yaml.org,2002:"
_HARMLESS_TAGS: Final = frozenset(
    f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")
)


def read(text: str) -> Document:
    """Read the first document of *text*.

    Raises:
        Unreadable: It cannot be read, or is larger or deeper than any AppSpec.
    """
    builder = _Builder()
    try:
        _feed(builder, yaml.parse(_as_the_agent_sees(text), Loader=yaml.CSafeLoader))
    except yaml.reader.ReaderError as error:
        raise Unreadable(_unreadable_character(error, text)) from None
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax_problem(error)) from None
    except UnicodeEncodeError as error:
        line, column = _place(text, error.start)
        message = "The text holds half of a surrogate pair, which is no character."
        raise Unreadable(Problem(line=line, column=column, key="", message=message)) from None
    if builder.problems:
        raise Unreadable(*builder.problems)
    return Document(builder.root, tuple(builder.notes))


def _feed(builder: "_Builder", events: Iterable[yaml.Event]) -> None:
    stream = iter(events)
    for event in stream:
        builder.take(event)
        if isinstance(event, yaml.DocumentEndEvent):
            break
    try:
        following = next(stream, None)
    except yaml.YAMLError:
        return
    if isinstance(following, yaml.DocumentStartEvent):
        message = "A second YAML document begins here; only the first one counts."
        builder.note(following, message, "Remove the line '---'.")


def _as_the_agent_sees(text: str) -> str:
    # The parser skips one byte order mark; the agent's does not, and takes it for a column.
    return f"\ufeff{text}" if text.startswith("\ufeff") else text


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _unreadable_character(error: yaml.reader.ReaderError, text: str) -> Problem:
    position = len(text.encode()[: error.position].decode(errors="ignore"))
    line, column = _place(text, position)
    message = f"(<unknown>): {error.reason} at line {line} column {column}"
    hint = "Remove the character; an editor that shows invisible characters helps."
    return Problem(line=line, column=column, key="", message=message, hint=hint)


_HINTS: Final = (
    ("cannot start any token", "A tab may not indent, and a value may not begin with @, ` or %."),
    ("mapping values are not allowed", "Is the indentation right, and does ': ' stand in quotes?"),
    ("did not find expected key", "Do all keys of this map begin in the same column?"),
    ("did not find expected '-' indicator", "Do all '-' of this list stand in the same column?"),
    ("unexpected end of stream", "A quotation mark or bracket is not closed."),
)


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    what = " ".join(part for part in (error.problem, error.context) if part)
    shown = error.context_mark or mark
    at = f"line {shown.line + 1} column {shown.column + 1}" if shown else "line 1 column 1"
    hint = next((hint for sign, hint in _HINTS if sign in what), "")
    return Problem(
        line=line, column=column, key="", message=f"(<unknown>): {what} at {at}", hint=hint
    )


def _identity_of_text(text: str) -> str:
    return f"str {text}"


def _identity(key: Node) -> str:
    if isinstance(key, Scalar):
        if isinstance(key.value, str):
            return _identity_of_text(key.value)
        return f"{type(key.value).__name__} {key.value}"
    return f"node {id(key)}"


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    node: Sequence | Mapping
    key: Node | None = None


class _Builder:
    """Builds the tree from events, without recursion and within bounds."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.notes: list[Problem] = []
        self.problems: list[Problem] = []
        self._open: list[_Open] = []
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.AliasEvent():
                self._refuse(event, "Alias parsing was not enabled.", "Write the value out again.")
                self._add(event, self._nothing(event))
            case yaml.ScalarEvent():
                self._add(event, self._scalar(event))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._begin(event)
            case yaml.CollectionEndEvent():
                self._open.pop()
            case _:
                pass

    def note(self, event: yaml.Event, message: str, hint: str = "") -> None:
        self.notes.append(_problem(event, message, hint))

    def _refuse(self, event: yaml.Event, message: str, hint: str) -> None:
        # An error of syntax further down comes first in the agent, so reading goes on.
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(_problem(event, message, hint))

    def _give_up(self, event: yaml.Event, message: str) -> NoReturn:
        raise Unreadable(*self.problems, _problem(event, message, ""))

    def _nothing(self, event: yaml.Event) -> Scalar:
        line, column = _position(event)
        return Scalar(line=line, column=column, value=None)

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        self._check_tag(event)
        if len(self._open) >= MOST_DEPTH:
            self._give_up(event, f"The values are nested more than {MOST_DEPTH} deep.")
        kind = Sequence if isinstance(event, yaml.SequenceStartEvent) else Mapping
        line, column = _position(event)
        node = kind(line=line, column=column)
        self._add(event, node)
        self._open.append(_Open(node))

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._check_tag(event)
        plain = event.style is None or event.style == ""
        value: scalars.Scalar = event.value
        if plain and event.tag != f"{_CORE}str":
            try:
                value = scalars.typed(event.value)
            except scalars.NotLoadable as refusal:
                self._refuse(event, str(refusal), "Put it in quotes.")
        if event.tag == f"{_CORE}float" and isinstance(value, int):
            value = float(value)
        line, column = _position(event)
        return Scalar(line=line, column=column, value=value, text=event.value, plain=plain)

    def _check_tag(
        self, event: yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent
    ) -> None:
        if event.tag and event.tag != "!" and event.tag not in _HARMLESS_TAGS:
            message = f"Tried to load unspecified class: {event.tag[:100]}"
            self._refuse(event, message, "An AppSpec has no YAML tags; remove it.")

    def _add(self, event: yaml.Event, node: Node) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            self._give_up(event, f"The file holds more than {MOST_NODES:,} values.")
        if not self._open:
            self.root = node
            return
        place = self._open[-1]
        if isinstance(place.node, Sequence):
            place.node.items.append(node)
        elif place.key is None:
            place.key = node
        else:
            self._pair(place.node, (place.key, node))
            place.key = None

    def _pair(self, mapping: Mapping, pair: tuple[Node, Node]) -> None:
        key = pair[0]
        identity = _identity(key)
        if identity in mapping.pairs:
            name = str(key.value)[:100] if isinstance(key, Scalar) else "this key"
            hint = "Remove or join them."
            message = f"'{name}' stands here for the second time; the last one counts."
            problem = Problem(
                line=key.line, column=key.column, key=name, message=message, hint=hint
            )
            self.notes.append(problem)
        mapping.pairs[identity] = pair


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _problem(event: yaml.Event, message: str, hint: str) -> Problem:
    line, column = _position(event)
    return Problem(line=line, column=column, key="", message=message, hint=hint)
