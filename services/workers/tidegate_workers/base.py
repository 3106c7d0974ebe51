"""The base of all tasks: whatever goes wrong is logged, and rows bring it round again."""

from typing import Any

import structlog
from celery import Task
from celery.exceptions import Ignore, Retry
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from tidegate.domain.errors import NoSpace, NotFound, Stale

log = structlog.get_logger(__name__)

_TRIES = 5
_LONGEST_WAIT = 3


def go_on_if(done: bool) -> None:
    """End this chain quietly unless this link is done.

    Raises:
        Ignore: It is not; somebody else has the work, or will.
    """
    if not done:
        raise Ignore


class TaskCrashed(Exception):
    """A task tried to take its thread along."""


class SafeTask(Task[..., None]):
    """Retries what passes, and never lets an error take the worker or the chain's memory along.

    Nothing is lost when a task fails for good: what was wanted stands in rows, and the sweep
    sends it again.
    """

    abstract = True
    max_retries = _TRIES

    @override
    def __call__(self, *args: Any, **kwargs: Any) -> None:
        with structlog.contextvars.bound_contextvars(
            task=self.name, task_id=self.request.id, **kwargs
        ):
            try:
                super().__call__(*args, **kwargs)
            except (Ignore, Retry):
                raise
            except NotFound as error:
                log.info("task_pointless", why=str(error))
                raise Ignore from None
            except (Stale, SQLAlchemyError, NoSpace) as error:
                self._once_more(error)
            except Exception:
                log.exception("task_failed")
                raise
            except BaseException as error:
                # SystemExit and the like would cost the pool a thread for good.
                log.exception("task_failed")
                raise TaskCrashed(type(error).__name__) from error

    def _once_more(self, error: Exception) -> None:
        tries = self.request.retries
        log.warning("task_retried", tries=tries, why=str(error)[:300])
        if tries >= _TRIES:
            raise Ignore from error
        raise self.retry(exc=error, countdown=min(2**tries * 0.1, _LONGEST_WAIT))
