"""What a run on a host reports, written as it happens and only while the lease stands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from tidegate.clock import from_epoch
from tidegate.domain.errors import Stale
from tidegate.domain.history import Subject, Transition
from tidegate.domain.lifecycle import DiagnosticCode, EventMove, EventStatus
from tidegate.drivers.hosts import Fact, HostKeyLearned, LogPiece, Report
from tidegate.store.leases import Held, Lease
from tidegate.store.lifecycle import EventEnd, EventNews
from tidegate.store.logs import LogChunk
from tidegate.store.unit_of_work import UnitOfWork

MAX_CHUNK: Final = 262_144
"""Pieces of one log that arrive together are kept together, up to this many bytes."""
MAX_TEXT: Final = 4096
"""Longest message or script name that is taken from a host."""

_LARGEST_EXIT_CODE: Final = 2**31 - 1

_MOVE_TO: Final = {
    EventStatus.SUCCEEDED: EventMove.SUCCEED,
    EventStatus.FAILED: EventMove.FAIL,
    EventStatus.SKIPPED: EventMove.SKIP,
}


@dataclass(slots=True)
class Progress:
    """What one worker knows of a run that it follows."""

    lease: Lease
    taken_at: datetime
    log_sizes: dict[str, int] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    """When each event began, by the host's clock."""
    has_begun: bool = False
    """Whether the host was heard to run it, by this worker or one before."""

    def draft(self) -> "Progress":
        """Return a copy to change; `keep` takes it over once what it says is committed."""
        return replace(self, log_sizes=dict(self.log_sizes), begun=dict(self.begun))

    def keep(self, draft: "Progress") -> None:
        """Take over what *draft* says."""
        self.log_sizes, self.begun = draft.log_sizes, draft.begun
        self.has_begun = draft.has_begun


def record_reports(progress: Progress, reports: Sequence[Report], *, uow: UnitOfWork) -> Held:
    """Write what a host reported, all of it in this transaction; return what is held now.

    Raises:
        Stale: The lease has gone to somebody else; nothing may be written any more.
    """
    lease, now = progress.lease, uow.now()
    facts = [report for report in reports if isinstance(report, Fact)]
    changes: dict[str, Any] = {}
    if facts:
        progress.has_begun = True
        changes["journal_offset"] = facts[-1].offset
        changes.update(_message_of(facts))
    uow.deployments.lock(lease.deployment_id)
    held = uow.leases.keep(lease, at=now, **changes)
    if held is None:
        raise Stale(lease.target_id)
    chunks = _chunks(progress, [r for r in reports if isinstance(r, LogPiece)])
    moves = _record_facts(progress, facts, {chunk.event for chunk in chunks}, now, uow)
    uow.history.record(lease.deployment_id, moves)
    uow.logs.add(lease.deployment_id, lease.target_id, chunks)
    for report in reports:
        if isinstance(report, HostKeyLearned):
            uow.catalog.learn_host_key(lease.host_id, report.host_key)
    return held


def _message_of(facts: Iterable[Fact]) -> Mapping[str, str]:
    message: dict[str, str] = {}
    for fact in facts:
        match fact.body.get("fact"):
            case "waiting":
                message["message"] = _waiting(fact.body)
            case "event":
                message["message"] = ""
            case _:
                pass
    return message


def _waiting(body: Mapping[str, object]) -> str:
    holder = str(body.get("for"))[:MAX_TEXT]
    return f"Waits for deployment {holder}, whose script still runs on this host."


