"""The Redis that `up` brings along."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from parts.processes import end, wait_until
from tidegate_cli.folder import DataFolder
from tidegate_cli.redis import EmbeddedRedis


@contextmanager
def running(embedded: EmbeddedRedis) -> Iterator[psutil.Process]:
    process = subprocess.Popen(embedded.command, stdout=subprocess.DEVNULL)
    try:
        wait_until(embedded.answers, within=10, what="Redis answers")
        yield psutil.Process(process.pid)
    finally:
        end(process)


def client_of(embedded: EmbeddedRedis, password: str) -> redis.Redis:
    if embedded.port:
        return redis.Redis(port=embedded.port, password=password)
    return redis.Redis(unix_socket_path=str(embedded.socket), password=password)


@pytest.fixture(params=["short", "with space " + "and length " * 9], ids=["socket", "port"])
def folder(request: pytest.FixtureRequest, tmp_path: Path):
    return DataFolder(tmp_path / request.param).claim()


def test_it_listens_on_a_socket_where_the_path_is_short_enough(folder: DataFolder):
    embedded = EmbeddedRedis(folder)

    assert (embedded.port is None) == (len(str(embedded.socket)) < 100)


def test_it_lets_in_only_who_knows_the_password(folder: DataFolder):
    embedded = EmbeddedRedis(folder)

    with running(embedded) as process:
        command_line = " ".join(process.cmdline())
        with closing(client_of(embedded, "wrong")) as client, pytest.raises(redis.RedisError):
            client.ping()

    assert embedded.password not in command_line
    assert (folder.path / "redis" / "redis.conf").stat().st_mode & 0o777 == 0o600


def test_messages_outlive_it(folder: DataFolder):
    first = EmbeddedRedis(folder)
    with running(first), closing(client_of(first, first.password)) as client:
        client.rpush("queue", "message")

    second = EmbeddedRedis(folder)
    with running(second), closing(client_of(second, second.password)) as client:
        kept = client.lrange("queue", 0, -1)

    assert kept == [b"message"]
    assert second.password == first.password


def test_celery_understands_its_url(folder: DataFolder):
    from kombu import Connection

    embedded = EmbeddedRedis(folder)

    with running(embedded), Connection(embedded.url) as connection:
        queue = connection.SimpleQueue("tide")
        queue.put("high")
        message = queue.get(timeout=5)
        message.ack()
        queue.close()

    assert message.payload == "high"


def test_it_does_not_answer_before_it_runs(folder: DataFolder):
    assert not EmbeddedRedis(folder).answers()
    assert os.access(EmbeddedRedis(folder).command[0], os.X_OK)
