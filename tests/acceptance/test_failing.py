"""Deployments that fail, on ten hosts and both databases: what is left, and what is rolled back."""

from acceptance.bundles import bundle
from acceptance.fleet import Fleet, whole_run

ON_FAILURE = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}


def test_a_failure_is_rolled_back_to_the_last_success_and_both_say_so(ten: Fleet):
    group = ten.group(ten.hosts, "HalfAtATime", auto_rollback=ON_FAILURE)
    good = ten.succeeded(group, bundle("1"))

    bad = ten.deploy(group, bundle("2", fails=["ValidateService"]))
    failed = ten.wait(bad, within=120)
    rollback = failed["rollback"]["rollback_deployment_id"]
    rolled_back = ten.wait(rollback, within=120)

    assert failed["status"] == "Failed"
    assert failed["error"]["code"] == "HEALTH_CONSTRAINTS"
    assert "too many individual instances failed deployment" in failed["error"]["message"]
    assert failed["overview"] | {"Pending": 0} == failed["overview"]
    assert (failed["overview"]["Failed"], failed["overview"]["Skipped"]) == (5, 5)
    assert failed["rollback"] == {
        "rollback_deployment_id": rollback,
        "rollback_triggering_deployment_id": None,
        "message": f"Deployment {bad} terminated. Automatic rollback is triggered "
        f"with a DeploymentId {rollback}.",
    }
    assert rolled_back["status"] == "Succeeded"
    assert rolled_back["creator"] == "codeDeployRollback"
    assert rolled_back["revision"] == ten.show(good)["revision"]
    assert rolled_back["rollback"] == {
        "rollback_deployment_id": None,
        "rollback_triggering_deployment_id": bad,
        "message": f"Deployment {rollback} is triggered to roll back deployment {bad}.",
    }
    group_after = ten.show_group(group)
    assert group_after["target_revision"] == ten.show(good)["revision"]
    assert group_after["last_successful_deployment"]["id"] == rollback
    assert group_after["active_deployment"] is None
    for host in ten.hosts:
        assert ten.ledger(host).told(rollback) == whole_run(first=False)


def test_what_failed_says_where_and_why_and_the_rest_of_its_events_are_skipped(ten: Fleet):
    host = ten.hosts[0]
    group = ten.group([host], "OneAtATime")

    bad = ten.deploy(group, bundle("bad", fails=["AfterInstall"]))
    failed = ten.wait(bad)

    target = ten.target(bad, host)
    statuses = [event["status"] for event in target["lifecycle_events"]]
    event = ten.event(bad, host, "AfterInstall")
    assert failed["status"] == "Failed"
    assert failed["rollback"] is None
    assert target["status"] == "Failed"
    assert target["message"].startswith("AfterInstall: ")
    assert statuses == [*["Succeeded"] * 4, "Failed", "Skipped", "Skipped"]
    assert event["error_code"] == "ScriptFailed"
    assert event["exit_code"] == 3
    assert event["script"] == "hook.sh"
    assert "[stderr]AfterInstall does not work here" in event["log_tail"]
    assert ten.ledger(host).told(bad) == whole_run(first=True, failing="AfterInstall")


def test_without_an_earlier_success_it_says_why_nothing_is_rolled_back(ten: Fleet):
    group = ten.group(ten.hosts[:2], auto_rollback=ON_FAILURE)

    failed = ten.wait(ten.deploy(group, bundle("bad", fails=["BeforeInstall"])))

    assert failed["status"] == "Failed"
    assert failed["rollback"]["rollback_deployment_id"] is None
    assert "no successful deployment of this group" in failed["rollback"]["message"]
    assert ten.show_group(group)["target_revision"] is None
    assert ten.show_group(group)["active_deployment"] is None


def test_one_failure_ends_one_at_a_time_and_leaves_the_rest_untouched(ten: Fleet):
    hosts = ten.hosts[:3]
    group = ten.group(hosts, "OneAtATime")

    bad = ten.deploy(group, bundle("bad", fails=["ValidateService"]))
    failed = ten.wait(bad)

    assert failed["status"] == "Failed"
    assert sorted(ten.statuses(bad).values()) == ["Failed", "Skipped", "Skipped"]
    assert sum(bool(ten.ledger(host).told(bad)) for host in hosts) == 1


def test_the_last_host_of_one_at_a_time_may_fail(ten: Fleet):
    hosts = ten.hosts[:3]
    group = ten.group(hosts, "OneAtATime")
    ten.ledger(hosts[2]).fail("ValidateService")

    ended = ten.wait(ten.deploy(group))

    assert ended["status"] == "Succeeded"
    assert ended["overview"]["Failed"] == 1


def test_a_rollback_that_fails_is_not_rolled_back_again(ten: Fleet):
    host = ten.hosts[0]
    group = ten.group([host], auto_rollback=ON_FAILURE)
    ten.succeeded(group, bundle("1"))
    ten.ledger(host).fail("ValidateService")

    failed = ten.wait(ten.deploy(group, bundle("2")))
    rollback = ten.wait(failed["rollback"]["rollback_deployment_id"])

    assert rollback["status"] == "Failed"
    assert rollback["rollback"]["rollback_deployment_id"] is None
    assert ten.show_group(group)["active_deployment"] is None


def test_a_failing_stop_script_can_be_ignored(ten: Fleet):
    host = ten.hosts[0]
    group = ten.group([host])
    ten.succeeded(group)
    ten.ledger(host).fail("ApplicationStop")

    refused = ten.deploy(group)
    ten.wait(refused)
    ignored = ten.deploy(group, ignore_application_stop_failures=True)
    ended = ten.wait(ignored)

    assert ten.show(refused)["status"] == "Failed"
    assert ten.event(refused, host, "DownloadBundle")["status"] == "Skipped"
    assert ended["status"] == "Succeeded"
    assert ten.event(ignored, host, "ApplicationStop")["status"] == "Failed"
    assert ten.event(ignored, host, "ValidateService")["status"] == "Succeeded"


def test_a_group_that_matches_no_host_fails_with_what_it_asks_for(ten: Fleet):
    group = ten.group([], tag_filters=[[{"key": "role", "value": "nobody"}]])

    failed = ten.wait(ten.deploy(group))

    assert failed["error"]["code"] == "NO_INSTANCES"
    assert "role" in failed["error"]["message"]
    assert "nobody" in failed["error"]["message"]
