"""What workers want over SSM, as rows in which they meet; and turns of calls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from tidegate.store.ssm_tables import CallTurnRow, SsmWantRow
from tidegate.store.statements import plain_table

_WANTS: Final = plain_table(SsmWantRow)
_TURNS: Final = plain_table(CallTurnRow)
_STALE_AFTER: Final = 120.0
"""Seconds after which a want that nobody has claimed is claimed no more: who asked has ended."""
_FORGOTTEN_AFTER: Final = 300.0
"""Seconds without a sign of life after which a want is dropped."""
_FARTHEST_TURN: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantsView:
    """The wants of one role and region at one moment."""

    waiting: Sequence[tuple[str, Mapping[str, Any]]]
    answers: Mapping[str, Mapping[str, Any]]
    under_way: Mapping[str, float]
    gone: frozenset[str]
    ends: Sequence[float]


class SsmWants:
    """Writes and reads wants, each a JSON of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self, role: str, region: str, wants: Iterable[tuple[str, float, Mapping[str, Any]]]
    ) -> None:
        """Add wants, each with the moment at which it was asked; what is there stays."""
        rows = [
            {"id": id_, "role": role, "region": region, "want": dict(want), "asked_at": asked_at}
            for id_, asked_at, want in wants
        ]
        known = set(
            self._session.scalars(
                select(_WANTS.c.id).where(_WANTS.c.id.in_([row["id"] for row in rows]))
            )
        )
        if new := [row for row in rows if row["id"] not in known]:
            self._session.execute(insert(_WANTS), new)

    def look(self, role: str, region: str, mine: Iterable[str], *, now: float) -> WantsView:
        """Return what waits, what came of *mine*, and when the commands under way end."""
        here = (_WANTS.c.role == role, _WANTS.c.region == region)
        fresh = _WANTS.c.asked_at >= now - _STALE_AFTER
        waiting = self._session.execute(
            select(_WANTS.c.id, _WANTS.c.want)
            .where(*here, _WANTS.c.command.is_(None), fresh)
            .order_by(_WANTS.c.asked_at)
        ).all()
        under_way = self._session.execute(
            select(_WANTS.c.command, _WANTS.c.ends_at)
            .where(*here, _WANTS.c.command.is_not(None), _WANTS.c.answer.is_(None))
            .where(_WANTS.c.ends_at >= now - _STALE_AFTER)
            .distinct()
        )
        wanted = frozenset(mine)
        own = self._session.execute(
            select(_WANTS.c.id, _WANTS.c.command, _WANTS.c.shown_at, _WANTS.c.answer).where(
                _WANTS.c.id.in_(sorted(wanted)), or_(_WANTS.c.command.is_not(None), fresh)
            )
        ).all()
        return WantsView(
            waiting=[(id_, want) for id_, want in waiting],
            answers={id_: answer for id_, _, _, answer in own if answer is not None},
            under_way={
                id_: shown_at or 0.0
                for id_, command, shown_at, answer in own
                if command is not None and answer is None
            },
            gone=wanted - {id_ for id_, _, _, _ in own},
            ends=sorted(end for _, end in under_way),
        )

    def claim(self, ids: Sequence[str], *, ends_at: float, now: float) -> set[str]:
        """Take wants for one command that nobody has claimed, and return which of them."""
        free = self._session.scalars(
            select(_WANTS.c.id)
            .where(_WANTS.c.id.in_(ids), _WANTS.c.command.is_(None))
            .order_by(_WANTS.c.id)
            .with_for_update(skip_locked=True)
        ).all()
        if not free:
            return set()
        return set(
            self._session.scalars(
                update(_WANTS)
                .where(_WANTS.c.id.in_(free), _WANTS.c.command.is_(None))
                .values(command=min(free), ends_at=ends_at, shown_at=now)
                .returning(_WANTS.c.id)
            )
        )

    def show(self, ids: Iterable[str], *, now: float) -> set[str]:
        """Note that claimed wants are still attended to, and return those that are still there."""
        there = self._session.scalars(
            select(_WANTS.c.id)
            .where(_WANTS.c.id.in_(sorted(ids)), _WANTS.c.command.is_not(None))
            .order_by(_WANTS.c.id)
            .with_for_update()
        ).all()
        self._session.execute(
            update(_WANTS).where(_WANTS.c.id.in_(list(there))).values(shown_at=now)
        )
        return set(there)

    def release(self, ids: Iterable[str]) -> None:
        """Let others claim wants that are not answered."""
        self._session.execute(
            update(_WANTS)
            .where(_WANTS.c.id.in_(sorted(ids)), _WANTS.c.answer.is_(None))
            .values(command=None, ends_at=None, shown_at=None)
        )

    def answer(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what came of wants; those that nobody waits for are gone."""
        for id_, answer in sorted(answers.items()):
            self._session.execute(
                update(_WANTS).where(_WANTS.c.id == id_).values(answer=dict(answer))
            )

    def forget(self, ids: Iterable[str]) -> None:
        self._session.execute(delete(_WANTS).where(_WANTS.c.id.in_(sorted(ids))))

    def forget_old(self, *, now: float) -> None:
        """Drop what workers left that have ended."""
        shown_at = func.coalesce(_WANTS.c.shown_at, _WANTS.c.asked_at)
        self._session.execute(delete(_WANTS).where(shown_at < now - _FORGOTTEN_AFTER))


class CallTurns:
    """When calls may be made, over all workers together."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(
        self, role: str, region: str, kind: str, *, per_second: float, now: float
    ) -> float | None:
        """Take the next turn, and return when it is; None where another one was quicker.

        One that is too far ahead was taken by a clock that was wrong.
        """
        key = {"role": role, "region": region, "kind": kind}
        is_it = (_TURNS.c.role == role, _TURNS.c.region == region, _TURNS.c.kind == kind)
        seen = self._session.scalar(select(_TURNS.c.free_at).where(*is_it))
        turn = now if seen is None or seen > now + _FARTHEST_TURN else max(now, seen)
        if seen is None:
            self._session.execute(insert(_TURNS), [{**key, "free_at": turn + 1 / per_second}])
            return turn
        taken = self._session.execute(
            update(_TURNS)
            .where(*is_it, _TURNS.c.free_at == seen)
            .values(free_at=turn + 1 / per_second)
            .returning(_TURNS.c.kind)
        ).one_or_none()
        return None if taken is None else turn
