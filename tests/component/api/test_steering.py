"""`/v1/deployments/{id}/pause|resume|promote|rollback`, and what is shown of moving traffic."""

from datetime import datetime, timedelta

import pytest

from component.api import worker
from component.api.conftest import Service, detail_of
from component.api.traffic import ALIAS, canary, deploy, with_functions
from component.engine.traffic import AFTER, BEFORE, lambda_appspec
from tidegate.domain.access import Role

DEPLOYMENTS = "/v1/deployments"
VERBS = ["pause", "resume", "promote", "rollback"]


def steps(service: Service, id_: str) -> list[dict]:
    page = service.get(f"{DEPLOYMENTS}/{id_}/steps").json()
    assert page["next_cursor"] is None
    return page["items"]


def shown(service: Service, id_: str) -> dict:
    return service.get(f"{DEPLOYMENTS}/{id_}").json()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def notes(service: Service, id_: str) -> list[tuple[str, str, str]]:
    events = service.get(f"{DEPLOYMENTS}/{id_}/events").json()["items"]
    return [
        (one["name"], one["actor"], one["reason"])
        for one in events
        if one["subject"] == "deployment" and one["actor"] == Role.DEPLOYER
    ]


def test_a_pause_holds_and_a_resume_and_a_promotion_let_go(service: Service):
    id_ = canary(service)

    paused = service.post(f"{DEPLOYMENTS}/{id_}/pause", {"reason": "lunch"}, role=Role.DEPLOYER)

    assert paused.status_code == 200, paused.text
    since = moment(paused.json()["paused_at"])
    assert shown(service, id_)["status"] == "InProgress"
    coming = shown(service, id_)["next"]
    assert coming["what"].startswith("It is paused")
    assert moment(coming["at"]) == since + timedelta(hours=48)
    assert steps(service, id_)[2]["is_estimate"] is True

    resumed = service.post(f"{DEPLOYMENTS}/{id_}/resume", role=Role.DEPLOYER)

    assert resumed.json()["paused_at"] is None
    assert resumed.json()["next"]["what"] == "The replacement gets 100 % of the traffic."

    body = {"full": True, "reason": "looks good"}
    promoted = service.post(f"{DEPLOYMENTS}/{id_}/promote", body, role=Role.DEPLOYER)
    worker.move_traffic(service, id_, ALIAS)

    assert promoted.status_code == 200
    assert shown(service, id_)["status"] == "Succeeded"
    assert notes(service, id_) == [
        ("pause", "deployer", "lunch"),
        ("resume", "deployer", ""),
        ("promote fully", "deployer", "looks good"),
    ]


def test_a_rollback_stops_it_and_brings_the_traffic_back(service: Service):
    id_ = canary(service)

    answer = service.post(f"{DEPLOYMENTS}/{id_}/rollback", {"reason": "errors"}, role=Role.DEPLOYER)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "Stopped"
    assert answer.json()["next"] is None
    rollback = answer.json()["rollback"]["rollback_deployment_id"]
    assert shown(service, rollback)["creator"] == "codeDeployRollback"
    assert shown(service, rollback)["next"] == {"what": "The deployment starts.", "at": None}
    assert notes(service, id_) == [
        ("stop", "deployer", "Stopped by deployer: to roll it back, errors")
    ]
    worker.move_traffic(service, rollback, ALIAS)
    assert shown(service, rollback)["status"] == "Succeeded"
    assert [(one["kind"], one["status"]) for one in steps(service, rollback)] == [
        ("restore", "Succeeded")
    ]


def test_what_is_final_says_what_to_do_instead_of_a_rollback(quick: Service):
    id_ = canary(quick)
    rolled_back = quick.post(f"{DEPLOYMENTS}/{id_}/rollback").json()["rollback"]

    again = quick.post(f"{DEPLOYMENTS}/{id_}/rollback")

    by = rolled_back["rollback_deployment_id"]
    assert f"tidegate watch {by}" in detail_of(again, 409)
    assert again.json()["code"] == "DeploymentAlreadyCompletedException"
    worker.move_traffic(quick, by, ALIAS)
    of_rollback = detail_of(quick.post(f"{DEPLOYMENTS}/{by}/rollback"), 409)
    assert "tidegate deploy --application shop --group prod --appspec FILE" in of_rollback
    assert quick.traffic.weights[ALIAS] == [0, 10, 0]


