"""`/v1/hosts`."""

import pytest

from component.api import worker
from component.api.conftest import HOST_KEY, Service, detail_of

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END-----"


def host(**changes):
    return {"name": "web-1", "address": "10.0.0.1", "host_key": HOST_KEY, **changes}


def test_a_host_is_shown_as_it_was_created(service: Service):
    body = host(user="deploy", port=2222, tags={"role": "web"}, variables={"A": "b"})

    created = service.post("/v1/hosts", body)

    assert created.status_code == 201
    assert created.headers["location"] == "/v1/hosts/web-1"
    shown = service.get("/v1/hosts/web-1").json()
    assert shown == created.json()
    assert {key: shown[key] for key in body} == body
    assert shown["trust_on_first_use"] is False
    assert shown["identity"] is None
    assert shown["last_seen_at"] is None
    assert shown["created_at"].endswith("Z")


def test_a_name_is_given_once(service: Service):
    service.with_host("web-1")

    answer = service.post("/v1/hosts", host())

    assert "'web-1' already exists" in detail_of(answer, 409)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a b"}, "cannot be the name of a host"),
        ({"name": ".."}, "cannot be the name of a host"),
        ({"name": ""}, "cannot be the name of a host"),
        ({"name": "x" * 101}, "cannot be the name of a host"),
        ({"driver": "telnet"}, "'driver'"),
        ({"address": "not an address"}, "neither a host name nor an IP"),
        ({"address": None}, "needs an address"),
        ({"port": 70000}, "not between 1 and 65535"),
        ({"port": "many"}, "'port'"),
        ({"identity": "/home/me/.ssh/id_ed25519"}, "the key itself is never stored"),
        ({"identity": PEM}, "A private key is never stored"),
        ({"host_key": PEM}, "A private key is never stored"),
        ({"host_key": "ssh-ed25519 nonsense"}, "ssh-keyscan"),
        ({"host_key": None}, "ssh-keyscan -t ed25519 -p 22 10.0.0.1"),
        ({"proxy_jump": "a b"}, "user@host:port"),
        ({"state_dir": "relative"}, "does not start with"),
        ({"tags": {"": "x"}}, "it must have 1 to 128"),
        ({"tags": {"k": "v" * 257}}, "the limit is 256"),
        ({"tags": {"k": None}}, "'tags.k'"),
        ({"variables": {"1A": "x"}}, "cannot be the name of a variable"),
        ({"variables": {"DEPLOYMENT_ID": "x"}}, "set by the deployment itself"),
        ({"tagz": {}}, "'tagz' is not known"),
    ],
)
def test_what_cannot_be_a_host_is_refused_with_a_sentence(quick: Service, changes, said):
    answer = quick.post("/v1/hosts", host(**changes))

    assert said in detail_of(answer, 422)
    assert "b3BlbnNzaC1" not in answer.text
    assert quick.get("/v1/hosts").json()["items"] == []


def test_a_host_may_be_trusted_on_first_use(service: Service):
    body = host(host_key=None, trust_on_first_use=True)

    assert service.post("/v1/hosts", body).json()["trust_on_first_use"] is True


def test_put_replaces_and_patch_changes_what_is_given(service: Service):
    service.with_host("web-1", user="deploy", tags={"a": "1"})

    patched = service.ask("PATCH", "/v1/hosts/web-1", json={"port": 22, "user": None}).json()
    replaced = service.ask(
        "PUT", "/v1/hosts/web-1", json={"address": "h", "host_key": HOST_KEY}
    ).json()

    assert (patched["port"], patched["user"], patched["tags"]) == (22, None, {"a": "1"})
    assert (replaced["port"], replaced["address"], replaced["tags"]) == (None, "h", {})


INSTANCE = "i-0123456789abcdef0"


def test_a_host_may_be_reached_over_ssm(service: Service):
    body = {"name": "web-1", "driver": "ssm", "instance_id": INSTANCE, "region": "eu-west-1"}

    created = service.post("/v1/hosts", body)

    shown = service.get("/v1/hosts/web-1").json()
    assert created.status_code == 201
    assert {key: shown[key] for key in body} == body
    assert (shown["address"], shown["trust_on_first_use"]) == (None, False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"instance_id": None}, "needs its instance_id"),
        ({"instance_id": "web-1"}, "it looks like 'i-0123456789abcdef0'"),
        ({"region": "Frankfurt"}, "it looks like 'eu-central-1'"),
        ({"state_dir": "relative"}, "does not start with"),
        ({"user": "deploy"}, "Over SSM there is no 'user'"),
        ({"driver": "ssh", "address": "10.0.0.1", "host_key": HOST_KEY}, "is no 'instance_id'"),
    ],
)
def test_what_ssm_cannot_use_is_refused_with_a_sentence(quick: Service, changes, said):
    body = {"name": "web-1", "driver": "ssm", "instance_id": INSTANCE, **changes}

    assert said in detail_of(quick.post("/v1/hosts", body), 422)


