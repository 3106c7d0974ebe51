"""Runs on hosts, followed by one worker: taken, reported, let go, and kept alive."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from tidegate.domain.deployment import Deployment
from tidegate.domain.errors import NoSpace, Refused, Stale
from tidegate.domain.group import OnStop
from tidegate.domain.host import Host
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import EventStatus
from tidegate.domain.revision import Revision
from tidegate.drivers.bundles import ArtifactStore
from tidegate.drivers.bundles.errors import StoreUnavailable
from tidegate.drivers.hosts import (
    Bundle,
    Fact,
    Failed,
    Finished,
    HostDriver,
    LetGo,
    Outcome,
    Report,
    Seen,
    Wish,
)
from tidegate.engine.reaching import reached
from tidegate.engine.reports import Progress, record_reports
from tidegate.engine.spec import RunOrder, run_order
from tidegate.engine.targets import (
    finish_segment,
    give_up,
    is_silence,
    late_outcome,
    look_again,
    never_began,
)
from tidegate.settings import Settings
from tidegate.store.database import may_pass
from tidegate.store.group_settings import GroupSettings
from tidegate.store.leases import Held, Lease
from tidegate.store.together import Together
from tidegate.store.unit_of_work import Store, UnitOfWork

log = structlog.get_logger(__name__)

Key = tuple[str, str]

_UNTOLD: Final = Failed("protocol", "The host ended the run without saying how its events ended.")
_AT_STOP: Final = {OnStop.FINISH: Wish.CANCEL, OnStop.END: Wish.KILL}
_FIRST_PAUSE: Final = timedelta(seconds=15)
"""Before a target is tried again that a full disk or an absent store kept; then it doubles."""
_MOST_ATTEMPTS: Final = 5
"""After so many, an error that nobody foresaw counts as one that will not pass."""


@dataclass(slots=True)
class _Followed:
    attempt: int
    at_stop: Wish
    """What is wished once the deployment is stopped, or its time is up."""
    wish: Wish = Wish.GO_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A target that was taken, and all that its run needs to know."""

    progress: Progress
    deployment: Deployment
    group: GroupSettings
    host: Host | None
    revision: Revision | None


