"""Every refusal is a problem document, also of what no route sees."""

import base64
import json
import socket
from urllib.parse import urlsplit

import pytest
from sqlalchemy.exc import OperationalError

from component.api.conftest import Service, detail_of
from tidegate.domain.access import Role
from tidegate.domain.errors import NoSpace


def test_an_unknown_path_is_a_problem(quick: Service):
    assert "/docs shows" in detail_of(quick.get("/v2/nothing"), 404)


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(quick: Service):
    answer = quick.ask("DELETE", "/v1/hosts")

    assert "DELETE is not possible at /v1/hosts; it takes GET, POST." in detail_of(answer, 405)
    assert answer.headers["allow"] == "GET, POST"


def test_every_error_of_a_body_is_listed(quick: Service):
    answer = quick.post("/v1/hosts", {"port": "x", "colour": "red"})

    assert "more; errors lists them" in detail_of(answer, 422)
    fields = {one["field"] for one in answer.json()["errors"]}
    assert fields == {"name", "port", "colour"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 10_000])
def test_a_body_that_is_no_object_is_refused(quick: Service, body):
    answer = quick.ask(
        "POST", "/v1/hosts", content=body, headers={"Content-Type": "application/json"}
    )

    assert "must be a JSON object" in detail_of(answer, 422)
    assert {one["field"] for one in answer.json().get("errors", ())} <= {""}


def test_a_body_of_another_type_is_refused(quick: Service):
    answer = quick.ask("POST", "/v1/hosts", content=b"name=a", headers={"Content-Type": "text/x"})

    assert "sent as application/json" in detail_of(answer, 422)


@pytest.mark.parametrize("content", [b"x" * 20_001, None])
def test_a_body_over_the_limit_is_refused(quick: Service, content):
    chunks = content or iter([b"x" * 5000] * 5)

    answer = quick.ask("POST", "/v1/hosts", content=chunks)

    assert "TIDEGATE_MAX_BODY_BYTES" in detail_of(answer, 413)


def test_a_failure_of_ours_says_where_to_look_and_no_more(
    quick: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail():
        raise RuntimeError("secret detail")

    monkeypatch.setattr(quick.parts.store, "read", fail)

    answer = quick.get("/v1/hosts")

    assert answer.json()["id"] in detail_of(answer, 500)
    assert "secret detail" not in answer.text
    assert answer.json()["id"] in capsys.readouterr().out


def test_a_database_that_is_away_is_503_without_its_address(
    quick: Service, monkeypatch: pytest.MonkeyPatch
):
    def fail():
        raise OperationalError("SELECT 1", {}, Exception("connection to server at 10.1.2.3"))

    monkeypatch.setattr(quick.parts.store, "read", fail)

    answer = quick.get("/v1/hosts")

    assert "The database does not answer" in detail_of(answer, 503)
    assert "10.1.2.3" not in answer.text
    assert "SELECT" not in answer.text


def test_a_full_disk_under_the_database_is_507(quick: Service, monkeypatch: pytest.MonkeyPatch):
    def fail():
        raise NoSpace("the database")

    quick.get("/v1/hosts")
    monkeypatch.setattr(quick.parts.store, "write", fail)

    assert "no space left" in detail_of(quick.post("/v1/applications", {"name": "a"}), 507)
    assert quick.get("/v1/hosts", role=Role.VIEWER).status_code == 200


def test_the_schema_describes_every_route(quick: Service):
    schema = quick.http.get("/openapi.json").json()

    assert quick.http.get("/docs").status_code == 200
    operations = [one for path in schema["paths"].values() for one in path.values()]
    assert len(operations) > 30
    assert all(one["summary"] for one in operations)
    v1 = [path for name, path in schema["paths"].items() if name.startswith("/v1")]
    assert all("401" in one["responses"] for path in v1 for one in path.values())


def raw(live: Service, head: str, body: bytes, *, pieces: int = 1) -> tuple[int, dict[str, str]]:
    """Send a request by hand, as a client that reads only once it has sent everything."""
    url = urlsplit(str(live.http.base_url))
    lines = [head, "Host: x", f"Authorization: Bearer {live.tokens[Role.ADMIN]}"]
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        for _ in range(pieces):
            connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(rest) if rest else {}


UPLOAD = "POST /v1/applications/shop/revisions HTTP/1.1"


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_client_that_sends_far_too_much_reads_the_413(live: Service, connection):
    live.with_application()
    head = f"{UPLOAD}\r\nConnection: {connection}\r\nContent-Length: {64 << 20}"

    status, document = raw(live, head, b"x" * (1 << 20), pieces=64)

    assert status == 413
    assert "larger than the limit" in document["detail"]
    assert list(live.parts.artifacts.list()) == []


@pytest.mark.parametrize("path", ["/v1/applications/shop/revisions", "/v1/hosts"])
def test_a_client_that_streams_far_too_much_reads_the_413(live: Service, path):
    live.with_application()
    head = f"POST {path} HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked"
    piece = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))

    status, document = raw(live, head, piece * 32 + b"0\r\n\r\n")

    assert status == 413
    assert "larger than the limit" in document["detail"]
    assert [one for one in live.parts.settings.data_dir.rglob("*") if one.is_file()] == []


