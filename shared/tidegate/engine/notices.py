"""Notices are sent: one at a time, each with a transaction before and one after it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Final

import structlog

from tidegate.domain.notices import Channel
from tidegate.drivers.notices import NoticeRefused, NoticeSender, NoticeUndelivered
from tidegate.planning.delivery import is_given_up, next_try
from tidegate.store.notices import TakenNotice
from tidegate.store.unit_of_work import Store

LEASE: Final = timedelta(minutes=1)
"""A notice that was taken and of which nothing was heard for so long is sent again: whoever took it
was killed. A sender takes some ten seconds, and as long again for a role."""
MOST_SENDERS: Final = 4
"""So many threads of a process send at once: endpoints that say nothing hold up no session."""
AT_A_STRETCH: Final = 500
"""So many notices are sent by one task, which then lets others have their turn."""
TOO_OLD: Final = "It did not pass for a day, and whoever tried to send it came to grief."

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class NoticeSending:
    """Sends what is due; any number of processes may do so at once."""

    store: Store
    sender: Callable[[Channel], NoticeSender]
    is_leaving: Callable[[], bool] = lambda: False
    """Whether this process is about to end: what is taken then might be sent twice."""
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_SENDERS))

    def send_due(self) -> int:
        """Send what is due until nothing is; return how many passed.

        Where enough threads of this process are at it already, they are left to it: the sweep
        wants another when they should have ended.
        """
        if not self._places.acquire(blocking=False):
            return 0
        try:
            return sum(self._send(taken) for taken in self._due())
        finally:
            self._places.release()

    def _due(self) -> Iterator[TakenNotice]:
        for _ in range(AT_A_STRETCH):
            if self.is_leaving():
                return
            with self.store.write() as uow:
                taken = uow.notices.take(now=uow.now(), lease=LEASE)
            if taken is None:
                return
            yield taken

    def _send(self, taken: TakenNotice) -> bool:
        notice, before = taken.notice, taken.attempts - 1
        if is_given_up(at=notice.at, attempts=before, now=self.store.clock.now()):
            self._drop(taken, TOO_OLD)
            return False
        try:
            self.sender(notice.channel).send(notice)
        except NoticeRefused as refusal:
            self._drop(taken, str(refusal))
            return False
        except NoticeUndelivered as delay:
            self._put_off(taken, str(delay))
            return False
        with self.store.write() as uow:
            uow.notices.passed(taken)
        log.info("notice_sent", **_of(taken))
        return True

    def _put_off(self, taken: TakenNotice, why: str) -> None:
        with self.store.write() as uow:
            now = uow.now()
            until = next_try(at=taken.notice.at, attempts=taken.attempts, now=now)
            if until is not None:
                uow.notices.put_off(taken, until=until, why=why)
        if until is None:
            self._drop(taken, why)
        else:
            log.warning("notice_put_off", until=until.isoformat(), why=why, **_of(taken))

    def _drop(self, taken: TakenNotice, why: str) -> None:
        with self.store.write() as uow:
            uow.notices.drop(taken, at=uow.now(), why=why)
        log.error("notice_dropped", why=why, **_of(taken))


def _of(taken: TakenNotice) -> dict[str, object]:
    return {
        "deployment_id": taken.deployment_id,
        "channel": taken.notice.channel,
        "target": taken.notice.target,
        "subject": taken.notice.subject,
        "attempts": taken.attempts,
    }