@dataclass(slots=True)
class HostRuns:
    """All runs that one worker follows. Its methods are called from many threads."""

    store: Store
    together: Together
    """Writes what this worker's threads learn in the same moment."""
    driver: Callable[[str], HostDriver]
    artifacts: ArtifactStore
    settings: Settings
    owner: str
    """Names this worker process; its leases stand while its heartbeat is fresh."""
    _followed: dict[Key, _Followed] = field(default_factory=dict)
    _attended: list[Key] = field(default_factory=list)
    """What some thread is at, from before it takes a target until it has written how it ended."""
    _orphans: set[Held] = field(default_factory=set)
    _leaving: threading.Event = field(default_factory=threading.Event)

    def run(self, deployment_id: DeploymentId, target_id: TargetId) -> bool:
        """Bring the host events of a target to their end; tell whether its chain goes on.

        A target that somebody else holds, or that is skipped, ends the chain quietly.
        """
        with self.attending((deployment_id, target_id)):
            return self._run(deployment_id, target_id)

    def _run(self, deployment_id: DeploymentId, target_id: TargetId) -> bool:
        def take(uow: UnitOfWork) -> "_Taken | bool":
            if self._leaving.is_set():
                uow.leases.pass_on(deployment_id, target_id, at=uow.now())
                return False
            deployment = uow.deployments.lock(deployment_id)
            lease = uow.leases.take(deployment_id, target_id, owner=self.owner, at=uow.now())
            if lease is None:
                return uow.leases.is_done(deployment_id, target_id)
            return _read(lease, deployment, uow)

        taken = self.together(take, key=(deployment_id, target_id))
        if isinstance(taken, bool):
            return taken
        progress, order = taken.progress, self._order(taken)
        log.info("target_taken", **_who(progress.lease))
        outcome = self._follow(progress, order, self._recorder(progress))
        return self._finish(progress, outcome)

    def look_back(self, deployment_id: DeploymentId, target_id: TargetId) -> None:
        """Ask a host that fell silent how its run ended; what it tells is kept as a note."""
        with self.attending((deployment_id, target_id)):
            self._look_back(deployment_id, target_id)

    def _look_back(self, deployment_id: DeploymentId, target_id: TargetId) -> None:
        with self.store.write() as uow:
            if self._leaving.is_set():
                uow.leases.pass_on(deployment_id, target_id, at=uow.now())
                return
            deployment = uow.deployments.lock(deployment_id)
            lease = uow.leases.take_lost(deployment_id, target_id, owner=self.owner, at=uow.now())
            if lease is None:
                return
            taken = _read(lease, deployment, uow)
        progress, order = taken.progress, self._order(taken)
        words: list[str] = []
        outcome = self._follow(progress, order, self._listener(progress, words), attach_only=True)
        with self.store.write() as uow:
            uow.deployments.lock(deployment_id)
            match outcome:
                case Finished():
                    late_outcome(progress, _told(words), uow=uow)
                case Failed("unknown_run") if not progress.has_begun:
                    never_began(progress, uow=uow)
                case Failed() if not is_silence(outcome):
                    late_outcome(progress, outcome.message, uow=uow)
                case _:
                    look_again(progress, uow=uow)

    @contextmanager
    def attending(self, key: Key) -> Iterator[None]:
        """Note that a thread of this worker is at a target."""
        self._attended.append(key)
        try:
            yield
        finally:
            self._attended.remove(key)

    def _order(self, taken: "_Taken") -> RunOrder | Failed:
        if taken.host is None or taken.revision is None:
            gone = "host" if taken.host is None else "revision"
            sentence = f"The {gone} was deleted before this target was reached; create it again."
            return Failed("misconfigured", sentence)
        host = reached(
            taken.host,
            taken.group["ec2"],
            region=taken.deployment.region,
            usual_region=self.settings.region,
        )
        if isinstance(host, str):
            return Failed("misconfigured", host)
        return run_order(
            taken.progress.lease,
            taken.deployment,
            taken.group,
            host=host,
            revision=taken.revision,
            settings=self.settings,
        )

    def _follow(
        self,
        progress: Progress,
        order: RunOrder | Failed,
        report: Callable[[Sequence[Report]], Wish],
        *,
        attach_only: bool = False,
    ) -> Outcome:
        if isinstance(order, Failed):
            return order
        lease = progress.lease
        key = _key(lease)
        at_stop = _AT_STOP[order.on_stop]
        wish = at_stop if lease.cancel_requested else Wish.GO_ON
        mine = self._followed[key] = _Followed(lease.attempt, at_stop, wish)
        try:
            bundle = self._fetch(order) if order.needs_bundle and not attach_only else None
            driver = self.driver(order.driver)
            seen = Seen(journal=progress.lease.journal_offset, logs=dict(progress.log_sizes))
            run = order.run(bundle, attach_only=attach_only)
            return driver.follow(order.address, run, seen=seen, report=report)
        except (Stale, NoSpace) as error:
            log.warning("target_dropped", why=str(error), **_who(lease))
            return LetGo()
        except (Refused, LookupError) as error:
            return _refused(lease, error)
        except Exception as error:
            if lease.attempt < _MOST_ATTEMPTS or may_pass(error):
                raise
            log.exception("target_never_works", **_who(lease))
            return Failed("misconfigured", _never_works(lease, error))
        finally:
            # A later attempt of this target may be followed here as well by now.
            if self._followed.get(key) is mine:
                del self._followed[key]

    def _fetch(self, order: RunOrder) -> Bundle:
        revision = order.revision
        path = self.artifacts.fetch(revision.source.sha256, self.settings.cache)
        return Bundle(
            sha256=revision.source.sha256,
            size=path.stat().st_size,
            type=revision.bundle_type,  # type: ignore[arg-type]
            path=path,
        )

    def _recorder(self, progress: Progress) -> Callable[[Sequence[Report]], Wish]:
        def report(reports: Sequence[Report]) -> Wish:
            if reports:
                held = self._record(progress, reports)
                # A stop is heard with the next report, before another script begins.
                if followed := self._followed.get((held.deployment_id, held.target_id)):
                    _wish_anew(followed, held)
            return self._wish_for(progress.lease)

        return report

    def _record(self, progress: Progress, reports: Sequence[Report]) -> Held:
        def record(uow: UnitOfWork) -> tuple[Progress, Held]:
            draft = progress.draft()
            return draft, record_reports(draft, reports, uow=uow)

        draft, held = self.together(record, key=_key(progress.lease), lasting=False)
        progress.keep(draft)
        return held

    def _listener(self, progress: Progress, words: list[str]) -> Callable[[Sequence[Report]], Wish]:
        def report(reports: Sequence[Report]) -> Wish:
            words.extend(_in_words(r) for r in reports if isinstance(r, Fact))
            return self._wish_for(progress.lease)

        return report

    def _wish_for(self, lease: Lease) -> Wish:
        if self._leaving.is_set():
            return Wish.LET_GO
        followed = self._followed.get((lease.deployment_id, lease.target_id))
        if followed is None or followed.attempt != lease.attempt:
            return Wish.LET_GO
        return followed.wish

    def _finish(self, progress: Progress, outcome: Outcome) -> bool:
        lease = progress.lease
        log.info("target_followed", outcome=str(outcome), **_who(lease))
        return self.together(lambda uow: self._end(progress, outcome, uow), key=_key(lease))

    def _end(self, progress: Progress, outcome: Outcome, uow: UnitOfWork) -> bool:
        lease = progress.lease
        uow.deployments.lock(lease.deployment_id)
        match outcome:
            case Finished():
                if uow.lifecycle.still_open(lease.deployment_id, lease.target_id):
                    return give_up(progress, _UNTOLD, uow=uow)
                return finish_segment(progress, uow=uow)
            case Failed():
                return give_up(progress, outcome, uow=uow)
            case LetGo():
                now = uow.now()
                wait = timedelta(0) if self._leaving.is_set() else _pause(lease)
                uow.leases.keep(lease, at=now, lease_owner=None, due_at=now + wait)
                return False

    def keep_alive(self, store: Store | None = None) -> None:
        """Learn what became of the targets that this worker holds, by a store for it alone.

        A target that it holds by the rows and that no thread is at was dropped by an error. It is
        given back at the second look, so that one that has just ended is left alone; one whose
        thread waits for the database, however long, is not robbed of it.
        """
        store = store or self.store
        # What is followed now was committed before the rows are read: nobody is let go too early.
        followed = list(self._followed.copy().items())
        with store.read() as uow:
            held: dict[Key, Held] = {
                (h.deployment_id, h.target_id): h for h in uow.leases.held_by(self.owner)
            }
        for key, one in followed:
            _wish_anew(one, held.get(key))
        attended = set(self._attended.copy())
        orphans = {h for key, h in held.items() if key not in attended}
        dropped = orphans & self._orphans
        self._orphans = orphans
        if dropped:
            with store.write() as uow:
                uow.leases.give_back(self.owner, dropped, at=uow.now())

    @property
    def is_leaving(self) -> bool:
        """Whether this worker is about to end."""
        return self._leaving.is_set()

    def let_go(self) -> None:
        """Let go of every run, and take no more: this worker is about to end."""
        self._leaving.set()


