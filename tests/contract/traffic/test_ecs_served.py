"""The ECS driver over a real connection."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from contract.traffic.ecs_course import RESTORE, STEPS, Course, outcome
from parts.ecs_account import Account, make_account
from parts.s3 import LIKE_AWS, S3Server
from tidegate.drivers.traffic import Failed
from tidegate.drivers.traffic.ecs import EcsTraffic


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with S3Server(tmp_path, program=LIKE_AWS) as server:
        server.point_to(monkeypatch, tmp_path)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield make_account()


def test_there_back_and_there(account: Account):
    before = account.picture()
    course = Course(account, EcsTraffic(assume_role=False), account.errand())
    course.look()
    course.go("prepare", "test", "shift 10", "shift 100")

    course.until_done(RESTORE)
    assert account.picture() == before

    again = Course(account, course.driver, account.errand("d-AGAIN0000"))
    again.look()
    again.go(*STEPS)
    assert outcome(account)["sets"] == [("d-AGAIN0000", "PRIMARY", 2, "2", "green")]


@pytest.mark.parametrize("service", ["ECS", "ELASTIC_LOAD_BALANCING_V2"])
def test_silence_is_not_waited_out(account: Account, service: str, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0), backlog=10) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        driver = EcsTraffic(timeout=timedelta(seconds=1))
        begun = time.monotonic()

        answer = driver.look(account.errand())

    assert time.monotonic() - begun < 30
    assert isinstance(answer, Failed)
    assert answer.may_pass
    assert "cannot be reached for Describe" in answer.message
    assert "(ReadTimeoutError)" in answer.message
