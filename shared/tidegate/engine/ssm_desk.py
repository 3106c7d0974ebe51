"""Where the wants of all workers over SSM meet: rows, so that few commands carry all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from tidegate.drivers.hosts.ssm_wants import (
    Answer,
    Common,
    Desk,
    Kind,
    Trouble,
    Turns,
    View,
    Want,
)
from tidegate.store.unit_of_work import Store

_TIDIED_EVERY: Final = 300.0
_LONGEST_ROLE: Final = 200


class RowDesk(Desk):
    """The desk of all workers, for one role and region."""

    def __init__(self, store: Store, role: str, region: str) -> None:
        self._store = store
        self._role = _short(role)
        self._region = region
        self._tidied_at = float("-inf")

    @override
    def put(self, wants: Sequence[Want]) -> None:
        rows = [(want.id, want.asked_at, _to_json(want)) for want in wants]
        with self._store.write(lasting=False) as uow:
            uow.ssm_wants.put(self._role, self._region, rows)

    @override
    def look(self, mine: Iterable[str], *, now: float) -> View:
        with self._store.read() as uow:
            found = uow.ssm_wants.look(self._role, self._region, mine, now=now)
        if found.answers:
            self.forget(found.answers)
        if now - self._tidied_at > _TIDIED_EVERY:
            self._tidied_at = now
            with self._store.write(lasting=False) as uow:
                uow.ssm_wants.forget_old(now=now)
        return View(
            waiting=[_from_json(id_, want) for id_, want in found.waiting],
            answers={id_: _answer(answer) for id_, answer in found.answers.items()},
            under_way=found.under_way,
            gone=found.gone,
            ends=found.ends,
        )

    @override
    def claim(self, ids: Sequence[str], *, ends_at: float, now: float) -> set[str]:
        with self._store.write(lasting=False) as uow:
            return uow.ssm_wants.claim(ids, ends_at=ends_at, now=now)

    @override
    def show(self, ids: Iterable[str], *, now: float) -> set[str]:
        with self._store.write(lasting=False) as uow:
            return uow.ssm_wants.show(ids, now=now)

    @override
    def release(self, ids: Iterable[str]) -> None:
        with self._store.write(lasting=False) as uow:
            uow.ssm_wants.release(ids)

    @override
    def answer(self, answers: Mapping[str, Answer]) -> None:
        with self._store.write(lasting=False) as uow:
            uow.ssm_wants.answer({id_: asdict(answer) for id_, answer in answers.items()})

    @override
    def forget(self, ids: Iterable[str]) -> None:
        with self._store.write(lasting=False) as uow:
            uow.ssm_wants.forget(ids)


class RowTurns(Turns):
    """The turns of all workers together."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    def take(
        self, account: str, region: str, kind: Kind, *, per_second: float, now: float
    ) -> float:
        key = _short(account)
        while True:
            try:
                with self._store.write(lasting=False) as uow:
                    turn = uow.call_turns.take(key, region, kind, per_second=per_second, now=now)
            except IntegrityError:
                continue  # two were the first
            if turn is not None:
                return max(0.0, turn - now)


def _short(role: str) -> str:
    """Return what rows call a role: an ARN with a long path has more characters than they hold."""
    return role if len(role) <= _LONGEST_ROLE else sha256(role.encode()).hexdigest()


def _to_json(want: Want) -> dict[str, Any]:
    said = asdict(want)
    del said["id"]
    if not want.circle:
        del said["circle"]  # which workers of before do not know
    return said


def _from_json(id_: str, said: Mapping[str, Any]) -> Want:
    return Want(**{**said, "id": id_, "common": Common(**said["common"])})


def _answer(said: Mapping[str, Any]) -> Answer:
    trouble = said["trouble"]
    return Answer(**{**said, "trouble": None if trouble is None else Trouble(**trouble)})
