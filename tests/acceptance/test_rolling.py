"""Deployments that succeed, in each predefined config for servers."""

from pathlib import Path

import pytest

from acceptance.bundles import bundle
from acceptance.fleet import Fleet, most_at_once, whole_run
from parts.processes import wait_until

CONFIGS = {"OneAtATime": (9, 1), "HalfAtATime": (5, 5), "AllAtOnce": (0, 10)}
"""Of ten hosts: how many stay healthy, how many go at once."""


@pytest.mark.parametrize("config", CONFIGS)
def test_every_host_gets_the_revision_and_no_more_are_down_than_the_config_allows(
    ten: Fleet, config: str
):
    minimum, at_once = CONFIGS[config]
    group = ten.group(ten.hosts, config, variables={"HOOK_SECONDS": "0.1"})
    for host in ten.hosts:
        ten.ledger(host).hold("AfterInstall")

    deployment_id = ten.deploy(group)
    wait_until(
        lambda: len(ten.in_hook(deployment_id, "AfterInstall")) == at_once,
        within=60,
        what=f"{at_once} hosts are at work",
    )
    running = ten.show(deployment_id)
    ten.mend()
    ended = ten.wait(deployment_id, within=120)

    assert running["status"] == "InProgress"
    assert running["minimum_healthy"] == minimum
    assert running["overview"]["InProgress"] == at_once
    assert running["overview"]["Pending"] == 10 - at_once
    assert ended["status"] == "Succeeded"
    assert ended["error"] is None
    assert ended["overview"]["Succeeded"] == 10
    ledgers = [ten.ledger(host) for host in ten.hosts]
    assert most_at_once(ledgers, deployment_id) == at_once
    for ledger in ledgers:
        assert ledger.told(deployment_id) == whole_run(first=True)
    assert ten.show_group(group)["target_revision"] == ended["revision"]


def test_a_group_of_one_is_deployed_to_with_its_files(ten: Fleet, tmp_path: Path):
    host, place = ten.hosts[0], tmp_path / "srv"
    group = ten.group([host], "OneAtATime")

    first = ten.succeeded(group, bundle("1", files={"revision": place}))
    of_the_first = (place / "revision").read_text()
    second = ten.succeeded(group, bundle("2", files={"revision": place}))

    assert of_the_first == "1\n"
    assert (place / "revision").read_text() == "2\n"
    assert ten.ledger(host).told(first) == whole_run(first=True)
    assert ten.ledger(host).told(second) == whole_run(first=False)
    assert ten.show(second)["minimum_healthy"] == 0
    stop = ten.event(second, host, "ApplicationStop")
    assert "ApplicationStop of revision 1" in stop["log_tail"]


def test_every_event_keeps_times_exit_code_and_log(ten: Fleet):
    host = ten.hosts[1]
    deployment_id = ten.succeeded(ten.group([host]), bundle("told"))

    target = ten.target(deployment_id, host)
    log = ten.system.client.get(
        f"/v1/deployments/{deployment_id}/targets/{host.name}/log?event=AfterInstall"
    )

    names = [event["name"] for event in target["lifecycle_events"]]
    assert names == [
        "ApplicationStop", "DownloadBundle", "BeforeInstall", "Install", "AfterInstall",
        "ApplicationStart", "ValidateService",
    ]  # fmt: skip
    for event in target["lifecycle_events"]:
        assert event["status"] == "Succeeded"
        assert target["started_at"] <= event["started_at"] <= event["finished_at"]
    assert ten.event(deployment_id, host, "AfterInstall")["exit_code"] == 0
    assert log.headers["content-type"].startswith("text/plain")
    assert "[stdout]AfterInstall of revision told" in log.text


def test_a_second_deployment_of_a_busy_group_is_refused_and_names_the_first(ten: Fleet):
    host = ten.hosts[2]
    group = ten.group([host])
    ten.ledger(host).hold("BeforeInstall")
    first = ten.deploy(group)

    body = {"application": "shop", "deployment_group": group, "revision": ten.push()}
    refused = ten.system.client.post("/v1/deployments", json=body)
    ten.mend()

    assert refused.status_code == 409
    assert refused.json()["code"] == "DeploymentLimitExceededException"
    assert first in refused.json()["detail"]
    assert ten.wait(first)["status"] == "Succeeded"
    assert ten.succeeded(group) != first


def test_only_outdated_hosts_are_deployed_to_when_that_is_asked(ten: Fleet):
    hosts = ten.hosts[:3]
    group = ten.group(hosts)
    ten.ledger(hosts[1]).fail("ValidateService")
    first = ten.deploy(group)
    ten.wait(first)
    ten.mend()

    second = ten.succeeded(group, update_outdated_only=True)

    assert ten.statuses(second) == {hosts[1].name: "Succeeded"}
    assert ten.ledger(hosts[0]).told(second) == []
