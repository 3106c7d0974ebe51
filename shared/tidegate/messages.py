"""Names of Celery tasks and queues, and how messages reach the broker after a commit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog
from celery import Celery, chain
from kombu import Connection, Exchange, Queue
from kombu.exceptions import KombuError, OperationalError

from tidegate.domain import notices
from tidegate.domain.ids import DeploymentId
from tidegate.settings import Settings

if TYPE_CHECKING:  # Flower and beat's sender need no database.
    from tidegate.store.outbox import Message
    from tidegate.store.unit_of_work import UnitOfWork

ADVANCE: Final = "deployment.advance"
FETCH_BUNDLE: Final = "deployment.fetch_bundle"
FIND_INSTANCES: Final = "deployment.find_instances"
LOOK_AT_INSTANCES: Final = "instances.look"
RUN_HOOKS: Final = "target.run_hooks"
COMPLETE: Final = "target.complete"
LOOK_BACK: Final = "target.look_back"
CARRY_OUT: Final = "step.carry_out"
COMPLETE_STEP: Final = "step.complete"
POLL_ALARMS: Final = "alarms.poll"
SWEEP: Final = "deployments.sweep"
PRUNE: Final = "retention.prune"
SEND_NOTICES: Final = notices.SEND_NOTICES

HOSTS: Final = "hosts"
"""Queue of what holds a session: to a host, to where bundles lie, to who asked to be told."""
TRAFFIC: Final = "traffic"
"""Queue of what calls AWS, some seconds at most."""
CONTROL: Final = "control"
"""Queue of all else; no session ever delays a decision."""

_QUEUE_OF: Final = {
    RUN_HOOKS: HOSTS,
    LOOK_BACK: HOSTS,
    FETCH_BUNDLE: HOSTS,
    SEND_NOTICES: HOSTS,
    CARRY_OUT: TRAFFIC,
    POLL_ALARMS: TRAFFIC,
    FIND_INSTANCES: TRAFFIC,
    LOOK_AT_INSTANCES: TRAFFIC,
}

_AMQP: Final = ("amqp", "pyamqp")
_AMQPS: Final = "amqps:"

log = structlog.get_logger(__name__)


def queue_of(task: str) -> str:
    """Return the queue that *task* goes to."""
    return _QUEUE_OF.get(task, CONTROL)


def is_rabbitmq(settings: Settings) -> bool:
    """Tell whether the broker is RabbitMQ."""
    return settings.broker_url.get_secret_value().startswith(_AMQP)


def make_celery(settings: Settings) -> Celery:
    """Return the Celery application that every process shares.

    No results, acknowledged at the start, JSON only: the broker carries messages and recovers
    nothing, rows and the sweep do.
    """
    url = settings.broker_url.get_secret_value() or "memory://"
    app = Celery("tidegate", broker=url, set_as_current=True)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        broker_transport_options=_transport_options(url, settings.broker_prefix),
        broker_use_ssl=_tls(url),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # After a reconnection to RabbitMQ it would be raised again by whichever thread acknowledges
        # a message, while the consumer's own waits on the same channel: both wait for ever then.
        worker_enable_prefetch_count_reduction=False,
        accept_content=["json"],
        task_serializer="json",
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        task_queues=[_queue(HOSTS), _queue(TRAFFIC), _queue(CONTROL)],
        task_default_queue=CONTROL,
        task_routes={task: {"queue": queue} for task, queue in _QUEUE_OF.items()},
        task_create_missing_queues=False,
        enable_utc=True,
    )
    return app


def _queue(name: str) -> Queue:
    # Without an exchange of its own a queue is bound to the default one and gets its messages too.
    return Queue(name, Exchange(name, type="direct"), routing_key=name)


def _tls(url: str) -> dict[str, Any] | bool:
    # Of a RabbitMQ the certificate is checked anyway, and the name in it only if one is given here.
    return {"server_hostname": urlsplit(url).hostname} if url.startswith(_AMQPS) else False


def _transport_options(url: str, prefix: str) -> dict[str, Any]:
    # Without time-outs one frozen broker hangs every thread that publishes, for ever.
    common = {"max_retries": 1, "interval_start": 0}
    if url.startswith(_AMQP):
        times = {"read_timeout": 3, "write_timeout": 3, "connect_timeout": 2}
        return {**common, **times, "confirm_publish": True}
    if url.startswith("memory"):
        return common
    times = {"socket_timeout": 3, "socket_connect_timeout": 2}
    return {**common, **times, "global_keyprefix": prefix, "visibility_timeout": 12 * 3600}


class CelerySender:
    """Sends outbox messages as Celery chains; what the broker refuses stays in its row."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send_all(self, messages: "Sequence[Message]") -> Sequence[str]:
        """Send *messages* and return the ids of those that the broker took."""
        sent: list[str] = []
        try:
            with self._app.producer_or_acquire() as producer:
                for message in messages:
                    self._signature(message).apply_async(producer=producer, retry=False)
                    sent.append(message.id)
        except (OperationalError, KombuError, OSError) as error:
            log.warning("broker_refused", messages=len(messages) - len(sent), why=str(error))
        return sent

    def _signature(self, message: "Message") -> Any:
        links = [
            self._app.signature(
                name, kwargs=dict(message.arguments), immutable=True, queue=queue_of(name)
            )
            for name in message.links
        ]
        return links[0] if len(links) == 1 else chain(*links)

    def ping(self) -> str | None:
        """Return None when the broker answers, else why it does not."""
        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        except (OperationalError, KombuError, OSError) as error:
            return str(error) or type(error).__name__
        return None