def test_of_servers_the_revision_before_is_named(quick: Service):
    first = quick.with_deployment()
    worker.finish(quick, worker.begin(quick, first))
    revision = shown(quick, first)["revision"]
    second = quick.deploy(revision)
    worker.finish(quick, worker.begin(quick, second))

    assert "no successful deployment" in detail_of(
        quick.post(f"{DEPLOYMENTS}/{first}/rollback"), 409
    )
    assert f"--revision {revision}" in detail_of(
        quick.post(f"{DEPLOYMENTS}/{second}/rollback"), 409
    )


def test_servers_are_rolled_back_and_have_no_steps(quick: Service):
    first = quick.with_deployment()
    worker.finish(quick, worker.begin(quick, first))
    id_ = quick.deploy(shown(quick, first)["revision"])

    assert steps(quick, id_) == []
    assert shown(quick, id_)["next"] == {"what": "The deployment starts.", "at": None}
    for verb in ("pause", "resume", "promote"):
        answer = quick.post(f"{DEPLOYMENTS}/{id_}/{verb}")
        assert f"nothing to {verb}" in detail_of(answer, 409)
        assert answer.json()["code"] == "UnsupportedActionForDeploymentTypeException"
    rolled_back = quick.post(f"{DEPLOYMENTS}/{id_}/rollback").json()
    assert rolled_back["status"] == "Stopped"
    assert rolled_back["rollback"]["rollback_deployment_id"]


def test_a_hook_says_how_it_went_once(service: Service):
    with_functions(service)
    id_ = deploy(service, lambda_appspec(hooks=[BEFORE]))
    _, _, execution_id = worker.move_traffic(service, id_, ALIAS).calls[-1]
    hooks = f"{DEPLOYMENTS}/{id_}/hooks"

    unknown = service.post(f"{hooks}/another", {"status": "Succeeded"}, role=Role.DEPLOYER)
    odd = service.post(f"{hooks}/{execution_id}", {"status": "Skipped"}, role=Role.DEPLOYER)
    viewer = service.post(f"{hooks}/{execution_id}", {"status": "Failed"}, role=Role.VIEWER)
    taken = service.post(f"{hooks}/{execution_id}", {"status": "Succeeded"}, role=Role.DEPLOYER)
    again = service.post(f"{hooks}/{execution_id}", {"status": "Failed"}, role=Role.DEPLOYER)

    assert "was called as 'another'" in detail_of(unknown, 422)
    assert odd.status_code == 422
    assert viewer.status_code == 403
    assert (taken.status_code, taken.json()["status"]) == (200, "InProgress")
    assert "only its first word counts" in detail_of(again, 409)
    worker.move_traffic(service, id_, ALIAS)
    assert service.traffic.weights[ALIAS] == [0, 10]


@pytest.mark.parametrize("verb", VERBS)
def test_only_deployers_steer_and_only_what_is_there(quick: Service, verb: str):
    id_ = canary(quick)
    path = f"{DEPLOYMENTS}/{id_}/{verb}"

    assert "'viewer'" in detail_of(quick.post(path, role=Role.VIEWER), 403)
    assert "'reson' is not known" in detail_of(quick.post(path, {"reson": "x"}), 422)
    nowhere = quick.post(f"{DEPLOYMENTS}/d-NOPE12345/{verb}")
    assert "d-NOPE12345" in detail_of(nowhere, 404)
    assert shown(quick, id_)["status"] == "InProgress"
    quick.post(f"{DEPLOYMENTS}/{id_}/stop", {"rollback": False})
    final = quick.post(path)
    assert "Stopped already" in detail_of(final, 409)
    assert final.json()["code"] == "DeploymentAlreadyCompletedException"


