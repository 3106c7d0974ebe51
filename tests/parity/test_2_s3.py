"""§2: bundles that lie in S3, a version or an eTag of them where one is named."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from parity.bundles import appspec, sh
from parity.machine import Machine
from parts.s3 import S3Server

EVENTS = ("DownloadBundle", "AfterInstall")
FILES = {
    "appspec.yml": appspec(hooks={"AfterInstall": ["s.sh"]}),
    "s.sh": sh("env | grep ^BUNDLE_ | sort"),
}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, machine: Machine, place: Path):
    machine.env.update(s3.environment(place))
    resource = boto3.resource(
        "s3",
        endpoint_url=s3.url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    bucket = resource.create_bucket(Bucket=f"b-{abs(hash(place))}")
    bucket.Versioning().enable()
    yield bucket
    resource.meta.client.close()


def told(done) -> list[str]:
    return [line.partition("[stdout]")[2] for line in done.scripts_log.splitlines()[2:]]


def test_an_object_is_fetched_and_hooks_are_told_which(machine: Machine, bucket):
    bundle = machine.bundle(FILES, "zip").read_bytes()
    put = bucket.put_object(Key="some/shop.zip", Body=bundle)
    etag = put.e_tag.strip('"')
    bucket.put_object(Key="some/shop.zip", Body=b"another one")
    where = f"s3://{bucket.name}/some/shop.zip"
    names = [f"BUNDLE_BUCKET={bucket.name}", "BUNDLE_KEY=some/shop.zip"]

    of_version = machine.deploy(f"{where}?versionId={put.version_id}", type="zip", events=EVENTS)
    of_both = machine.deploy(
        f"{where}?versionId={put.version_id}&etag=%22{etag}%22", type="zip", events=EVENTS
    )

    version = f"BUNDLE_VERSION={put.version_id}"
    assert told(of_version.succeeded()) == [*names, version]
    assert told(of_both.succeeded()) == [names[0], f"BUNDLE_ETAG={etag}", names[1], version]


def test_neither_version_nor_etag_is_told_where_none_was_given(machine: Machine, bucket):
    bucket.put_object(Key="shop.tgz", Body=machine.bundle(FILES, "tgz").read_bytes())

    done = machine.deploy(f"s3://{bucket.name}/shop.tgz", type=None, events=EVENTS).succeeded()

    assert told(done) == [f"BUNDLE_BUCKET={bucket.name}", "BUNDLE_KEY=shop.tgz"]


def test_another_etag_fails_the_download_and_names_the_expected_one(machine: Machine, bucket):
    bucket.put_object(Key="shop.zip", Body=machine.bundle(FILES, "zip").read_bytes())

    done = machine.deploy(f"s3://{bucket.name}/shop.zip?etag=0123", type="zip", events=EVENTS)

    done.failed("DownloadBundle", "0123", "eTag")
    assert not done.archive.exists()


def test_what_is_not_there_fails_the_download(machine: Machine, bucket):
    where = f"s3://{bucket.name}/no.zip"
    machine.deploy(where, type="zip", events=EVENTS).failed("DownloadBundle", where)
    machine.deploy("s3://no-such-bucket/x", type="zip", events=EVENTS).failed(
        "DownloadBundle", "no-such-bucket"
    )
    machine.deploy("s3://", type="zip", events=EVENTS).failed("DownloadBundle", "s3://")
    machine.deploy(where, type="directory", events=EVENTS).failed("DownloadBundle", "no folder")


def test_without_a_download_nothing_is_fetched(machine: Machine):
    machine.env["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:9"

    machine.deploy("s3://b/k", type="zip", events=("ApplicationStop",)).succeeded()


def test_what_the_location_does_not_name_is_not_the_callers_either(machine: Machine, bucket):
    bucket.put_object(Key="shop.zip", Body=machine.bundle(FILES, "zip").read_bytes())
    machine.env.update(BUNDLE_VERSION="callers", BUNDLE_ETAG="callers")

    done = machine.deploy(f"s3://{bucket.name}/shop.zip", type="zip", events=EVENTS).succeeded()

    assert told(done) == [f"BUNDLE_BUCKET={bucket.name}", "BUNDLE_KEY=shop.zip"]
