"""`/v1/applications`, deployment groups and deployment configs."""

import pytest

from component.api.conftest import HOST_KEY, Service, detail_of

GROUPS = "/v1/applications/shop/deployment-groups"
HALF = "CodeDeployDefault.HalfAtATime"
OPTIONS = {
    "working_directory": "archive",
    "sudo": True,
    "allow_setid": True,
    "on_stop": "end",
    "max_revisions": 2,
}


def test_an_application_is_created_shown_listed_and_deleted(service: Service):
    created = service.post("/v1/applications", {"name": "shop", "compute_platform": "Server"})

    assert created.status_code == 201
    assert created.headers["location"] == "/v1/applications/shop"
    assert created.json().keys() == {"id", "name", "compute_platform", "created_at"}
    assert service.get("/v1/applications/shop").json() == created.json()
    assert service.get("/v1/applications").json() == {
        "items": [created.json()],
        "next_cursor": None,
    }
    assert service.ask("DELETE", "/v1/applications/shop").status_code == 204
    assert "no application 'shop'" in detail_of(service.get("/v1/applications/shop"), 404)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "a/b"}, "cannot be the name of an application"),
        ({"name": "a", "compute_platform": "Mainframe"}, "'compute_platform'"),
        ({}, "'name' is missing"),
        ([], "must be a JSON object"),
        ({"name": "a", "extra": 1}, "'extra' is not known"),
    ],
)
def test_what_cannot_be_an_application_is_refused(quick: Service, body, said):
    assert said in detail_of(quick.post("/v1/applications", body), 422)


def test_an_application_exists_once(service: Service):
    service.with_application("shop")

    assert "already exists" in detail_of(service.post("/v1/applications", {"name": "shop"}), 409)


def test_deleting_an_application_takes_its_groups_and_leaves_others(service: Service):
    for application in ("shop", "blog"):
        service.with_application(application)
        service.with_group(application=application)

    service.ask("DELETE", "/v1/applications/shop")

    detail_of(service.get(f"{GROUPS}/prod"), 404)
    assert service.get("/v1/applications/blog/deployment-groups/prod").status_code == 200


def test_a_group_is_shown_as_it_was_created(service: Service):
    service.with_application()
    service.with_host("web-1")
    body = {
        "name": "prod",
        "deployment_config": HALF,
        "tag_filters": [
            [{"key": "role", "value": "web"}, {"key": "role", "value": "api"}],
            [{"key": "stage"}, {"value": "prod"}],
        ],
        "hosts": ["web-1"],
        "auto_rollback": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        "ssh": {"user": "deploy", "identity": "agent", "host_key": f"@cert-authority {HOST_KEY}"},
        "variables": {"STAGE": "prod"},
        "host_options": OPTIONS,
    }

    created = service.post(GROUPS, body)

    assert created.status_code == 201
    shown = service.get(f"{GROUPS}/prod").json()
    assert shown == created.json()
    assert shown["tag_filters"] == [
        [
            {"key": "role", "value": "web", "type": "KEY_AND_VALUE"},
            {"key": "role", "value": "api", "type": "KEY_AND_VALUE"},
        ],
        [
            {"key": "stage", "value": None, "type": "KEY_ONLY"},
            {"key": None, "value": "prod", "type": "VALUE_ONLY"},
        ],
    ]
    assert shown["hosts"] == ["web-1"]
    assert shown["auto_rollback"] == body["auto_rollback"]
    assert shown["ssh"]["user"] == "deploy"
    assert shown["ssh"]["host_key"] == f"@cert-authority {HOST_KEY}"
    assert shown["variables"] == body["variables"]
    assert shown["host_options"] == body["host_options"]
    assert shown["target_revision"] is None
    assert shown["last_attempted_deployment"] is None


def test_a_group_without_a_config_has_codedeploys_default(service: Service):
    service.with_application()
    service.with_group()

    shown = service.get(f"{GROUPS}/prod").json()

    assert shown["deployment_config"] == "CodeDeployDefault.OneAtATime"
    assert shown["auto_rollback"] == {"enabled": False, "events": []}
    assert shown["host_options"] == {
        "working_directory": "/",
        "sudo": False,
        "allow_setid": False,
        "on_stop": "finish",
        "max_revisions": 5,
    }


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"deployment_config": "Nope"}, 404, "There is no deployment config 'Nope'"),
        ({"deployment_config": "CodeDeployDefault.ECSAllAtOnce"}, 422, "is for ECS"),
        ({"hosts": ["web-9"]}, 404, "There is no host 'web-9'"),
        ({"hosts": ["web-1", "web-1"]}, 422, "named twice"),
        ({"tag_filters": [[]]}, 422, "must have 1 to 10"),
        ({"tag_filters": [[{"key": "a"}]] * 4}, 422, "the limit is 3"),
        ({"tag_filters": [[{"key": "a"}] * 11]}, 422, "must have 1 to 10"),
        ({"tag_filters": [[{"type": "KEY_ONLY"}]]}, 422, "needs a key"),
        ({"tag_filters": [[{"key": "a", "type": "KEY_AND_VALUE"}]]}, 422, "needs a value"),
        ({"tag_filters": [[{}]]}, 422, "needs a value"),
        ({"tag_filters": [[{"key": "a", "type": "SOME"}]]}, 422, "'tag_filters.0.0.type'"),
        ({"auto_rollback": {"enabled": True, "events": []}}, 422, "needs events"),
        ({"auto_rollback": {"events": ["ON_MONDAY"]}}, 422, "'auto_rollback.events.0'"),
        ({"ssh": {"identity": "id_rsa"}}, 422, "the key itself is never stored"),
        ({"ssh": {"host_key": HOST_KEY}}, 422, "is that of an authority, '@cert-authority"),
        ({"ssh": {"host_key": "@cert-authority x"}}, 422, "is no known_hosts key"),
        ({"ssh": {"port": 0}}, 422, "not between 1 and 65535"),
        ({"ssh": {"address": "h"}}, 422, "'ssh.address' is not known"),
        ({"variables": {"LIFECYCLE_EVENT": "x"}}, 422, "set by the deployment itself"),
        ({"host_options": {"working_directory": "/srv"}}, 422, "should be '/' or 'archive'"),
        ({"host_options": {"on_stop": "now"}}, 422, "should be 'finish' or 'end'"),
        ({"host_options": {"sudo": "yes"}}, 422, "'host_options.sudo'"),
        ({"host_options": {"max_revisions": 0}}, 422, "cannot keep 0 revisions; max_revisions is"),
        ({"host_options": {"max_revisions": 101}}, 422, "is 1 to 100"),
        ({"host_options": {"cwd": "/"}}, 422, "'host_options.cwd' is not known"),
        ({"name": "a b"}, 422, "cannot be the name of a deployment group"),
    ],
)
def test_what_cannot_be_a_group_is_refused(quick: Service, body, status, said):
    quick.with_application()
    quick.with_host("web-1")

    answer = quick.post(GROUPS, {"name": "prod", **body})

    assert said in detail_of(answer, status)
    assert quick.get(GROUPS).json()["items"] == []


def test_a_group_of_a_missing_application_is_not_found(service: Service):
    assert "no application 'shop'" in detail_of(service.post(GROUPS, {"name": "prod"}), 404)
    assert "no application 'shop'" in detail_of(service.get(GROUPS), 404)
    assert "no application 'shop'" in detail_of(service.ask("DELETE", f"{GROUPS}/prod"), 404)


def test_put_replaces_a_group_that_exists(service: Service):
    service.with_application()
    service.with_group(variables={"A": "1"})

    replaced = service.ask("PUT", f"{GROUPS}/prod", json={"deployment_config": HALF})
    missing = service.ask("PUT", f"{GROUPS}/other", json={})

    assert replaced.json()["deployment_config"] == HALF
    assert replaced.json()["variables"] == {}
    assert replaced.json() == service.get(f"{GROUPS}/prod").json()
    assert "no deployment group 'other'" in detail_of(missing, 404)


def test_groups_are_listed_by_name_and_exist_once(service: Service):
    service.with_application()
    for name in ("c", "a", "b"):
        service.with_group(name)

    first = service.get(f"{GROUPS}?limit=2").json()
    second = service.get(GROUPS, params={"cursor": first["next_cursor"]}).json()

    assert [one["name"] for one in first["items"] + second["items"]] == ["a", "b", "c"]
    assert "already exists" in detail_of(service.post(GROUPS, {"name": "a"}), 409)
    assert service.ask("DELETE", f"{GROUPS}/a").status_code == 204
    detail_of(service.get(f"{GROUPS}/a"), 404)


