"""Alarms behind `/v1`: of groups on all platforms, of one deployment, and how they were found."""

from typing import Any

import pytest

from component.api import worker
from component.api.alarms import read_alarms
from component.api.conftest import Service, bundle, detail_of
from component.api.traffic import ALIAS, CANARY, deploy, with_functions
from tidegate.domain.alarms import AlarmState

GROUP = "/v1/applications/shop/deployment-groups/prod"
CHECK = {"name": "slow", "query": "latency", "comparison": ">=", "threshold": 0.5}
ALARMS = {"enabled": True, "ignore_poll_failure": True, "names": ["errors"], "checks": [CHECK]}
NONE = {"enabled": False, "ignore_poll_failure": False, "names": [], "checks": []}
ROLE = "arn:aws:iam::123456789012:role/deploy"


def shown(service: Service, id_: str) -> dict[str, Any]:
    return service.get(f"/v1/deployments/{id_}").json()


def states(service: Service, id_: str) -> list[tuple[str, str, str | None]]:
    alarms = shown(service, id_)["alarms"]
    return [(one["name"], one["kind"], one["state"]) for one in alarms]


@pytest.mark.parametrize("platform", ["Server", "Lambda", "ECS"])
def test_a_group_of_any_platform_has_alarms_and_a_role(service: Service, platform: str):
    service.post("/v1/applications", {"name": "shop", "compute_platform": platform})
    service.with_group(
        alarms=ALARMS, service_role_arn=ROLE, auto_rollback={"events": ["DEPLOYMENT_STOP_ON_ALARM"]}
    )

    found = service.get(GROUP).json()
    kept = service.ask("PUT", GROUP, json={"variables": {"A": "b"}}).json()
    cleared = service.ask(
        "PUT", GROUP, json={"alarms": {"enabled": False}, "service_role_arn": ""}
    ).json()

    assert (found["alarms"], found["service_role_arn"]) == (ALARMS, ROLE)
    assert found["auto_rollback"]["events"] == ["DEPLOYMENT_STOP_ON_ALARM"]
    assert (kept["alarms"], kept["service_role_arn"]) == (ALARMS, ROLE)
    assert (cleared["alarms"], cleared["service_role_arn"]) == (NONE, None)


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ({}, "enabled needs alarms"),
        ({"names": ["a", "a"]}, "'a', is there twice"),
        ({"names": ["slow"], "checks": [CHECK]}, "'slow', is there twice"),
        ({"names": [str(n) for n in range(50)], "checks": [CHECK]}, "51 alarms; the limit is 50"),
        ({"names": ["a" * 256]}, "a name of 256 characters"),
        ({"names": ["a\nb"]}, "has the character '\\n' in its name"),
        ({"checks": [{**CHECK, "name": ""}]}, "a name of 0 characters"),
        ({"checks": [{**CHECK, "query": " "}]}, "has no query"),
        ({"checks": [{**CHECK, "query": "x" * 4001}]}, "the limit is 4000"),
        ({"checks": [{**CHECK, "query": "a\x01"}]}, "has the character '\\x01'"),
        ({"checks": [{**CHECK, "comparison": "is"}]}, "'alarms.checks.0.comparison'"),
        ({"checks": [{**CHECK, "threshold": "1"}]}, "'alarms.checks.0.threshold'"),
        ({"checks": [{**CHECK, "threshold": True}]}, "'alarms.checks.0.threshold'"),
        ({"checks": [{"name": "slow", "query": "x"}]}, "'alarms.checks.0.threshold' is missing"),
        ({"names": "errors"}, "'alarms.names'"),
        ({"enabled": "yes", "names": ["a"]}, "'alarms.enabled'"),
        ({"alarms": []}, "'alarms.alarms' is not known"),
    ],
)
def test_alarms_that_cannot_be_watched_are_refused(quick: Service, alarms, said):
    quick.with_application()

    group = quick.post(GROUP.rpartition("/")[0], {"name": "prod", "alarms": alarms})

    assert said in detail_of(group, 422)


def test_a_threshold_that_is_no_number_is_refused(quick: Service):
    quick.with_application()
    body = (
        '{"name": "prod", "alarms": {"checks": [{"name": "a", "query": "b", "threshold": 1e999}]}}'
    )

    answer = quick.ask(
        "POST",
        GROUP.rpartition("/")[0],
        content=body,
        headers={"Content-Type": "application/json"},
    )

    assert "threshold" in detail_of(answer, 422)


def test_a_role_that_is_none_is_refused(quick: Service):
    quick.with_application()
    body = {"name": "prod", "service_role_arn": "deploy"}

    answer = quick.post(GROUP.rpartition("/")[0], body)

    assert "'deploy' is no ARN of an IAM role" in detail_of(answer, 422)


