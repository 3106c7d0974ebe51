"""Writes of many threads in few transactions: hundreds of hosts report in the same seconds."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar

import structlog

from tidegate.store.unit_of_work import Store, UnitOfWork

T = TypeVar("T")
Work = Callable[[UnitOfWork], T]

MOST_PARTS: Final = 25
"""So many share one transaction. Each takes some round trips to the database, in all of which the
group has the deployment's row: who decides what comes next waits for it, and so does the group of
another worker. More would save a fifth of a statement for each."""

log = structlog.get_logger(__name__)


class Together(Protocol):
    """Runs what a thread wants to write."""

    def __call__(self, work: Work[T], *, key: tuple[str, ...], lasting: bool = True) -> T:
        """Run *work* in a transaction, and return what it returns once that has committed.

        The transaction may be that of others as well, in the order of their *key*s, so that any
        two lock what they share in one order. Work may run twice: of the first time, whose
        transaction was given up for somebody's error, nothing must be left.

        Raises:
            Exception: Whatever *work* raises, and what `Store.write` raises.
        """


class Alone:
    """Gives each a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, work: Work[T], *, key: tuple[str, ...], lasting: bool = True) -> T:
        """See `Together`."""
        del key  # nobody else is in this transaction
        with self._store.write(lasting=lasting) as uow:
            return work(uow)


class _State(Enum):
    WAITS = auto()
    LEADS = auto()
    """It is to write for all who wait, itself among them."""
    DONE = auto()
    LEFT = auto()
    """The transaction that it was in was given up."""


@dataclass(slots=True, eq=False)
class _Part:
    work: Callable[[UnitOfWork], Any]
    key: tuple[str, ...]
    lasting: bool
    state: _State = _State.WAITS
    result: Any = None
    news: threading.Event = field(default_factory=threading.Event)

    def becomes(self, state: _State) -> None:
        self.state = state
        self.news.set()


class InTurns:
    """Group commit: while one thread writes, others line up, and the next writes for them all.

    A transaction that fails is run again part by part, each alone in its own thread: the error
    comes to whom it belongs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._alone = Alone(store)
        self._lock = threading.Lock()
        self._line: list[_Part] = []
        self._is_led = False

    def __call__(self, work: Work[T], *, key: tuple[str, ...], lasting: bool = True) -> T:
        """See `Together`."""
        part = _Part(work, key, lasting)
        with self._lock:
            self._line.append(part)
            if not self._is_led:
                self._is_led = True
                part.becomes(_State.LEADS)
        part.news.wait()
        if part.state is _State.LEADS:
            self._lead(part)
        if part.state is _State.LEFT:
            return self._alone(work, key=key, lasting=lasting)
        return part.result  # type: ignore[no-any-return]

    def _lead(self, leader: _Part) -> None:
        with self._lock:
            self._line.remove(leader)
            others = self._line[: MOST_PARTS - 1]
            del self._line[: len(others)]
        parts = sorted([leader, *others], key=lambda part: part.key)
        with self._handing_over(parts):
            self._write(parts)

    @contextmanager
    def _handing_over(self, parts: Sequence[_Part]) -> Iterator[None]:
        """Have the next one lead and tell all how it went, whatever happens."""
        try:
            yield
        finally:
            with self._lock:
                self._is_led = bool(self._line)
                if self._line:
                    self._line[0].becomes(_State.LEADS)
            for part in parts:
                part.becomes(_State.DONE if part.state is _State.DONE else _State.LEFT)

    def _write(self, parts: Sequence[_Part]) -> None:
        try:
            with self._store.write(lasting=any(part.lasting for part in parts)) as uow:
                results = [part.work(uow) for part in parts]
                uow.after_commit(lambda: _all_done(parts, results))
        except BaseException as error:  # noqa: BLE001 - whose it is meets it again, alone
            if parts[0].state is not _State.DONE and len(parts) > 1:
                log.info("written_one_by_one", parts=len(parts), why=str(error)[:300])


def _all_done(parts: Sequence[_Part], results: Sequence[Any]) -> None:
    for part, result in zip(parts, results, strict=True):
        part.result, part.state = result, _State.DONE
