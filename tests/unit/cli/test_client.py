"""What a service answers becomes a value or one sentence."""

import httpx2
import pytest

from tidegate_cli.errors import Refused, Unavailable, Unreachable
from unit.cli.fake_service import FakeService, event, page, problem, stream


def test_a_refusal_is_the_detail_of_the_problem(fake: FakeService):
    fake.on("GET", "hosts/web", problem(404, "There is no host 'web'."))

    with fake.service() as service, pytest.raises(Refused, match="There is no host 'web'") as no:
        service.get("hosts", "web")
    assert no.value.status == 404


def test_what_is_no_utf_8_is_refused_before_it_is_sent(fake: FakeService):
    with fake.service() as service:
        for send in (lambda: service.get("a\udcff"), lambda: service.create(body={"a": "\udcff"})):
            with pytest.raises(Refused, match="no UTF-8"):
                send()


@pytest.mark.parametrize("status", [429, 503])
def test_what_may_pass_is_unavailable(fake: FakeService, status: int):
    fake.on("GET", "hosts", problem(status, "Later."))

    with fake.service() as service, pytest.raises(Unavailable, match="Later"):
        service.get("hosts")


def test_nobody_there_names_the_address_and_how_to_start(fake: FakeService):
    fake.on("GET", "hosts", httpx2.ConnectError("[Errno 111] Connection refused"))

    with fake.service() as service, pytest.raises(Unreachable) as gone:
        service.get("hosts")
    assert str(gone.value) == (
        "Nothing answers at http://tidegate.test:8080 (Connection refused); start the service "
        "with `tidegate up`, or set TIDEGATE_URL to where it runs."
    )


def test_without_a_token_a_401_says_where_to_put_one(fake: FakeService):
    fake.on("GET", "hosts", problem(401, "Who are you?"))

    with fake.service(token=None) as service, pytest.raises(Refused, match="Set TIDEGATE_TOKEN"):
        service.get("hosts")
    with fake.service() as service, pytest.raises(Refused, match="Who are you"):
        service.get("hosts")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_another_service_at_the_address_is_recognised(fake: FakeService, body: bytes):
    fake.on("GET", "hosts", httpx2.Response(200, content=body))

    with fake.service() as service, pytest.raises(Refused, match="is not Tidegate"):
        service.get("hosts")


def test_a_name_cannot_lead_to_another_path(fake: FakeService):
    with fake.service() as service:
        for name in ("../tokens", "a/b?c=d", "..", "#"):
            with pytest.raises(Refused):
                service.delete("hosts", name)

    assert [request.url.raw_path for request in fake.requests] == [
        b"/v1/hosts/..%2Ftokens",
        b"/v1/hosts/a%2Fb%3Fc%3Dd",
        b"/v1/hosts/%2E%2E",
        b"/v1/hosts/%23",
    ]


def test_a_list_is_read_to_its_end_or_its_limit(fake: FakeService):
    pages = [page({"n": 1}, {"n": 2}, cursor="x"), page({"n": 3})]
    fake.on("GET", "hosts", *pages)
    with fake.service() as service:
        assert [host["n"] for host in service.items("hosts")] == [1, 2, 3]
    assert [request.url.params.get("cursor") for request in fake.requests] == [None, "x"]

    fake.on("GET", "hosts", *pages)
    with fake.service() as service:
        assert [host["n"] for host in service.items("hosts", limit=2)] == [1, 2]


def test_a_stream_resumes_behind_an_event_and_skips_what_is_none(fake: FakeService):
    told = stream(event(8, "InProgress"))
    noise = b": keep-alive\n\ndata: nonsense\n\nevent: end\ndata: {}\n\n"
    fake.on(
        "SSE",
        "deployments/d/events",
        httpx2.Response(200, content=noise + told.content, headers=told.headers),
    )

    with (
        fake.service() as service,
        service.stream("deployments", "d", "events", after="7") as events,
    ):
        assert [each.id for each in events] == ["8"]
    assert fake.requests[0].headers["last-event-id"] == "7"


def test_a_stream_that_is_refused_says_why(fake: FakeService):
    fake.on("SSE", "deployments/d/events", problem(503, "200 streams already."))

    with (
        fake.service() as service,
        pytest.raises(Unavailable, match="200 streams"),
        service.stream("deployments", "d", "events", after="0"),
    ):
        pass