def test_a_deployment_shows_its_alarms_as_they_turn_and_what_is_next(service: Service):
    with_functions(service)
    alarms = {**ALARMS, "ignore_poll_failure": False}
    service.ask("PUT", GROUP, json={"deployment_config": CANARY, "alarms": alarms})
    id_ = deploy(service)

    assert states(service, id_) == [("errors", "cloudwatch", None), ("slow", "prometheus", None)]
    assert "has not been read yet" in shown(service, id_)["next"]["what"]

    read_alarms(service.parts.store, errors=AlarmState.INSUFFICIENT_DATA, slow=AlarmState.NO_DATA)

    errors, slow = shown(service, id_)["alarms"]
    assert (errors["state"], slow["state"]) == ("INSUFFICIENT_DATA", "NO_DATA")
    assert (slow["why"], slow["since"] is not None) == ("Why.", True)
    assert "Prometheus has no data for <slow>" in shown(service, id_)["next"]["what"]

    read_alarms(service.parts.store)
    worker.move_traffic(service, id_, ALIAS)
    assert shown(service, id_)["next"]["what"] == "The replacement gets 100 % of the traffic."
    read_alarms(service.parts.store, errors=AlarmState.ALARM)
    worker.advance(service, id_)

    stopped = shown(service, id_)
    assert (stopped["status"], stopped["error"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert (stopped["next"], states(service, id_)[0][2]) == (None, "ALARM")
    events = service.get(f"/v1/deployments/{id_}/events").json()["items"]
    told = [(e["name"], e["from"], e["to"]) for e in events if e["subject"] == "alarm"]
    assert told == [
        ("errors", "", "INSUFFICIENT_DATA"),
        ("slow", "", "NO_DATA"),
        ("errors", "INSUFFICIENT_DATA", "OK"),
        ("slow", "NO_DATA", "OK"),
        ("errors", "OK", "ALARM"),
    ]
    stream = service.get(
        f"/v1/deployments/{id_}/events", headers={"Accept": "text/event-stream"}
    ).text
    assert stream.count("event: alarm\n") == 5
    listed = service.get("/v1/deployments").json()["items"]
    assert [one["alarms"] for one in listed] == [None]


def test_servers_say_why_nothing_begins(service: Service):
    service.with_application()
    service.with_host()
    service.with_group(hosts=["web-1"], alarms={"checks": [CHECK]})
    id_ = service.deploy(service.upload("shop", bundle()).json()["id"])
    read_alarms(service.parts.store, slow=AlarmState.NO_DATA)
    worker.advance(service, id_)

    held = shown(service, id_)

    assert held["status"] == "Created"
    assert held["next"]["what"].startswith("Nothing begins while this is so: Prometheus has no")
    assert held["status_messages"][0].startswith("Prometheus has no data for <slow>")
    read_alarms(service.parts.store)
    worker.finish(service, worker.begin(service, id_))
    assert (shown(service, id_)["status"], shown(service, id_)["next"]) == ("Succeeded", None)
    assert states(service, id_) == [("slow", "prometheus", "OK")]


def test_one_deployment_has_other_alarms_or_none(service: Service):
    with_functions(service)
    service.ask("PUT", GROUP, json={"alarms": ALARMS})
    other = {**ALARMS, "names": [], "checks": [{**CHECK, "name": "other"}]}

    none = deploy(service, override_alarms={"enabled": False})
    without = shown(service, none)
    service.post(f"/v1/deployments/{none}/stop", {"rollback": False})
    own = deploy(service, override_alarms=other)

    assert (without["alarms"], without["override_alarms"]) == ([], NONE)
    assert states(service, own) == [("other", "prometheus", None)]
    assert shown(service, own)["override_alarms"] == other
    listed = service.get("/v1/deployments").json()["items"]
    assert [one["override_alarms"] for one in listed] == [other, NONE]
    body = {"application": "shop", "deployment_group": "prod", "override_alarms": {}}
    refused = service.post("/v1/deployments", {**body, "revision": without["revision"]})
    assert "enabled needs alarms" in detail_of(refused, 422)


def test_a_stop_says_who_and_why_as_a_pause_does(service: Service):
    id_ = service.with_deployment()

    long = service.post(f"/v1/deployments/{id_}/stop", {"reason": "x" * 1001})
    answer = service.post(f"/v1/deployments/{id_}/stop", {"reason": "wrong branch"})

    assert "'reason'" in detail_of(long, 422)
    assert answer.json()["error"]["message"] == "Stopped by admin: wrong branch"
    [*_, last] = service.get(f"/v1/deployments/{id_}/events").json()["items"]
    told = (last["name"], last["actor"], last["reason"])
    assert told == ("stop", "admin", "Stopped by admin: wrong branch")
