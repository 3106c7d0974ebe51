"""What CodeDeploy's clients register, from S3 and GitHub, on real hosts by real workers."""

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from acceptance.conftest import fleet_in
from acceptance.fleet import APPLICATION, Fleet
from parts.github import CODELOAD, ID, TARBALL, gives, leads_to
from parts.s3 import S3Server
from parts.web import Web

APPSPEC = """\
version: 0.0
os: linux
hooks:
  AfterInstall:
    - location: hook.sh
"""
HOOK = '#!/bin/sh\nenv | grep "^BUNDLE_" | sort\necho "brings {page}"\n'
BUCKET = "bundles"


def packed(page: str, folder: str = "") -> bytes:
    """A tgz whose hook tells what it knows of the revision."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, text in (("appspec.yml", APPSPEC), ("hook.sh", HOOK.format(page=page))):
            info = tarfile.TarInfo(f"{folder}{name}")
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    return file.getvalue()


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture(scope="module")
def fleet(moto: S3Server, web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    environment = {
        **moto.environment(folder),
        "TIDEGATE_GITHUB_URL": f"{web.url}/api/v3",
        "TIDEGATE_INSECURE_NO_AUTH": "true",
    }
    with fleet_in(folder, environment=environment) as fleet:
        fleet.add_hosts(2)
        yield fleet


@pytest.fixture(scope="module")
def s3(moto: S3Server) -> Any:
    client = _client("s3", moto.url)
    client.create_bucket(Bucket=BUCKET)
    return client


def _client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def deploy(fleet: Fleet, group: str, revision: Any) -> str:
    """Register a revision as a client does, and deploy it."""
    url = fleet.system.url.replace("127.0.0.1", "localhost")
    _client("codedeploy", url).register_application_revision(
        applicationName=APPLICATION, revision=revision
    )
    newest = fleet.get(f"/v1/applications/{APPLICATION}/revisions?limit=1")["items"][0]
    body = {"application": APPLICATION, "deployment_group": group, "revision": newest["id"]}
    return str(fleet.post("/v1/deployments", body)["id"])


def told(fleet: Fleet, deployment_id: str, host: Any) -> list[str]:
    tail = fleet.event(deployment_id, host, "AfterInstall")["log_tail"]
    return [line.partition("[stdout]")[2] for line in tail.splitlines() if "[stdout]" in line]


def test_an_object_is_fetched_once_for_all_hosts_though_it_is_overwritten(fleet: Fleet, s3: Any):
    first, second = fleet.hosts
    group = fleet.group([first, second], "OneAtATime")
    etag = s3.put_object(Bucket=BUCKET, Key="shop.tgz", Body=packed("one"))["ETag"]
    location = {"bucket": BUCKET, "key": "shop.tgz", "bundleType": "tgz", "eTag": etag}

    id_ = deploy(fleet, group, {"revisionType": "S3", "s3Location": location})
    fleet.wait_for_status(id_, "InProgress", "Succeeded")
    s3.put_object(Bucket=BUCKET, Key="shop.tgz", Body=packed("two"))

    assert fleet.wait(id_)["status"] == "Succeeded"
    for host in (first, second):
        assert told(fleet, id_, host) == [
            f"BUNDLE_BUCKET={BUCKET}",
            f"BUNDLE_ETAG={etag}",
            "BUNDLE_KEY=shop.tgz",
            "brings one",
        ]
    again = deploy(fleet, group, {"revisionType": "S3", "s3Location": location})
    assert fleet.wait(again)["status"] == "Failed"
    assert f"and {etag.strip(chr(34))} was expected" in fleet.message(again, first)


def test_a_commit_is_fetched_from_where_github_leads(fleet: Fleet, web: Web):
    host = fleet.hosts[0]
    web.answers[TARBALL] = leads_to(f"{web.url}{CODELOAD}")
    web.answers[CODELOAD] = gives(packed("a commit", f"acme-site-{ID[:7]}/"))
    location = {"repository": "acme/site", "commitId": ID}

    id_ = deploy(fleet, fleet.group([host]), {"revisionType": "GitHub", "gitHubLocation": location})

    assert fleet.wait(id_)["status"] == "Succeeded"
    assert told(fleet, id_, host) == [f"BUNDLE_COMMIT={ID}", "brings a commit"]
