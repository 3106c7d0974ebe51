"""Hooks that are called: functions by Lambda, and addresses by signed HTTP."""

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest

from parts.between import answers
from parts.ports import free_port
from parts.tls import Certificate
from parts.web import Web
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Failed
from tidegate.drivers.traffic.hooks import Hooks
from tidegate.testing.clock import START
from tidegate.testing.sentences import is_a_sentence
from tidegate.testing.traffic_contract import ATTENTION

DEPLOYMENT, EXECUTION = "d-ABCDEFGHI", "eyJlbmNyeXB0ZWREYXRhIjoi"
BODY = b'{"DeploymentId":"d-ABCDEFGHI","LifecycleEventHookExecutionId":"eyJlbmNyeXB0ZWREYXRhIjoi"}'
ROLE = "arn:aws:iam::123456789012:role/CodeDeploy"
KEY = "a secret that both know"

Call = Callable[..., Failed | None]


@pytest.fixture
def call(clock) -> Call:
    hooks = Hooks(timeout=timedelta(seconds=1), clock=clock)
    return calling(hooks)


def calling(hooks: Hooks) -> Call:
    return partial(
        hooks.call_hook,
        deployment_id=DEPLOYMENT,
        execution_id=EXECUTION,
        region="eu-central-1",
        role_arn=ROLE,
        key=KEY,
    )


def failure(answer: Failed | None) -> str:
    assert answer is not None
    assert answer.code is ErrorCode.HOOK_EXECUTION_FAILURE
    assert is_a_sentence(answer.message)
    return answer.message


def test_a_function_is_invoked_with_both_ids_and_not_waited_for(call, aliases, between):
    assert call(aliases.function) is None

    (invoked,) = between.of("Invoke")
    assert invoked.path == f"/2015-03-31/functions/{aliases.function}/invocations"
    assert invoked.headers["X-Amz-Invocation-Type"] == "Event"
    assert invoked.body == BODY


@pytest.mark.parametrize("name", ["{0.function}:live", "{0.arn}", "{0.arn}:2"])
def test_a_function_may_be_named_in_all_ways(call, aliases, name):
    assert call(name.format(aliases)) is None


def test_a_function_is_invoked_by_the_role(aliases, between):
    calling(Hooks(assume_role=True))(aliases.function)
    calling(Hooks())(aliases.function)

    signers = [invoked.headers["Authorization"] for invoked in between.of("Invoke")]
    assert ["Credential=testing/" in signer for signer in signers] == [False, True]


def test_a_function_that_is_not_there_is_named(call, between, aliases):
    answer = call("CodeDeployHook_gone")

    assert "ResourceNotFoundException to Invoke for the hook CodeDeployHook_gone" in (
        failure(answer)
    )
    assert not answer.may_pass


def test_who_may_not_invoke_is_told_what_to_allow(call, between):
    between.always["Invoke"] = answers(403, "AccessDeniedException")

    assert call("check") == Failed(
        code=ErrorCode.IAM_ROLE_PERMISSIONS,
        message=(
            "Lambda answered AccessDeniedException to Invoke for the hook check (No); "
            "allow lambda:InvokeFunction on it."
        ),
    )


@pytest.mark.parametrize(
    ("refusal", "code", "may_pass"),
    [
        ((429, "TooManyRequestsException"), ErrorCode.THROTTLED, True),
        ((500, "ServiceException"), ErrorCode.HOOK_EXECUTION_FAILURE, True),
        ((502, "ResourceNotReadyException"), ErrorCode.HOOK_EXECUTION_FAILURE, True),
        ((409, "ResourceConflictException"), ErrorCode.HOOK_EXECUTION_FAILURE, True),
        ((413, "RequestTooLargeException"), ErrorCode.HOOK_EXECUTION_FAILURE, False),
        ((403, "InvalidSignatureException"), ErrorCode.IAM_ROLE_PERMISSIONS, False),
    ],
)
def test_refusals_of_lambda_are_sorted(call, between, refusal, code, may_pass):
    between.always["Invoke"] = answers(*refusal)

    answer = call("check")

    assert (answer.code, answer.may_pass) == (code, may_pass)
    assert f"Lambda answered {refusal[1]} to Invoke for the hook check" in answer.message


