"""The unit of work: one transaction, then its messages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, Self, TypeVar

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tidegate.clock import Clock
from tidegate.domain.errors import NoSpace
from tidegate.domain.ids import IdSource
from tidegate.domain.notices import SEND_NOTICES, NoticeSettings
from tidegate.domain.region import DEFAULT_REGION
from tidegate.store.access import Tokens
from tidegate.store.access_keys import AccessKeys
from tidegate.store.audit import Audit
from tidegate.store.bundles import Bundles
from tidegate.store.catalog import Catalog
from tidegate.store.courses import Courses
from tidegate.store.deployments import Deployments
from tidegate.store.github_tokens import GitHubTokens
from tidegate.store.health import Heartbeats
from tidegate.store.history import History
from tidegate.store.hosts import LastSeen
from tidegate.store.installations import Installations
from tidegate.store.leases import Leases
from tidegate.store.lifecycle import LifecycleEvents
from tidegate.store.logs import Logs
from tidegate.store.notices import Notices
from tidegate.store.outbox import Message, Outbox, Sender
from tidegate.store.resource_tags import ResourceTags
from tidegate.store.searches import Searches
from tidegate.store.ssm_wants import CallTurns, SsmWants
from tidegate.store.targets import Targets
from tidegate.store.watches import Watches

K = TypeVar("K", bound=str)
T = TypeVar("T")

log = structlog.get_logger(__name__)

MINUTE: Final = timedelta(minutes=1)
PAUSE_LIMIT: Final = timedelta(hours=48)
_ONE_STATE: Final[dict[bool, dict[str, str]]] = {
    True: {},
    False: {"isolation_level": "REPEATABLE READ"},
}
"""What it takes, by whether it is SQLite, to read several tables as they stood at one moment."""
_NOBODY_ELSE: Final = NoticeSettings()
"""Triggers are told, and no event bus."""
_DO_NOT_WAIT: Final = text("SET LOCAL synchronous_commit TO OFF")
_DISK_FULL = ("database or disk is full", "no space left", "disk i/o error")


class UnitOfWork:
    """One transaction and what can be done in it. It commits by itself on a clean exit."""

    region: str
    """Where names are looked for; what has an id is found wherever it is."""
    minute: timedelta
    """How long a minute of traffic configs and waits lasts; shorter in demos and tests."""
    pause_limit: timedelta
    """A deployment that nobody resumes for so long is stopped."""

    def __init__(
        self,
        session: Session,
        *,
        clock: Clock,
        ids: IdSource,
        region: str,
        notices: NoticeSettings = _NOBODY_ELSE,
        minute: timedelta = MINUTE,
        pause_limit: timedelta = PAUSE_LIMIT,
    ) -> None:
        self.session = session
        self.clock = clock
        self.ids = ids
        self.region = region
        self.minute = minute
        self.pause_limit = pause_limit
        self.catalog = Catalog(session, region)
        self.bundles = Bundles(session)
        self.access_keys = AccessKeys(session)
        self.audit = Audit(session)
        self.github_tokens = GitHubTokens(session, region)
        self.resource_tags = ResourceTags(session)
        self.last_seen = LastSeen(session)
        self.tokens = Tokens(session)
        self.history = History(session)
        self.deployments = Deployments(session, self.history)
        self.targets = Targets(session, self.history)
        self.courses = Courses(session)
        self.watches = Watches(session)
        self.notices = Notices(session, self.deployments, self.targets, notices)
        self.leases = Leases(session, self.history)
        self.lifecycle = LifecycleEvents(session)
        self.installations = Installations(session)
        self.logs = Logs(session)
        self.heartbeats = Heartbeats(session)
        self.outbox = Outbox(session)
        self.afterwards: list[Callable[[], None]] = []
        self._known: dict[tuple[str, str], Any] = {}

    def catalog_of(self, region: str) -> Catalog:
        """Return the catalog of a region, which need not be that of this unit of work."""
        return self.catalog if region == self.region else Catalog(self.session, region)

    @property
    def searches(self) -> Searches:
        """Return which EC2 instances deployments look for, and look at."""
        return Searches(self.session)

    @property
    def ssm_wants(self) -> SsmWants:
        """Return what workers want over SSM."""
        return SsmWants(self.session)

    @property
    def call_turns(self) -> CallTurns:
        """Return whose turn it is to call AWS."""
        return CallTurns(self.session)

    def now(self) -> datetime:
        """Return the present moment by the clock that was handed in."""
        return self.clock.now()

    def send(self, *links: str, **arguments: str) -> None:
        """Have the chain of *links* sent with *arguments* after the commit."""
        self.outbox.add(Message(id=self.ids.unique(), links=links, arguments=arguments))

    def once(self, what: str, key: K, read: Callable[[K], T]) -> T:
        """Return what *read* returns of *key*, read once: what many ask for does not change."""
        if (what, key) not in self._known:
            self._known[what, key] = read(key)
        return self._known[what, key]  # type: ignore[no-any-return]

    def after_commit(self, act: Callable[[], None]) -> None:
        """Have *act* called as soon as all of this is committed, and not if it fails."""
        self.afterwards.append(act)

    def flush(self) -> None:
        """Write what was put off until the end, for all at once."""
        if self.notices.tell(self.history.flush()):
            self.send(SEND_NOTICES)
        self.last_seen.flush()
        self.outbox.flush(at=self.now())


class Store:
    """Opens units of work on one database."""

    def __init__(
        self,
        engine: Engine,
        *,
        sender: Sender,
        clock: Clock,
        ids: IdSource,
        region: str = DEFAULT_REGION,
        notices: NoticeSettings = _NOBODY_ELSE,
        minute: timedelta = MINUTE,
        pause_limit: timedelta = PAUSE_LIMIT,
    ) -> None:
        self.region = region
        self._minute = minute
        self._pause_limit = pause_limit
        self._is_sqlite = is_sqlite = engine.dialect.name == "sqlite"
        self.engine = engine
        self.clock = clock
        self._reader = engine.execution_options(tidegate_reads=True, **_ONE_STATE[is_sqlite])
        self._sender = sender
        self._ids = ids
        self._notices = notices
        # SQLite has one writer at a time and lets the others poll: a queue of our own is fairer.
        self._turn: AbstractContextManager[object] = Lock() if is_sqlite else nullcontext()

    def in_region(self, region: str) -> Self:
        """Return this store as it is seen in another region."""
        there = copy(self)
        there.region = region
        return there

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[UnitOfWork]:
        """Open a unit of work that changes rows; what it sends leaves after the commit.

        One that need not be *lasting* does not wait for PostgreSQL's disk: a power cut may lose it,
        though never without all that was committed later. A host's journal tells it again.

        Raises:
            NoSpace: The disk under the database is full; nothing was changed.
        """
        with self._turn, Session(self.engine, expire_on_commit=False) as session:
            uow = self._unit(session)
            try:
                with session.begin():
                    if not lasting and not self._is_sqlite:
                        session.execute(_DO_NOT_WAIT)
                    yield uow
                    uow.flush()
            except DBAPIError as error:
                if _is_full(error):
                    raise NoSpace("the database") from error
                raise
        for act in uow.afterwards:
            act()
        self.send(uow.outbox.fresh)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """Open a unit of work that only reads, from one consistent state."""
        with Session(self._reader) as session:
            yield self._unit(session)

    def send(self, messages: list[Message]) -> int:
        """Send *messages* and forget those that the broker took; return how many it took.

        No transaction is open while the broker is spoken to.
        """
        sent = self._sender.send_all(messages) if messages else ()
        if sent:
            self._forget(sent)
        return len(sent)

    def _unit(self, session: Session) -> UnitOfWork:
        return UnitOfWork(
            session,
            clock=self.clock,
            ids=self._ids,
            region=self.region,
            notices=self._notices,
            minute=self._minute,
            pause_limit=self._pause_limit,
        )

    def _forget(self, sent: Sequence[str]) -> None:
        try:
            with self._turn, Session(self.engine) as session, session.begin():
                Outbox(session).forget(sent)
        except DBAPIError as error:
            # What was decided is committed and sent; at worst these are sent once more.
            log.warning("outbox_not_cleared", messages=len(sent), why=str(error)[:300])


def _is_full(error: DBAPIError) -> bool:
    words = str(error.orig).lower()
    return any(sign in words for sign in _DISK_FULL)
