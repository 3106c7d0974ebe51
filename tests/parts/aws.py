"""A stand-in for AWS on loopback, queues that hear what is sent, and servers that do not help."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from parts.ports import free_port
from parts.s3 import S3Server

REGION = "eu-central-1"
SERVICES = ("SNS", "EVENTBRIDGE", "CLOUDWATCH", "EC2", "AUTO_SCALING")
_names = count()


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def environment(moto: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of a process that finds AWS at the stand-in, and nothing else."""
    moto.point_to(monkeypatch, tmp_path)
    for service in (*SERVICES, "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", moto.url)


@dataclass
class Queue:
    """What was sent, seen from its other end."""

    url: str
    arn: str
    _sqs: Any

    def messages(self, wanted: int) -> list[Any]:
        """What came, as JSON, when there are *wanted* of it, or all that there is."""
        deadline, found = time.monotonic() + 60, []
        while len(found) < wanted and time.monotonic() < deadline:
            answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            found += [json.loads(message["Body"]) for message in answer.get("Messages", ())]
        return found


Client = Callable[[str], Any]


@pytest.fixture
def client(environment: None, moto: S3Server) -> Client:
    """Makes clients of the stand-in, wherever AWS is said to be by now."""
    return lambda name: boto3.client(name, region_name=REGION, endpoint_url=moto.url)


@pytest.fixture
def queue(client: Client) -> Queue:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=f"queue-{next(_names)}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return Queue(url, attributes["Attributes"]["QueueArn"], sqs)


@pytest.fixture
def topic(client: Client, queue: Queue) -> str:
    sns = client("sns")
    arn = sns.create_topic(Name=f"topic-{next(_names)}")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn)
    return arn


@pytest.fixture
def bus(client: Client, queue: Queue) -> str:
    """The name of a bus whose events of CodeDeploy all come to the queue."""
    events, name = client("events"), f"bus-{next(_names)}"
    pattern = json.dumps({"source": ["aws.codedeploy"]})
    events.create_event_bus(Name=name)
    events.put_rule(Name="all", EventBusName=name, EventPattern=pattern)
    events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "q", "Arn": queue.arn}])
    return name


@pytest.fixture
def nobody(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nobody listens where AWS is said to be."""
    _send_all_to(f"http://127.0.0.1:{free_port()}", monkeypatch)


@pytest.fixture
def mute(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment in which who listens there says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=10) as server:
        _send_all_to(f"http://127.0.0.1:{server.getsockname()[1]}", monkeypatch)
        yield


def _send_all_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in SERVICES:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)


Says = Callable[[int, bytes], None]


@pytest.fixture
def says(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Says]:
    """Have AWS answer a status and a body, whatever it is asked."""
    answer = (200, b"")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    def say(status: int, body: bytes) -> None:
        nonlocal answer
        answer = status, body

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    _send_all_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
    yield say
    server.shutdown()
    thread.join()
    server.server_close()