def test_lambda_that_says_nothing_is_not_waited_for(call, between):
    between.always["Invoke"] = between.hangs
    begun = time.monotonic()

    answer = call("check")

    assert time.monotonic() - begun < ATTENTION
    assert "Lambda cannot be reached for Invoke of the hook check" in failure(answer)
    assert answer.may_pass


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


def says(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def test_calls_of_functions_go_by_one_connection(call, between, web, monkeypatch):
    def keeps(request: BaseHTTPRequestHandler) -> None:
        request.protocol_version = "HTTP/1.1"
        request.close_connection = False
        says(202)(request)

    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", web.url)
    web.answers["/2015-03-31/functions/check/invocations"] = keeps

    assert [call("check") for _ in range(3)] == [None] * 3

    assert len(web.seen) == 3
    assert len({id(request.connection) for request in web.seen}) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_an_address_is_posted_both_ids(call, web, status):
    web.answers["/hook"] = says(status)

    assert call(f"{web.url}/hook?stage=live") is None

    (request,) = web.seen
    assert (request.command, request.path) == ("POST", "/hook?stage=live")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "tidegate"
    assert request.body == BODY


def test_whoever_has_lost_a_step_calls_no_hook(call, web, between, aliases):
    web.answers["/hook"] = says(200)

    by_http = call(f"{web.url}/hook", still_mine=lambda: False)
    by_lambda = call(aliases.function, still_mine=lambda: False)

    assert failure(by_http) == (
        "The worker showed no life for a moment, so it did not call POST for the hook "
        f"{web.url}/hook."
    )
    assert failure(by_lambda) == (
        "The worker showed no life for a moment, so it did not call Invoke for the hook "
        f"{aliases.function}."
    )
    assert by_http.may_pass
    assert by_lambda.may_pass
    assert (web.seen, between.of("Invoke")) == ([], [])


def test_an_address_may_shout(call, web):
    web.answers["/hook"] = says(200)

    assert call(f"{web.url.replace('http', 'HTTP')}/hook") is None


def test_a_post_is_signed(call, web):
    web.answers["/hook"] = says(200)

    call(f"{web.url}/hook")

    (request,) = web.seen
    assert request.headers["Tidegate-Timestamp"] == str(int(START.timestamp()))
    signed = request.headers["Tidegate-Timestamp"].encode() + b"." + request.body
    wanted = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["Tidegate-Signature"] == f"sha256={wanted}"


def test_a_signature_stays_what_others_check_by(call, web):
    web.answers["/hook"] = says(200)

    call(f"{web.url}/hook")

    digest = "2313f4bb0d31708e0014692dd60a3bee4b61bdb2f4ab63e8745702f60653d1e0"
    assert web.seen[0].headers["Tidegate-Signature"] == f"sha256={digest}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(call, web, status):
    web.answers["/hook"] = says(status, Location=f"{web.url}/elsewhere")
    web.answers["/elsewhere"] = says(200)

    answer = call(f"{web.url}/hook")

    assert f"/hook answered {status}, and redirects are not followed" in failure(answer)
    assert not answer.may_pass
    assert len(web.seen) == 1


@pytest.mark.parametrize("status", [300, 302, 304])
def test_an_answer_that_leads_nowhere_is_no_redirect(call, web, status):
    web.answers["/hook"] = says(status)

    assert failure(call(f"{web.url}/hook")) == (
        f"The hook {web.url}/hook answered {status}; "
        "an answer from 200 to 299 says that it was taken."
    )


@pytest.mark.parametrize(
    ("status", "may_pass"),
    [
        *((status, False) for status in (400, 401, 404, 410)),
        *((status, True) for status in (408, 425, 429, 500, 503)),
    ],
)
def test_other_answers_did_not_take_it(call, web, status, may_pass):
    web.answers["/hook"] = says(status)

    answer = call(f"{web.url}/hook")

    assert f"The hook {web.url}/hook answered {status}" in failure(answer)
    assert answer.may_pass is may_pass


def test_what_an_answer_says_is_not_read(call, web):
    """Or a hook would show what lies at addresses that only Tidegate can reach."""
    done = threading.Event()

    def talks(request: BaseHTTPRequestHandler) -> None:
        request.send_response(403)
        request.end_headers()
        request.wfile.write(b"secret")
        request.wfile.flush()
        done.wait(30)

    web.answers["/hook"] = talks
    begun = time.monotonic()

    answer = call(f"{web.url}/hook")
    done.set()

    assert time.monotonic() - begun < 20
    assert "secret" not in failure(answer)


def test_what_is_secret_in_an_address_is_not_told(call, web):
    answer = call(f"{web.url.replace('//', '//anna@')}/hook?token=hunter2")

    assert f"The hook {web.url}/hook answered 404" in failure(answer)
    assert "hunter2" not in answer.message
    assert "anna" not in answer.message


def test_nobody_listening_is_waited_for(call):
    answer = call(f"http://127.0.0.1:{free_port()}/hook")

    assert failure(answer).endswith(
        "/hook was not called: its server cannot be read (ConnectError)."
    )
    assert answer.may_pass


def test_a_server_that_says_nothing_is_not_waited_for(call):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        answer = call(f"http://127.0.0.1:{silent.getsockname()[1]}/hook")

    assert time.monotonic() - begun < ATTENTION
    assert failure(answer).endswith("/hook was not called: its server did not answer in time.")
    assert answer.may_pass


@pytest.mark.parametrize("is_secure", [False, True])
def test_a_server_that_talks_without_an_answer_is_hung_up_on(
    call, tmp_path, monkeypatch, is_secure
):
    certificate = Certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    web = Web(certificate if is_secure else None)
    web.answers["/hook"] = drips
    begun = time.monotonic()

    answer = call(f"{web.url}/hook")
    web.close()

    assert time.monotonic() - begun < ATTENTION
    assert "was not called: its server did not answer in time." in failure(answer)
    assert answer.may_pass


def drips(request: BaseHTTPRequestHandler) -> None:
    """Say a little more of a header each moment, for a minute."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    with suppress(OSError):
        for _ in range(600):
            request.wfile.write(b".")
            request.wfile.flush()
            time.sleep(0.1)
    request.close_connection = True


def test_a_server_that_nobody_vouches_for_is_not_called(call, tmp_path):
    web = Web(Certificate(tmp_path))
    answer = call(f"{web.url}/hook")
    web.close()

    assert "certificate of its server is not trusted" in failure(answer)
    assert not answer.may_pass
    assert web.seen == []


def test_a_server_that_is_vouched_for_is_called(call, tmp_path, monkeypatch):
    certificate = Certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    web = Web(certificate)
    web.answers["/hook"] = says(200)

    assert call(f"{web.url}/hook") is None
    web.close()


@pytest.mark.parametrize("hook", ["http://[::1", "http://", "http://shop..example/hook"])
def test_what_is_no_address_is_told(call, hook):
    answer = call(hook)

    assert failure(answer).startswith("The hook ")
    assert failure(answer).endswith("no http or https address; correct it.")
    assert not answer.may_pass


def test_an_address_is_not_called_without_a_secret(call, web):
    answer = call(f"{web.url.replace('//', '//anna@')}/hook?token=hunter2", key="")

    assert failure(answer).startswith(f"The hook {web.url}/hook cannot be called: ")
    assert "TIDEGATE_WEBHOOK_SECRET" in answer.message
    assert web.seen == []


def test_ids_are_written_as_json(call, web, clock):
    web.answers["/hook"] = says(200)

    Hooks(clock=clock).call_hook(
        f"{web.url}/hook", 'd-"', "é", region="eu-central-1", role_arn="", key=KEY
    )

    assert json.loads(web.seen[0].body) == {
        "DeploymentId": 'd-"',
        "LifecycleEventHookExecutionId": "é",
    }