def _read(lease: Lease, deployment: Deployment, uow: UnitOfWork) -> _Taken:
    is_first = lease.attempt == 1
    sizes = {} if is_first else uow.lifecycle.log_sizes(lease.deployment_id, lease.target_id)
    progress = Progress(
        lease=lease, taken_at=uow.now(), log_sizes=sizes, has_begun=lease.journal_offset > 0
    )
    return _Taken(
        progress=progress,
        deployment=deployment,
        group=uow.once("group", deployment.id, uow.deployments.group_settings),
        host=uow.catalog.host_by_id(lease.host_id),
        revision=_revision(deployment, uow),
    )


def _revision(deployment: Deployment, uow: UnitOfWork) -> Revision | None:
    revision = uow.once("revision", deployment.revision_id, uow.catalog.revision_by_id)
    if revision is None or revision.is_pinned:
        return revision
    bundle = uow.once("bundle", deployment.id, uow.bundles.of)
    if bundle is None:
        return revision if deployment.options.is_restart else None
    return revision.as_fetched(bundle)


def _key(lease: Lease) -> tuple[DeploymentId, TargetId]:
    return lease.deployment_id, lease.target_id


def _wish_anew(followed: _Followed, held: Held | None) -> None:
    if held is None or held.attempt != followed.attempt:
        followed.wish = Wish.LET_GO
    elif held.cancel_requested:
        followed.wish = followed.at_stop


def _refused(lease: Lease, error: Refused | LookupError) -> Failed | LetGo:
    if isinstance(error, StoreUnavailable) and lease.attempt < _MOST_ATTEMPTS:
        log.warning("target_waits_for_store", why=str(error), **_who(lease))
        return LetGo()
    return Failed("misconfigured", str(error))


def _pause(lease: Lease) -> timedelta:
    doublings = min(lease.attempt - 1, _MOST_ATTEMPTS - 2)
    return _FIRST_PAUSE * (1 << doublings)


def _who(lease: Lease) -> dict[str, object]:
    return {
        "deployment_id": lease.deployment_id,
        "target": lease.target_id,
        "segment": lease.segment,
        "attempt": lease.attempt,
    }


def _never_works(lease: Lease, error: Exception) -> str:
    # What the error says may hold what is nobody's business; the log has it.
    return (
        f"Tidegate failed at this target itself ({type(error).__name__}), at attempt "
        f"{lease.attempt} too; the log of the worker {lease.owner} says how."
    )


def _in_words(fact: Fact) -> str:
    body = fact.body
    if body.get("fact") == "event" and body.get("status") != EventStatus.IN_PROGRESS:
        message = str(body.get("message") or "")
        return f"{body.get('name')} {body.get('status')}" + (f" ({message})" if message else "")
    return ""


def _told(words: Sequence[str]) -> str:
    told = "; ".join(word for word in words if word)
    return f"The host came back; its run had gone on: {told or 'nothing more happened'}."
