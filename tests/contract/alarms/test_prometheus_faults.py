"""What a Prometheus, or what stands in its place, may do wrong."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from parts.github import gives, leads_to
from parts.tls import Certificate
from parts.web import Web
from tidegate.domain.alarms import AlarmState, Inquiry, PrometheusCheck, Reading
from tidegate.drivers.alarms import prometheus, prometheus_checks
from tidegate.drivers.alarms.prometheus import MOST_BYTES, PrometheusChecks
from tidegate.testing.sentences import is_a_sentence

S = AlarmState
QUERY = "/api/v1/query"
CHECK = PrometheusCheck(name="errors", query="errors", threshold=1)
VECTOR = {"resultType": "vector", "result": [{"metric": {}, "value": [1, "2"]}]}

Found = Callable[[], Reading[PrometheusCheck]]


def success(data: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": data, **more}).encode()


def error(kind: str, said: str = "it\n said") -> bytes:
    return json.dumps({"status": "error", "errorType": kind, "error": said}).encode()


def asked(source: PrometheusChecks) -> Reading[PrometheusCheck]:
    (reading,) = source.states(Inquiry(alarms=(CHECK,)))
    return reading


@pytest.fixture
def found(web: Web) -> Found:
    return lambda: asked(PrometheusChecks(web.url, token="hunter2", timeout=timedelta(seconds=2)))


def test_what_is_well_is_taken(web, found):
    web.answers[QUERY] = gives(success(VECTOR, warnings=["w"]))

    assert found().state is S.ALARM
    assert web.seen[0].headers["Authorization"] == "Bearer hunter2"


def test_who_has_no_token_sends_none(web):
    web.answers[QUERY] = gives(success(VECTOR))

    asked(prometheus_checks(web.url))

    assert "Authorization" not in web.seen[0].headers


@pytest.mark.parametrize(
    ("answer", "may_pass", "why"),
    [
        ((503, error("timeout")), True, "answered timeout (it said)."),
        ((503, error("unavailable")), True, "answered unavailable (it said)."),
        ((500, error("internal")), True, "answered internal (it said)."),
        ((422, error("execution")), True, "answered execution (it said)."),
        ((429, error("too_many")), True, "answered too_many (it said)."),
        ((400, error("bad_data")), False, "answered bad_data (it said); correct the query."),
        (
            (404, error("not_found", "")),
            False,
            "answered not_found (no reason); correct the query.",
        ),
        ((502, b"<html>Bad Gateway</html>"), True, "answered with HTTP status 502."),
        ((429, b"slowly"), True, "answered with HTTP status 429."),
        ((401, b"no"), False, "TIDEGATE_PROMETHEUS_TOKEN must be a token that may ask it."),
        ((403, b"no"), False, "TIDEGATE_PROMETHEUS_TOKEN must be a token that may ask it."),
        ((404, b"no"), False, "TIDEGATE_PROMETHEUS_URL must be the address of a Prometheus."),
        ((204, b""), False, "TIDEGATE_PROMETHEUS_URL must be the address of a Prometheus."),
    ],
)
def test_a_refusal_is_said(web, found, answer, may_pass, why):
    status, body = answer
    web.answers[QUERY] = gives(body, status)

    reading = found()

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, may_pass)
    assert reading.why.startswith(f"Prometheus at {web.url} answered ")
    assert reading.why.endswith(why)
    assert "hunter2" not in reading.why


def test_a_histogram_is_no_number_and_never_will_be(web, found):
    histogram = {"metric": {}, "histogram": [1, {"count": "4", "sum": "2"}]}
    web.answers[QUERY] = gives(success({"resultType": "vector", "result": [histogram]}))

    reading = found()

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, False)
    assert "histogram_quantile" in reading.why


STRANGE = "a\x00b\x1b[2J\x07c\ud800d"
"""What is valid in JSON, and upsets a database, a terminal or an API that would show it."""
PLAIN = "a b [2J c d"


@pytest.mark.parametrize("value", ["2", "1"])
def test_what_a_series_is_called_can_be_kept_and_shown(web, found, value):
    series = {"metric": {"path": STRANGE}, "value": [1, value]}
    web.answers[QUERY] = gives(success({"resultType": "vector", "result": [series]}))

    assert f'{value} of {{path="{PLAIN}"}} is ' in found().why


def test_what_is_wrong_with_a_query_can_be_kept_and_shown(web, found):
    web.answers[QUERY] = gives(error(STRANGE, STRANGE), 400)

    assert found().why.endswith(f"answered {PLAIN} ({PLAIN}); correct the query.")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"status":"success"}',
        success(None),
        success([]),
        success({}),
        success({"resultType": "vector"}),
        success({"resultType": "vector", "result": {}}),
        success({"resultType": "vector", "result": [1]}),
        success({"resultType": "vector", "result": [{}]}),
        success({"resultType": "vector", "result": [{"metric": {}}]}),
        success({"resultType": "vector", "result": [{"metric": 1, "value": [1, "2"]}]}),
        success({"resultType": "vector", "result": [{"metric": {}, "value": []}]}),
        success({"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}),
        success({"resultType": "vector", "result": [{"metric": {}, "value": [1, None]}]}),
        success({"resultType": "scalar", "result": [1]}),
        success({"resultType": "scalar", "result": [1, []]}),
        success({"resultType": "streams", "result": []}),
        success({"resultType": ["vector"], "result": []}),
        gzip.compress(success(VECTOR)),
    ],
)
def test_garbage_is_no_answer(web, found, body):
    web.answers[QUERY] = gives(body)

    reading = found()

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, True)
    assert reading.why == f"Prometheus at {web.url} answered what is no result of Prometheus's."


def test_an_answer_without_end_is_left(web, found):
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65536)
        except OSError:
            left.set()

    left = threading.Event()
    web.answers[QUERY] = endless

    reading = found()

    assert reading.why.endswith(f"answered more than {MOST_BYTES} bytes; aggregate the query.")
    assert not reading.may_pass
    assert left.wait(30)


@pytest.mark.parametrize("at", ["head", "body"])
def test_an_answer_that_drips_is_not_waited_for(web, found, at):
    def drip(request: BaseHTTPRequestHandler) -> None:
        if at == "body":
            request.send_response(200)
            request.end_headers()
        else:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        try:
            while not over.wait(0.1):
                request.wfile.write(b" ")
        except OSError:
            return

    over = threading.Event()
    web.answers[QUERY] = drip
    begun = time.monotonic()

    reading = found()

    over.set()
    assert time.monotonic() - begun < 20
    assert (reading.state, reading.may_pass) == (S.UNREADABLE, True)
    assert reading.why.endswith("did not answer in time.")


def test_a_token_is_not_carried_elsewhere(web, found):
    web.answers[QUERY] = leads_to(f"{web.url}/elsewhere")

    reading = found()

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, False)
    assert "answered with HTTP status 302; TIDEGATE_PROMETHEUS_URL must be" in reading.why
    assert [request.path for request in web.seen] == [QUERY]


def test_a_certificate_that_nobody_trusts_is_told(tmp_path, monkeypatch: pytest.MonkeyPatch):
    certificate = Certificate(tmp_path)
    secure = Web(certificate)
    secure.answers[QUERY] = gives(success(VECTOR))
    try:
        distrusted = asked(PrometheusChecks(secure.url))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        trusted = asked(PrometheusChecks(secure.url))
    finally:
        secure.close()

    assert (distrusted.state, distrusted.may_pass) == (S.UNREADABLE, False)
    assert distrusted.why == (
        f"The certificate of Prometheus at {secure.url} is not trusted "
        "(self-signed certificate); SSL_CERT_FILE names authorities that are."
    )
    assert trusted.state is S.ALARM


def many(count: int) -> Inquiry[PrometheusCheck]:
    checks = (PrometheusCheck(name=str(n), query=f"q{n}", threshold=1) for n in range(count))
    return Inquiry(alarms=tuple(checks))


def test_each_query_is_asked_once(web):
    web.answers[QUERY] = gives(success(VECTOR))

    readings = PrometheusChecks(web.url).states(Inquiry(alarms=many(20).alarms * 3))

    assert {reading.state for reading in readings} == {S.ALARM}
    assert len(readings) == 60
    assert len(web.seen) == 20


def test_one_that_is_silent_is_not_asked_for_the_rest(silence, monkeypatch):
    monkeypatch.setattr(prometheus, "AT_ONCE", 2)
    begun = time.monotonic()

    readings = PrometheusChecks(silence, timeout=timedelta(seconds=1)).states(many(100))

    assert time.monotonic() - begun < 20
    assert {(reading.state, reading.may_pass) for reading in readings} == {(S.UNREADABLE, True)}


def test_queries_that_take_too_long_together_are_left(web, monkeypatch):
    monkeypatch.setattr(prometheus, "AT_ONCE", 1)
    web.answers[QUERY] = gives(success(VECTOR))
    source = PrometheusChecks(web.url, longest=timedelta(0))

    readings = source.states(many(3))

    assert readings[-1].why.endswith("took longer than 0 s for all queries.")
    assert readings[-1].may_pass


def test_without_an_address_none_can_be_read():
    reading = asked(prometheus_checks(""))

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, False)
    assert reading.why == "No Prometheus is set; TIDEGATE_PROMETHEUS_URL says where one is."


@pytest.mark.parametrize(
    "url", ["prometheus:9090", "ftp://prometheus", "/prometheus", "http://prometheus..example"]
)
def test_an_address_that_is_none_is_told(url):
    reading = asked(PrometheusChecks(url))

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, False)
    assert reading.why == "TIDEGATE_PROMETHEUS_URL is no http or https address; correct it."


@pytest.mark.parametrize("token", ["a b", "a\nX-Other: b", "ü"])
def test_a_token_that_is_none_is_not_sent(web, token):
    reading = asked(PrometheusChecks(web.url, token=token))

    assert reading.why == "TIDEGATE_PROMETHEUS_TOKEN is no bearer token; correct it."
    assert is_a_sentence(reading.why)
    assert web.seen == []
