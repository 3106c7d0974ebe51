"""`/v1/deployments` with targets and logs."""

from datetime import datetime, timedelta

import pytest

from component.api import worker
from component.api.conftest import Service, bundle, detail_of

DEPLOYMENTS = "/v1/deployments"


def test_a_deployment_is_shown_as_it_was_created(service: Service):
    service.with_application()
    service.with_host()
    service.with_group(hosts=["web-1"])
    revision = service.upload("shop", bundle()).json()["id"]
    body = {
        "application": "shop",
        "deployment_group": "prod",
        "revision": revision,
        "description": "the first",
        "deployment_config": "CodeDeployDefault.AllAtOnce",
        "ignore_application_stop_failures": True,
        "file_exists_behavior": "OVERWRITE",
        "update_outdated_only": True,
        "auto_rollback": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    }

    created = service.post(DEPLOYMENTS, body)

    assert created.status_code == 201, created.text
    deployment = created.json()
    assert created.headers["location"] == f"{DEPLOYMENTS}/{deployment['id']}"
    assert service.get(created.headers["location"]).json() == deployment
    assert {key: deployment[key] for key in body} == body
    assert deployment["status"] == "Created"
    assert deployment["creator"] == "user"
    assert deployment["error"] is None
    assert deployment["rollback"] is None
    assert deployment["overview"] == dict.fromkeys(
        ["Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"], 0
    )


def test_a_group_has_one_active_deployment(service: Service):
    first = service.with_deployment()
    group = "/v1/applications/shop/deployment-groups/prod"
    revision = service.get(f"{DEPLOYMENTS}/{first}").json()["revision"]
    body = {"application": "shop", "deployment_group": "prod", "revision": revision}

    second = service.post(DEPLOYMENTS, body)

    assert first in detail_of(second, 409)
    assert second.json()["code"] == "DeploymentLimitExceededException"
    assert service.get(group).json()["active_deployment"] == first


def test_what_an_active_deployment_needs_is_not_deleted(service: Service):
    id_ = service.with_deployment()
    worker.begin(service, id_)
    paths = [
        "/v1/hosts/web-1",
        "/v1/applications/shop",
        "/v1/applications/shop/deployment-groups/prod",
    ]

    for path in paths:
        assert id_ in detail_of(service.ask("DELETE", path), 409)
        assert service.get(path).status_code == 200


def test_history_outlives_what_was_deployed(service: Service):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_))

    for path in ("/v1/applications/shop", "/v1/hosts/web-1"):
        assert service.ask("DELETE", path).status_code == 204

    deployment = service.get(f"{DEPLOYMENTS}/{id_}").json()
    assert (deployment["status"], deployment["application"]) == ("Succeeded", "shop")
    assert service.get(f"{DEPLOYMENTS}/{id_}/targets/web-1").json()["status"] == "Succeeded"


def test_a_success_is_seen_everywhere(service: Service):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_))

    group = service.get("/v1/applications/shop/deployment-groups/prod").json()
    deployment = service.get(f"{DEPLOYMENTS}/{id_}").json()
    revision = deployment["revision"]

    assert deployment["overview"]["Succeeded"] == 1
    assert group["target_revision"] == revision
    assert group["active_deployment"] is None
    assert group["last_successful_deployment"]["id"] == id_
    assert group["last_attempted_deployment"]["status"] == "Succeeded"
    shown = service.get(f"/v1/applications/shop/revisions/{revision}").json()
    assert shown["deployment_groups"] == ["prod"]


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"application": "nope"}, 404, "no application 'nope'"),
        ({"deployment_group": "nope"}, 404, "no deployment group 'nope'"),
        ({"revision": "r-nope"}, 404, "no revision 'r-nope'"),
        ({"deployment_config": "nope"}, 404, "no deployment config 'nope'"),
        ({"deployment_config": "CodeDeployDefault.ECSAllAtOnce"}, 422, "is for ECS"),
        ({"description": "x" * 257}, 422, "the limit is 256"),
        ({"file_exists_behavior": "MERGE"}, 422, "'file_exists_behavior'"),
        ({"auto_rollback": {"events": ["X"]}}, 422, "'auto_rollback.events.0'"),
        ({"reviison": "r"}, 422, "'reviison' is not known"),
    ],
)
def test_what_cannot_be_deployed_is_refused(quick: Service, changes, status, said):
    quick.with_application()
    quick.with_host()
    quick.with_group(hosts=["web-1"])
    revision = quick.upload("shop", bundle()).json()["id"]
    body = {"application": "shop", "deployment_group": "prod", "revision": revision}

    answer = quick.post(DEPLOYMENTS, {**body, **changes})

    assert said in detail_of(answer, status)
    assert quick.get(DEPLOYMENTS).json()["items"] == []


