"""Signatures are checked as AWS does: against its published examples and botocore's own signer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.gate import check_scope, check_time
from tidegate_api.codedeploy.signature import (
    SignedRequest,
    check_body,
    check_headers,
    parse_claim,
    parse_query,
    proves,
)

ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


def as_received(request: AWSRequest, body: bytes) -> SignedRequest:
    url = urlsplit(request.url)
    headers = {
        name.lower(): str(value).encode().decode("latin-1")
        for name, value in request.headers.items()
    }
    headers.setdefault("host", url.netloc)
    return SignedRequest(
        method=request.method,
        path=url.path or "/",
        query=parse_query(url.query.encode()),
        headers=headers,
        body=body,
    )


def signed(
    signer: Callable[..., Any] = auth.SigV4Auth,
    *,
    at: datetime = NOW,
    url: str = "http://localhost:8080/",
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    token: str | None = None,
    service: str = "codedeploy",
    region: str = "us-east-1",
) -> SignedRequest:
    """A request signed by botocore, as it would come in."""
    request = AWSRequest(
        "POST",
        url,
        data=body,
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "CodeDeploy_20141006.ListApplications",
            **(headers or {}),
        },
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(auth, "get_current_datetime", lambda *_, **__: at.replace(tzinfo=None))
        signer(Credentials(ID, SECRET, token), service, region).add_auth(request)
    return as_received(request, body)


def presigned(life: int = 3600, **options: Any) -> SignedRequest:
    def signer(*whom: Any) -> auth.SigV4QueryAuth:
        return auth.SigV4QueryAuth(*whom, expires=life)

    return signed(signer, **{"body": b"", **options})


def holds(request: SignedRequest, secret: str = SECRET) -> bool:
    return proves(request, parse_claim(request), secret)


def refusal(check: Callable[..., Any], *given: Any) -> str:
    with pytest.raises(AwsError) as refused:
        check(*given)
    return f"{refused.value.code}: {refused.value.message}"


@pytest.mark.parametrize(
    ("query", "service", "headers", "signature"),
    [
        (
            b"",
            "service",
            {"host": "example.amazonaws.com"},
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            b"Action=ListUsers&Version=2010-05-08",
            "iam",
            {
                "content-type": "application/x-www-form-urlencoded; charset=utf-8",
                "host": "iam.amazonaws.com",
            },
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ],
)
def test_the_examples_that_aws_publishes(query, service, headers, signature):
    headers = {**headers, "x-amz-date": "20150830T123600Z"}
    names = ";".join(sorted(headers))
    scope = f"{ID}/20150830/us-east-1/{service}/aws4_request"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"
    )
    request = SignedRequest(
        method="GET", path="/", query=parse_query(query), headers=headers, body=b""
    )

    assert holds(request)
    assert not holds(request, "another secret")


@settings(deadline=None)
@given(
    body=st.binary(max_size=200),
    parameters=st.dictionaries(
        st.from_regex(r"[A-Za-z~_.-]{1,10}", fullmatch=True), TEXT, max_size=4
    ),
    header=TEXT | st.text("aß€à☃ ", max_size=20),
    token=st.none() | st.from_regex(r"[A-Za-z0-9+/=]{1,30}", fullmatch=True),
)
def test_what_botocore_signs_holds_and_what_is_changed_does_not(body, parameters, header, token):
    query = auth.percent_encode_sequence(parameters)
    request = signed(
        url=f"http://localhost:8080/?{query}",
        body=body,
        headers={"X-Amz-Extra": f"  {header}  "},
        token=token,
    )

    claim = parse_claim(request)
    assert proves(request, claim, SECRET)
    check_headers(request, claim)
    check_body(request)
    assert not holds(request, SECRET[:-1])
    assert not holds(replace(request, body=body + b" "))
    assert not holds(replace(request, query=[*request.query, ("more", "")]))
    assert not holds(replace(request, path="/other"))
    for name in claim.signed_headers:
        changed = {**request.headers, name: f"{request.headers[name]}x"}
        assert name == "x-amz-date" or not holds(replace(request, headers=changed)), name


@settings(deadline=None)
@given(life=st.integers(1, 7 * 24 * 3600), token=st.none() | st.just("session/token+="))
def test_presigned_requests_hold_for_their_time(life: int, token):
    request = presigned(life, token=token)
    claim = parse_claim(request)

    assert proves(request, claim, SECRET)
    assert "x-amz-target" in claim.signed_headers
    for offset in (-300, 0, life):
        check_time(claim, NOW + timedelta(seconds=offset))
    assert "expired" in refusal(check_time, claim, NOW + timedelta(seconds=life + 1))
    assert "not yet current" in refusal(check_time, claim, NOW - timedelta(seconds=301))


def test_five_minutes_either_way():
    claim = parse_claim(signed())

    for offset in (-300, 300):
        check_time(claim, NOW + timedelta(seconds=offset))
    assert refusal(check_time, claim, NOW + timedelta(seconds=301)) == (
        "InvalidSignatureException: Signature expired: 20261126T120000Z is now earlier than "
        "20261126T120001Z (20261126T120501Z - 5 min.)"
    )
    assert refusal(check_time, claim, NOW - timedelta(seconds=301)) == (
        "InvalidSignatureException: Signature not yet current: 20261126T120000Z is still later "
        "than 20261126T115959Z (20261126T115459Z + 5 min.)"
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"service": "s3"}, "scoped to correct service: 'codedeploy'"),
        ({"region": "everywhere"}, "scoped to a valid region"),
    ],
)
def test_a_signature_for_something_else_is_refused(changes, says):
    assert says in refusal(check_scope, parse_claim(signed(**changes)))


@pytest.mark.parametrize("date", ["Thu, 26 Nov 2026 12:00:00 GMT", "20261126T120000Z"])
def test_the_date_of_http_will_do(date: str):
    request = signed()
    headers = {name: value for name, value in request.headers.items() if name != "x-amz-date"}
    request = replace(request, headers={**headers, "date": date})
    claim = parse_claim(request)

    assert claim.signed_at == NOW
    assert "Date" in refusal(parse_claim, replace(request, headers={**headers, "date": "now"}))


def test_the_date_of_the_scope_is_that_of_the_request():
    claim = replace(parse_claim(signed()), date="20261125")

    assert "does not match YYYYMMDD" in refusal(check_scope, claim)


@pytest.mark.parametrize("name", ["host", "x-amz-target", "x-amz-date"])
def test_what_says_where_a_request_goes_must_be_signed(name):
    request = signed()
    claim = parse_claim(request)
    less = replace(claim, signed_headers=tuple(one for one in claim.signed_headers if one != name))

    assert f"'{name}' must be a 'SignedHeader'" in refusal(check_headers, request, less)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
        {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
        {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
        {"content-encoding": "aws-chunked"},
        {"x-amz-content-sha256": "0" * 64},
    ],
)
def test_a_body_that_is_not_signed_as_a_whole_is_refused(headers):
    request = signed()
    request = replace(request, headers={**request.headers, **headers})

    assert refusal(check_body, request).startswith("InvalidSignatureException")


CREDENTIAL = f"Credential={ID}/20261126/us-east-1/codedeploy/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        ("Bearer tg_abc", "Unsupported AWS 'algorithm': 'Bearer'"),
        ("AWS4-ECDSA-P256-SHA256 x", "Unsupported"),
        ("", "Unsupported"),
        ("AWS4-HMAC-SHA256", "requires 'Credential'"),
        (f"AWS4-HMAC-SHA256 {CREDENTIAL}, Signature=ab", "requires 'SignedHeaders'"),
        (f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host", "requires 'Signature'"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=ab", "exactly 5"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=ab",
            "valid terminator",
        ),
    ],
)
def test_a_header_that_is_none_is_refused_with_what_it_lacks(authorization, says):
    request = signed()
    request = replace(request, headers={**request.headers, "authorization": authorization})

    assert says in refusal(parse_claim, request)


@pytest.mark.parametrize(
    "stamp", ["", "now", "20261126", "2026-11-26T12:00:00Z", "20261326T120000Z"]
)
def test_a_time_that_is_none_is_refused(stamp):
    request = signed()
    request = replace(request, headers={**request.headers, "x-amz-date": stamp})

    assert refusal(parse_claim, request).startswith("IncompleteSignatureException")


@pytest.mark.parametrize("name", ["Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_a_presigned_request_has_all_its_parameters_once(name):
    request = presigned()
    without = [pair for pair in request.query if pair[0] != f"X-Amz-{name}"]
    twice = [*request.query, *(pair for pair in request.query if pair[0] == f"X-Amz-{name}")]

    for query in (without, twice):
        assert f"X-Amz-{name}" in refusal(parse_claim, replace(request, query=query))


@pytest.mark.parametrize("life", ["0", "604801", "-1", "x", "9" * 30, "\u0663"])
def test_a_presigned_request_is_good_for_a_week_at_most(life):
    request = presigned()
    query = [(key, life if key == "X-Amz-Expires" else value) for key, value in request.query]

    assert "X-Amz-Expires" in refusal(parse_claim, replace(request, query=query))


def test_without_any_signature_that_is_said():
    request = replace(signed(), headers={"host": "x"})

    assert refusal(parse_claim, request).startswith("MissingAuthenticationTokenException")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_claimed_gives_a_refusal_or_a_claim_that_proves_nothing(text):
    request = signed()
    for header in (text, f"AWS4-HMAC-SHA256 {text}", f"AWS4-HMAC-SHA256 Credential={text}"):
        try:
            claim = parse_claim(
                replace(request, headers={**request.headers, "authorization": header})
            )
        except AwsError:
            continue
        assert not proves(request, claim, SECRET)
