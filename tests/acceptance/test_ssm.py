"""Deployments over SSM: they end right and each hook runs once, whatever AWS does meanwhile."""

import base64
import random
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from time import sleep
from typing import Any

import pytest
from botocore.exceptions import ClientError

from acceptance.bundles import HOOK, bundle
from acceptance.fleet import FINAL, whole_run
from acceptance.ssm_fleet import SsmFleet, SsmHost, hooks_told, ssm_fleet_in
from parts.databases import Databases
from parts.processes import wait_until
from parts.sshd import require_sshd
from parts.ssm_caller import caller_of
from tidegate.testing.aws.place import Place

INSTANCES = 20
ON_FAILURE = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
MISHAPS = ["DeliveryTimedOut", "ExecutionTimedOut", "Failed", "Undeliverable"]
HOSTS_WORKERS = ["worker-hosts-1", "worker-hosts-2"]
LONG = 120.0
"""Seconds for what takes several commands in a row."""


@pytest.fixture(scope="module")
def shared_ssm_fleet(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SsmFleet]:
    require_sshd()
    folder = tmp_path_factory.mktemp("ssm")
    with (
        databases.empty("postgresql") as url,
        ssm_fleet_in(folder, database_url=url, workers=2) as fleet,
    ):
        fleet.add_instances(INSTANCES)
        fleet.add_hosts(2)
        yield fleet


@pytest.fixture
def fleet(shared_ssm_fleet: SsmFleet) -> Iterator[SsmFleet]:
    """The shared one, with an AWS that does as it should; nothing of it may be told to AWS."""
    wait_until(shared_ssm_fleet.is_ready, within=90, what="the system is ready")
    shared_ssm_fleet.mend()
    yield shared_ssm_fleet
    shared_ssm_fleet.mend()
    shared_ssm_fleet.run_command.heal()
    assert shared_ssm_fleet.leaks() == []


@pytest.fixture
def instances(fleet: SsmFleet) -> list[SsmHost]:
    return [host for host in fleet.hosts if isinstance(host, SsmHost)]


def hold(fleet: SsmFleet, hosts: list[SsmHost], event: str = "AfterInstall") -> None:
    for host in hosts:
        fleet.ledger(host).hold(event)


def all_in_hook(fleet: SsmFleet, deployment_id: str, hosts: list[SsmHost]) -> None:
    """Wait until the hooks that are held have begun on all of these."""
    wait_until(
        lambda: {*hosts} <= {*fleet.in_hook(deployment_id, "AfterInstall")},
        within=LONG,
        what=f"{len(hosts)} hosts are in their hooks",
    )


def test_twenty_instances_fail_in_waves_and_are_rolled_back(
    fleet: SsmFleet, instances: list[SsmHost]
):
    group = fleet.group(instances, "HalfAtATime", auto_rollback=ON_FAILURE)
    good = fleet.deploy(group, bundle("1"))
    assert fleet.wait(good, within=LONG)["status"] == "Succeeded", fleet.troubles(good)

    bad = fleet.deploy(group, bundle("2", fails=["AfterInstall"]))
    failed = fleet.wait(bad, within=LONG)
    rollback = failed["rollback"]["rollback_deployment_id"]
    rolled_back = fleet.wait(rollback, within=LONG)

    half = INSTANCES // 2
    assert failed["status"] == "Failed"
    assert (failed["overview"]["Failed"], failed["overview"]["Skipped"]) == (half, half)
    assert (rolled_back["status"], rolled_back["creator"]) == ("Succeeded", "codeDeployRollback")
    told = hooks_told(fleet, instances, good)
    assert told == dict.fromkeys(told, whole_run(first=True))
    told = hooks_told(fleet, instances, bad)
    once = whole_run(first=False, failing="AfterInstall")
    assert sorted(told.values()) == [[]] * half + [once] * half
    told = hooks_told(fleet, instances, rollback)
    assert told == dict.fromkeys(told, whole_run(first=False))


def test_ssh_and_ssm_in_one_group_while_an_answer_is_lost_and_calls_are_throttled(
    fleet: SsmFleet, instances: list[SsmHost]
):
    hosts = [*instances[:4], *(host for host in fleet.hosts if host not in instances)]
    run_command = fleet.run_command
    run_command.forget()
    run_command.configure(rates={"SendCommand": 0.4, "*": 5}, visible_after=4)
    run_command.fault("SendCommand", done=True)

    deployment_id = fleet.deploy(fleet.group(hosts), bundle("mixed"))
    ended = fleet.wait(deployment_id, within=LONG)

    assert ended["status"] == "Succeeded", fleet.troubles(deployment_id)
    assert_once(fleet, hosts, deployment_id)
    sent = run_command.calls("SendCommand")
    carried_out = [one for one in sent if one["error"] in ("", "ConnectionReset")]
    comments = Counter(one["request"]["Comment"] for one in carried_out)
    assert max(comments.values()) == 2, "what was not found was sent again"
    assert "ThrottlingException" in {one["error"] for one in sent}


