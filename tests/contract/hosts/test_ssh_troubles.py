"""Hosts that freeze, restart and come back: the driver `ssh` against OpenSSH, and many at once."""

import asyncio
import base64
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from contract.hosts.scripted import BEGUN, Conversation
from parts.sshd import SshdFarm, SshdHost
from tidegate.drivers.hosts import Failed, Finished, HostAddress, Outcome
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.testing.host_runs import Follower, run_of

SLOW = 'echo begun >>"$LEDGER"; sleep 3; echo ended >>"$LEDGER"'


@pytest.mark.sshd
class TestOpenSsh:
    @pytest.fixture
    def host(self, sshd_farm: SshdFarm) -> SshdHost:
        return sshd_farm.start_one("web-1")

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Path:
        return tmp_path / "ledger"

    @pytest.fixture
    def follower(
        self, make_driver: Callable[..., SshHosts], host: SshdHost, tmp_path: Path, ledger: Path
    ) -> Follower:
        driver = make_driver(silence=6.0, lost_after=9.0)
        hooks = {"AfterInstall": SLOW}
        run = run_of(hooks, folder=tmp_path / "b", environment={"LEDGER": str(ledger)})
        follower = Follower(driver, HostAddress(name=host.name, settings=host.settings), run)
        follower.start().wait_for(lambda _: ledger.exists(), "the hook runs")
        return follower

    def test_a_server_that_restarts_is_bridged(
        self, host: SshdHost, follower: Follower, ledger: Path
    ):
        host.kill()
        time.sleep(1)
        host.start()

        assert follower.join() == Finished()
        assert follower.ended == "succeeded"
        assert ledger.read_text() == "begun\nended\n"

    def test_a_server_that_freezes_for_a_while_is_bridged(
        self, host: SshdHost, follower: Follower, ledger: Path
    ):
        host.freeze()
        time.sleep(7)
        host.thaw()

        assert follower.join() == Finished()
        assert ledger.read_text() == "begun\nended\n"

    def test_a_server_that_stays_frozen_is_lost_in_time(self, host: SshdHost, follower: Follower):
        host.freeze()
        frozen_at = time.monotonic()

        failed = failure(follower.join())

        assert failed.code == "lost"
        assert 6 < time.monotonic() - frozen_at < 13

    def test_a_host_that_dies_under_its_hook_is_lost(
        self, host: SshdHost, follower: Follower, ledger: Path
    ):
        host.power_off()
        host.start()

        failed = failure(follower.join())

        assert failed.code == "lost"
        assert "AfterInstall" in failed.message
        assert ledger.read_text() == "begun\n"

    def test_another_machine_at_its_address_is_told_at_once(
        self, host: SshdHost, follower: Follower
    ):
        host.kill()
        host.change_host_key()
        host.start()
        changed_at = time.monotonic()

        assert failure(follower.join()).code == "host_key_mismatch"
        assert time.monotonic() - changed_at < 6


def test_a_caller_that_is_slow_holds_the_host_back(make_driver, scripted, run, identity):
    size, pieces = 300_000, 100
    sent: list[int] = []

    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.fact(10, BEGUN)
        for number in range(pieces):
            text = base64.b64encode(b"x" * size).decode()
            await talk.say(t="log", e="Install", at=number * size, b=text)
            sent.append(number)
        await talk.finish(20)

    gate = threading.Event()
    address = HostAddress(name="web-1", settings=scripted(script).settings(identity))
    follower = Follower(make_driver(silence=1.0, lost_after=2.0), address, run, before=gate.wait)
    follower.start()
    time.sleep(3)
    sent_while_held = len(sent)
    gate.set()

    assert follower.join() == Finished()
    assert sent_while_held < pieces / 2
    assert len(follower.log("Install")) == size * pieces


def test_connects_are_bounded_and_sessions_are_not(make_driver, scripted, run, identity):
    all_are_open = asyncio.Event()
    open_sessions = 0

    async def script(talk: Conversation) -> None:
        nonlocal open_sessions
        await talk.open()
        await talk.fact(10, BEGUN)
        open_sessions += 1
        if open_sessions == 30:
            all_are_open.set()
        await all_are_open.wait()
        await talk.finish(20)

    address = HostAddress(name="web-1", settings=scripted(script).settings(identity))
    driver = make_driver(max_connects=3)
    threads_before = psutil.Process().num_threads()
    followers = [Follower(driver, address, run).start() for _ in range(30)]
    threads = psutil.Process().num_threads() - threads_before

    assert [follower.join() for follower in followers] == [Finished()] * 30
    assert threads <= 30 + 8


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome
