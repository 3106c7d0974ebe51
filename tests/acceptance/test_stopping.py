"""Deployments that somebody stops while a script runs, on both databases."""

from time import monotonic, sleep

from acceptance.bundles import bundle
from acceptance.fleet import Fleet, whole_run
from parts.processes import wait_until

UNTIL_HEARD = 5.0
"""Seconds after which a host certainly knows that its deployment was stopped."""
ON_STOP = {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_REQUEST"]}


def begin(ten: Fleet, group: str, event: str = "AfterInstall") -> str:
    """Deploy one at a time, up to where the first host's hook runs and does not end."""
    for host in ten.hosts:
        ten.ledger(host).hold(event)
    deployment_id = ten.deploy(group, bundle("stopped"))
    wait_until(lambda: ten.in_hook(deployment_id, event), within=60, what=f"{event} runs on a host")
    return deployment_id


def test_a_stop_ends_the_deployment_at_once_and_its_target_with_its_script(ten: Fleet):
    group = ten.group(ten.hosts, "OneAtATime")
    deployment_id = begin(ten, group)
    (busy,) = ten.in_hook(deployment_id, "AfterInstall")

    asked = monotonic()
    ten.stop(deployment_id)
    stopped = ten.wait_for_status(deployment_id, "Stopped", within=10)
    took = monotonic() - asked
    statuses = ten.statuses(deployment_id)
    sleep(UNTIL_HEARD)
    ten.mend()
    target = ten.wait_for_target(deployment_id, busy, "Failed", "Succeeded", "Skipped")

    assert took < 10
    assert stopped["error"]["code"] == "MANUAL_STOP"
    assert stopped["rollback"] is None
    assert statuses.pop(busy.name) == "InProgress"
    assert set(statuses.values()) == {"Skipped"}
    assert target["status"] == "Failed"
    assert "stopped" in target["message"]
    assert ten.ledger(busy).told(deployment_id) == [
        "BeforeInstall begin", "BeforeInstall end", "AfterInstall begin", "AfterInstall end",
    ]  # fmt: skip
    assert ten.event(deployment_id, busy, "ApplicationStart")["status"] == "Skipped"
    untouched = [host for host in ten.hosts if host.name != busy.name]
    assert all(ten.ledger(host).told(deployment_id) == [] for host in untouched)


def test_a_script_that_ends_right_after_the_stop_fails_its_target_too(ten: Fleet):
    host = ten.hosts[0]
    deployment_id = begin(ten, ten.group([host]), "ValidateService")

    ten.stop(deployment_id)
    ten.mend()
    target = ten.wait_for_target(deployment_id, host, "Failed", "Succeeded", "Skipped")

    assert target["status"] == "Failed"
    assert "The deployment was stopped" in target["message"]


def test_a_script_is_ended_where_its_group_wants_that(ten: Fleet):
    host = ten.hosts[0]
    deployment_id = begin(ten, ten.group([host], host_options={"on_stop": "end"}))

    ten.stop(deployment_id)
    target = ten.wait_for_target(deployment_id, host, "Failed", "Succeeded", "Skipped")

    assert target["status"] == "Failed"
    assert "was stopped while this event ran, and its script hook.sh was ended" in target["message"]
    assert ten.event(deployment_id, host, "ApplicationStart")["status"] == "Skipped"
    assert ten.ledger(host).told(deployment_id) == [
        "BeforeInstall begin", "BeforeInstall end", "AfterInstall begin",
    ]  # fmt: skip


def test_a_stop_with_rollback_waits_for_the_script_that_still_runs_and_says_so(ten: Fleet):
    hosts = ten.hosts[:3]
    group = ten.group(hosts, "OneAtATime")
    good = ten.succeeded(group, bundle("before"))
    deployment_id = begin(ten, group)
    (busy,) = ten.in_hook(deployment_id, "AfterInstall")

    stopped = ten.stop(deployment_id, rollback=True)
    rollback = stopped["rollback"]["rollback_deployment_id"]
    for host in hosts:
        if host is not busy:
            ten.ledger(host).release("AfterInstall")
    wait_until(
        lambda: deployment_id in ten.message(rollback, busy),
        within=60,
        what="the rollback says for whom it waits",
    )
    waiting = ten.target(rollback, busy)
    still = ten.target(deployment_id, busy)
    ten.mend()
    rolled_back = ten.wait(rollback, within=120)

    assert stopped["status"] == "Stopped"
    assert waiting["status"] == "InProgress"
    assert "script still runs" in waiting["message"]
    assert still["status"] == "InProgress"
    assert rolled_back["status"] == "Succeeded"
    assert rolled_back["revision"] == ten.show(good)["revision"]
    assert rolled_back["rollback"]["rollback_triggering_deployment_id"] == deployment_id
    assert ten.target(rollback, busy)["message"] == ""
    assert ten.target(deployment_id, busy)["status"] == "Failed"
    ends = {(e.deployment_id, e.what): e.at for e in ten.ledger(busy).entries()}
    begins = [e.at for e in ten.ledger(busy).entries(rollback)]
    assert ends[deployment_id, "end"] <= min(begins)
    assert ten.show_group(group)["target_revision"] == ten.show(good)["revision"]


def test_the_next_deployment_waits_for_the_script_of_the_stopped_one(ten: Fleet):
    host = ten.hosts[0]
    group = ten.group([host])
    stopped = begin(ten, group)

    ten.stop(stopped)
    following = ten.deploy(group)
    wait_until(
        lambda: stopped in ten.message(following, host),
        within=60,
        what="the next deployment says for whom it waits",
    )
    before = ten.ledger(host).told(following)
    ten.mend()

    assert before == []
    assert ten.wait(following)["status"] == "Succeeded"
    # The stopped one was installed already, so that there is something to stop.
    assert ten.ledger(host).told(following) == whole_run(first=False)


def test_the_group_decides_whether_a_stop_is_rolled_back_and_the_caller_can_refuse(ten: Fleet):
    host = ten.hosts[0]
    group = ten.group([host], auto_rollback=ON_STOP)
    ten.succeeded(group, bundle("before"))

    refused = begin(ten, group)
    without = ten.stop(refused, rollback=False)
    ten.mend()
    ten.wait_for_target(refused, host, "Failed")
    wanted = begin(ten, group)
    with_it = ten.stop(wanted)
    ten.mend()

    assert without["rollback"] is None
    assert ten.wait(with_it["rollback"]["rollback_deployment_id"])["status"] == "Succeeded"


def test_a_stopped_deployment_cannot_be_stopped_again(ten: Fleet):
    deployment_id = begin(ten, ten.group([ten.hosts[0]]))

    ten.stop(deployment_id)
    again = ten.system.client.post(f"/v1/deployments/{deployment_id}/stop", json={})
    ten.mend()

    assert again.status_code == 409
    assert again.json()["code"] == "DeploymentAlreadyCompletedException"
    assert "Stopped already" in again.json()["detail"]
    ten.wait_for_target(deployment_id, ten.hosts[0], "Failed")
