"""A worker process from start to end: it shows life, learns what is wanted, and lets go."""

import contextlib
import gc
import os
import sys
import threading
from typing import Any, Final

import structlog
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from sqlalchemy.exc import SQLAlchemyError

from tidegate.clock import monotonic
from tidegate.domain.errors import NoSpace
from tidegate.messages import CONTROL, HOSTS
from tidegate.store.health import WORKER_KINDS
from tidegate_workers.health import condition, queues_of
from tidegate_workers.runtime import runtime

SWITCH_EVERY: Final = 0.0005
"""Seconds for which a thread may keep the others waiting. With Python's own 5 ms the one that takes
messages waits in vain among hundreds that follow hosts."""
HEARTBEAT_EVERY: Final = 2.0
"""Seconds; well below the lease and below the time in which a stop must be heard."""
LEAVE_WITHIN: Final = 9.0
"""Seconds after which a worker that was asked to end is ended, whatever it does: ten are promised,
and a machine that is overloaded may be late."""

_NEED_STORE: Final = frozenset({CONTROL, HOSTS})
"""Queues whose tasks use the artifact store: they fetch from it, and delete what is old."""

log = structlog.get_logger(__name__)
_stopping: Final = threading.Event()


@worker_init.connect(weak=False)
def _connect(sender: Any, **_: object) -> None:
    sys.setswitchinterval(SWITCH_EVERY)
    runtime.store  # noqa: B018 - made here, in one thread, before tasks ask for it in many
    runtime.runs  # noqa: B018
    # The sweep frees what is held by one who shows no life: be alive before taking anything.
    _beat_once(queues_of(sender))


@worker_ready.connect(weak=False)
def _start_heart(sender: Any, **_: object) -> None:
    # What was imported never becomes garbage; looking through it each time stops all threads.
    gc.collect()
    gc.freeze()
    threading.Thread(
        target=_beat_until_stopped, args=(queues_of(sender),), name="heart", daemon=True
    ).start()


def _beat_until_stopped(queues: list[str]) -> None:
    while True:
        _beat_once(queues)
        if _stopping.wait(HEARTBEAT_EVERY):
            return


def _beat_once(queues: list[str]) -> None:
    try:
        _beat(queues)
    except (SQLAlchemyError, NoSpace) as error:
        log.warning("heartbeat_failed", why=str(error)[:300])
    except Exception:
        # A worker without a heart would take targets and be robbed of them for ever.
        log.exception("heartbeat_failed")


def _beat(queues: list[str]) -> None:
    lacking = runtime.watch.trouble() if _NEED_STORE.intersection(queues) else None
    with runtime.pulse.write() as uow:
        for queue in queues:
            name = runtime.owner if queue == queues[0] else f"{runtime.owner}/{queue}"
            trouble = lacking if queue in _NEED_STORE else None
            uow.heartbeats.beat(name, WORKER_KINDS[queue], uow.now(), trouble=trouble)
    condition.beat_at = monotonic()
    runtime.runs.keep_alive(runtime.pulse)


@worker_shutting_down.connect(weak=False)
def _let_go(**_: object) -> None:
    # The pool waits for running tasks without limit: followers let go, and a watchdog ends the
    # process should one not.
    runtime.runs.let_go()
    watchdog = threading.Timer(LEAVE_WITHIN, os._exit, args=(0,))
    watchdog.daemon = True
    watchdog.start()


@worker_shutdown.connect(weak=False)
def _leave(**_: object) -> None:
    _stopping.set()
    runtime.close()
    with contextlib.suppress(SQLAlchemyError, NoSpace), runtime.store.write() as uow:
        uow.heartbeats.leave(runtime.owner)