def test_instances_of_ec2_are_reached_over_ssm_and_one_that_is_a_host_too_only_once(
    fleet: SsmFleet,
):
    url, region = fleet.run_command.url, fleet.run_command.region
    place = Place(url=url, region=region, access_key_id="testing", secret_access_key="testing")
    role, at_home = {"role": "found"}, ["env", "HOME={folder}"]
    made = fleet.run_command.make_instances(3, place, tags=role, prefix=at_home)
    found, known, stopped = (SsmHost(one.id, one.id, one.folder) for one in made)
    known = replace(known, name="known")
    fleet.register(known)
    place.client("ec2").stop_instances(InstanceIds=[stopped.id])
    wanted = [[{"key": "role", "value": "found"}]]
    group = fleet.group([known], ec2={"tag_filters": wanted}, ssm={"state_dir": "~/state"})

    deployment_id = fleet.deploy(group, bundle("found"))
    ended = fleet.wait(deployment_id, within=LONG)

    assert ended["status"] == "Succeeded", fleet.troubles(deployment_id)
    assert fleet.statuses(deployment_id) == {
        found.id: "Succeeded",
        "known": "Succeeded",
        stopped.id: "Failed",
    }
    assert "was stopped when the deployment started" in fleet.message(deployment_id, stopped.id)
    told = hooks_told(fleet, [found, known, stopped], deployment_id)
    assert sorted(told.values()) == [[], whole_run(first=True), whole_run(first=True)]


@pytest.mark.slow
def test_agents_that_die_in_mid_hook_cost_time_and_no_hook(
    fleet: SsmFleet, instances: list[SsmHost]
):
    group = fleet.group(instances[:4])
    dying = instances[:2]
    hold(fleet, instances[:4])
    deployment_id = fleet.deploy(group, bundle("agents"))
    all_in_hook(fleet, deployment_id, instances[:4])

    for host in dying:
        fleet.run_command.stop_agent(host.id)
    fleet.mend()
    for host in dying:
        wait_until(
            lambda host=host: "AfterInstall end" in fleet.ledger(host).told(deployment_id),
            within=LONG,
            what=f"the hook on {host.name} goes on without an agent",
        )
        fleet.run_command.start_agent(host.id)
    ended = fleet.wait(deployment_id, within=LONG)

    assert ended["status"] == "Succeeded", fleet.troubles(deployment_id)
    assert_once(fleet, instances[:4], deployment_id)


def test_workers_that_are_killed_run_no_hook_twice(fleet: SsmFleet, instances: list[SsmHost]):
    group = fleet.group(instances[:4])
    hold(fleet, instances[:4])
    deployment_id = fleet.deploy(group, bundle("killed"))
    all_in_hook(fleet, deployment_id, instances[:4])

    for name in fleet.system.processes():
        if name.startswith("worker-hosts"):
            fleet.system.kill(name)
    fleet.mend()
    ended = fleet.wait(deployment_id, within=LONG)

    assert ended["status"] == "Succeeded", fleet.troubles(deployment_id)
    assert_once(fleet, instances[:4], deployment_id)


@pytest.mark.slow
def test_a_stop_ends_the_script_that_runs_and_begins_nothing_more(
    fleet: SsmFleet, instances: list[SsmHost]
):
    hosts = instances[:2]
    group = fleet.group(hosts, "OneAtATime", host_options={"on_stop": "end"})
    hold(fleet, hosts)
    deployment_id = fleet.deploy(group, bundle("stopped"))
    [busy] = wait_until(
        lambda: fleet.in_hook(deployment_id, "AfterInstall"), within=LONG, what="a hook runs"
    )

    fleet.stop(deployment_id)
    target = fleet.wait_for_target(deployment_id, busy.name, "Failed", "Succeeded", "Skipped")
    fleet.mend()

    assert fleet.show(deployment_id)["status"] == "Stopped"
    assert target["status"] == "Failed"
    assert "its script hook.sh was ended" in target["message"]
    told = hooks_told(fleet, hosts, deployment_id)
    lines = told.pop(busy.name)
    assert lines[-1] == "AfterInstall begin"
    assert len(set(lines)) == len(lines)
    assert list(told.values()) == [[]]


def test_a_leak_would_be_seen(fleet: SsmFleet, instances: list[SsmHost]):
    hidden = base64.b64encode(zlib.compress(f"told {fleet.password} and {HOOK}".encode())).decode()

    with pytest.raises(ClientError):
        caller_of(fleet.run_command).ssm.send_command(
            InstanceIds=[instances[0].id],
            DocumentName="AWS-RunNothing",
            Parameters={"commands": [f"echo {hidden}"]},
        )
    found = fleet.leaks()
    fleet.run_command.forget()

    assert found == ["password", "bundle"]


