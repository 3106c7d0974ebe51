"""Operations on revisions, through boto3."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from component.codedeploy.conftest import Aws, refused
from tidegate.domain.access import Role
from tidegate.domain.errors import ApplicationNotFound
from tidegate.domain.ids import ApplicationId, RevisionId

S3 = {
    "revisionType": "S3",
    "s3Location": {
        "bucket": "bundles",
        "key": "shop/1.zip",
        "bundleType": "zip",
        "version": "v1",
        "eTag": '"abc"',
    },
}
PLAIN = {
    "revisionType": "S3",
    "s3Location": {"bucket": "bundles", "key": "shop/1.zip", "bundleType": "zip"},
}
OF_OLD = {
    "revisionType": "S3",
    "s3Location": {"bucket": "My_Bucket.Of.2012", "key": "1.zip", "bundleType": "zip"},
}
GITHUB = {
    "revisionType": "GitHub",
    "gitHubLocation": {"repository": "acme/shop", "commitId": "ab" * 20},
}
CONTENT = "version: 0.0\nResources: []\n"
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
APPSPEC = {
    "revisionType": "AppSpecContent",
    "appSpecContent": {"content": CONTENT, "sha256": SHA256},
}
STRING = {"revisionType": "String", "string": {"content": CONTENT, "sha256": SHA256}}
JSON = {
    "revisionType": "S3",
    "s3Location": {"bucket": "bundles", "key": "appspec", "bundleType": "JSON"},
}
OF_SHOP = "/v1/applications/shop/revisions"


class Revisions:
    """The revisions of the application `shop`, which is made with them."""

    def __init__(self, aws: Aws, platform: str = "Server") -> None:
        self.aws = aws
        self.client = aws.client()
        self.client.create_application(applicationName="shop", computePlatform=platform)

    def register(self, revision: Any, **more: Any) -> Any:
        return self.client.register_application_revision(
            applicationName="shop", revision=revision, **more
        )

    def get(self, revision: Any) -> Any:
        return self.client.get_application_revision(applicationName="shop", revision=revision)

    def batch_get(self, *revisions: Any) -> Any:
        return self.client.batch_get_application_revisions(
            applicationName="shop", revisions=list(revisions)
        )

    def list(self) -> list[Any]:
        return self.client.list_application_revisions(applicationName="shop")["revisions"]


@pytest.fixture
def revisions(aws: Aws) -> Revisions:
    return Revisions(aws)


@pytest.mark.parametrize(
    ("platform", "revision"),
    [
        ("Server", S3),
        ("Server", PLAIN),
        ("Server", GITHUB),
        ("Server", OF_OLD),
        ("Lambda", APPSPEC),
        ("Lambda", STRING),
        ("Lambda", JSON),
        ("ECS", APPSPEC),
        ("ECS", JSON),
    ],
)
def test_one_is_registered_and_shown_as_it_was_sent(aws: Aws, platform: str, revision: Any):
    revisions = Revisions(aws, platform)
    revisions.register(revision, description="from CI")

    shown = revisions.get(revision)

    assert (shown["applicationName"], shown["revision"]) == ("shop", revision)
    info = shown["revisionInfo"]
    assert datetime.now(UTC) - info.pop("registerTime") < timedelta(minutes=1)
    assert info == {"description": "from CI", "deploymentGroups": []}


def test_registered_again_it_gets_the_description_and_keeps_its_time(revisions: Revisions):
    revisions.register(S3)
    first = revisions.get(S3)["revisionInfo"]
    revisions.register(S3, description="better said")
    without_quotes = {**S3, "s3Location": {**S3["s3Location"], "eTag": "abc"}}
    revisions.register(without_quotes)

    again = revisions.get(without_quotes)

    assert "description" not in first
    assert again["revision"] == S3
    assert again["revisionInfo"] == {**first, "description": "better said"}
    assert revisions.list() == [S3]


def test_another_version_etag_or_type_is_another_revision(revisions: Revisions):
    others = [
        {**S3, "s3Location": {**S3["s3Location"], name: value}}
        for name, value in (("version", "v2"), ("eTag", "x"), ("bundleType", "tgz"))
    ]
    for revision in (S3, PLAIN, *others):
        revisions.register(revision)

    assert len(revisions.list()) == 5
    for revision in (S3, PLAIN, *others):
        assert revisions.get(revision)["revision"] == revision


def test_two_that_register_at_once_register_one(revisions: Revisions):
    clients = [revisions.aws.client() for _ in range(8)]

    def register(client: Any) -> None:
        client.register_application_revision(applicationName="shop", revision=S3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, clients))

    assert revisions.list() == [S3]


def test_an_appspec_is_found_by_its_digest(aws: Aws):
    revisions = Revisions(aws, "ECS")
    revisions.register({**APPSPEC, "appSpecContent": {"content": CONTENT}})
    by_digest = {**APPSPEC, "appSpecContent": {"sha256": SHA256}}

    assert revisions.get(by_digest)["revision"] == APPSPEC
    assert revisions.list() == [by_digest]
    revisions.register(by_digest, description="known")
    assert revisions.get(by_digest)["revisionInfo"]["description"] == "known"
    # CodeDeploy tells the content in GetApplicationRevision alone.
    (batch,) = revisions.batch_get(by_digest)["revisions"]
    assert batch["revisionLocation"] == by_digest


def test_what_cannot_be_registered(revisions: Revisions):
    register = revisions.client.register_application_revision
    shop = {"applicationName": "shop", "revision": S3}

    refused("ApplicationNameRequiredException", register, revision=S3)
    refused("InvalidApplicationNameException", register, applicationName="a/b", revision=S3)
    refused("ApplicationDoesNotExistException", register, applicationName="x", revision=S3)
    sentence = refused("RevisionRequiredException", register, applicationName="shop")
    assert sentence == "RevisionLocation must be specified"
    refused("DescriptionTooLongException", register, **shop, description="x" * 257)
    register(**shop, description="x" * 256)
    for revision in (
        {},
        {"revisionType": "S3"},
        {**S3, **GITHUB},
        {**S3, "s3Location": {**S3["s3Location"], "bucket": "Not A Bucket"}},
        {**S3, "s3Location": {**S3["s3Location"], "bundleType": "YAML"}},
        {**GITHUB, "gitHubLocation": {"repository": "acme/shop", "commitId": "main"}},
        APPSPEC,
        STRING,
    ):
        refused("InvalidRevisionException", register, applicationName="shop", revision=revision)
    assert revisions.list() == [S3]


def test_each_platform_takes_its_own(quick_aws: Aws):
    revisions = Revisions(quick_aws, "ECS")
    register = revisions.client.register_application_revision
    wrong = {**APPSPEC, "appSpecContent": {"content": CONTENT, "sha256": "0" * 64}}
    unknown = {**APPSPEC, "appSpecContent": {"sha256": "0" * 64}}

    for revision in (S3, GITHUB, STRING, wrong):
        refused("InvalidRevisionException", register, applicationName="shop", revision=revision)
    # RegisterApplicationRevision declares no RevisionDoesNotExistException.
    refused("InvalidRevisionException", register, applicationName="shop", revision=unknown)
    body = {"source": {"type": "http", "url": "http://b.test/1"}, "sha256": SHA256}
    assert quick_aws.service.post(OF_SHOP, body).json()["code"] == "InvalidRevisionException"


def test_what_cannot_be_shown(revisions: Revisions):
    get = revisions.client.get_application_revision

    refused("ApplicationNameRequiredException", get, revision=S3)
    refused("InvalidApplicationNameException", get, applicationName="a/b", revision=S3)
    refused("ApplicationDoesNotExistException", get, applicationName="x", revision=S3)
    refused("RevisionRequiredException", get, applicationName="shop")
    refused("InvalidRevisionException", get, applicationName="shop", revision={})
    for revision, told in (
        (S3, "s3://bundles/shop/1.zip in version v1"),
        (GITHUB, f"commit {'ab' * 20} of acme/shop"),
        (APPSPEC, f"the AppSpec with the sha256 {SHA256}"),
    ):
        sentence = refused(
            "RevisionDoesNotExistException", get, applicationName="shop", revision=revision
        )
        assert sentence == f"No revision found for: {told}"


def test_several_are_shown_at_once(revisions: Revisions):
    revisions.register(S3, description="one")
    revisions.register(GITHUB)

    answer = revisions.batch_get(GITHUB, S3, PLAIN, S3)

    assert answer["applicationName"] == "shop"
    assert answer["errorMessage"] == "No revision found for: s3://bundles/shop/1.zip"
    assert [one["revisionLocation"] for one in answer["revisions"]] == [GITHUB, S3]
    for one in answer["revisions"]:
        shown = revisions.get(one["revisionLocation"])["revisionInfo"]
        assert one["genericRevisionInfo"] == shown
    assert revisions.batch_get(S3)["errorMessage"] == ""


def test_which_batches_are_refused(revisions: Revisions):
    batch_get = revisions.client.batch_get_application_revisions
    revisions.register(S3)

    refused("ApplicationNameRequiredException", batch_get, revisions=[S3])
    refused("InvalidApplicationNameException", batch_get, applicationName="a/b", revisions=[S3])
    refused("ApplicationDoesNotExistException", batch_get, applicationName="x", revisions=[S3])
    refused("RevisionRequiredException", batch_get, applicationName="shop")
    refused("RevisionRequiredException", batch_get, applicationName="shop", revisions=[])
    refused("InvalidRevisionException", batch_get, applicationName="shop", revisions=[S3, {}])
    refused("BatchLimitExceededException", batch_get, applicationName="shop", revisions=[S3] * 26)
    assert len(revisions.batch_get(*[S3] * 25)["revisions"]) == 1


def test_who_may_what(aws: Aws, revisions: Revisions):
    viewer, deployer = aws.client(Role.VIEWER), aws.client(Role.DEPLOYER)
    shop = {"applicationName": "shop", "revision": S3}

    refused("AccessDeniedException", viewer.register_application_revision, **shop)
    deployer.register_application_revision(**shop)
    assert viewer.get_application_revision(**shop)["revision"] == S3


def test_what_is_registered_here_is_seen_under_v1(aws: Aws, revisions: Revisions):
    revisions.register(S3, description="from CI")
    revisions.register(GITHUB)

    of_github, of_s3 = aws.service.get(OF_SHOP).json()["items"]

    assert {name: value for name, value in of_s3["source"].items() if value} == {
        "type": "s3",
        "bucket": "bundles",
        "key": "shop/1.zip",
        "version": "v1",
        "etag": '"abc"',
    }
    assert (of_s3["sha256"], of_s3["size"], of_s3["bundle_type"]) == (None, None, "zip")
    assert of_s3["description"] == "from CI"
    assert {name: value for name, value in of_github["source"].items() if value} == {
        "type": "github",
        "repository": "acme/shop",
        "commit": "ab" * 20,
    }


def test_an_appspec_is_seen_under_v1_with_its_content(aws: Aws):
    Revisions(aws, "Lambda").register(APPSPEC)
    (listed,) = aws.service.get(OF_SHOP).json()["items"]

    shown = aws.service.get(f"{OF_SHOP}/{listed['id']}").json()

    assert (shown["source"]["type"], shown["sha256"]) == ("appspec_content", SHA256)
    assert (shown["content"], shown["size"]) == (CONTENT, len(CONTENT))
    assert "content" not in listed


def test_what_v1_registers_from_s3_is_shown_as_it_is_listed(aws: Aws, revisions: Revisions):
    for version, digest in (("", "a" * 64), ("", "b" * 64), ("v1", "c" * 64)):
        source = {"type": "s3", "bucket": "bundles", "key": "shop/1.zip", "version": version}
        body = {"source": source, "sha256": digest, "description": digest[:3]}
        assert aws.service.post(OF_SHOP, body).status_code == 201
    in_version = {"revisionType": "S3", "s3Location": {**PLAIN["s3Location"], "version": "v1"}}

    assert revisions.list() == [PLAIN, PLAIN, in_version]
    assert revisions.get(PLAIN)["revisionInfo"]["description"] == "bbb"
    assert revisions.get(in_version)["revisionInfo"]["description"] == "ccc"
    refused("RevisionDoesNotExistException", revisions.get, revision=S3)
    # To register it here is to have whatever lies there deployed, with no digest to hold it to.
    revisions.register(PLAIN)
    assert "description" not in revisions.get(PLAIN)["revisionInfo"]


def test_what_only_v1_can_name_is_not_listed(aws: Aws, revisions: Revisions):
    body = {"source": {"type": "http", "url": "http://b.test/1"}, "sha256": SHA256}
    assert aws.service.post(OF_SHOP, body).status_code == 201

    assert revisions.list() == []


def test_revisions_of_an_application_that_is_deleted_meanwhile_are_refused(
    aws: Aws, revisions: Revisions
):
    revisions.register(S3)
    with aws.service.parts.store.write() as uow:
        (known,) = uow.catalog.revisions_page(uow.catalog.application("shop").id, limit=1)
    orphan = replace(known, id=RevisionId("r-2"), application_id=ApplicationId("gone"))

    with pytest.raises(ApplicationNotFound), aws.service.parts.store.write() as uow:
        uow.catalog.add_revision(orphan)
