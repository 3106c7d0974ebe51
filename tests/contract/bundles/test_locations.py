"""Revisions fetched from S3 (moto's server) and over HTTP."""

import contextlib
import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from parts.ports import free_port
from tidegate.domain.errors import TooLarge
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import locations
from tidegate.drivers.bundles.aws import s3_client
from tidegate.drivers.bundles.errors import (
    ArtifactMissing,
    FetchFailed,
    SourceUnreachable,
    WrongDigest,
)
from tidegate.drivers.bundles.folder import FolderStore
from tidegate.drivers.bundles.locations import fetch_location

DATA = b"the bundle" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
LIMIT = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "artifacts", reserve=0)


def at(url: str, sha256: str = SHA256) -> Source:
    return Source(type=SourceType.HTTP, sha256=sha256, url=url)


def sends(data: bytes = DATA, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in {"Content_Length": str(len(data)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def leads_to(url: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def test_a_bundle_is_fetched_over_http(web, store):
    web.answers["/b.tgz"] = sends()

    artifact = fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)

    assert (artifact.sha256, artifact.size) == (SHA256, len(DATA))
    assert store.has(SHA256)


def test_what_is_in_the_store_is_not_fetched_again(web, store):
    store.put([DATA], limit=LIMIT)

    assert fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT).size == len(DATA)

    assert web.seen == []


def test_bytes_are_taken_as_sent(web, store):
    web.answers["/b.tgz"] = sends(Content_Encoding="gzip")

    assert fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT).sha256 == SHA256


def test_redirects_are_followed(web, store):
    web.answers["/b.tgz"] = sends()
    web.answers["/old"] = leads_to("/b.tgz")

    assert fetch_location(at(f"{web.url}/old"), store, limit=LIMIT).sha256 == SHA256


@pytest.mark.parametrize(
    "elsewhere", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://a/b", "http://a..b"]
)
def test_redirects_lead_only_to_http(web, store, elsewhere):
    web.answers["/old"] = leads_to(elsewhere)

    with pytest.raises(FetchFailed, match="no http or https address"):
        fetch_location(at(f"{web.url}/old"), store, limit=LIMIT)


def test_redirects_end(web, store):
    web.answers["/round"] = leads_to("/round")

    with pytest.raises(FetchFailed, match="redirects more than 5 times"):
        fetch_location(at(f"{web.url}/round"), store, limit=LIMIT)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/x", "b.tgz", "http://[::1", ""])
def test_only_http_addresses_are_fetched(store, url):
    with pytest.raises(FetchFailed):
        fetch_location(at(url), store, limit=LIMIT)


def test_another_digest_is_refused_and_leaves_nothing(web, store, tmp_path):
    web.answers["/b.tgz"] = sends(b"something else")

    with pytest.raises(WrongDigest, match="as registered"):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_announced_size_beyond_the_limit_is_refused_at_once(web, store):
    web.answers["/b.tgz"] = sends(b"", Content_Length="2000000")

    with pytest.raises(TooLarge):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)


def test_a_size_beyond_the_limit_that_is_not_announced_is_refused(web, store):
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(bytes(65536))
        except OSError:
            pass

    web.answers["/b.tgz"] = endless

    with pytest.raises(TooLarge):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)


def test_a_body_that_breaks_off_is_said(web, store):
    web.answers["/b.tgz"] = sends(DATA, Content_Length=str(len(DATA) + 1))

    with pytest.raises(SourceUnreachable, match="cannot be read"):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)


def test_a_missing_bundle_is_said(web, store):
    with pytest.raises(FetchFailed, match=r"/b\.tgz answered 404") as refusal:
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)

    assert not isinstance(refusal.value, SourceUnreachable)


def test_a_server_that_fails_may_be_asked_again(web, store):
    web.answers["/b.tgz"] = lambda request: request.send_error(503)

    with pytest.raises(SourceUnreachable, match="answered 503; try again later"):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)


def test_a_server_that_is_away_may_be_asked_again(store):
    with pytest.raises(SourceUnreachable, match="cannot be read"):
        fetch_location(at(f"http://127.0.0.1:{free_port()}/b.tgz"), store, limit=LIMIT)


def test_silence_is_not_waited_out(web, store, monkeypatch):
    monkeypatch.setattr(locations, "_TIMEOUT", 0.2)
    web.answers["/b.tgz"] = lambda _: time.sleep(1)

    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT)


