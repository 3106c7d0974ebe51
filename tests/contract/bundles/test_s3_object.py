"""A bundle in S3 is named by bucket and key, and by version or eTag where it must be that one."""

from pathlib import Path

import pytest

from tidegate.drivers.bundles.aws import s3_client
from tidegate.drivers.bundles.errors import FetchFailed
from tidegate.drivers.bundles.s3_object import S3Object


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("s3://b/k", S3Object(bucket="b", key="k")),
        ("s3://b/a/b.tgz", S3Object(bucket="b", key="a/b.tgz")),
        ("s3://b/k?versionId=v1", S3Object(bucket="b", key="k", version="v1")),
        ("s3://b/k?etag=e", S3Object(bucket="b", key="k", etag="e")),
        (
            "s3://b/k?versionId=v+/&etag=%22e%22",
            S3Object(bucket="b", key="k", version="v+/", etag="e"),
        ),
        ('s3://b/k?etag="e"', S3Object(bucket="b", key="k", etag="e")),
        ("s3://b/k?versionId=&etag=", S3Object(bucket="b", key="k")),
        ("s3://b/what?.zip", S3Object(bucket="b", key="what?.zip")),
        ("s3://b/what?.zip?etag=e", S3Object(bucket="b", key="what?.zip", etag="e")),
        ("s3://b/a%20b", S3Object(bucket="b", key="a%20b")),
    ],
)
def test_a_name_is_read(text: str, found: S3Object):
    assert S3Object.parse(text) == found


@pytest.mark.parametrize("text", ["s3://", "s3://b", "s3://b/", "s3:///k", "s3://b/?etag=e", "b/k"])
def test_a_name_without_bucket_or_key_is_refused(text: str):
    with pytest.raises(FetchFailed, match="write s3://BUCKET/KEY"):
        S3Object.parse(text)


def test_the_object_is_fetched(bucket: str, tmp_path: Path):
    s3_client().put_object(Bucket=bucket, Key="a/b", Body=b"bytes")

    S3Object(bucket=bucket, key="a/b").fetch(tmp_path / "out")

    assert (tmp_path / "out").read_bytes() == b"bytes"


def test_a_version_is_fetched_although_it_is_old(bucket: str, tmp_path: Path):
    s3 = s3_client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")

    S3Object(bucket=bucket, key="k", version=old).fetch(tmp_path / "out")

    assert (tmp_path / "out").read_bytes() == b"old"


def test_an_etag_that_matches_is_fine(bucket: str, tmp_path: Path):
    etag = s3_client().put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"].strip('"')

    S3Object(bucket=bucket, key="k", etag=etag).fetch(tmp_path / "out")

    assert (tmp_path / "out").read_bytes() == b"x"


def test_another_etag_is_refused_and_the_expected_one_named(bucket: str, tmp_path: Path):
    s3_client().put_object(Bucket=bucket, Key="k", Body=b"x")

    with pytest.raises(FetchFailed, match="and 0123 was expected"):
        S3Object(bucket=bucket, key="k", etag="0123").fetch(tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", [None, "nothing-of-that-name"])
def test_what_is_not_there_is_named(bucket: str, tmp_path: Path, version: str | None):
    with pytest.raises(FetchFailed, match=f"s3://{bucket}/k"):
        S3Object(bucket=bucket, key="k", version=version).fetch(tmp_path / "out")


def test_an_s3_that_is_not_there_is_told(aws: None, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(FetchFailed, match="s3://b/k"):
        S3Object(bucket="b", key="k").fetch(tmp_path / "out")