def test_deployments_are_found_by_group_status_and_time(service: Service):
    first = service.with_deployment()
    worker.finish(service, worker.begin(service, first))
    second = service.deploy(service.get(f"{DEPLOYMENTS}/{first}").json()["revision"])
    created = datetime.fromisoformat(service.get(f"{DEPLOYMENTS}/{second}").json()["created_at"])

    def found(**params) -> list[str]:
        answer = service.get(DEPLOYMENTS, params=params)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    assert found() == [second, first]
    assert found(application="shop", deployment_group="prod") == [second, first]
    assert found(application="blog") == []
    assert found(deployment_group="dev") == []
    assert found(status="Succeeded") == [first]
    assert found(status=["Succeeded", "Created"]) == [second, first]
    assert found(created_from=created.isoformat()) == [second]
    assert found(created_to=(created - timedelta(microseconds=1)).isoformat()) == [first]
    assert found(created_to="2020-01-01T00:00:00") == []


def test_deployments_are_paged(service: Service):
    first = service.with_deployment()
    worker.finish(service, worker.begin(service, first))
    second = service.deploy(service.get(f"{DEPLOYMENTS}/{first}").json()["revision"])

    page = service.get(f"{DEPLOYMENTS}?limit=1").json()
    rest = service.get(DEPLOYMENTS, params={"cursor": page["next_cursor"]}).json()

    assert [one["id"] for one in page["items"]] == [second]
    assert [one["id"] for one in rest["items"]] == [first]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("query", ["status=Done", "created_from=yesterday", "limit=0"])
def test_a_filter_that_means_nothing_is_refused(quick: Service, query):
    assert query.split("=")[0] in detail_of(quick.get(f"{DEPLOYMENTS}?{query}"), 422)


@pytest.mark.parametrize(
    "path", ["", "/targets", "/targets/web-1", "/targets/web-1/log", "/events"]
)
def test_a_deployment_that_is_not_there_is_not_found(quick: Service, path):
    answer = quick.get(f"{DEPLOYMENTS}/d-ABCDEFGHI{path}")

    assert "no deployment 'd-ABCDEFGHI'" in detail_of(answer, 404)


def test_a_deployment_is_stopped_once(service: Service):
    id_ = service.with_deployment()

    stopped = service.post(f"{DEPLOYMENTS}/{id_}/stop", {"reason": "wrong day", "rollback": False})
    again = service.post(f"{DEPLOYMENTS}/{id_}/stop")

    assert stopped.status_code == 200
    assert stopped.json()["status"] == "Stopped"
    assert stopped.json()["error"]["code"] == "MANUAL_STOP"
    assert "is Stopped already" in detail_of(again, 409)
    events = service.get(f"{DEPLOYMENTS}/{id_}/events").json()["items"]
    assert (events[-1]["actor"], events[-1]["to"]) == ("admin", "Stopped")
    assert "wrong day" in events[-1]["reason"]


def test_a_stop_needs_no_body_and_takes_no_other(quick: Service):
    id_ = quick.with_deployment()

    refused = quick.post(f"{DEPLOYMENTS}/{id_}/stop", {"rolback": True})
    stopped = quick.ask("POST", f"{DEPLOYMENTS}/{id_}/stop")

    assert "'rolback' is not known" in detail_of(refused, 422)
    assert stopped.json()["status"] == "Stopped"
    missing = quick.post(f"{DEPLOYMENTS}/d-ABCDEFGHI/stop")
    assert "no deployment" in detail_of(missing, 404)


