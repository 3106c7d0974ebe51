"""How long an HTTP call may take in all, whoever it is that answers.

An HTTP client's time-outs are for each piece of an answer: whoever sends a little now and then is
listened to for ever.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from socket import SHUT_RDWR
from threading import Timer
from typing import Any

import httpx2


class Deadline:
    """Hangs up when the time is over.

    It is for one call, which has to open a connection: its `trace` hears of that.
    """

    def __init__(self, span: timedelta) -> None:
        self._timer = Timer(span.total_seconds(), self._hang_up)
        self._stream: Any = None
        self._is_over = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear of each connection that the client makes."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        """End it.

        Raises:
            httpx2.ReadTimeout: The time was over, however that looked to the client.
        """
        self._timer.cancel()
        if self._is_over:
            raise httpx2.ReadTimeout("The answer took too long in all.") from None

    def _hang_up(self) -> None:
        self._is_over = True
        with suppress(AttributeError, OSError):
            self._stream.get_extra_info("socket").shutdown(SHUT_RDWR)
