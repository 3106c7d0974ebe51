"""A broker in memory that keeps what it is given until a test delivers it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from tidegate.store.outbox import Message


class FakeBroker:
    """Takes messages as Celery would, unless it is down."""

    def __init__(self, *, on_send: Callable[[], None] = lambda: None) -> None:
        self.queue: list[Message] = []
        self.is_down = False
        self.sent: Counter[str] = Counter()
        """How many messages it took, by the task that they begin with."""
        self._on_send = on_send

    def send_all(self, messages: Sequence[Message]) -> Sequence[str]:
        self._on_send()
        if self.is_down:
            return ()
        for message in messages:
            self.put(message)
        self._on_send()
        return [message.id for message in messages]

    def put(self, message: Message) -> None:
        self.sent[message.links[0]] += 1
        self.queue.append(message)

    def go_on(self, message: Message) -> None:
        """Put the rest of a chain whose first link is done."""
        rest = replace(message, links=message.links[1:])
        if rest.links:
            self.put(rest)
