"""What makes a revision this one, what it may be, and which platform takes which."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import Invalid
from tidegate.domain.revision import Source, SourceType
from tidegate.domain.revision_rules import check_platform, check_source

SHA256 = hashlib.sha256(b"version: 0.0").hexdigest()
S3 = Source(type=SourceType.S3, bucket="bundles", key="shop/1.zip", bundle_type="zip")
COMMIT = Source(type=SourceType.GITHUB, repository="acme/shop", commit="ab" * 20)
APPSPEC = Source(type=SourceType.APPSPEC_CONTENT, sha256=SHA256, content="version: 0.0")
STRING = replace(APPSPEC, type=SourceType.STRING)
UPLOADED = Source(type=SourceType.ARTIFACT, sha256=SHA256)
PINNED = Source(type=SourceType.S3, sha256=SHA256, bucket="bundles", key="shop/1.zip")
WEB = Source(type=SourceType.HTTP, sha256=SHA256, url="https://bundles.test/1.zip")
ALL = (S3, COMMIT, APPSPEC, STRING, UPLOADED, PINNED, WEB)
TEXT = st.text(max_size=3)
SOURCES = st.builds(
    Source,
    type=st.just(SourceType.S3),
    bucket=TEXT,
    key=TEXT,
    version=TEXT,
    etag=st.text(alphabet="ab", max_size=2),
    bundle_type=TEXT,
)


def test_ids_of_revisions_that_were_there_before_stay():
    assert PINNED.identity == f"s3 {SHA256} bundles shop/1.zip  "
    assert UPLOADED.identity == f"artifact {SHA256}    "
    assert WEB.identity == f"http {SHA256}    https://bundles.test/1.zip"


@given(SOURCES, SOURCES)
def test_two_objects_are_one_revision_only_if_all_members_are_the_same(one: Source, other: Source):
    assert (one.identity == other.identity) == (one == other)


def test_an_etag_is_the_same_with_and_without_its_quotes():
    assert replace(S3, etag='"abc"').identity == replace(S3, etag="abc").identity
    assert replace(S3, etag="abc").identity != S3.identity


def test_a_commit_is_the_same_in_small_and_capital_letters():
    assert replace(COMMIT, commit="AB" * 20).identity == COMMIT.identity


def test_an_appspec_is_known_by_its_digest_alone():
    assert replace(APPSPEC, content="").identity == APPSPEC.identity
    assert STRING.identity != APPSPEC.identity


@pytest.mark.parametrize("source", ALL)
def test_sound_ones_are_taken(source: Source):
    check_source(source)


@pytest.mark.parametrize(
    "source",
    [
        replace(S3, bucket="Not A Bucket"),
        replace(S3, bucket=""),
        replace(S3, key=""),
        replace(S3, key="é" * 513),
        replace(S3, version="two words"),
        replace(S3, version="v" * 1025),
        replace(S3, etag="two\nlines"),
        replace(S3, bundle_type=""),
        replace(PINNED, sha256="abc"),
        replace(COMMIT, repository="shop"),
        replace(COMMIT, repository="acme/shop/more"),
        replace(COMMIT, repository="acme/.."),
        replace(COMMIT, repository="acme/shop\n"),
        replace(COMMIT, commit="main"),
        replace(COMMIT, commit="ab" * 19),
        replace(COMMIT, commit="xy" * 20),
        replace(APPSPEC, content="version: 0.1"),
        replace(APPSPEC, sha256="abc", content=""),
        replace(UPLOADED, sha256=""),
        replace(WEB, url="ftp://bundles.test/1.zip"),
    ],
)
def test_others_are_no_revisions(source: Source):
    with pytest.raises(Invalid) as caught:
        check_source(source)

    assert caught.value.situation == "InvalidRevisionException"


FITTING = {
    ComputePlatform.SERVER: {
        *(replace(S3, bundle_type=name) for name in ("tar", "tgz", "zip")),
        COMMIT,
        UPLOADED,
        PINNED,
        WEB,
    },
    ComputePlatform.LAMBDA: {
        *(replace(S3, bundle_type=name) for name in ("YAML", "JSON")),
        APPSPEC,
        STRING,
    },
    ComputePlatform.ECS: {
        *(replace(S3, bundle_type=name) for name in ("YAML", "JSON")),
        APPSPEC,
    },
}


@pytest.mark.parametrize("platform", ComputePlatform)
def test_each_platform_takes_its_own(platform: ComputePlatform):
    for source in set().union(*FITTING.values()):
        if source in FITTING[platform]:
            check_platform(source, platform)
            continue
        with pytest.raises(Invalid, match=f"A revision for {platform} is ") as caught:
            check_platform(source, platform)
        assert caught.value.situation == "InvalidRevisionException"