def test_a_target_shows_its_events_and_the_tail_of_their_logs(service: Service):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)
    worker.report(service, progress, worker.log("AfterInstall", 0, b"[stdout]one\n[stdout]two\n"))
    worker.finish(service, progress, failing="AfterInstall")

    target = service.get(f"{DEPLOYMENTS}/{id_}/targets/web-1").json()

    assert (target["id"], target["deployment_id"]) == ("web-1", id_)
    assert (target["status"], target["attempt"]) == ("Failed", 1)
    assert target["message"]
    events = {one["name"]: one for one in target["lifecycle_events"]}
    assert next(iter(events)) == "ApplicationStop"
    failed = events["AfterInstall"]
    assert (failed["status"], failed["exit_code"]) == ("Failed", 3)
    assert (failed["error_code"], failed["script"]) == ("ScriptFailed", "scripts/a.sh")
    assert (failed["log_size"], failed["log_tail"]) == (24, "[stdout]one\n[stdout]two\n")
    assert events["ValidateService"]["status"] == "Skipped"
    listed = service.get(f"{DEPLOYMENTS}/{id_}/targets").json()["items"]
    assert [one["id"] for one in listed] == ["web-1"]
    assert "no target 'web-9'" in detail_of(service.get(f"{DEPLOYMENTS}/{id_}/targets/web-9"), 404)


def test_targets_are_paged_in_the_order_of_work(service: Service):
    names = [f"h{number}" for number in range(5)]
    for name in names:
        service.with_host(name)
    service.with_application()
    service.with_group(hosts=names)
    id_ = service.deploy(service.upload("shop", bundle()).json()["id"])
    worker.advance(service, id_)
    path, seen, cursor = f"{DEPLOYMENTS}/{id_}/targets", [], None

    while cursor or not seen:
        params = {"limit": 2, "status": "Pending", **({"cursor": cursor} if cursor else {})}
        page = service.get(path, params=params).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]

    assert seen == names
    assert service.get(path, params={"status": "Failed"}).json()["items"] == []
    wrong = service.get(path, params={"cursor": "WyJoOSJd"})
    assert "begin at the start" in detail_of(wrong, 422)


def test_a_log_says_where_it_was_cut(service: Service):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)
    worker.report(
        service,
        progress,
        worker.log("BeforeInstall", 0, "[stdout]ä\n".encode()),
        worker.log("AfterInstall", 0, b"head\n"),
        worker.log("AfterInstall", 1_005, b"tail\n"),
    )
    path = f"{DEPLOYMENTS}/{id_}/targets/web-1/log"

    one, everything = service.get(f"{path}?event=AfterInstall"), service.get(path)

    assert one.headers["content-type"] == "text/plain; charset=utf-8"
    assert one.text == "head\n\n[… 1,000 bytes cut …]\ntail\n"
    assert everything.text.index("==> BeforeInstall") < everything.text.index("==> AfterInstall")
    assert "[stdout]ä\n" in everything.text
    assert service.get(f"{path}?event=Install").text == ""


def test_a_log_can_be_read_on_from_where_it_ended(service: Service):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)
    worker.report(service, progress, worker.log("AfterInstall", 0, b"one\ntwo\n"))
    path = f"{DEPLOYMENTS}/{id_}/targets/web-1/log?event=AfterInstall"

    first, middle = service.get(path), service.get(f"{path}&after=5")
    worker.report(service, progress, worker.log("AfterInstall", 108, b"end\n"))
    last = service.get(f"{path}&after={first.headers['Tidegate-Log-End']}")

    assert (first.text, first.headers["Tidegate-Log-End"]) == ("one\ntwo\n", "8")
    assert (middle.text, middle.headers["Tidegate-Log-End"]) == ("wo\n", "8")
    assert last.text == "\n[… 100 bytes cut …]\nend\n"
    assert last.headers["Tidegate-Log-End"] == "112"
    assert service.get(f"{path}&after=-1").status_code == 422


def test_an_event_that_a_target_has_not_is_told_with_those_it_has(quick: Service):
    id_ = quick.with_deployment()
    worker.begin(quick, id_)

    answer = quick.get(f"{DEPLOYMENTS}/{id_}/targets/web-1/log?event=Reboot")

    assert "no lifecycle event 'Reboot'" in detail_of(answer, 404)
    assert "ValidateService" in answer.json()["detail"]