def test_another_way_takes_the_settings_of_the_first_away(service: Service):
    service.with_host("web-1", user="deploy", tags={"a": "1"})
    path = "/v1/hosts/web-1"

    over_ssm = service.ask("PATCH", path, json={"driver": "ssm", "instance_id": INSTANCE}).json()
    back = service.ask(
        "PATCH", path, json={"driver": "ssh", "address": "h", "host_key": HOST_KEY}
    ).json()

    assert (over_ssm["driver"], over_ssm["instance_id"]) == ("ssm", INSTANCE)
    assert (over_ssm["user"], over_ssm["host_key"], over_ssm["tags"]) == (None, None, {"a": "1"})
    assert (back["driver"], back["instance_id"], back["address"]) == ("ssh", None, "h")


def test_a_change_must_leave_a_sound_host(service: Service):
    service.with_host("web-1")

    answer = service.ask("PATCH", "/v1/hosts/web-1", json={"host_key": None})

    assert "ssh-keyscan" in detail_of(answer, 422)
    assert service.get("/v1/hosts/web-1").json()["host_key"] == HOST_KEY


def test_a_host_keeps_its_name(service: Service):
    service.with_host("web-1")

    answer = service.ask(
        "PUT", "/v1/hosts/web-1", json={"name": "b", "address": "h", "host_key": HOST_KEY}
    )

    assert "keeps its name" in detail_of(answer, 422)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", None),
        ("PUT", {"address": "h", "host_key": HOST_KEY}),
        ("PATCH", {}),
        ("DELETE", None),
    ],
)
def test_a_host_that_is_not_there_is_not_found(quick: Service, method, body):
    answer = quick.ask(method, "/v1/hosts/web-9", json=body)

    assert detail_of(answer, 404) == (
        "There is no host 'web-9'. `tidegate host list` shows those that exist."
    )


def test_hosts_are_found_by_all_tags_asked_for(service: Service):
    service.with_host("a", tags={"role": "web", "stage": "prod"})
    service.with_host("b", tags={"role": "web"})
    service.with_host("c", tags={"role": "db", "stage": "prod"})

    def names(query: str) -> list[str]:
        return [one["name"] for one in service.get(f"/v1/hosts?{query}").json()["items"]]

    assert names("tag=role=web") == ["a", "b"]
    assert names("tag=role=web&tag=stage=prod") == ["a"]
    assert names("tag=role=") == []
    assert "KEY=VALUE" in detail_of(service.get("/v1/hosts?tag=role"), 422)


def test_pages_survive_insertions(service: Service):
    for name in ("b", "d", "f"):
        service.with_host(name, tags={"x": "y"})

    first = service.get("/v1/hosts?limit=2&tag=x=y").json()
    service.with_host("a", tags={"x": "y"})
    service.with_host("e", tags={"x": "y"})
    second = service.get("/v1/hosts", params={"cursor": first["next_cursor"]}).json()

    assert [one["name"] for one in first["items"]] == ["b", "d"]
    assert [one["name"] for one in second["items"]] == ["e", "f"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "!!!", "bnVsbA", "WzFd", "WyJhIiwiYiJd", "W" * 300])
def test_a_cursor_that_nobody_gave_is_refused(quick: Service, cursor):
    answer = quick.get("/v1/hosts", params={"cursor": cursor})

    assert "begin at the start" in detail_of(answer, 422)


@pytest.mark.parametrize("limit", ["0", "1001", "ten"])
def test_a_page_has_1_to_1000_entries(quick: Service, limit):
    assert "'limit'" in detail_of(quick.get(f"/v1/hosts?limit={limit}"), 422)


def test_a_host_is_deleted(service: Service):
    service.with_host("web-1")

    assert service.ask("DELETE", "/v1/hosts/web-1").status_code == 204
    detail_of(service.get("/v1/hosts/web-1"), 404)


def test_a_host_that_a_group_names_stays(service: Service):
    service.with_application()
    service.with_host("web-1")
    service.with_group(hosts=["web-1"])

    answer = service.ask("DELETE", "/v1/hosts/web-1")

    assert "take it out of the group first" in detail_of(answer, 409)


def test_a_host_on_which_a_run_goes_on_is_not_moved(service: Service):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)

    for elsewhere in ({"address": "10.9.9.9"}, {"state_dir": "/srv/other"}, {"user": "other"}):
        answer = service.ask("PATCH", "/v1/hosts/web-1", json=elsewhere)
        assert id_ in detail_of(answer, 409)
    same_place = service.ask("PATCH", "/v1/hosts/web-1", json={"tags": {"role": "api"}})
    worker.finish(service, progress)
    afterwards = service.ask("PATCH", "/v1/hosts/web-1", json={"address": "10.9.9.9"})

    assert same_place.status_code == 200
    assert afterwards.status_code == 200


def test_a_zero_byte_in_a_name_is_no_failure_of_the_service(service: Service):
    assert service.get("/v1/hosts/a%00b").status_code in {404, 422}