class Backlog:
    """Counts what waits in queues, by a connection of its own that is kept between two looks."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Connection | None = None

    def waiting_in(self, queues: Sequence[str]) -> int:
        """Return how many messages wait in some queues.

        Raises:
            kombu.exceptions.OperationalError: The broker does not answer.
        """
        connection = self._connection or self._app.connection_for_write()
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
            channel: Any = connection.default_channel
            # Asked passively, Redis would look for them without our prefix.
            passive = connection.transport.driver_type == "amqp"
            found = [channel.queue_declare(queue=name, passive=passive) for name in queues]
        except (*connection.connection_errors, *connection.channel_errors) as error:
            self._connection = None
            connection.release()
            raise OperationalError(str(error)) from error
        self._connection = connection
        return sum(int(one.message_count) for one in found)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.release()
            self._connection = None


def want_advance(uow: "UnitOfWork", deployment_id: str) -> None:
    """Have one more advance sent."""
    uow.send(ADVANCE, deployment_id=deployment_id)


def advance_now(uow: "UnitOfWork", deployment_id: DeploymentId) -> None:
    """Have a deployment advanced at once, whoever else wants that too."""
    uow.deployments.wake(deployment_id, uow.now())
    want_advance(uow, deployment_id)


def advance_once(uow: "UnitOfWork", deployment_id: DeploymentId) -> None:
    """Have a deployment advanced at once, by one message for all who want that meanwhile."""
    if uow.deployments.wake(deployment_id, uow.now()):
        want_advance(uow, deployment_id)


def want_bundle(uow: "UnitOfWork", deployment_id: str) -> None:
    """Have a worker fetch and read the bundle of a deployment."""
    uow.send(FETCH_BUNDLE, deployment_id=deployment_id)


def want_instances(uow: "UnitOfWork", deployment_id: str) -> None:
    """Have a worker ask AWS for the instances of a deployment."""
    uow.send(FIND_INSTANCES, deployment_id=deployment_id)


def want_target(uow: "UnitOfWork", deployment_id: str, target: str, segment: str) -> None:
    """Have the chain of one target sent; links that are done already end by themselves."""
    uow.send(RUN_HOOKS, COMPLETE, deployment_id=deployment_id, target=target, segment=segment)


def want_step(uow: "UnitOfWork", deployment_id: str, target: str, segment: str) -> None:
    """Have a step of a deployment carried out for one target, and the deployment advanced."""
    uow.send(CARRY_OUT, COMPLETE_STEP, deployment_id=deployment_id, target=target, segment=segment)


def want_look_back(uow: "UnitOfWork", deployment_id: str, target: str, segment: str) -> None:
    """Have a worker ask a host that fell silent how its run ended after all."""
    uow.send(LOOK_BACK, deployment_id=deployment_id, target=target, segment=segment)