def test_what_is_not_the_time_is_a_conflict(quick: Service):
    id_ = canary(quick, text=lambda_appspec(hooks=[BEFORE]))

    resume = quick.post(f"{DEPLOYMENTS}/{id_}/resume")
    promote = quick.post(f"{DEPLOYMENTS}/{id_}/promote")

    assert "not paused" in detail_of(resume, 409)
    assert "its step hook" in detail_of(promote, 409)
    assert promote.json()["code"] == "InvalidDeploymentStatusException"


def test_steps_are_shown_done_and_to_come(service: Service):
    id_ = canary(service, text=lambda_appspec(hooks=[AFTER]))

    look, first, rest, hook = steps(service, id_)

    assert (look["kind"], look["status"], look["event"]) == ("look", "Succeeded", None)
    assert (first["kind"], first["weight"], first["event"]) == ("shift", 10, "AllowTraffic")
    assert first["finished_at"] == first["planned_at"] >= first["started_at"]
    assert (rest["weight"], rest["status"], rest["started_at"]) == (100, "Pending", None)
    later = moment(rest["planned_at"]) - moment(first["planned_at"])
    assert (later, rest["is_estimate"]) == (timedelta(minutes=5), False)
    assert (hook["hook"], hook["event"]) == ("check-again", "AfterAllowTraffic")
    assert (hook["planned_at"], hook["is_estimate"]) == (rest["planned_at"], True)
    assert shown(service, id_)["next"] == {
        "what": "The replacement gets 100 % of the traffic.",
        "at": rest["planned_at"],
    }


def test_a_hook_that_runs_says_since_when_and_what_comes_after_it_is_an_estimate(service: Service):
    id_ = canary(service, text=lambda_appspec(hooks=[BEFORE]))

    _, hook, first, rest = steps(service, id_)

    assert (hook["status"], hook["hook"]) == ("InProgress", "check")
    assert moment(hook["until"]) - moment(hook["started_at"]) == timedelta(hours=1)
    assert "execution_id" not in hook
    assert [first["is_estimate"], rest["is_estimate"]] == [True, True]
    later = moment(rest["planned_at"]) - moment(first["planned_at"])
    assert later == timedelta(minutes=5)
    coming = shown(service, id_)["next"]
    assert coming["what"].startswith("The hook check of BeforeAllowTraffic")
    assert coming["at"] == hook["until"]


def test_before_the_start_there_are_no_steps_and_after_the_end_none_is_open(service: Service):
    with_functions(service)
    id_ = deploy(service, lambda_appspec(hooks=[BEFORE]))
    assert steps(service, id_) == []
    assert shown(service, id_)["next"] == {"what": "The deployment starts.", "at": None}
    worker.move_traffic(service, id_, ALIAS)

    service.post(f"{DEPLOYMENTS}/{id_}/stop", {"rollback": False})

    stood = [one["status"] for one in steps(service, id_)]
    assert stood == ["Succeeded", "Failed", "Skipped", "Skipped"]
    assert shown(service, id_)["next"] is None


def test_a_target_says_what_moves_and_how_it_was_found(service: Service):
    id_ = canary(service)

    [listed] = service.get(f"{DEPLOYMENTS}/{id_}/targets").json()["items"]
    target = service.get(f"{DEPLOYMENTS}/{id_}/targets/{ALIAS}").json()

    assert listed["traffic"] == target["traffic"]
    traffic = target["traffic"]
    assert traffic["move"] == {
        "type": "alias",
        "function": "shop-web",
        "alias": "live",
        "current_version": "1",
        "target_version": "2",
    }
    assert (traffic["found"]["weight"], traffic["found"]["task_sets"]) == (10, [])
    assert moment(traffic["found"]["read_at"])
    assert traffic["note"] == ""


def test_events_tell_of_steps(service: Service):
    id_ = canary(service)

    events = service.get(f"{DEPLOYMENTS}/{id_}/events").json()["items"]

    assert [
        (one["name"], one["from"], one["to"]) for one in events if one["subject"] == "step"
    ] == [
        ("0 look", "Pending", "InProgress"),
        ("0 look", "InProgress", "Succeeded"),
        ("1 shift 10 %", "Pending", "InProgress"),
        ("1 shift 10 %", "InProgress", "Succeeded"),
    ]
