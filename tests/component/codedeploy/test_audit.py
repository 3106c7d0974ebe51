"""Every call that changes something leaves a row: who, from where, what, under which id."""

import contextlib
from typing import Any

from botocore.exceptions import ClientError

from component.codedeploy.conftest import Aws
from tidegate.domain.access import Role
from tidegate.domain.audit import AuditEntry


def entries(aws: Aws) -> list[AuditEntry]:
    """The audit, oldest first."""
    with aws.service.parts.store.read() as uow:
        return [entry for _, entry in reversed(uow.audit.page(limit=100))]


def id_of(answer: dict[str, Any]) -> str:
    return answer["ResponseMetadata"]["RequestId"]


def test_what_was_done(aws: Aws):
    client = aws.client(Role.ADMIN, region="eu-west-1")
    made = client.create_application(applicationName="shop", tags=[{"Key": "a", "Value": "secret"}])
    client.get_application(applicationName="shop")
    client.update_application(applicationName="shop", newApplicationName="store")

    created, renamed = entries(aws)

    assert created.request_id == id_of(made)
    assert (created.actor, created.access_key_id) == ("admin", aws.keys[Role.ADMIN][0])
    assert (created.operation, created.region) == ("CreateApplication", "eu-west-1")
    assert (created.address, created.refusal) == ("127.0.0.1", "")
    assert created.subject == '{"applicationName": "shop"}'
    assert renamed.subject == '{"applicationName": "shop", "newApplicationName": "store"}'


def test_for_whom_a_proxy_asks_whatever_it_calls_him(aws: Aws):
    client, called = aws.client(), iter(("198.51.100.7", "x" * 5000))
    client.meta.events.register(
        "before-send.codedeploy",
        lambda request, **_: request.headers.update({"X-Forwarded-For": next(called)}),
    )
    for name in ("shop", "store"):
        client.create_application(applicationName=name)

    assert [entry.address for entry in entries(aws)] == ["198.51.100.7", "x" * 100]


def test_admins_can_read_it(aws: Aws):
    client = aws.client()
    ids = [id_of(client.create_application(applicationName=f"app-{n}")) for n in range(5)]
    newest = aws.service.get("/v1/audit", params={"limit": 3}).json()
    rest = aws.service.get("/v1/audit", params={"cursor": newest["next_cursor"]}).json()
    one = aws.service.get("/v1/audit", params={"request_id": ids[2]}).json()["items"]

    listed = newest["items"] + rest["items"]
    assert [entry["request_id"] for entry in listed] == ids[::-1]
    assert rest["next_cursor"] is None
    assert [entry["subject"] for entry in one] == ['{"applicationName": "app-2"}']
    assert aws.service.get("/v1/audit", role=Role.DEPLOYER).status_code == 403
    for cursor in ("x", "WyJ4Il0", "WyIwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIl0"):
        assert aws.service.get("/v1/audit", params={"cursor": cursor}).status_code == 422


def test_what_was_refused_and_why(aws: Aws):
    client = aws.client()
    client.create_application(applicationName="shop")
    for refused in (
        lambda: client.create_application(applicationName="shop"),
        lambda: client.create_application(applicationName=1),
        lambda: aws.client(Role.VIEWER).delete_application(applicationName="shop"),
        lambda: aws.client(key=("TGAKNOBODY", "x")).delete_application(applicationName="shop"),
        lambda: client.get_application(applicationName="none"),
    ):
        with contextlib.suppress(ClientError):
            refused()

    assert [(entry.operation, entry.actor, entry.refusal) for entry in entries(aws)] == [
        ("CreateApplication", "admin", ""),
        ("CreateApplication", "admin", "ApplicationAlreadyExistsException"),
        ("CreateApplication", "admin", "SerializationException"),
        ("DeleteApplication", "viewer", "AccessDeniedException"),
    ]
