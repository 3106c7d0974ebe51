"""Whether an endpoint of AWS answers, so that not all wait in vain where one does already."""

from threading import Lock
from typing import Final

from tidegate.clock import monotonic

PAUSE: Final = 1.0
"""Seconds for which an endpoint that kept somebody waiting in vain is not asked again."""


class Line:
    """The line to one endpoint; threads share it.

    Whoever waits for an answer holds a thread that others could use. So while an endpoint does not
    answer, one call at a time waits there, and all others are told at once.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._heard = float("-inf")
        self._is_silent = False
        self._is_tried = False
        self._again = float("-inf")

    def begin(self) -> float | None:
        """Return when a call begins, for *end*; None where it is not to be made."""
        with self._lock:
            now = monotonic()
            if self._is_silent:
                if self._is_tried or now < self._again:
                    return None
                self._is_tried = True
            return now

    def end(self, begun: float, *, in_vain: bool) -> None:
        """Note that a call has ended, or was waited for *in vain*.

        A call that others were answered beside tells nothing of the endpoint.
        """
        with self._lock:
            now = monotonic()
            if not in_vain:
                self._heard, self._is_silent, self._is_tried = now, False, False
            elif begun > self._heard:
                self._is_silent, self._is_tried, self._again = True, False, now + PAUSE
