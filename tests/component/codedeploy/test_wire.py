"""JSON 1.1 as raw bytes: whatever comes in, the answer is in AWS's words and never a 500."""

import json
import logging
from functools import partial
from typing import Any

import httpx2
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from component.codedeploy.conftest import UUID, Aws, seen
from parts.processes import wait_until
from tidegate.domain.access import Role
from tidegate.store.unit_of_work import Store
from tidegate_api.codedeploy.operations import OPERATIONS

JSON_1_1 = "application/x-amz-json-1.1"


def post(aws: Aws, operation: str, body: bytes | str, **headers: str) -> httpx2.Response:
    """Send bytes under a good signature."""
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    named = {"X-Amz-Target": f"CodeDeploy_20141006.{operation}", "Content-Type": JSON_1_1}
    request = AWSRequest("POST", f"{aws.url}/", data=content, headers={**named, **headers})
    SigV4Auth(Credentials(*aws.keys[Role.ADMIN]), "codedeploy", "us-east-1").add_auth(request)
    return aws.service.http.post("/", headers=dict(request.headers.items()), content=content)


def refusal(answer: httpx2.Response, code: str, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == JSON_1_1
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])
    body = answer.json()
    assert body["__type"] == code, body
    return body["message"]


@pytest.mark.parametrize(
    "target",
    [
        "",
        "ListApplications",
        "CodeDeploy_20141006.",
        "CodeDeploy_20141006.Nothing",
        "é",
        "x" * 9000,
    ],
)
def test_an_operation_that_there_is_not(quick_aws: Aws, target):
    headers = {"X-Amz-Target": target.encode(), "Content-Type": JSON_1_1}
    answer = quick_aws.service.http.post("/", headers=headers, content=b"{}")

    refusal(answer, "UnknownOperationException")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", f"{JSON_1_1}x"])
def test_another_content_type(quick_aws: Aws, kind):
    answer = post(quick_aws, "ListApplications", b"{}", **{"Content-Type": kind})

    refusal(answer, "SerializationException")


@pytest.mark.parametrize("kind", [f"{JSON_1_1}; charset=utf-8", JSON_1_1.upper()])
def test_the_content_type_may_be_written_otherwise(quick_aws: Aws, kind):
    answer = post(quick_aws, "ListApplications", b"{}", **{"Content-Type": kind})

    assert answer.json() == {"applications": []}


def test_every_answer_has_the_id_under_which_the_log_has_it(quick_aws: Aws, capsys):
    ask, log = quick_aws.service.http.request, []

    def is_logged(id_: str) -> bool:
        log.append(capsys.readouterr().out)
        return f"request_id={id_}" in "".join(log)

    for method, path, content in (
        ("POST", "/", b"{}"),
        ("POST", "/", b"x" * 1_000_001),
        ("GET", "/", None),
        ("HEAD", "/", None),
        ("PUT", "/", b"{}"),
        ("POST", "//", b"{}"),
        ("GET", "/v1/applications", None),
    ):
        id_ = ask(method, path, content=content).headers["x-amzn-requestid"]

        assert UUID.fullmatch(id_)
        # The line is written behind the answer.
        wait_until(partial(is_logged, id_), within=30, what="the line in the log")
    assert "refusal=UnknownOperationException request_id=" in "".join(log)


def test_members_are_called_as_the_model_calls_them(quick_aws: Aws):
    for body in (
        b'{"application_name": "shop"}',
        b'{"ApplicationName": "shop"}',
        b'{"applicationname": "shop"}',
    ):
        refusal(post(quick_aws, "CreateApplication", body), "ApplicationNameRequiredException")
    body = b'{"applicationName": "shop", "tags": [{"key": "team", "value": "blue"}]}'
    refusal(post(quick_aws, "CreateApplication", body), "InvalidTagsToAddException")


NO_REQUESTS = (
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b'{"applicationName": 1}',
    b'{"applicationName": ["shop"]}',
    b'{"applicationName": {"a": "b"}}',
    b'{"applicationName": true}',
    b'{"applicationName": "a\\u0000b"}',
    b'{"applicationName": "a\x00b"}',
    b'{"applicationName": "\\ud800"}',
    b'{"applicationName": "\xed\xa0\x80"}',
    b'{"applicationName": "shop", "tags": {}}',
    b'{"applicationName": "shop", "tags": [1]}',
    b'{"applicationName": "shop", "tags": [{"Key": 1}]}',
    b'{"applicationName": "shop", "tags": ' + b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"applicationName": 1' + b"0" * 10_000 + b"}",
)


def test_what_is_no_request(aws: Aws):
    for body in NO_REQUESTS:
        sentence = refusal(post(aws, "CreateApplication", body), "SerializationException")
        assert sentence.endswith(".")

    assert seen(aws.client().list_applications, "applications") == []


@pytest.mark.parametrize("value", ["1.5", "2147483648", '"1"', "true", "1e400", "NaN"])
def test_a_number_is_whole_and_fits(quick_aws: Aws, value):
    body = f'{{"deploymentConfigName": "c", "minimumHealthyHosts": {{"value": {value}}}}}'

    sentence = refusal(post(quick_aws, "CreateDeploymentConfig", body), "SerializationException")

    assert "minimumHealthyHosts.value" in sentence or "JSON" in sentence


def test_what_the_model_does_not_know_is_passed_over(quick_aws: Aws):
    body = b'{"applicationName": "shop", "colour": {"deep": [1]}, "computePlatform": null}'

    assert post(quick_aws, "CreateApplication", body).status_code == 200
    assert post(quick_aws, "ListApplications", b"").json() == {"applications": ["shop"]}


def test_a_body_beyond_the_limit(quick_aws: Aws):
    large = b'{"nextToken": "' + b"x" * 1_000_000 + b'"}'

    refusal(post(quick_aws, "ListApplications", large), "RequestEntityTooLargeException", 413)


def test_ten_thousand_tags(quick_aws: Aws):
    tags = [{"Key": str(number), "Value": "x"} for number in range(10_000)]
    body = json.dumps({"applicationName": "shop", "tags": tags})

    refusal(post(quick_aws, "CreateApplication", body), "InvalidTagsToAddException")


def test_a_failure_of_ours_says_where_to_look(quick_aws: Aws, monkeypatch, caplog):
    def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tidegate_api.codedeploy.face._carry_out", fail)
    with caplog.at_level(logging.ERROR):
        answer = post(quick_aws, "ListApplications", b"{}")

    assert answer.headers["x-amzn-requestid"] in refusal(answer, "InternalFailure", 500)


def test_a_database_that_is_away_is_said(quick_aws: Aws, monkeypatch):
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(Store, "read", away)

    refusal(post(quick_aws, "ListApplications", b"{}"), "ServiceUnavailable", 503)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_a_member_is_there_is_no_failure(quick_aws: Aws, data: st.DataObject):
    operation = OPERATIONS[data.draw(st.sampled_from(sorted(OPERATIONS)))]
    names = [field.alias for field in operation.shape.model_fields.values()]
    body = data.draw(st.dictionaries(st.sampled_from(names), JUNK, max_size=4))

    answer = post(quick_aws, operation.name, json.dumps(body))

    assert answer.status_code in {200, 400}, (operation.name, body, answer.text)
