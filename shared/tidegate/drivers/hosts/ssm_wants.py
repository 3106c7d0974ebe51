"""What is wanted of hosts over SSM, what comes of it, and where wants of all workers meet."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from typing_extensions import override

from tidegate.drivers.hosts import FailureCode

Kind: TypeAlias = Literal["send", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What one command says to all its hosts: whose is the same may share one."""

    bundles: str
    output_bucket: str = ""
    output_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One slice that is wanted of one host."""

    id: str
    instance: str
    common: Common
    header: Mapping[str, object]
    state_dir: str | None
    asked_at: float
    """By the clock on the wall, as workers on several machines compare it."""
    hurry: bool = False
    """Whether it only passes on a wish, and waits for no others."""
    circle: str = ""
    """The group whose hosts may read this, as each host reads all that a command says to any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why there is no slice."""

    code: FailureCode
    message: str
    """A sentence without the host's name before it."""
    passes: bool = True
    """Whether it may be another way a little later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a want."""

    output: str = ""
    trouble: Trouble | None = None
    waited: float = 0.0
    """Seconds that it waited here, before the host was asked: they are not the host's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a desk holds at one moment."""

    waiting: Sequence[Want] = ()
    """What nobody has claimed, the oldest first."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Of those that were asked about."""
    under_way: Mapping[str, float] = field(default_factory=dict)
    """What those showed last who have claimed what was asked about: it changes while they live."""
    gone: frozenset[str] = frozenset()
    """What was asked about, and is not there or too old to be claimed."""
    ends: Sequence[float] = ()
    """When the slices end that are under way, one for each command."""


class Desk(Protocol):
    """Where wants lie until some worker carries them out. Called in threads that may wait."""

    def put(self, wants: Sequence[Want]) -> None:
        """Add wants; one that is there already stays as it is."""
        ...

    def look(self, mine: Iterable[str], *, now: float) -> View:
        """Return what is there; answers to *mine* are taken out."""
        ...

    def claim(self, ids: Sequence[str], *, ends_at: float, now: float) -> set[str]:
        """Take wants for one command that nobody has claimed, and return which of them."""
        ...

    def show(self, ids: Iterable[str], *, now: float) -> set[str]:
        """Show that claimed wants are attended to, and return for which somebody still waits."""
        ...

    def release(self, ids: Iterable[str]) -> None:
        """Let wants that are not answered be claimed again, by whomever."""
        ...

    def answer(self, answers: Mapping[str, Answer]) -> None:
        """Say what came of wants."""
        ...

    def forget(self, ids: Iterable[str]) -> None:
        """Drop wants that nobody waits for any more."""
        ...


class Turns(Protocol):
    """Whose turn it is to call AWS, over all workers together."""

    def take(
        self, account: str, region: str, kind: Kind, *, per_second: float, now: float
    ) -> float:
        """Take the next turn, and return how many seconds from *now* it is."""
        ...


class LocalDesk(Desk):
    """The desk of a process that works alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Want] = {}
        self._claimed: dict[str, tuple[Want, tuple[str, float]]] = {}
        self._answers: dict[str, Answer] = {}

    @override
    def put(self, wants: Sequence[Want]) -> None:
        with self._lock:
            self._waiting.update((want.id, want) for want in wants)

    @override
    def look(self, mine: Iterable[str], *, now: float) -> View:
        wanted = frozenset(mine)
        with self._lock:
            there = {*self._waiting, *self._claimed, *self._answers}
            answers = {id_: self._answers.pop(id_) for id_ in wanted if id_ in self._answers}
            ends = [end for _, end in sorted({by for _, by in self._claimed.values()})]
            return View(
                waiting=list(self._waiting.values()),
                answers=answers,
                under_way={id_: now for id_ in wanted if id_ in self._claimed},
                gone=wanted - there,
                ends=ends,
            )

    @override
    def claim(self, ids: Sequence[str], *, ends_at: float, now: float) -> set[str]:
        del now
        with self._lock:
            claimed = {id_: self._waiting.pop(id_) for id_ in ids if id_ in self._waiting}
            by = min(claimed, default=""), ends_at
            self._claimed.update((id_, (want, by)) for id_, want in claimed.items())
            return set(claimed)

    @override
    def show(self, ids: Iterable[str], *, now: float) -> set[str]:
        del now
        with self._lock:
            return {id_ for id_ in ids if id_ in self._claimed}

    @override
    def release(self, ids: Iterable[str]) -> None:
        with self._lock:
            given_back = [self._claimed.pop(id_) for id_ in ids if id_ in self._claimed]
            self._waiting.update((want.id, want) for want, _ in given_back)

    @override
    def answer(self, answers: Mapping[str, Answer]) -> None:
        with self._lock:
            for id_, answer in answers.items():
                if self._claimed.pop(id_, None) is not None:
                    self._answers[id_] = answer

    @override
    def forget(self, ids: Iterable[str]) -> None:
        with self._lock:
            for id_ in ids:
                self._waiting.pop(id_, None)
                self._claimed.pop(id_, None)
                self._answers.pop(id_, None)


class LocalTurns(Turns):
    """The turns of a process that works alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[tuple[str, str, str], float] = {}

    @override
    def take(
        self, account: str, region: str, kind: Kind, *, per_second: float, now: float
    ) -> float:
        with self._lock:
            turn = max(now, self._next.get((account, region, kind), now))
            self._next[account, region, kind] = turn + 1 / per_second
            return turn - now
