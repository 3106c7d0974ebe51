"""Messages on their way to a broker: chains with ids, to the queue of their first link."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from kombu.exceptions import OperationalError
from pydantic import SecretStr

from parts.redis import RedisServer
from parts.tls import Certificate
from tidegate.messages import (
    ADVANCE,
    COMPLETE,
    RUN_HOOKS,
    Backlog,
    CelerySender,
    make_celery,
    queue_of,
)
from tidegate.settings import Settings
from tidegate.store.outbox import Message

IDS = {"deployment_id": "d-1", "target": "web-1", "segment": "a-b"}
CHAIN = Message(id="1", links=(RUN_HOOKS, COMPLETE), arguments=IDS)
SINGLE = Message(id="2", links=(ADVANCE,), arguments={"deployment_id": "d-1"})


@pytest.fixture
def celery(redis_url):
    app = make_celery(Settings(broker_url=SecretStr(redis_url), broker_prefix="test:"))
    yield app
    app.close()


def waiting_in(celery, queue):
    with celery.connection_for_read() as connection:
        channel, found = connection.channel(), []
        while (message := celery.amqp.queues[queue](channel).get()) is not None:
            message.ack()
            found.append((message.headers["task"], json.loads(message.body)))
    return found


def test_a_chain_goes_to_the_queue_of_its_first_link_with_the_rest_inside(celery):
    assert CelerySender(celery).send_all([CHAIN, SINGLE]) == ["1", "2"]

    ((task, (_, arguments, embedded)),) = waiting_in(celery, "hosts")
    assert (task, arguments) == (RUN_HOOKS, IDS)
    (rest,) = embedded["chain"]
    assert (rest["task"], rest["kwargs"], rest["immutable"]) == (COMPLETE, IDS, True)
    assert rest["options"]["queue"] == "control"
    ((task, (_, arguments, _)),) = waiting_in(celery, "control")
    assert (task, arguments) == (ADVANCE, {"deployment_id": "d-1"})


def test_only_what_holds_a_session_is_for_the_hosts_queue():
    assert queue_of(RUN_HOOKS) == "hosts"
    assert queue_of(COMPLETE) == queue_of(ADVANCE) == "control"


def test_a_broker_that_is_away_takes_nothing_and_nothing_is_raised():
    app = make_celery(Settings(broker_url=SecretStr("redis://127.0.0.1:1/0")))
    sender = CelerySender(app)

    assert list(sender.send_all([CHAIN])) == []
    assert sender.ping() is not None
    app.close()


def test_what_waits_in_queues_is_counted(celery):
    backlog = Backlog(celery)
    before = backlog.waiting_in(["hosts", "control"])
    CelerySender(celery).send_all([CHAIN, CHAIN, SINGLE])

    assert before == 0
    assert backlog.waiting_in(["hosts", "control"]) == 3
    assert backlog.waiting_in(["hosts"]) == 2
    assert backlog.waiting_in(["traffic"]) == 0
    backlog.close()


def test_a_broker_that_went_away_is_counted_on_again_when_it_is_back(tmp_path):
    server = RedisServer(tmp_path / "redis").start()
    app = make_celery(Settings(broker_url=SecretStr(server.url)))
    backlog = Backlog(app)
    CelerySender(app).send_all([SINGLE])
    assert backlog.waiting_in(["control"]) == 1

    server.stop()
    with pytest.raises(OperationalError):
        backlog.waiting_in(["control"])
    server.start()

    assert backlog.waiting_in(["control"]) == 1
    backlog.close()
    app.close()
    server.stop()


class Listener:
    """Listens by TLS as a RabbitMQ does, and hangs up after the first word."""

    def __init__(self, certificate: Certificate) -> None:
        self.heard: list[bytes] = []
        self._context = certificate.context()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            caller, _ = self._socket.accept()
            with caller:
                try:
                    with self._context.wrap_socket(caller, server_side=True) as session:
                        word = session.recv(4)
                except (ssl.SSLError, OSError):
                    continue
                if word == b"STOP":
                    return
                self.heard.append(word)

    def close(self, trusted: ssl.SSLContext) -> None:
        caller = socket.create_connection(("127.0.0.1", self.port))
        with trusted.wrap_socket(caller, server_hostname="127.0.0.1") as session:
            session.sendall(b"STOP")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def listener(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    certificate = Certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    listener = Listener(certificate)
    yield listener
    listener.close(ssl.create_default_context(cafile=certificate.path))


@pytest.mark.parametrize(("name", "heard"), [("127.0.0.1", True), ("localhost", False)])
def test_a_rabbitmq_that_shows_the_certificate_of_another_hears_nothing(
    listener: Listener, name: str, heard: bool
):
    url = SecretStr(f"amqps://user:secret@{name}:{listener.port}//")
    app = make_celery(Settings(broker_url=url))

    why = CelerySender(app).ping()

    assert why is not None
    assert bool(listener.heard) is heard, why
    app.close()