def assert_once(fleet: SsmFleet, hosts: list[SsmHost], deployment_id: str) -> None:
    """See that each hook of a whole run ran once on each host, the old revision's one too."""
    for host in hosts:
        told = fleet.ledger(host).told(deployment_id)
        assert told in (whole_run(first=True), whole_run(first=False)), host.name


@pytest.mark.slow
def test_a_log_is_live_and_an_end_is_seen_soon(fleet: SsmFleet, instances: list[SsmHost]):
    host = instances[0]
    hold(fleet, [host])
    deployment_id = fleet.deploy(fleet.group([host]), bundle("live"))
    fleet.wait_for_hook(deployment_id, host, "AfterInstall")
    path = f"/v1/deployments/{deployment_id}/targets/{host.name}/log?event=AfterInstall"

    wait_until(
        lambda: "AfterInstall of revision live" in fleet.system.client.get(path).text,
        within=30,
        what="what the hook printed is in the log while it runs",
    )
    still = fleet.target(deployment_id, host.name)["status"]
    fleet.mend()
    wait_until(
        lambda: "ValidateService end" in fleet.ledger(host).told(deployment_id),
        within=LONG,
        what="the last hook ends",
    )
    ended = fleet.wait_for_target(deployment_id, host.name, "Succeeded", "Failed", within=10)

    assert still == "InProgress"
    assert ended["status"] == "Succeeded"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everything_at_once_costs_time_and_no_hook(fleet: SsmFleet, instances: list[SsmHost]):
    run_command, chance = fleet.run_command, random.Random(7)
    group = fleet.group(fleet.hosts, "HalfAtATime", auto_rollback=ON_FAILURE)
    run_command.configure(rates={"SendCommand": 0.5, "*": 5}, visible_after=3, stale_ping=300)
    wanted = [bundle("chaos 1"), bundle("chaos 2", fails=["ValidateService"]), bundle("chaos 3")]
    ids: list[str] = []

    for data in wanted:
        ids.append(fleet.deploy(group, data))
        while fleet.show(ids[-1])["status"] not in FINAL:
            one = chance.choice(instances)
            run_command.fault("SendCommand", done=chance.random() < 0.5)
            run_command.mishap(chance.choice(MISHAPS), instance_id=one.id, runs=True)
            run_command.stop_agent(one.id, workers_die=chance.random() < 0.5)
            if chance.random() < 0.2:
                fleet.system.kill(chance.choice(HOSTS_WORKERS))
            sleep(3)
            run_command.start_agent(one.id)
        rollback = fleet.show(ids[-1])["rollback"] or {}
        if rollback.get("rollback_deployment_id"):
            ids.append(rollback["rollback_deployment_id"])
            fleet.wait(ids[-1], within=2 * LONG)
    run_command.heal()

    statuses = [fleet.show(one)["status"] for one in ids]
    assert statuses == ["Succeeded", "Failed", "Succeeded", "Succeeded"]
    for one, whole in zip(ids, statuses, strict=True):
        if whole == "Succeeded":
            assert set(fleet.statuses(one).values()) == {"Succeeded"}, fleet.troubles(one)
            assert_once(fleet, fleet.hosts, one)
        for told in hooks_told(fleet, fleet.hosts, one).values():
            assert len(set(told)) == len(told), told


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_hundred_instances_share_few_calls(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, workers: int
):
    folder = tmp_path_factory.mktemp("hundred")
    with (
        databases.empty("postgresql") as url,
        ssm_fleet_in(folder, database_url=url, workers=workers, concurrency=200) as fleet,
    ):
        hosts = fleet.add_instances(100, HOOK_SECONDS="14.5")
        group = fleet.group(hosts)
        fleet.run_command.forget()

        deployment_id = fleet.deploy(group, bundle("minute"))
        ended = fleet.wait(deployment_id, within=240)
        calls = fleet.run_command.calls()

        assert ended["status"] == "Succeeded", fleet.troubles(deployment_id)
        assert_once(fleet, hosts, deployment_id)
        # A minute is what it takes where there are processors enough for a hundred hosts.
        seconds = calls[-1]["at"] - calls[0]["at"]
        minutes = max(1.0, seconds / 75)
        sends = sum(call["operation"] == "SendCommand" for call in calls)
        reads = len(calls) - sends
        # Seen with `make test-alone`: how near it came.
        sys.stdout.write(f"{workers} workers: {sends} sends and {reads} reads in {seconds:.0f} s\n")
        assert sends <= 10 * minutes, timeline(calls)
        assert reads <= 40 * minutes, timeline(calls)


def timeline(calls: list[dict[str, Any]]) -> str:
    """Return which calls came when, in seconds since the first."""
    return "\n".join(
        f"{call['at'] - calls[0]['at']:7.1f} {call['operation']} {call['error']}"
        f" {len(call['request'].get('InstanceIds', ())) or ''}"
        for call in calls
    )
