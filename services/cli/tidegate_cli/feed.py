"""The events of a deployment as they happen: a stream that is taken up again when it breaks."""

from collections.abc import Iterator
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, Final

from tidegate_cli.client import Document, Service
from tidegate_cli.errors import Ended, Refused, Unavailable

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 5.0
MOST_AT_ONCE: Final = 1000


class Feed:
    """Reads the stream in a thread of its own, so that whoever waits can look at the clock."""

    def __init__(self, service: Service, deployment_id: str) -> None:
        self._service = service
        self._path = ("deployments", deployment_id, "events")
        self._arrived: Queue[Document | Ended] = Queue()
        self._closed = Event()
        self._last = 0
        self._delivered = 0

    def start(self) -> None:
        Thread(target=self._read, name="tidegate-feed", daemon=True).start()

    def close(self) -> None:
        """Let the thread end; what it still reads is dropped."""
        self._closed.set()

    def take(self, timeout: float) -> list[Document]:
        """Return what has arrived, waiting up to *timeout* seconds for the first of it.

        Raises:
            Refused: The service does not want to tell.
        """
        events: list[Document] = []
        try:
            events.extend(self._fresh(self._arrived.get(timeout=max(timeout, 0.0))))
            while len(events) < MOST_AT_ONCE:
                events.extend(self._fresh(self._arrived.get_nowait()))
        except Empty:
            return events
        return events

    def rest(self) -> list[Document]:
        """Ask for what the stream has not brought yet; nobody answering means nothing."""
        events = self.take(0)
        try:
            for event in self._service.items(*self._path, after=self._delivered):
                events.extend(self._fresh(event))
        except Unavailable:
            return events
        return events

    def _fresh(self, arrived: Document | Ended) -> Iterator[Document]:
        if isinstance(arrived, Ended):
            raise arrived
        number = _number(arrived)
        if number > self._delivered:
            self._delivered = number
            yield arrived

    def _read(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            before = self._last
            try:
                self._read_once()
            except Refused as refusal:
                self._arrived.put(refusal)
                return
            except RuntimeError:
                if self._closed.is_set():
                    # The connections were closed under us: the command is over.
                    return
                raise
            news = self._last > before
            pause = FIRST_PAUSE if news else min(max(pause, FIRST_PAUSE) * 2, LONGEST_PAUSE)

    def _read_once(self) -> None:
        try:
            self._follow()
        except Unavailable:
            if not self._closed.is_set():
                self._poll()

    def _follow(self) -> None:
        with self._service.stream(*self._path, after=str(self._last)) as events:
            for event in events:
                if self._closed.is_set():
                    return
                self._put({"id": event.id, **event.data})

    def _poll(self) -> None:
        """Get by without a stream: too many of them may be open, or the service restarts."""
        try:
            for event in self._service.items(*self._path, after=self._last):
                self._put(event)
        except Ended:
            return

    def _put(self, event: Document) -> None:
        self._last = max(self._last, _number(event))
        self._arrived.put(event)


def _number(event: Any) -> int:
    try:
        return int(event.get("id", 0))
    except (TypeError, ValueError):
        return 0
