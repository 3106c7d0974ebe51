"""The parts that other tests stand on do what their names say."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from parts.ports import is_listening
from parts.postgres import PostgresServer
from parts.processes import living_with, wait_until
from parts.redis import RedisServer
from parts.sshd import SshdFarm, SshdHost


def run_on(host: SshdHost, command: str) -> str:
    done = subprocess.run(
        [*host.ssh_command, command], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr + host.log()
    return done.stdout.strip()


@pytest.fixture
def redis(tmp_path: Path):
    with RedisServer(tmp_path / "redis") as server:
        yield server


def test_redis_keeps_what_it_has_over_a_kill_and_loses_it_when_flushed(redis: RedisServer):
    with closing(redis.client()) as client:
        client.set("tide", "high")

    redis.kill()
    redis.start()
    with closing(redis.client()) as client:
        kept = client.get("tide")
    redis.flushall()
    with closing(redis.client()) as client:
        flushed = client.get("tide")

    assert kept == b"high"
    assert flushed is None


def test_redis_lets_in_only_who_knows_the_password(redis: RedisServer):
    config = redis.folder / "redis.conf"

    assert config.stat().st_mode & 0o777 == 0o600
    assert redis.password in redis.url


def test_each_asker_gets_a_database_that_looks_like_the_template():
    with PostgresServer() as server:
        template = server.create()
        connect = make_conninfo(host=str(server.folder), user="tide", dbname=template)
        with psycopg.connect(connect) as connection:
            connection.execute("CREATE TABLE gates (name text)")

        with server.database(template=template) as url:
            name = url.partition("@/")[2].partition("?")[0]
            with psycopg.connect(connect, dbname=name) as connection:
                rows = connection.execute("SELECT * FROM gates").fetchall()

    assert rows == []
    assert not server.folder.exists()


def test_hosts_have_their_own_address_key_and_home(sshd_farm: SshdFarm):
    hosts = sshd_farm.start(3)

    homes = [run_on(host, "echo $HOME") for host in hosts]

    assert homes == [str(host.folder) for host in hosts]
    assert len({host.host_key for host in hosts}) == 3
    if sys.platform == "linux":
        assert len({host.address for host in hosts}) == 3


def test_a_frozen_host_says_nothing_until_it_thaws(sshd_farm: SshdFarm):
    (host,) = sshd_farm.start()

    host.freeze()
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([*host.ssh_command, "true"], timeout=1, check=False)
    host.thaw()

    assert run_on(host, "echo here") == "here"


def test_a_killed_host_refuses_and_comes_back_as_itself(sshd_farm: SshdFarm):
    host, other = sshd_farm.start(2)
    key = host.host_key

    host.kill()
    refused = not is_listening(host.address, host.port)
    host.start()

    assert refused
    assert run_on(host, "echo back") == "back"
    assert run_on(other, "echo never left") == "never left"
    assert host.host_key == key


def test_what_runs_detached_outlives_the_connection_but_not_the_power(sshd_farm: SshdFarm):
    (host,) = sshd_farm.start()
    run_on(host, "setsid sleep 600 >/dev/null 2>&1 </dev/null & echo started")

    host.stop()
    wait_until(
        lambda: [process.name() for process in host.processes()] == ["sleep"],
        within=5,
        what="only what is detached",
    )
    host.power_off()

    wait_until(lambda: not living_with("HOME", str(host.folder)), within=5, what="silence")


def test_every_host_has_a_python(sshd_farm: SshdFarm):
    (host,) = sshd_farm.start()

    assert run_on(host, "python3 -c 'print(6 * 7)'") == "42"


def test_variables_of_a_host_reach_its_sessions(sshd_farm: SshdFarm):
    host = sshd_farm.start_one("odd", GREETING="hello there")

    assert run_on(host, "echo $GREETING") == "hello there"
