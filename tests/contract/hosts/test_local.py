"""This machine keeps the contract of host drivers, and says why it cannot where it cannot."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tidegate.drivers.hosts import Failed, Finished, HostAddress
from tidegate.drivers.hosts.local import LocalHosts
from tidegate.hostrunner import BOOT
from tidegate.testing.host_contract import HostDriverContract
from tidegate.testing.host_runs import Follower, run_of


@pytest.fixture
def driver() -> Iterator[LocalHosts]:
    driver = LocalHosts()
    yield driver
    driver.close()


@pytest.fixture
def host(tmp_path: Path) -> HostAddress:
    return HostAddress(name="localhost", settings={"state_dir": str(tmp_path / "state")})


class TestLocalHosts(HostDriverContract):
    pass


def test_a_missing_interpreter_is_named(driver: LocalHosts):
    host = HostAddress(name="localhost", settings={"python": "/nowhere/python3"})

    outcome = driver.probe(host)

    assert isinstance(outcome, Failed)
    assert outcome.code == "no_python"
    assert "/nowhere/python3 cannot be run (no such file or directory)" in outcome.message


def test_an_interpreter_that_is_none_is_quoted(driver: LocalHosts, tmp_path: Path):
    false = tmp_path / "python3"
    false.write_text("#!/bin/sh\necho I am no python >&2\nexit 7\n")
    false.chmod(0o755)

    outcome = driver.probe(HostAddress(name="localhost", settings={"python": str(false)}))

    assert isinstance(outcome, Failed)
    assert outcome.code == "refused"
    assert f"{false} ended with status 7 and said 'I am no python'" in outcome.message


def test_a_setting_that_is_no_text_is_refused(driver: LocalHosts):
    outcome = driver.probe(HostAddress(name="localhost", settings={"python": 3}))

    assert isinstance(outcome, Failed)
    assert outcome.code == "misconfigured"
    assert "python is 3" in outcome.message


def test_a_run_that_died_is_lost_and_not_run_again(
    driver: LocalHosts, host: HostAddress, tmp_path: Path
):
    run = run_of({"AfterInstall": "kill -9 $PPID; sleep 1"}, folder=tmp_path / "bundles")

    outcome = Follower(driver, host, run).start().join()

    assert isinstance(outcome, Failed)
    assert outcome.code == "lost"
    assert "The run on localhost died during AfterInstall" in outcome.message


def test_a_run_is_followed_on_when_its_session_was_killed(
    driver: LocalHosts, host: HostAddress, tmp_path: Path
):
    ledger = tmp_path / "ledger"
    run = run_of({"AfterInstall": f"echo ran >>{ledger}; sleep 1"}, folder=tmp_path / "bundles")
    follower = Follower(driver, host, run).start()
    follower.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")

    for child in psutil.Process().children():
        if BOOT in child.cmdline():
            child.kill()

    assert follower.join() == Finished()
    assert follower.ended == "succeeded"
    assert ledger.read_text() == "ran\n"