def test_a_group_for_lambda_takes_no_hosts(service: Service):
    service.post("/v1/applications", {"name": "shop", "compute_platform": "Lambda"})
    service.with_host("web-1")

    refused = service.post(GROUPS, {"name": "prod", "hosts": ["web-1"]})
    created = service.post(GROUPS, {"name": "prod"})

    assert "neither hosts nor tag_filters" in detail_of(refused, 422)
    assert created.json()["deployment_config"] == "CodeDeployDefault.LambdaAllAtOnce"


def test_the_17_predefined_configs_are_there_and_stay(service: Service):
    listed = service.get("/v1/deployment-configs").json()["items"]
    refused = service.ask("DELETE", f"/v1/deployment-configs/{HALF}")

    assert len(listed) == 17
    assert all(one["predefined"] for one in listed)
    assert service.get(f"/v1/deployment-configs/{HALF}").json() == {
        "name": HALF,
        "compute_platform": "Server",
        "minimum_healthy_hosts": {"type": "FLEET_PERCENT", "value": 50},
        "traffic_routing": None,
        "predefined": True,
        "created_at": None,
    }
    assert "is predefined" in detail_of(refused, 409)


def test_a_custom_config_is_created_used_and_deleted(service: Service):
    body = {"name": "Most", "minimum_healthy_hosts": {"type": "HOST_COUNT", "value": 3}}
    created = service.post("/v1/deployment-configs", body)
    service.with_application()
    service.with_group(deployment_config="Most")

    in_use = service.ask("DELETE", "/v1/deployment-configs/Most")
    service.ask("DELETE", f"{GROUPS}/prod")
    deleted = service.ask("DELETE", "/v1/deployment-configs/Most")

    assert created.status_code == 201
    assert created.json()["predefined"] is False
    assert "used by the deployment group 'prod'" in detail_of(in_use, 409)
    assert deleted.status_code == 204
    detail_of(service.get("/v1/deployment-configs/Most"), 404)


def test_a_traffic_config_is_for_lambda_or_ecs(service: Service):
    body = {
        "name": "Slow",
        "compute_platform": "Lambda",
        "traffic_routing": {"type": "TimeBasedLinear", "percentage": 20, "interval_minutes": 2},
    }

    assert service.post("/v1/deployment-configs", body).json()["traffic_routing"] == {
        "type": "TimeBasedLinear",
        "percentage": 20,
        "interval_minutes": 2,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "CodeDeployDefault.Mine"}, "kept for the predefined"),
        ({"name": "a b"}, "cannot be the name"),
        ({"minimum_healthy_hosts": None}, "needs minimum_healthy_hosts"),
        ({"minimum_healthy_hosts": {"type": "FLEET_PERCENT", "value": 100}}, "0 to 99"),
        ({"minimum_healthy_hosts": {"type": "HOST_COUNT", "value": -1}}, "0 or more"),
        ({"minimum_healthy_hosts": {"type": "MOST_CONCURRENCY", "value": 1}}, "must be HOST_COUNT"),
        ({"minimum_healthy_hosts": {"type": "HOST_COUNT", "value": "3"}}, "'minimum_healthy"),
        ({"minimum_healthy_hosts": {"type": "HOST_COUNT", "value": 10**400}}, "'minimum_healthy"),
        ({"compute_platform": "ECS"}, "takes traffic_routing"),
    ],
)
def test_what_cannot_be_a_config_is_refused(quick: Service, changes, said):
    body = {"name": "Most", "minimum_healthy_hosts": {"type": "HOST_COUNT", "value": 3}}

    answer = quick.post("/v1/deployment-configs", {**body, **changes})

    assert said in detail_of(answer, 422)


def test_no_more_than_50_custom_configs(quick: Service):
    minimum = {"type": "HOST_COUNT", "value": 1}
    for number in range(50):
        body = {"name": f"c{number}", "minimum_healthy_hosts": minimum}
        assert quick.post("/v1/deployment-configs", body).status_code == 201

    answer = quick.post("/v1/deployment-configs", {"name": "c50", "minimum_healthy_hosts": minimum})

    assert "50 custom deployment configs already" in detail_of(answer, 422)


def test_a_host_key_is_kept_whole(service: Service):
    service.with_host("web-1", host_key=f"{HOST_KEY} root@web-1")

    assert service.get("/v1/hosts/web-1").json()["host_key"] == f"{HOST_KEY} root@web-1"