def test_a_client_without_a_right_reads_the_403_after_its_upload(live: Service):
    live.with_application()

    answer = live.upload("shop", iter([b"x" * 60_000] * 100), role=Role.VIEWER)

    assert "needs 'deployer'" in detail_of(answer, 403)


def test_who_asks_before_sending_is_not_told_to_go_on(live: Service):
    live.with_application()
    url = urlsplit(str(live.http.base_url))
    head = (
        f"{UPLOAD}\r\nHost: x\r\nAuthorization: Bearer {live.tokens[Role.ADMIN]}\r\n"
        f"Expect: 100-continue\r\nContent-Length: {3 << 30}\r\n\r\n"
    )

    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413")


def test_an_upload_that_breaks_off_leaves_nothing(live: Service):
    live.with_application()
    url = urlsplit(str(live.http.base_url))
    head = (
        f"{UPLOAD}\r\nHost: x\r\nAuthorization: Bearer {live.tokens[Role.ADMIN]}\r\n"
        "Content-Length: 100000\r\n\r\n"
    )

    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"x" * 50_000)

    for _ in range(100):
        if live.parts.uploads.borrowed_tokens == 0:
            break
        live.get("/v1/hosts")
    assert [one for one in live.parts.settings.data_dir.rglob("*") if one.is_file()] == []


def test_what_moves_a_terminals_cursor_is_not_logged_as_it_came(
    quick: Service, capsys: pytest.CaptureFixture[str]
):
    quick.get("/v1/hosts/%1b%5b31m%00%0A")

    logged = capsys.readouterr().out
    assert "/v1/hosts/%1B%5B31m%00%0A" in logged
    assert "\x1b[31m\x00" not in logged


HALF = '"\\ud800"'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"name": "a", "address": "h", "tags": {{"role": {HALF}}}}}',
        f'{{"name": "a", "address": "h", "tags": {{{HALF}: "web"}}}}',
        f'{{"name": {HALF}, "address": "h"}}',
        f"[{HALF}]",
    ],
)
def test_half_a_character_is_refused(quick: Service, body: str):
    answer = quick.ask(
        "POST", "/v1/hosts", content=body, headers={"Content-Type": "application/json"}
    )

    assert detail_of(answer, 422) == (
        "The body must be a JSON object, sent as application/json: "
        "it has half a character in it, a lone surrogate."
    )


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a\0", "address": "h"},
        {"name": "a", "address": "h", "tags": {"role": "\0"}},
        {"name": "a", "address": "h", "tags": {"\0": "web"}},
        ["\0"],
    ],
)
def test_a_zero_byte_is_refused_wherever_it_is(quick: Service, body):
    answer = quick.ask("POST", "/v1/hosts", json=body)

    assert detail_of(answer, 422).endswith("it has a zero byte in it.")


def test_half_a_character_in_a_cursor_is_refused(quick: Service):
    cursor = base64.urlsafe_b64encode(f"[{HALF}]".encode()).decode()

    assert "This cursor is none" in detail_of(quick.get(f"/v1/hosts?cursor={cursor}"), 422)
