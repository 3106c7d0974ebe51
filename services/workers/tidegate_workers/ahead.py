"""How many messages a worker takes that it has no slot for yet."""

from typing import Any, Final

from celery.bootsteps import StartStopStep

from tidegate.messages import HOSTS

AHEAD: Final = 1


class FewAhead(StartStopStep):
    """Has RabbitMQ keep what a worker that holds sessions has no slot for.

    By itself Celery takes one more message for each of hundreds of slots. They are acknowledged
    when they start, so a full worker would keep hundreds from those that have slots to spare, for
    as long as its sessions last. On Redis `--disable-prefetch` keeps it from taking any.
    """

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        if HOSTS in consumer.app.amqp.queues.consume_from:
            consumer.initial_prefetch_count = AHEAD
