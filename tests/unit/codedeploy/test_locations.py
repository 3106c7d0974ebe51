"""Locations of revisions, read and shown."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tidegate.clock import from_epoch
from tidegate.domain.ids import ApplicationId, RevisionId
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.locations import location_of, read_location
from tidegate_api.codedeploy.shapes.revisions import RevisionLocation

CONTENT = '{"version": 0.0, "Resources": []}'
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
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
GITHUB = {
    "revisionType": "GitHub",
    "gitHubLocation": {"repository": "acme/shop", "commitId": "AB" * 20},
}
APPSPEC = {
    "revisionType": "AppSpecContent",
    "appSpecContent": {"content": CONTENT, "sha256": SHA256},
}
STRING = {"revisionType": "String", "string": {"content": CONTENT, "sha256": SHA256}}


def read(location: dict[str, Any]) -> Source:
    return read_location(RevisionLocation.model_validate(location))


def shown(source: Source, *, with_content: bool = False, **known: Any) -> dict[str, Any] | None:
    revision = Revision(
        id=RevisionId("r-1"),
        application_id=ApplicationId("a"),
        application="shop",
        source=source,
        registered_at=from_epoch(0),
        **{"size": None, "bundle_type": None, "appspec": None, **known},
    )
    location = location_of(revision, with_content=with_content)
    return location and location.model_dump(by_alias=True, exclude_none=True)


@pytest.mark.parametrize("location", [S3, GITHUB, APPSPEC, STRING])
def test_what_was_sent_is_shown(location: dict[str, Any]):
    assert shown(read(location), with_content=True) == location


def test_the_content_of_an_appspec_is_shown_only_where_it_is_asked_for():
    assert shown(read(APPSPEC)) == {
        "revisionType": "AppSpecContent",
        "appSpecContent": {"sha256": SHA256},
    }
    assert shown(read(STRING)) == {"revisionType": "String", "string": {"sha256": SHA256}}


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("ZIP", "zip"), ("Tgz", "tgz"), ("tar", "tar"), ("yaml", "YAML"), ("Json", "JSON")],
)
def test_bundle_types_are_taken_in_any_case(sent: str, meant: str):
    location = {"revisionType": "S3", "s3Location": {**S3["s3Location"], "bundleType": sent}}

    assert read(location).bundle_type == meant


def test_a_digest_is_computed_where_none_was_sent_and_taken_in_capital_letters():
    content = {"content": CONTENT}

    assert read({**APPSPEC, "appSpecContent": content}).sha256 == SHA256
    assert read({**APPSPEC, "appSpecContent": {"sha256": SHA256.upper()}}).sha256 == SHA256


@pytest.mark.parametrize(
    "location",
    [
        {},
        {"revisionType": "FTP"},
        {"revisionType": "s3", "s3Location": S3["s3Location"]},
        {"s3Location": S3["s3Location"]},
        {"revisionType": "S3"},
        {"revisionType": "S3", "gitHubLocation": GITHUB["gitHubLocation"]},
        {**S3, "gitHubLocation": GITHUB["gitHubLocation"]},
        {"revisionType": "S3", "s3Location": {}},
        *(
            {"revisionType": "S3", "s3Location": {**S3["s3Location"], name: value}}
            for name in ("bucket", "key", "bundleType")
            for value in (None, "")
        ),
        {"revisionType": "S3", "s3Location": {**S3["s3Location"], "bundleType": "rar"}},
        {"revisionType": "GitHub", "gitHubLocation": {"repository": "acme/shop"}},
        {"revisionType": "GitHub", "gitHubLocation": {"commitId": "ab" * 20}},
        {"revisionType": "AppSpecContent", "appSpecContent": {}},
        {"revisionType": "String", "string": {"content": ""}},
    ],
)
def test_what_is_no_location(location: dict[str, Any]):
    with pytest.raises(AwsError) as caught:
        read(location)

    assert caught.value.code == "InvalidRevisionException"


def test_there_must_be_one():
    with pytest.raises(AwsError, match="RevisionLocation must be specified") as caught:
        read_location(None)

    assert caught.value.code == "RevisionRequiredException"


def test_what_v1_knows_of_an_object_is_shown():
    source = Source(type=SourceType.S3, sha256=SHA256, bucket="bundles", key="shop/1.TAR")

    def type_of(source: Source, **known: Any) -> str:
        location = shown(source, **known)
        assert location is not None
        return str(location["s3Location"]["bundleType"])

    assert type_of(source) == "tar"
    assert type_of(replace(source, key="zip")) == "zip"
    assert type_of(replace(source, key="shop/1.tar.gz")) == "tgz"
    assert type_of(source, bundle_type="zip") == "zip"


@pytest.mark.parametrize("type_", [SourceType.ARTIFACT, SourceType.HTTP])
def test_what_only_v1_can_name_is_not_shown(type_: SourceType):
    assert shown(Source(type=type_, sha256=SHA256, url="http://bundles.test/1")) is None
