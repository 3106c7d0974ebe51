"""Deployment groups for ECS behind `/v1`: service, target groups, listeners, waits."""

from typing import Any

import pytest

from component.api import worker
from component.api.conftest import Service, detail_of
from component.api.traffic import deploy
from component.engine.traffic import ecs_appspec

GROUPS = "/v1/applications/shop/deployment-groups"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/b/{}"


def pair(name: str = "web", **more: Any) -> dict[str, Any]:
    return {
        "target_groups": [f"{name}-blue", f"{name}-green"],
        "prod_listeners": [LISTENER.format(name)],
        "test_listeners": None,
        **more,
    }


SERVICE = {
    "ecs_service": {"cluster": "prod", "service": "shop"},
    "target_group_pairs": [pair(), pair("admin", test_listeners=[LISTENER.format("test")])],
    "ready_wait": {"action": "STOP_DEPLOYMENT", "wait_minutes": 30},
    "termination_wait": {"action": "TERMINATE", "wait_minutes": 5},
}


def with_ecs(service: Service, platform: str = "ECS") -> None:
    body = {"name": "shop", "compute_platform": platform}
    assert service.post("/v1/applications", body).status_code == 201


def test_a_group_has_a_service_with_several_pairs_and_waits(service: Service):
    with_ecs(service)

    created = service.post(GROUPS, {"name": "prod", **SERVICE})

    assert created.status_code == 201, created.text
    shown = service.get(f"{GROUPS}/prod").json()
    assert shown == created.json()
    assert {name: shown[name] for name in SERVICE} == SERVICE


def test_a_service_is_deployed_to_through_all_its_steps(service: Service):
    with_ecs(service)
    service.with_group(**SERVICE)
    id_ = deploy(service, ecs_appspec())
    worker.move_traffic(service, id_, "prod:shop")

    steps = service.get(f"/v1/deployments/{id_}/steps").json()["items"]
    target = service.get(f"/v1/deployments/{id_}/targets/prod:shop").json()

    assert [step["kind"] for step in steps] == [
        "look", "prepare", "test", "ready", "shift", "termination", "finish"
    ]  # fmt: skip
    assert steps[3]["status"] == "InProgress"
    assert service.get(f"/v1/deployments/{id_}").json()["status"] == "Ready"
    assert target["traffic"]["move"]["target_group_pairs"] == SERVICE["target_group_pairs"]
    assert target["traffic"]["move"]["task_definition"].endswith("task-definition/shop:3")


def test_what_is_left_out_stays_as_it_is(service: Service):
    with_ecs(service)
    service.with_group(**SERVICE)
    later = {"action": "KEEP_ALIVE", "wait_minutes": 0}

    changed = service.ask(
        "PUT", f"{GROUPS}/prod", json={"target_group_pairs": [pair()], "termination_wait": later}
    )

    assert changed.status_code == 200, changed.text
    expected = {**SERVICE, "target_group_pairs": [pair()], "termination_wait": later}
    assert {name: changed.json()[name] for name in SERVICE} == expected
    again = service.ask("PUT", f"{GROUPS}/prod", json={}).json()
    assert {name: again[name] for name in SERVICE} == expected


def test_waits_that_are_not_said_are_none(quick: Service):
    with_ecs(quick)
    said = {name: SERVICE[name] for name in ("ecs_service", "target_group_pairs")}

    created = quick.post(GROUPS, {"name": "prod", **said}).json()

    assert created["ready_wait"] == {"action": "CONTINUE_DEPLOYMENT", "wait_minutes": 0}
    assert created["termination_wait"] == {"action": "TERMINATE", "wait_minutes": 0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ecs_service": None}, "has both ecs_service and target_group_pairs"),
        ({"target_group_pairs": None}, "has both ecs_service and target_group_pairs"),
        ({"target_group_pairs": [pair(), pair()]}, "'web-blue' is in several"),
        ({"target_group_pairs": [pair(str(n)) for n in range(6)]}, "the limit is 5"),
        ({"target_group_pairs": [pair(), pair("b", target_groups=["x"])]}, "exactly two target"),
        ({"target_group_pairs": [pair(), pair("b", prod_listeners=[])]}, "These are 0 listeners"),
        ({"target_group_pairs": [pair(), pair("b", test_listeners=[])]}, "These are 0 listeners"),
        ({"ready_wait": {"action": "STOP_DEPLOYMENT", "wait_minutes": 2881}}, "0 to 2880"),
        ({"ready_wait": {"action": "WAIT"}}, "'ready_wait.action'"),
        ({"termination_wait": {"wait_minutes": "5"}}, "'termination_wait.wait_minutes'"),
        ({"ecs_service": {"cluster": "prod"}}, "'ecs_service.service' is missing"),
    ],
)
def test_what_ecs_could_not_deploy_to_is_refused(quick: Service, changes, said: str):
    with_ecs(quick)

    answer = quick.post(GROUPS, {"name": "prod", **SERVICE, **changes})

    assert said in detail_of(answer, 422)


@pytest.mark.parametrize("platform", ["Server", "Lambda"])
def test_other_platforms_have_no_service(quick: Service, platform: str):
    with_ecs(quick, platform)

    answer = quick.post(GROUPS, {"name": "prod", **SERVICE})

    assert f"for {platform} takes no ecs_service" in detail_of(answer, 422)
    shown = quick.post(GROUPS, {"name": "prod"}).json()
    assert (shown["ecs_service"], shown["target_group_pairs"]) == (None, [])
    assert (shown["ready_wait"], shown["termination_wait"]) == (None, None)


def test_a_service_has_one_group(quick: Service):
    with_ecs(quick)
    quick.with_group(**SERVICE)

    answer = quick.post(GROUPS, {"name": "other", **SERVICE})

    assert answer.json()["code"] == "ECSServiceMappingLimitExceededException"
    assert "prod" in detail_of(answer, answer.status_code)
