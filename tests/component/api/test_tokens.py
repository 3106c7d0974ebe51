"""Who may come in, and as what."""

from datetime import timedelta

import pytest

from component.api.conftest import Service, bundle, detail_of
from tidegate.domain.access import Role
from tidegate.engine.tokens import ensure_token

READS = [
    "/v1/hosts",
    "/v1/applications",
    "/v1/applications/shop/deployment-groups",
    "/v1/applications/shop/revisions",
    "/v1/deployment-configs",
    "/v1/deployments",
    "/metrics",
]
ADMINS = [
    ("POST", "/v1/hosts"),
    ("PUT", "/v1/hosts/a"),
    ("PATCH", "/v1/hosts/a"),
    ("DELETE", "/v1/hosts/a"),
    ("POST", "/v1/applications"),
    ("DELETE", "/v1/applications/shop"),
    ("POST", "/v1/applications/shop/deployment-groups"),
    ("PUT", "/v1/applications/shop/deployment-groups/a"),
    ("DELETE", "/v1/applications/shop/deployment-groups/a"),
    ("POST", "/v1/deployment-configs"),
    ("DELETE", "/v1/deployment-configs/a"),
    ("GET", "/v1/tokens"),
    ("POST", "/v1/tokens"),
    ("DELETE", "/v1/tokens/a"),
]
DEPLOYERS = [
    ("POST", "/v1/applications/shop/revisions"),
    ("POST", "/v1/deployments"),
    ("POST", "/v1/deployments/d-ABCDEFGHI/stop"),
]


def test_nothing_is_read_without_a_token(quick: Service):
    for path in READS:
        answer = quick.http.get(path)

        assert "needs a token" in detail_of(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer tg_" + "x" * 43, "Bearer ", "Basic dGlkZTpnYXRl", "Bearer ä"]
)
def test_a_token_that_nobody_made_does_not_count(quick: Service, header):
    answer = quick.http.get("/v1/hosts", headers={"Authorization": header.encode()})

    assert "token" in detail_of(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_viewer_reads(service: Service):
    service.with_application()

    assert [service.get(path, role=Role.VIEWER).status_code for path in READS] == [200] * len(READS)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEPLOYER])
def test_only_an_admin_changes_the_catalog(quick: Service, role):
    for method, path in ADMINS:
        answer = quick.ask(method, path, role=role, json={} if method != "GET" else None)

        assert detail_of(answer, 403) == (
            f"This token has the role '{role}'; this needs 'admin'. "
            "An admin makes one with `tidegate token create --role admin`."
        )


def test_a_viewer_deploys_nothing(quick: Service):
    for method, path in DEPLOYERS:
        answer = quick.ask(method, path, role=Role.VIEWER, json={})

        assert "needs 'deployer'" in detail_of(answer, 403)


def test_a_viewers_upload_is_refused_and_nothing_is_kept(service: Service):
    service.with_application()

    answer = service.upload("shop", bundle(), role=Role.VIEWER)

    assert "needs 'deployer'" in detail_of(answer, 403)
    assert list(service.parts.artifacts.list()) == []


def test_a_deployer_uploads(service: Service):
    service.with_application()

    assert service.upload("shop", bundle(), role=Role.DEPLOYER).status_code == 201


def test_a_token_is_shown_once_and_kept_as_a_digest(service: Service):
    created = service.post("/v1/tokens", {"name": "ci", "role": "deployer"})

    assert created.status_code == 201
    secret = created.json()["token"]
    listed = service.get("/v1/tokens")
    assert secret not in listed.text
    assert [one["name"] for one in listed.json()["items"]] == ["admin", "ci", "deployer", "viewer"]
    me = {"Authorization": f"Bearer {secret}"}
    assert service.http.get("/v1/hosts", headers=me).status_code == 200
    with service.parts.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM tokens").all()
    assert secret not in str(rows)


def test_a_revoked_token_is_out_at_once(service: Service):
    secret = service.post("/v1/tokens", {"name": "ci", "role": "admin"}).json()["token"]

    assert service.ask("DELETE", "/v1/tokens/ci").status_code == 204

    answer = service.http.get("/v1/hosts", headers={"Authorization": f"Bearer {secret}"})
    assert "'ci' was revoked" in detail_of(answer, 401)
    assert service.get("/v1/tokens/ci").json()["revoked_at"] is not None
    assert service.ask("DELETE", "/v1/tokens/ci").status_code == 204
    assert "no token 'nobody'" in detail_of(service.ask("DELETE", "/v1/tokens/nobody"), 404)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "viewer", "role": "viewer"}, 409, "already exists"),
        ({"name": "a b", "role": "viewer"}, 422, "cannot be the name of a token"),
        ({"name": "a", "role": "king"}, 422, "'role'"),
    ],
)
def test_what_cannot_be_a_token_is_refused(service: Service, body, status, said):
    assert said in detail_of(service.post("/v1/tokens", body), status)


def test_use_is_noted_at_most_once_a_minute(service: Service):
    def used():
        with service.parts.store.read() as uow:
            return uow.tokens.by_name("viewer").last_used_at

    assert used() is None
    service.get("/v1/hosts", role=Role.VIEWER)
    first = used()
    service.get("/v1/hosts", role=Role.VIEWER)

    assert first is not None
    assert used() == first
    with service.parts.store.write() as uow:
        token = uow.tokens.by_name("viewer")
        uow.tokens.touch(token.id, at=first + timedelta(seconds=61))
    assert used() == first + timedelta(seconds=61)


def test_a_system_gives_its_admin_the_token_of_its_file(service: Service):
    for secret in ("tg_first", "tg_second"):
        with service.parts.store.write() as uow:
            ensure_token("owner", Role.ADMIN, secret, uow=uow)

    def status(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return service.http.get("/v1/hosts", headers=headers).status_code

    assert (status("tg_first"), status("tg_second")) == (401, 200)
