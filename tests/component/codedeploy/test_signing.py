"""Who may come in: signatures, times and roles, as boto3 and raw requests meet them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from component.codedeploy.conftest import SECRET_KEY, Aws, refused, running
from parts.databases import Databases
from tidegate.domain.access import Role
from tidegate.engine.access_keys import revoke_access_key

NOBODY = "The security token included in the request is invalid."
HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "CodeDeploy_20141006.ListApplications",
}


def send(aws: Aws, signer: Any, *, at: datetime | None = None, body: bytes = b"{}", **more: str):
    """Send a request that was signed at another time, or was changed."""
    request = AWSRequest("POST", f"{aws.url}/", data=body, headers={**HEADERS, **more})
    with pytest.MonkeyPatch.context() as patched:
        if at is not None:
            patched.setattr(auth, "get_current_datetime", lambda *_, **__: at)
        signer.add_auth(request)
    return httpx2.post(request.url, headers=dict(request.headers.items()), content=body)


def code_of(answer: httpx2.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"]
    return answer.json()["__type"]


def signer(aws: Aws, kind: Any = auth.SigV4Auth, region: str = "us-east-1", **options: Any):
    return kind(Credentials(*aws.keys[Role.VIEWER]), "codedeploy", region, **options)


def test_a_key_of_nobody_is_refused(aws: Aws):
    key_id, secret = aws.keys[Role.ADMIN]
    for wrong in ("TGAKAAAAAAAAAAAAAAAA", "é", key_id.lower(), "TGAK%00", "A" * 5000):
        client = aws.client(key=(wrong, secret))
        assert refused("UnrecognizedClientException", client.list_applications) == NOBODY


def test_a_wrong_secret_is_refused(aws: Aws):
    client = aws.client(key=(aws.keys[Role.ADMIN][0], "wrong"))

    assert "does not match" in refused("InvalidSignatureException", client.list_applications)


def test_a_key_that_was_revoked_opens_nothing_at_once(aws: Aws):
    client = aws.client(key=aws.new_key("short"))
    client.list_applications()
    with aws.service.parts.store.write() as uow:
        revoke_access_key("short", uow=uow)

    assert refused("UnrecognizedClientException", client.list_applications) == NOBODY


def test_a_session_token_is_passed_over(aws: Aws):
    assert aws.client(token="any+token/=").list_applications()["applications"] == []


def test_when_a_key_was_used_is_noted(aws: Aws):
    aws.client(Role.VIEWER).list_applications()

    with aws.service.parts.store.read() as uow:
        used = uow.access_keys.named("viewer").last_used_at
        assert uow.access_keys.named("admin").last_used_at is None
    assert datetime.now(UTC) - used < timedelta(minutes=1)


def test_roles_are_held_to(aws: Aws):
    for role in (Role.VIEWER, Role.DEPLOYER):
        client = aws.client(role)
        client.list_applications()
        sentence = refused(
            "AccessDeniedException", client.create_application, applicationName="shop"
        )
        assert "is not authorized to perform: codedeploy:CreateApplication" in sentence
        assert f"user/{role}" in sentence
    aws.client(Role.ADMIN).create_application(applicationName="shop")


def test_an_old_signature_and_one_of_the_future_are_refused(quick_aws: Aws):
    now = datetime.now(UTC)

    for minutes, says in ((-6, "Signature expired"), (6, "Signature not yet current")):
        answer = send(quick_aws, signer(quick_aws), at=now + timedelta(minutes=minutes))
        assert code_of(answer) == "InvalidSignatureException"
        assert says in answer.json()["message"]
    assert send(quick_aws, signer(quick_aws), at=now - timedelta(minutes=4)).status_code == 200


def test_a_presigned_request_needs_no_header(quick_aws: Aws):
    now = datetime.now(UTC)
    presign = signer(quick_aws, auth.SigV4QueryAuth, expires=600)

    good = send(quick_aws, presign, at=now - timedelta(minutes=9), body=b"")
    old = send(quick_aws, presign, at=now - timedelta(minutes=11), body=b"")

    nobody = httpx2.post(
        f"{quick_aws.url}/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host;x-amz-target"
        f"&X-Amz-Credential=%00/{now:%Y%m%d}/us-east-1/codedeploy/aws4_request&X-Amz-Signature=0"
        f"&X-Amz-Expires=60&X-Amz-Date={now:%Y%m%dT%H%M%SZ}",
        headers=HEADERS,
    )

    assert good.json() == {"applications": []}
    assert code_of(nobody) == "UnrecognizedClientException"
    assert code_of(old) == "InvalidSignatureException"


def test_a_body_that_was_changed_or_not_signed_is_refused(quick_aws: Aws):
    sign = signer(quick_aws)
    unsigned = {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
    chunked = {"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    for headers in (unsigned, chunked):
        assert code_of(send(quick_aws, sign, **headers)) == "InvalidSignatureException"
    request = AWSRequest("POST", f"{quick_aws.url}/", data=b"{}", headers=HEADERS)
    sign.add_auth(request)
    headers = dict(request.headers.items())
    for changes in (
        {"content": b'{"nextToken": ""}', "headers": headers},
        {"content": b"{}", "headers": {**headers, "X-Amz-Target": "CodeDeploy_20141006.Get"}},
        {"content": b"{}", "headers": {**headers, "X-Amz-Other": "x"}},
        {"content": b"{}", "headers": headers, "params": {"a": "b"}},
    ):
        answer = httpx2.post(f"{quick_aws.url}/", **changes)
        assert code_of(answer) in {"InvalidSignatureException", "UnknownOperationException"}


def test_no_signature_and_another_service_are_refused(quick_aws: Aws):
    url, viewer = f"{quick_aws.url}/", Credentials(*quick_aws.keys[Role.VIEWER])
    token = {"Authorization": f"Bearer {quick_aws.service.tokens[Role.ADMIN]}"}

    assert code_of(httpx2.post(url, headers=HEADERS)) == "MissingAuthenticationTokenException"
    assert code_of(httpx2.post(url, headers={**HEADERS, **token})) == "IncompleteSignatureException"
    other = send(quick_aws, auth.SigV4Auth(viewer, "s3", "us-east-1"))
    assert code_of(other) == "InvalidSignatureException"
    place = send(quick_aws, auth.SigV4Auth(viewer, "codedeploy", "anywhere"))
    assert code_of(place) == "InvalidSignatureException"


@pytest.mark.parametrize("secret_key", ["", "another key that is long enough for it"])
def test_without_the_key_of_its_secrets_the_service_is_not_available(
    databases: Databases, tmp_path: Path, secret_key: str
):
    with (
        databases.fresh("sqlite") as url,
        running(url, tmp_path / "data", secret_key=secret_key) as aws,
    ):
        sentence = refused("ServiceUnavailable", aws.client().list_applications)

    assert "TIDEGATE_SECRET_KEY" in sentence


def test_an_older_key_still_opens_what_it_sealed(databases: Databases, tmp_path: Path):
    both = f"a newer key that is long enough too, {SECRET_KEY}"
    with (
        databases.fresh("sqlite") as url,
        running(url, tmp_path / "data", secret_key=both) as aws,
    ):
        aws.client().list_applications()


def test_where_everybody_is_let_in_any_signature_will_do(databases: Databases, tmp_path: Path):
    with (
        databases.fresh("sqlite") as url,
        running(url, tmp_path / "data", insecure_no_auth=True) as aws,
    ):
        there = aws.client(region="eu-west-1", key=("anything", "goes"))
        there.create_application(applicationName="shop")
        unsigned = httpx2.post(f"{aws.url}/", headers=HEADERS).json()

        by_name = httpx2.post(f"{aws.url}/", headers={**HEADERS, "Host": "evil.example:8080"})
        strange = httpx2.post(f"{aws.url}/", headers={**HEADERS, "Host": "[::2"})

        assert code_of(by_name) == code_of(strange) == "AccessDeniedException"
        assert there.list_applications()["applications"] == ["shop"]
        assert unsigned == {"applications": []}
        assert aws.service.http.get("/v1/applications").status_code == 401
        with aws.service.parts.store.read() as uow:
            assert [entry.actor for _, entry in uow.audit.page(limit=9)] == ["anonymous"]
