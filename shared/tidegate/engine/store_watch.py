"""Whether this process reaches the artifact store, asked now and then and never waited for."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from tidegate.clock import monotonic
from tidegate.domain.errors import NoSpace
from tidegate.drivers.bundles.errors import StoreUnavailable

CHECK_EVERY: Final = 30.0
"""Seconds from the end of a check that went well to the next."""
CHECK_AGAIN: Final = 5.0
"""Seconds to the next one while there is trouble."""
PATIENCE: Final = 15.0
"""Seconds after which a check that has not come back is trouble: a network disk may hang."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class StoreWatch:
    """Keeps in mind what the last check of the store said."""

    check: Callable[[], None]
    now: Callable[[], float] = monotonic
    _begun_at: float | None = None
    """When the check that runs was begun."""
    _due_at: float = float("-inf")
    _trouble: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def trouble(self) -> str | None:
        """Return why the store cannot be used, or None; at once, whatever the store does.

        A check that is due begins in a thread of its own; there is never more than one.
        """
        with self._lock:
            now = self.now()
            if self._begun_at is not None:
                waited = now - self._begun_at
                if waited < PATIENCE:
                    return self._trouble
                return f"The artifact store has not answered for {waited:.0f} s."
            if now >= self._due_at:
                self._begun_at = now
                threading.Thread(target=self._look, name="store-watch", daemon=True).start()
            return self._trouble

    def _look(self) -> None:
        trouble = self._found()
        if trouble != self._trouble:
            log.warning("artifact_store", trouble=trouble)
        with self._lock:
            self._trouble, self._begun_at = trouble, None
            self._due_at = self.now() + (CHECK_AGAIN if trouble else CHECK_EVERY)

    def _found(self) -> str | None:
        try:
            self.check()
        except (StoreUnavailable, NoSpace) as error:
            return str(error)
        except Exception as error:
            log.exception("artifact_store_check_failed")
            return f"The artifact store could not be checked: {type(error).__name__}."
        return None