def test_a_source_that_drips_for_ever_is_given_up(web, store):
    web.answers["/b.tgz"] = sends()

    with pytest.raises(SourceUnreachable, match="longer than"):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT, longest=timedelta(0))


def test_a_source_that_drips_byte_by_byte_is_given_up(web, store):
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                request.wfile.write(b"x")
                time.sleep(0.05)

    web.answers["/b.tgz"] = drip
    begun = time.monotonic()

    with pytest.raises(SourceUnreachable, match="longer than"):
        fetch_location(at(f"{web.url}/b.tgz"), store, limit=LIMIT, longest=timedelta(seconds=0.3))

    assert time.monotonic() - begun < 3


def test_a_certificate_that_is_not_trusted_is_told(secure_web, store, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    secure_web.answers["/b.tgz"] = sends()

    with pytest.raises(FetchFailed, match=r"not trusted \(self-signed") as refusal:
        fetch_location(at(f"{secure_web.url}/b.tgz"), store, limit=LIMIT)

    assert not isinstance(refusal.value, SourceUnreachable)


def test_a_certificate_that_is_trusted_is_fine(secure_web, certificate, store, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    secure_web.answers["/b.tgz"] = sends()

    assert fetch_location(at(f"{secure_web.url}/b.tgz"), store, limit=LIMIT).sha256 == SHA256


def test_a_user_in_the_address_signs_in_and_is_never_shown(web, store):
    secret = web.url.replace("://", "://bob:hunter2@")
    web.answers["/b.tgz"] = sends()
    fetch_location(at(f"{secret}/b.tgz"), store, limit=LIMIT)
    assert web.seen[0].headers["Authorization"].startswith("Basic ")

    with pytest.raises(FetchFailed) as refusal:
        fetch_location(at(f"{secret}/gone?X-Amz-Signature=hunter3", "0" * 64), store, limit=LIMIT)

    assert "hunter" not in str(refusal.value)
    assert "bob" not in str(refusal.value)


def in_s3(bucket: str, key: str = "b.tgz", version: str = "", sha256: str = SHA256) -> Source:
    return Source(type=SourceType.S3, sha256=sha256, bucket=bucket, key=key, version=version)


def test_a_bundle_is_fetched_from_s3(bucket, store):
    s3_client().put_object(Bucket=bucket, Key="b.tgz", Body=DATA)

    assert fetch_location(in_s3(bucket), store, limit=LIMIT).sha256 == SHA256
    assert store.has(SHA256)


def test_a_version_of_an_object_is_fetched(bucket, store):
    versioning = {"Status": "Enabled"}
    s3_client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    version = s3_client().put_object(Bucket=bucket, Key="b.tgz", Body=DATA)["VersionId"]
    s3_client().put_object(Bucket=bucket, Key="b.tgz", Body=b"newer")

    assert fetch_location(in_s3(bucket, version=version), store, limit=LIMIT).sha256 == SHA256


def test_a_changed_object_is_refused(bucket, store):
    s3_client().put_object(Bucket=bucket, Key="b.tgz", Body=b"changed")

    with pytest.raises(WrongDigest, match=f"s3://{bucket}/b.tgz has the sha256"):
        fetch_location(in_s3(bucket), store, limit=LIMIT)

    assert list(store.list()) == []


def test_a_missing_object_is_said(bucket, store):
    with pytest.raises(FetchFailed, match=f"There is no s3://{bucket}/b.tgz; was it removed"):
        fetch_location(in_s3(bucket), store, limit=LIMIT)


def test_a_missing_bucket_is_said(aws, store):
    with pytest.raises(FetchFailed, match="NoSuchBucket"):
        fetch_location(in_s3("not-there"), store, limit=LIMIT)


def test_a_large_object_is_refused_at_once(bucket, store):
    s3_client().put_object(Bucket=bucket, Key="b.tgz", Body=DATA)

    with pytest.raises(TooLarge):
        fetch_location(in_s3(bucket), store, limit=len(DATA) - 1)


def test_an_upload_that_is_gone_is_said(store):
    with pytest.raises(ArtifactMissing, match="upload it again"):
        fetch_location(Source(type=SourceType.ARTIFACT, sha256=SHA256), store, limit=LIMIT)
