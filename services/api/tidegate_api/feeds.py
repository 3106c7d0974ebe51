"""Events of deployments as they are committed: one look at the database serves all who listen."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError

from tidegate.domain.errors import Refused
from tidegate.domain.history import RecordedTransition
from tidegate.domain.ids import DeploymentId
from tidegate.store.progress import Progress, progress_of
from tidegate.store.unit_of_work import Store

LOOK_EVERY: Final = 0.25
KEEP_ALIVE_EVERY: Final = 15.0
_REMEMBERED: Final = 1000
_BATCH: Final = 500
log = structlog.get_logger(__name__)


class TooManyStreams(Refused):
    code = "TooManyStreams"
    http_status = 503

    def __init__(self, most: int) -> None:
        super().__init__(
            f"This process serves {most} event streams already, which is its limit; close some, "
            "raise TIDEGATE_MAX_STREAMS, or ask for the events without a stream."
        )


@dataclass(eq=False, slots=True)
class Feed:
    """What is known of one deployment that somebody listens to."""

    deployment_id: DeploymentId
    latest: int | None = None
    """Number of its last event; None until the first look."""
    has_ended: bool = False
    listeners: int = 0
    recent: deque[RecordedTransition] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set and replaced at every change."""

    def since(self, position: int) -> list[RecordedTransition] | None:
        """Return what came after *position*; None when only the database knows."""
        if self.latest is None:
            return None
        if position >= self.latest:
            return []
        if not self.recent or self.recent[0].number > position + 1:
            return None
        return [one for one in self.recent if one.number > position]

    def learn(self, progress: Progress | None, fresh: Sequence[RecordedTransition]) -> None:
        """Take in what a look at the database showed; None means that it is gone."""
        known = (self.latest, self.has_ended)
        self.recent.extend(fresh)
        if progress is None:
            self.latest, self.has_ended = self.latest or 0, True
        else:
            self.latest = fresh[-1].number if fresh else progress.last
            self.has_ended = progress.has_ended and self.latest >= progress.last
        if known != (self.latest, self.has_ended):
            self.tell()

    def tell(self) -> None:
        """Wake everybody who waits."""
        self.changed.set()
        self.changed = asyncio.Event()


_Look = tuple[Mapping[DeploymentId, Progress], Mapping[DeploymentId, list[RecordedTransition]]]


class Feeds:
    """The feeds of this process. While nobody listens, nothing is asked of the database."""

    def __init__(self, store: Store, *, most_streams: int) -> None:
        self._store = store
        self._most = most_streams
        self._feeds: dict[DeploymentId, Feed] = {}
        self.streams = 0
        """How many are served now."""
        self._looking: asyncio.Task[None] | None = None
        self.is_closing = False
        self._threads = CapacityLimiter(4)

    def reserve(self) -> None:
        """Take one of the places for streams.

        Raises:
            TooManyStreams: None is free.
        """
        if self.streams >= self._most:
            raise TooManyStreams(self._most)
        self.streams += 1

    def release(self) -> None:
        """Give back a place."""
        self.streams -= 1

    async def listen(
        self, deployment_id: DeploymentId, position: int
    ) -> AsyncGenerator[RecordedTransition | None]:
        """Yield events after *position* as they come, None when nothing came for a while.

        It ends when the deployment is final, nothing of it runs and everything was told.
        """
        feed = self._open(deployment_id)
        try:
            while not self.is_closing:
                changed = feed.changed
                batch = feed.since(position)
                if batch is None:
                    batch = await self._read(deployment_id, position)
                for recorded in batch:
                    yield recorded
                    position = recorded.number
                if batch:
                    continue
                if feed.has_ended and position >= (feed.latest or 0):
                    return
                if not await _happens(changed, within=KEEP_ALIVE_EVERY):
                    yield None
        finally:
            self._leave(feed)

    def close(self) -> None:
        """End all streams, so that the process can end."""
        self.is_closing = True
        for feed in self._feeds.values():
            feed.tell()

    def close_soon(self) -> None:
        """Have all streams end; may be called by a signal handler."""
        self.is_closing = True
        if self._looking is not None:
            self._looking.get_loop().call_soon_threadsafe(self.close)

    def _open(self, deployment_id: DeploymentId) -> Feed:
        feed = self._feeds.setdefault(deployment_id, Feed(deployment_id))
        feed.listeners += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_on())
        return feed

    def _leave(self, feed: Feed) -> None:
        feed.listeners -= 1
        if not feed.listeners:
            self._feeds.pop(feed.deployment_id, None)

    async def _read(self, deployment_id: DeploymentId, position: int) -> list[RecordedTransition]:
        def read() -> list[RecordedTransition]:
            with self._store.read() as uow:
                return uow.history.after(deployment_id, position, limit=_BATCH)

        return await to_thread.run_sync(read, limiter=self._threads)

    async def _look_on(self) -> None:
        while self._feeds:
            wanted = {feed.deployment_id: feed.latest for feed in self._feeds.values()}
            try:
                found, fresh = await to_thread.run_sync(self._look, wanted, limiter=self._threads)
            except SQLAlchemyError as error:
                log.warning("feeds_cannot_look", why=str(getattr(error, "orig", error)))
            except Exception:
                # Whoever listens already would never hear anything again.
                log.exception("feeds_cannot_look")
            else:
                for id_ in wanted:
                    if feed := self._feeds.get(id_):
                        feed.learn(found.get(id_), fresh.get(id_, []))
            await asyncio.sleep(LOOK_EVERY)

    def _look(self, wanted: Mapping[DeploymentId, int | None]) -> _Look:
        with self._store.read() as uow:
            found = progress_of(uow.session, wanted)
            fresh = {
                id_: uow.history.after(id_, latest, limit=_BATCH)
                for id_, latest in wanted.items()
                if latest is not None and id_ in found and found[id_].last > latest
            }
        return found, fresh


async def _happens(event: asyncio.Event, *, within: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await event.wait()
            return True
    return False
