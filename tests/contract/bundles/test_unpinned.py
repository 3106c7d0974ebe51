"""What CodeDeploy's clients name: objects in S3 and commits on GitHub, of no known digest."""

import contextlib
import time
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from parts import github
from parts.web import Answer, Web
from tidegate.domain.errors import TooLarge
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles.aws import s3_client
from tidegate.drivers.bundles.errors import (
    ArtifactMissing,
    FetchFailed,
    SourceUnreachable,
    WrongDigest,
)
from tidegate.drivers.bundles.folder import FolderStore
from tidegate.drivers.bundles.locations import Origins, fetch_location

DATA = b"the bundle" * 1000
LIMIT = 1_000_000
BUNDLE = Source(type=SourceType.S3, bucket="bundles", key="b.zip", bundle_type="zip")
COMMIT = Source(type=SourceType.GITHUB, repository="acme/site", commit=github.ID)
LISTED = "/bundles/b.zip"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "artifacts", reserve=0)


def test_what_lies_there_now_is_fetched(bucket, store):
    source = replace(BUNDLE, bucket=bucket)
    s3_client().put_object(Bucket=bucket, Key="b.zip", Body=DATA)
    first = fetch_location(source, store, limit=LIMIT)
    s3_client().put_object(Bucket=bucket, Key="b.zip", Body=b"newer")

    assert first.size == len(DATA)
    assert fetch_location(source, store, limit=LIMIT).size == len(b"newer")


def test_who_has_found_it_before_keeps_to_that(bucket, store):
    source = replace(BUNDLE, bucket=bucket)
    s3_client().put_object(Bucket=bucket, Key="b.zip", Body=DATA)
    first = fetch_location(source, store, limit=LIMIT)
    s3_client().put_object(Bucket=bucket, Key="b.zip", Body=b"newer")

    assert fetch_location(source, store, limit=LIMIT, sha256=first.sha256) == first
    store.delete(first.sha256)
    with pytest.raises(WrongDigest):
        fetch_location(source, store, limit=LIMIT, sha256=first.sha256)
    assert list(store.list()) == []


@pytest.mark.parametrize("quotes", ["", '"'])
def test_the_etag_is_compared_without_its_quotes(bucket, store, quotes):
    etag = s3_client().put_object(Bucket=bucket, Key="b.zip", Body=DATA)["ETag"].strip('"')
    source = replace(BUNDLE, bucket=bucket, etag=f"{quotes}{etag}{quotes}")

    assert fetch_location(source, store, limit=LIMIT).size == len(DATA)


def test_another_etag_is_refused(bucket, store):
    s3_client().put_object(Bucket=bucket, Key="b.zip", Body=DATA)

    with pytest.raises(FetchFailed, match="and abc was expected; it was overwritten") as refusal:
        fetch_location(replace(BUNDLE, bucket=bucket, etag='"abc"'), store, limit=LIMIT)

    assert not isinstance(refusal.value, SourceUnreachable)
    assert list(store.list()) == []


def test_a_version_is_fetched_and_an_unknown_one_is_said(bucket, store):
    s3 = s3_client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="b.zip", Body=DATA)["VersionId"]
    s3.put_object(Bucket=bucket, Key="b.zip", Body=b"newer")
    source = replace(BUNDLE, bucket=bucket, version=old)

    assert fetch_location(source, store, limit=LIMIT).size == len(DATA)
    with pytest.raises(FetchFailed):
        fetch_location(replace(source, version="f" * 32), store, limit=LIMIT)


@pytest.fixture
def listed(web: Web, aws: None, monkeypatch: pytest.MonkeyPatch) -> Web:
    """An S3 that answers what a test says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
    return web


def refuses(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return github.gives(text, status, Content_Type="application/xml", Content_Length=str(len(text)))


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "AccessDenied", "S3 answered AccessDenied for s3://bundles/b.zip; check"),
        (404, "NoSuchBucket", "S3 answered NoSuchBucket for s3://bundles/b.zip; check"),
        (404, "NoSuchKey", "There is no s3://bundles/b.zip; was it removed?"),
        (404, "NoSuchVersion", "There is no s3://bundles/b.zip; was it removed?"),
    ],
)
def test_a_refusal_is_said_and_is_for_good(listed, store, status: int, code: str, sentence: str):
    listed.answers[LISTED] = refuses(status, code)

    with pytest.raises(FetchFailed, match=sentence) as refusal:
        fetch_location(BUNDLE, store, limit=LIMIT)

    assert not isinstance(refusal.value, SourceUnreachable)


def test_an_s3_that_drips_byte_by_byte_is_given_up(listed, store):
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in (("Content-Length", "1000"), ("ETag", '"abc"')):
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1000):
                request.wfile.write(b"x")
                time.sleep(0.05)

    listed.answers[LISTED] = drip
    begun = time.monotonic()

    with pytest.raises(SourceUnreachable, match="longer than"):
        fetch_location(BUNDLE, store, limit=LIMIT, longest=timedelta(seconds=0.3))

    assert time.monotonic() - begun < 30  # all of it would take 50 s
    assert list(store.list()) == []


def test_a_body_that_breaks_off_may_be_asked_for_again(listed, store):
    listed.answers[LISTED] = github.gives(DATA, Content_Length=str(len(DATA) + 1), ETag='"abc"')

    with pytest.raises(SourceUnreachable):
        fetch_location(BUNDLE, store, limit=LIMIT)

    assert list(store.list()) == []


def test_what_is_too_large_is_refused_at_once(bucket, store):
    s3_client().put_object(Bucket=bucket, Key="b.zip", Body=DATA)

    with pytest.raises(TooLarge):
        fetch_location(replace(BUNDLE, bucket=bucket), store, limit=len(DATA) - 1)


def test_amazon_is_asked_in_the_region_and_others_in_their_own(aws, monkeypatch):
    assert s3_client("eu-central-1").meta.region_name == "us-east-1"

    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    assert s3_client("eu-central-1").meta.region_name == "eu-central-1"
    assert s3_client().meta.region_name == "us-east-1"


def test_a_commit_is_fetched_with_the_token_of_its_repository(
    trusting, secure_web, codeload, store
):
    tokens = {"acme/site": github.TOKEN}
    origins = Origins(github_url=f"{secure_web.url}/api/v3", github_token=tokens.get)

    assert fetch_location(COMMIT, store, limit=LIMIT, origins=origins).sha256 == github.SHA256
    assert secure_web.seen[0].headers["Authorization"] == f"Bearer {github.SECRET}"


def test_without_a_token_none_is_sent(trusting, secure_web, codeload, store):
    origins = Origins(github_url=f"{secure_web.url}/api/v3")

    fetch_location(COMMIT, store, limit=LIMIT, origins=origins)

    assert "Authorization" not in secure_web.seen[0].headers


def test_a_text_is_never_fetched(store):
    text = Source(type=SourceType.STRING, sha256="0" * 64, content="version: 0.0")

    with pytest.raises(ArtifactMissing):
        fetch_location(text, store, limit=LIMIT)
