"""YAML text as nodes, read as the agent reads it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

import yaml

from tidegate.appspec import scalars
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence, identity
from tidegate.appspec.values import Problem

MOST_BYTES: Final = 1024 * 1024
MOST_NODES: Final = 100_000
MOST_DEPTH: Final = 50
_MOST_PROBLEMS: Final = 100


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
_TEXT: Final = f"{_CORE}str"
_FLOAT: Final = f"{_CORE}float"
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
                self._count_one(event)
                self._refuse(event, "Alias parsing was not enabled.", "Write the value out again.")
                self._add(self._scalar_at(event, None))
            case yaml.ScalarEvent():
                self._count_one(event)
                self._add(self._scalar(event))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._count_one(event)
                self._begin(event)
            case yaml.CollectionEndEvent():
                self._add(self._open.pop().node)
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

    def _count_one(self, event: yaml.Event) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            self._give_up(event, f"The file holds more than {MOST_NODES:,} values.")

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        self._check_tag(event)
        if len(self._open) >= MOST_DEPTH:
            self._give_up(event, f"The values are nested more than {MOST_DEPTH} deep.")
        kind = Sequence if isinstance(event, yaml.SequenceStartEvent) else Mapping
        line, column = _position(event)
        self._open.append(_Open(kind(line=line, column=column)))

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._check_tag(event)
        # What a tag types is typed in quotes too: !!null '' is null.
        is_text = event.tag == _TEXT or event.implicit[1]
        value = event.value if is_text else self._typed(event)
        if event.tag == _FLOAT:
            value = self._float(event, value)
        return self._scalar_at(event, value)

    def _typed(self, event: yaml.ScalarEvent) -> scalars.Scalar:
        try:
            return scalars.typed(event.value)
        except scalars.NotLoadable as refusal:
            self._refuse(event, str(refusal), "Put it in quotes.")
            return str(event.value)

    def _float(self, event: yaml.ScalarEvent, value: scalars.Scalar) -> scalars.Scalar:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        message = f'invalid value for Float(): "{event.value[:100]}"'
        self._refuse(event, message, "Remove the tag !!float.")
        return value

    def _scalar_at(self, event: yaml.Event, value: scalars.Scalar) -> Scalar:
        line, column = _position(event)
        if not isinstance(event, yaml.ScalarEvent):
            return Scalar(line=line, column=column, value=value)
        plain = not event.style
        tag = event.tag or ""
        return Scalar(line=line, column=column, value=value, text=event.value, plain=plain, tag=tag)

    def _check_tag(
        self, event: yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent
    ) -> None:
        if event.tag and event.tag != "!" and event.tag not in _HARMLESS_TAGS:
            message = f"Tried to load unspecified class: {event.tag[:100]}"
            self._refuse(event, message, "An AppSpec has no YAML tags; remove it.")

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        place = self._open[-1]
        if isinstance(place.node, Sequence):
            place.node.items.append(node)
        elif place.key is None:
            place.key = node
        else:
            self._pair(place.node, place.key, node)
            place.key = None

    def _pair(self, mapping: Mapping, key: Node, value: Node) -> None:
        merged = _merged(value) if _is_merge(key) else None
        if merged is not None:
            # Unlike YAML's own rule, and as in the agent, what is merged wins over what is above.
            mapping.pairs.update(merged)
            return
        name = identity(key)
        if name in mapping.pairs:
            self._note_the_second(key)
        mapping.pairs[name] = (key, value)

    def _note_the_second(self, key: Node) -> None:
        name = str(key.value)[:100] if isinstance(key, Scalar) else "this key"
        message = f"'{name}' stands here for the second time; the last one counts."
        hint = "Remove or join them."
        self.notes.append(
            Problem(line=key.line, column=key.column, key=name, message=message, hint=hint)
        )


def _is_merge(key: Node) -> bool:
    return isinstance(key, Scalar) and key.value == "<<" and key.tag != _TEXT


def _merged(value: Node) -> dict[str, tuple[Node, Node]] | None:
    """Return the pairs that `<<` takes in, or None where its value is no map or list of maps."""
    if isinstance(value, Mapping):
        return value.pairs
    if not isinstance(value, Sequence):
        return None
    pairs: dict[str, tuple[Node, Node]] = {}
    for item in reversed(value.items):
        if not isinstance(item, Mapping):
            return None
        pairs.update(item.pairs)
    return pairs


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _problem(event: yaml.Event, message: str, hint: str) -> Problem:
    line, column = _position(event)
    return Problem(line=line, column=column, key="", message=message, hint=hint)
