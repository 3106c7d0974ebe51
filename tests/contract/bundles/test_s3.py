"""The artifact store in S3, against moto's server."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.stub import Stubber

from parts.ports import free_port
from tidegate.domain.errors import NoSpace
from tidegate.drivers.bundles import artifact_store
from tidegate.drivers.bundles.aws import s3_client
from tidegate.drivers.bundles.errors import StoreUnavailable
from tidegate.drivers.bundles.s3 import S3Store
from tidegate.testing.artifact_contract import MIB, ArtifactStoreContract


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def leftovers(spool: Path) -> Callable[[], int]:
    return lambda: len(list(spool.iterdir())) if spool.exists() else 0


class TestS3Store(ArtifactStoreContract):
    @pytest.fixture
    def store(self, bucket: str, spool: Path) -> S3Store:
        return S3Store(bucket, "some/prefix/", spool=spool, reserve=0)


def test_objects_lie_below_the_prefix_and_others_are_not_listed(bucket: str, spool: Path):
    store = S3Store(bucket, "p", spool=spool)
    artifact = store.put([b"abc"], limit=10)
    s3_client().put_object(Bucket=bucket, Key="p/notes.txt", Body=b"mine")
    s3_client().put_object(Bucket=bucket, Key=f"q/{'ab'}/{'0' * 62}", Body=b"theirs")

    keys = [item["Key"] for item in s3_client().list_objects_v2(Bucket=bucket)["Contents"]]

    assert f"p/{artifact.sha256[:2]}/{artifact.sha256[2:]}" in keys
    assert list(store.list()) == [artifact]


def test_a_hundred_threads_fetch_it_once(bucket: str, spool: Path, tmp_path: Path):
    client = _Counting(s3_client())
    store = S3Store(bucket, spool=spool, client=client)
    artifact = store.put([os.urandom(MIB)], limit=MIB)

    with ThreadPoolExecutor(100) as pool:
        paths = set(pool.map(lambda _: store.fetch(artifact.sha256, tmp_path / "c"), range(100)))

    assert len(paths) == 1
    assert client.gets == 1


class _Counting:
    def __init__(self, client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.gets = 0

    def get_object(self, **arguments):
        with self._lock:
            self.gets += 1
        return self._client.get_object(**arguments)

    def __getattr__(self, name):
        return getattr(self._client, name)


def test_bytes_that_changed_in_the_bucket_are_not_taken(bucket: str, spool: Path, tmp_path: Path):
    store = S3Store(bucket, spool=spool)
    artifact = store.put([b"abc"], limit=10)
    key = f"{artifact.sha256[:2]}/{artifact.sha256[2:]}"
    s3_client().put_object(Bucket=bucket, Key=key, Body=b"evil")

    with pytest.raises(StoreUnavailable, match="is not that"):
        store.fetch(artifact.sha256, tmp_path / "cache")

    assert list((tmp_path / "cache").iterdir()) == []


def test_copies_go_that_nobody_has_used_for_a_week(bucket: str, spool: Path, tmp_path: Path):
    store, cache = S3Store(bucket, spool=spool, reserve=0), tmp_path / "cache"
    unused, used, new = (store.put([text], limit=10).sha256 for text in (b"a", b"b", b"c"))
    for path in (store.fetch(unused, cache), store.fetch(used, cache), cache / "half.part"):
        path.touch()
        os.utime(path, (time.time() - 8 * 86_400,) * 2)

    store.fetch(used, cache)
    store.fetch(new, cache)

    assert {path.name for path in cache.iterdir()} == {used, new}
    assert store.fetch(unused, cache).read_bytes() == b"a"


def test_a_full_cache_is_no_space(bucket: str, spool: Path, tmp_path: Path):
    artifact = S3Store(bucket, spool=spool).put([b"abc"], limit=10)

    with pytest.raises(NoSpace):
        S3Store(bucket, spool=spool, reserve=2**60).fetch(artifact.sha256, tmp_path / "cache")


def test_a_bucket_that_is_not_there_is_said(aws: None, spool: Path):
    store = S3Store("no-such-bucket", spool=spool)

    with pytest.raises(StoreUnavailable, match="NoSuchBucket for s3://no-such-bucket/"):
        store.put([b"abc"], limit=10)
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        list(store.list())
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        store.check()

    assert list(spool.iterdir()) == []


def test_an_s3_that_is_away_is_said(
    aws: None, monkeypatch: pytest.MonkeyPatch, spool: Path, tmp_path: Path
):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("time.sleep", lambda _: None)
    store = S3Store("some-bucket", spool=spool)

    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.fetch("0" * 64, tmp_path)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.put([b"abc"], limit=10)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.check()


def test_an_address_of_s3_that_is_none_is_said(
    aws: None, monkeypatch: pytest.MonkeyPatch, spool: Path
):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "s3.example.com")

    with pytest.raises(StoreUnavailable, match="AWS_ENDPOINT_URL is no address"):
        S3Store("some-bucket", spool=spool).check()


def test_an_s3_that_denies_is_said(aws: None, spool: Path):
    client = s3_client()
    with Stubber(client) as answers:
        answers.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403)
        with pytest.raises(StoreUnavailable, match="AccessDenied for s3://some-bucket/"):
            S3Store("some-bucket", spool=spool, client=client).check()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("aws_access_key_id = testing", r"Unable to parse config file: \S+/credentials\)"),
        ("[default]\naws_access_key_id = testing", "missing: aws_secret_access_key"),
    ],
)
def test_credentials_that_cannot_be_read_are_said_until_they_are_mended(
    bucket: str, spool: Path, monkeypatch: pytest.MonkeyPatch, content: str, sentence: str
):
    credentials = spool.with_name("credentials")
    credentials.write_text(content)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = S3Store(bucket, spool=spool)

    with pytest.raises(StoreUnavailable, match=sentence):
        store.check()
    credentials.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b")
    store.check()


def test_uploads_in_parts_that_were_left_are_aborted_after_a_day(bucket: str, spool: Path):
    store = S3Store(bucket, "p", spool=spool)
    s3_client().create_multipart_upload(Bucket=bucket, Key="p/ab/cdef")

    begun = s3_client().list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"]

    assert store.drop_leftovers(now=begun + timedelta(hours=23)) == 0
    assert store.drop_leftovers(now=begun + timedelta(hours=25)) == 1

    assert "Uploads" not in s3_client().list_multipart_uploads(Bucket=bucket)


def test_a_url_names_the_store(bucket: str, tmp_path: Path):
    store = artifact_store(f"s3://{bucket}/deep/prefix")

    artifact = store.put([b"abc"], limit=10)

    key = f"deep/prefix/{artifact.sha256[:2]}/{artifact.sha256[2:]}"
    assert s3_client().head_object(Bucket=bucket, Key=key)["ContentLength"] == 3