def _record_facts(
    progress: Progress, facts: Sequence[Fact], logged: set[str], now: datetime, uow: UnitOfWork
) -> list[Transition]:
    """Write what *facts* say, each event in one statement, and return what moved, in order.

    *logged* are the events whose logs have grown.
    """
    moves: list[Transition] = []
    begun: dict[str, datetime] = {}
    for body in (fact.body for fact in facts):
        name = str(body.get("name"))[:100]
        if body.get("fact") == "waiting":
            moves.append(_note(progress.lease, "wait", now, _waiting(body)))
        elif body.get("fact") != "event":
            continue
        elif body.get("status") == EventStatus.IN_PROGRESS:
            progress.begun[name] = _number(body.get("at"))
            begun[name] = _moment(body.get("at"), progress.taken_at, now)
        else:
            logged.discard(name)
            end = _end(progress, name, body, now)
            reason = end.message if end.move is EventMove.FAIL else _warnings(body)
            news = EventNews(began_at=begun.pop(name, None), end=end)
            moves += _write(progress, name, news, reason, uow)
    for name in [*begun, *sorted(logged - begun.keys())]:
        moves += _write(progress, name, EventNews(began_at=begun.get(name)), "", uow)
    return moves


def _note(lease: Lease, name: str, at: datetime, reason: str) -> Transition:
    return Transition(
        subject=Subject.TARGET,
        target=lease.target_id,
        name=name,
        source="InProgress",
        to="InProgress",
        at=at,
        actor=lease.owner,
        reason=reason,
    )


def _write(
    progress: Progress, name: str, news: EventNews, reason: str, uow: UnitOfWork
) -> Iterator[Transition]:
    """Write what is new of one event, its log included, and yield what moved."""
    lease = progress.lease
    news = replace(news, log_size=progress.log_sizes.get(name))
    for source, to in uow.lifecycle.write(lease.deployment_id, lease.target_id, name, news):
        is_end = to is not EventStatus.IN_PROGRESS
        yield Transition(
            subject=Subject.LIFECYCLE_EVENT,
            target=lease.target_id,
            name=name,
            source=source,
            to=to,
            at=news.end.at if news.end and is_end else news.began_at or uow.now(),
            actor=lease.owner,
            reason=reason if is_end else "",
        )


def _end(progress: Progress, name: str, body: Mapping[str, object], now: datetime) -> EventEnd:
    status, begun = EventStatus(str(body.get("status"))), progress.begun.get(name)
    return EventEnd(
        move=_MOVE_TO[status],
        at=_moment(body.get("at"), progress.taken_at, now),
        seconds=None if begun is None else max(_number(body.get("at")) - begun, 0.0),
        exit_code=_exit_code(body.get("exit_code")),
        error_code=None if status is EventStatus.SKIPPED else _error_code(body.get("error_code")),
        script=str(body.get("script") or "")[:MAX_TEXT],
        message=str(body.get("message") or "")[:MAX_TEXT],
    )


def _exit_code(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) <= _LARGEST_EXIT_CODE else None


def _error_code(value: object) -> DiagnosticCode | None:
    if not value:
        return None
    known = value in tuple(DiagnosticCode)
    return DiagnosticCode(str(value)) if known else DiagnosticCode.UNKNOWN_ERROR


def _warnings(body: Mapping[str, object]) -> str:
    warnings = body.get("warnings")
    return " ".join(map(str, warnings))[:MAX_TEXT] if isinstance(warnings, list) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _moment(value: object, earliest: datetime, latest: datetime) -> datetime:
    # A host's clock may be wrong: what it says must lie between taking the target and now.
    try:
        moment = from_epoch(_number(value))
    except (ValueError, OverflowError, OSError):
        return latest
    return moment if earliest <= moment <= latest else latest


def _chunks(progress: Progress, pieces: Sequence[LogPiece]) -> list[LogChunk]:
    """Return what of *pieces* is new, joined where it adjoins."""
    chunks: list[LogChunk] = []
    for piece in pieces:
        known = progress.log_sizes.get(piece.event, 0)
        data = piece.data[max(known - piece.at, 0) :]
        if not data:
            continue
        at = max(piece.at, known)
        last = chunks[-1] if chunks else None
        if last and _joins(last, piece.event, at, len(data)):
            data, at = last.data + data, last.at
            chunks.pop()
        chunks.append(LogChunk(piece.event, at, data))
        progress.log_sizes[piece.event] = at + len(data)
    return chunks


def _joins(last: LogChunk, event: str, at: int, size: int) -> bool:
    adjoins = last.event == event and last.at + len(last.data) == at
    return adjoins and len(last.data) + size <= MAX_CHUNK
