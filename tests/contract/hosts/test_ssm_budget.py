"""One hundred hosts are followed over SSM with few calls, by three workers as by one."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from contract.hosts.ssm_scene import address_of, ssm_driver
from parts.databases import Databases
from tidegate.clock import SystemClock
from tidegate.domain.ids import RandomIds
from tidegate.drivers.hosts import Finished
from tidegate.drivers.hosts.ssm import SsmHosts
from tidegate.drivers.hosts.ssm_batches import SsmPace
from tidegate.engine.ssm_desk import RowDesk, RowTurns
from tidegate.store.database import connect
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate.testing.aws.ssm.handle import RunCommand
from tidegate.testing.host_runs import Follower, run_of

HOSTS, HOOK = 100, 55
"""All seven events take about a minute with a hook of so many seconds."""
MOST_SENDS, MOST_READS = 10, 40


@pytest.fixture
def workers(exchange: str, databases: Databases) -> Iterator[list[SsmHosts]]:
    """Three drivers as three workers have them: their wants and turns meet in rows."""
    with ExitStack() as stack:
        url = stack.enter_context(databases.fresh("postgresql"))
        made: list[SsmHosts] = []
        for _ in range(3):
            store = Store(
                connect(url, pool_size=10), sender=NoSender(), clock=SystemClock(), ids=RandomIds()
            )
            stack.callback(store.engine.dispose)
            driver = ssm_driver(
                exchange,
                pace=SsmPace(tick=0.5),
                desk=partial(RowDesk, store),
                turns=RowTurns(store),
            )
            stack.callback(driver.close)
            made.append(driver)
        yield made


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_a_minute_on_a_hundred_hosts_takes_few_calls(
    workers: list[SsmHosts], run_command: RunCommand, tmp_path: Path
):
    hosts = run_command.make_hosts(HOSTS)
    hooks = {"AfterInstall": f"echo begun; sleep {HOOK}"}
    run = partial(run_of, hooks, folder=tmp_path / "b", group_id="group")
    bundle = run().bundle
    followers = [
        Follower(
            workers[number % 3], address_of(host, f"web-{number}"), replace(run(), bundle=bundle)
        )
        for number, host in enumerate(hosts)
    ]

    begun_at = time.monotonic()
    for follower in followers:
        follower.start()
    outcomes = {follower.join(within=300) for follower in followers}
    # A machine that is busy with other things makes more than a minute of it.
    longer = max(1.0, (time.monotonic() - begun_at) / 80)

    counts = run_command.counts()
    sends = [
        (round(call["at"]), len(call["request"]["InstanceIds"]))
        for call in run_command.calls("SendCommand")
    ]
    reads = sum(counts.values()) - len(sends)
    # Seen with `make test-alone`: how near it came.
    sys.stdout.write(
        f"three drivers: {len(sends)} sends and {reads} reads, bounds times {longer:.2f}\n"
    )
    assert outcomes == {Finished()}
    assert {follower.ended for follower in followers} == {"succeeded"}
    assert len(sends) <= MOST_SENDS * longer, sends
    assert reads <= MOST_READS * longer, counts
