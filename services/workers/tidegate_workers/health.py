"""How a worker is: whether its heart reaches the database, and whether it takes messages.

A worker of whom others would say that it lives, since its heart beats, may take nothing all the
same: its event loop is stuck, the broker is gone, or the consumer was forgotten at a reconnection.
"""

import threading
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from celery import bootsteps
from celery.signals import task_received, worker_ready
from celery.worker.state import reserved_requests
from kombu.exceptions import OperationalError
from typing_extensions import override

from tidegate.clock import monotonic
from tidegate.messages import Backlog
from tidegate.signs import Sign
from tidegate.store.health import WORKER_KINDS
from tidegate_workers.app import app
from tidegate_workers.runtime import runtime

LOOK_EVERY: Final = 3.0
PATIENCE: Final = 15.0
"""Seconds for which a heartbeat may be late, the loop may be busy, and messages may wait."""

log = structlog.get_logger(__name__)


@dataclass
class Condition:
    """What a worker has seen of itself, each as seconds of a clock that never goes back."""

    beat_at: float = field(default_factory=monotonic)
    """When its heartbeat was last committed."""
    turned_at: float = field(default_factory=monotonic)
    """When its event loop last came round."""
    took_at: float = field(default_factory=monotonic)
    """When it last took a message, or had no reason to."""

    def wrong(self, now: float, *, waiting: int, has_room: bool) -> str:
        """Return what is wrong as a sentence, or nothing."""
        if not (waiting and has_room):
            self.took_at = now
        if now - self.beat_at > PATIENCE:
            late = now - self.beat_at
            return f"its heartbeat has not reached the database for {late:.0f} s."
        if now - self.turned_at > PATIENCE:
            stuck = now - self.turned_at
            return f"it has taken no messages for {stuck:.0f} s, as its event loop is stuck."
        if now - self.took_at > PATIENCE:
            idle = now - self.took_at
            return f"it has taken none of {waiting} messages for {idle:.0f} s."
        return ""


condition: Final = Condition()


class Turning(bootsteps.StartStopStep):
    """Notes that the consumer's event loop comes round."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    _entry: Any = None

    @override
    def start(self, parent: Any) -> None:
        self._entry = parent.timer.call_repeatedly(1.0, _turned)

    @override
    def stop(self, parent: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()


app.steps["consumer"].add(Turning)


def _turned() -> None:
    condition.turned_at = monotonic()


@task_received.connect(weak=False)
def _took(**_: object) -> None:
    condition.took_at = monotonic()


def queues_of(sender: Any) -> list[str]:
    """Return the queues that a worker, or its consumer, serves."""
    return [name for name in sender.app.amqp.queues.consume_from if name in WORKER_KINDS]


@worker_ready.connect(weak=False)
def _watch(sender: Any, **_: object) -> None:
    queues = queues_of(sender)
    slots = sender.pool.limit
    threading.Thread(target=_look_on, args=(queues, slots), name="health", daemon=True).start()


def _look_on(queues: list[str], slots: int) -> None:
    backlog = Backlog(app)
    signs = [Sign(runtime.settings.signs, f"worker-{queue}") for queue in queues]
    pause = threading.Event()
    while True:
        why = _wrong(backlog, queues, slots)
        try:
            for sign in signs:
                sign.say(why)
        except OSError as error:
            log.warning("sign_not_left", why=str(error))
        pause.wait(LOOK_EVERY)


def _wrong(backlog: Backlog, queues: list[str], slots: int) -> str:
    try:
        waiting = backlog.waiting_in(queues)
    except OperationalError:
        return "The broker does not answer."
    return condition.wrong(monotonic(), waiting=waiting, has_room=len(reserved_requests) < slots)
