"""What goes wrong over SSM: each its own sentence, and no hook runs twice."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from contract.hosts.ssm_scene import HASTY, address_of, ssm_driver
from tidegate.drivers.hosts import Failed, Finished, HostAddress, HostRun, Outcome, Wish
from tidegate.drivers.hosts.ssm import SsmHosts
from tidegate.testing.aws.ssm.handle import RunCommand, StandInHost
from tidegate.testing.host_runs import Follower, run_of

IMPATIENT = replace(HASTY, grace=1.0, lost_after=3.0)


@pytest.fixture
def make(exchange: str) -> Iterator[Callable[..., SsmHosts]]:
    made: list[SsmHosts] = []

    def make_one(**more: Any) -> SsmHosts:
        made.append(ssm_driver(exchange, **more))
        return made[-1]

    yield make_one
    for driver in made:
        driver.close()


@pytest.fixture
def host(run_command: RunCommand) -> StandInHost:
    return run_command.make_hosts(1)[0]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def once(tmp_path: Path, ledger: Path) -> HostRun:
    """A run that leaves one line each time that its hook runs."""
    return run_of({"AfterInstall": f"echo ran >>{ledger}"}, folder=tmp_path / "bundles")


@dataclass(frozen=True)
class Scene:
    make: Callable[..., SsmHosts]
    run_command: RunCommand
    host: StandInHost
    once: HostRun
    ledger: Path


@pytest.fixture
def scene(make, run_command: RunCommand, host: StandInHost, once: HostRun, ledger: Path) -> Scene:
    return Scene(make, run_command, host, once, ledger)


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome


@pytest.mark.parametrize(
    ("instance", "remedy"),
    [
        ("i-0123456789abcdef0", "AmazonSSMManagedInstanceCore"),
        ("mi-0123456789abcdef0", "by a hybrid activation"),
    ],
)
def test_an_instance_that_is_not_managed_is_told_so(
    make, run_command: RunCommand, once: HostRun, instance: str, remedy: str
):
    nobody = HostAddress(name="web-1", settings={"instance_id": instance})

    failed = failure(Follower(make(pace=IMPATIENT), nobody, once).start().join())

    assert (failed.code, failed.retryable) == ("unreachable", True)
    assert f"web-1 ({instance}) is not managed by Systems Manager" in failed.message
    assert remedy in failed.message
    assert "SendCommand" not in run_command.counts()


def test_windows_is_refused_at_once(make, run_command: RunCommand, once: HostRun):
    (host,) = run_command.make_hosts(1, platform="Windows")

    failed = failure(Follower(make(), address_of(host), once).start().join())

    assert failed.code == "refused"
    assert "runs Windows" in failed.message


@pytest.mark.parametrize(
    ("details", "code", "words"),
    [
        ("AccessDenied", "permission_denied", "allow ssm:SendCommand"),
        ("InvalidPlatform", "refused", "cannot run shell scripts"),
        ("DeliveryTimedOut", "lost", "did not take the command in time"),
        ("Undeliverable", "unreachable", "could not be given the command"),
        ("Terminated", "unreachable", "ended before its turn"),
        ("InProgress", "lost", "has not answered the command"),
        ("ExecutionTimedOut", "lost", "did not end the command in its time"),
        ("Cancelled", "lost", "the command was cancelled"),
        ("RateExceeded", "unreachable", "more commands under way than AWS allows"),
    ],
)
def test_each_status_has_a_sentence(scene: Scene, details: str, code: str, words: str):
    for _ in range(30):
        scene.run_command.mishap(details, instance_id=scene.host.id)

    failed = failure(
        Follower(scene.make(pace=IMPATIENT), address_of(scene.host), scene.once).start().join()
    )

    assert (failed.code, words in failed.message) == (code, True), failed.message
    assert failed.message.endswith(".")
    assert not scene.ledger.exists()


@pytest.mark.parametrize("details", ["DeliveryTimedOut", "ExecutionTimedOut", "Failed"])
def test_what_ran_although_it_is_said_to_have_failed_runs_once(scene: Scene, details: str):
    scene.run_command.mishap(details, instance_id=scene.host.id, runs=True)
    follower = Follower(scene.make(), address_of(scene.host), scene.once).start()

    assert follower.join() == Finished()
    assert follower.ended == "succeeded"
    assert scene.ledger.read_text() == "ran\n"


@pytest.mark.parametrize("code", ["", "InternalServerError"])
@pytest.mark.parametrize("done", [False, True])
def test_an_answer_that_was_lost_starts_nothing_twice(scene: Scene, code: str, done: bool):
    scene.run_command.fault("SendCommand", code, status=500, done=done)

    follower = Follower(scene.make(), address_of(scene.host), scene.once).start()

    assert follower.join() == Finished()
    assert scene.ledger.read_text() == "ran\n"
    assert scene.run_command.counts()["ListCommands"] >= 1


def test_who_is_throttled_is_slower_and_that_is_all(
    make, run_command: RunCommand, once: HostRun, ledger: Path
):
    run_command.configure(rates={"*": 2.0})
    hosts = run_command.make_hosts(4)
    driver = make()
    runs = [replace(once, key=f"{once.key[:11]}.{number:064x}") for number in range(4)]

    followers = [
        Follower(driver, address_of(host, f"web-{number}"), runs[number]).start()
        for number, host in enumerate(hosts)
    ]

    assert [follower.join() for follower in followers] == [Finished()] * 4
    assert ledger.read_text() == "ran\n" * 4
    assert any("Throttl" in call["error"] for call in run_command.calls())


def test_one_that_cannot_be_sent_to_does_not_keep_the_others(
    make, run_command: RunCommand, once: HostRun, ledger: Path
):
    good, bad = run_command.make_hosts(2)
    driver = make(pace=replace(HASTY, grace=5.0, lost_after=12.0))
    assert [driver.probe(address_of(host)) for host in (good, bad)] == [Finished()] * 2
    run_command.stop_agent(bad.id)
    other = replace(once, key=f"{once.key[:11]}.{1:064x}")

    left = Follower(driver, address_of(good, "good"), once).start()
    right = Follower(driver, address_of(bad, "bad"), other).start()

    assert left.join() == Finished()
    assert failure(right.join()).code == "unreachable"
    assert ledger.read_text() == "ran\n"


def test_one_of_another_platform_does_not_keep_the_others(
    make, run_command: RunCommand, once: HostRun, ledger: Path
):
    (good,), (windows,) = run_command.make_hosts(1), run_command.make_hosts(1, platform="Windows")
    run_command.fault("DescribeInstanceInformation", "InternalServerError", status=500)
    driver = make(pace=replace(HASTY, gather=1.0, hold=2.0))
    other = replace(once, key=f"{once.key[:11]}.{1:064x}")

    left = Follower(driver, address_of(good, "good"), once).start()
    right = Follower(driver, address_of(windows, "bad"), other).start()

    assert left.join() == Finished()
    assert "runs Windows" in failure(right.join()).message
    assert ledger.read_text() == "ran\n"
    refused = {call["error"] for call in run_command.calls("SendCommand")}
    assert "UnsupportedPlatformType" in refused


def test_an_agent_that_dies_in_mid_hook_takes_nothing_with_it(
    make, run_command: RunCommand, host: StandInHost, ledger: Path, tmp_path: Path
):
    text = f"echo ran >>{ledger}; sleep 5; echo end >>{ledger}"
    run = run_of({"AfterInstall": text}, folder=tmp_path / "bundles")
    follower = Follower(make(pace=replace(HASTY, grace=1.0)), address_of(host), run).start()
    follower.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")

    run_command.stop_agent(host.id)
    follower.wait_for(lambda _: ledger.read_text() == "ran\nend\n", "the hook ended")
    run_command.start_agent(host.id)

    assert follower.join() == Finished()
    assert follower.ended == "succeeded"
    assert ledger.read_text() == "ran\nend\n"


def test_a_host_that_stays_away_is_lost_and_looked_back_at(
    make, run_command: RunCommand, host: StandInHost, ledger: Path, tmp_path: Path
):
    text = f"echo ran >>{ledger}; sleep 2"
    run = run_of({"AfterInstall": text}, folder=tmp_path / "bundles")
    driver = make(pace=IMPATIENT)
    follower = Follower(driver, address_of(host), run).start()
    follower.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")

    run_command.stop_agent(host.id)
    failed = failure(follower.join())
    run_command.start_agent(host.id)
    back = Follower(driver, address_of(host), replace(run, attach_only=True, bundle=None)).start()

    assert (failed.code, failed.retryable) == ("lost", True)
    assert "The run had begun, and goes on there if the host lives." in failed.message
    assert back.join() == Finished()
    assert back.ended == "succeeded"


def test_what_began_unheard_is_said_to_go_on_perhaps_and_is_looked_back_at(
    make, run_command: RunCommand, host: StandInHost, ledger: Path, tmp_path: Path
):
    text = f"echo ran >>{ledger}; sleep 1"
    run = run_of({"AfterInstall": text}, folder=tmp_path / "bundles")
    driver = make(pace=replace(HASTY, slice=2.0, grace=0.5, lost_after=5.0))
    follower = Follower(driver, address_of(host), run).start()
    follower.wait_for(lambda _: ledger.exists(), "the hook runs")

    run_command.stop_agent(host.id)
    failed = failure(follower.join())
    run_command.start_agent(host.id)
    back = Follower(driver, address_of(host), replace(run, attach_only=True, bundle=None)).start()

    assert (failed.code, failed.retryable) == ("lost", True)
    assert "has an SSM Agent that is offline" in failed.message
    assert failed.message.endswith("The run may have begun there, and goes on if the host lives.")
    assert back.join() == Finished()
    assert back.ended == "succeeded"
    assert ledger.read_text() == "ran\n"


def test_without_python_it_says_so(make, run_command: RunCommand, once: HostRun, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "sh").symlink_to("/bin/sh")
    (empty / "env").symlink_to("/usr/bin/env")
    (host,) = run_command.make_hosts(1, environment={"PATH": str(empty)})

    failed = failure(Follower(make(), address_of(host), once).start().join())

    assert failed.code == "no_python"
    assert "has no python3 where root looks" in failed.message


def test_no_place_in_s3_is_a_sentence(run_command: RunCommand, host: StandInHost, once: HostRun):
    driver = SsmHosts(region="us-east-1", artifacts="/var/lib/tidegate/artifacts", pace=HASTY)

    failed = failure(Follower(driver, address_of(host), once).start().join())
    driver.close()

    assert failed.code == "misconfigured"
    assert "set TIDEGATE_ARTIFACT_STORE or TIDEGATE_SSM_EXCHANGE" in failed.message


def test_a_bucket_that_is_not_there_is_a_sentence(
    run_command: RunCommand, host: StandInHost, once: HostRun
):
    driver = ssm_driver("s3://not-there-at-all/x")

    failed = failure(Follower(driver, address_of(host), once).start().join())
    driver.close()

    assert failed.code == "misconfigured"
    assert re.search("not-there-at-all", failed.message)


def test_a_wish_goes_with_a_command_of_its_own(
    make, run_command: RunCommand, host: StandInHost, tmp_path: Path
):
    run = run_of({"AfterInstall": "sleep 50"}, folder=tmp_path / "bundles")
    follower = Follower(make(pace=replace(HASTY, slice=15.0)), address_of(host), run).start()
    follower.wait_for(lambda _: run_command.counts().get("SendCommand", 0) >= 1, "it was sent")
    journal = host.folder / "state" / "runs" / run.key / "journal.jsonl"
    follower.wait_for(
        lambda _: journal.exists() and b"AfterInstall" in journal.read_bytes(), "the hook runs"
    )
    follower.wish(Wish.KILL)

    assert follower.join() == Finished()
    assert follower.ended == "stopped"
    assert run_command.counts()["SendCommand"] == 2
