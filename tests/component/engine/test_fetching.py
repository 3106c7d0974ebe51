"""Deployments of what CodeDeploy's clients name: each keeps to what its own fetch found."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from component.engine.system import ALL, ONE, System
from component.engine.test_bundles import APPSPEC, zip_of
from parts import github
from parts.s3 import S3Server
from parts.web import Web
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.revision import FetchedBundle, Source, SourceType
from tidegate.drivers.aws_roles import Sessions
from tidegate.drivers.bundles import artifact_store, aws
from tidegate.drivers.bundles.aws import s3_client
from tidegate.engine.github_tokens import create_github_token
from tidegate.engine.retention import prune
from tidegate.messages import FETCH_BUNDLE, RUN_HOOKS
from tidegate.store.sealing import Seal
from tidegate.testing.builders import ON_FAILURE

_buckets = count()
OTHER = APPSPEC.replace("/srv/app", "/srv/other")


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def bucket(moto: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    moto.point_to(monkeypatch, tmp_path)
    name = f"bundles-{next(_buckets)}"
    s3_client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def artifacts(system: System, tmp_path: Path) -> Any:
    store = artifact_store(str(tmp_path / "artifacts"))
    system.artifacts = system.worker.artifacts = system.worker.runs.artifacts = store
    return store


@pytest.fixture
def source(bucket: str) -> Source:
    return Source(type=SourceType.S3, bucket=bucket, key="shop.zip", bundle_type="zip")


def put(source: Source, appspec: str) -> str:
    """Lay a bundle there, and return its eTag."""
    body = zip_of(appspec)
    return s3_client().put_object(Bucket=source.bucket, Key=source.key, Body=body)["ETag"]


def destinations(system: System, host: str) -> list[str]:
    """Where the runs on a host installed to, the first one first."""
    return [
        run.spec["appspec"]["files"][0]["destination"] for run in system.hosts[host].runs.values()
    ]


def test_the_hosts_of_a_deployment_get_the_same_and_the_next_one_gets_what_is_new(
    system, artifacts, source, monkeypatch
):
    given = []
    fetch = artifacts.fetch
    monkeypatch.setattr(
        artifacts, "fetch", lambda *a: given.append(a[0]) or fetch(*a), raising=False
    )
    shop = system.shop("web-1", "web-2", config=ONE)
    put(source, APPSPEC)
    shop.revision("latest", source=source, is_known=False)
    first = shop.deploy("latest")
    while RUN_HOOKS not in system.waiting():
        system.deliver(system.waiting()[0])

    put(source, OTHER)
    system.settle()
    second = shop.deploy("latest")
    system.settle()

    for id_ in (first, second):
        assert shop.deployment(id_).status == "Succeeded"
    old, new = (shop.deployment(id_).bundle_sha256 for id_ in (first, second))
    assert old != new
    for host in ("web-1", "web-2"):
        assert destinations(system, host) == ["/srv/app", "/srv/other"]
    # Each is looked into once, and then given to two hosts.
    assert given == [old] * 3 + [new] * 3
    with system.store.read() as uow:
        revision = uow.catalog.revision_by_id(shop.revisions["latest"])
    assert (revision.source, revision.appspec["files"][0]["destination"]) == (source, "/srv/other")


def test_two_groups_that_deploy_at_once_do_not_mix_what_they_found(system, artifacts, source):
    shop = system.shop("web-1", config=ALL)
    put(source, APPSPEC)
    shop.revision("latest", source=source, is_known=False)
    id_ = shop.deploy("latest")
    system.deliver("deployment.advance")
    system.deliver(FETCH_BUNDLE)

    # What another deployment of the same revision found meanwhile is in the revision's row.
    other = FetchedBundle(sha256="0" * 64, bundle_type="tar", appspec={"files": []})
    with system.store.write() as uow:
        uow.catalog.store_bundle(
            shop.revisions["latest"], size=1, bundle_type="tar", appspec=other.appspec
        )
        uow.bundles.keep(id_, other)
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert destinations(system, "web-1") == ["/srv/app"]


def test_a_rollback_brings_what_was_good_whatever_lies_there_now(system, artifacts, source):
    shop = system.shop("web-1", auto_rollback=ON_FAILURE)
    put(source, APPSPEC)
    shop.revision("latest", source=source, is_known=False)
    good = shop.deploy("latest")
    system.settle()
    put(source, OTHER)
    system.fails.add(("web-1", "Install"))

    bad = shop.deploy("latest")
    while shop.deployment(bad).status != "Failed":
        system.deliver(system.waiting()[0])
    system.fails.clear()
    system.settle()

    rollback = shop.deployment(bad).rollback_deployment_id
    assert shop.deployment(rollback).status == "Succeeded"
    assert shop.deployment(rollback).bundle_sha256 == shop.deployment(good).bundle_sha256
    assert destinations(system, "web-1") == ["/srv/app", "/srv/other", "/srv/app"]


def test_a_restart_fetches_nothing_and_a_rollback_after_it_brings_what_was_good(
    system, artifacts, source
):
    shop = system.shop("web-1", auto_rollback=ON_FAILURE)
    put(source, APPSPEC)
    shop.revision("latest", source=source, is_known=False)
    good = shop.deployment(shop.deploy("latest")).id
    system.settle()
    put(source, OTHER)

    restart = shop.restart()
    system.settle()
    system.fails.add(("web-1", "Install"))
    bad = shop.deploy("latest")
    while shop.deployment(bad).status != "Failed":
        system.deliver(system.waiting()[0])
    system.fails.clear()
    system.settle()

    assert shop.deployment(restart).status == "Succeeded"
    rollback = shop.deployment(bad).rollback_deployment_id
    assert shop.deployment(rollback).status == "Succeeded"
    kept = {shop.deployment(id_).bundle_sha256 for id_ in (good, restart, rollback)}
    assert len(kept) == 1
    assert destinations(system, "web-1") == ["/srv/app", "/srv/app", "/srv/other", "/srv/app"]


def test_what_the_last_success_brought_outlives_its_days(system, artifacts, source):
    shop = system.shop("web-1")
    shop.revision("latest", source=source, is_known=False)
    kept = []
    for appspec in (APPSPEC, OTHER):
        put(source, appspec)
        kept.append(shop.deployment(shop.deploy("latest")).id)
        system.settle()
    digests = [shop.deployment(id_).bundle_sha256 for id_ in kept]
    stored = max(artifact.stored_at for artifact in artifacts.list())
    system.clock._now = stored + timedelta(days=91)

    prune(store=system.store, artifacts=artifacts, keep=timedelta(days=90))

    assert [artifact.sha256 for artifact in artifacts.list()] == digests[1:]
    with system.store.read() as uow:
        assert all(uow.bundles.is_needed(sha256) for sha256 in digests)
        assert not uow.bundles.is_needed("0" * 64)


def test_hooks_are_told_what_is_known_of_the_object(system, artifacts, source):
    shop = system.shop("web-1")
    etag = put(source, APPSPEC)
    shop.revision("plain", source=source, is_known=False)
    shop.revision("named", source=replace(source, etag=etag), is_known=False)
    for name in ("plain", "named"):
        shop.deploy(name)
        system.settle()

    plain, named = (run.spec["revision"] for run in system.hosts["web-1"].runs.values())

    assert plain == {"BUNDLE_BUCKET": source.bucket, "BUNDLE_KEY": "shop.zip"}
    assert named == {**plain, "BUNDLE_ETAG": etag}


def test_what_is_wrong_there_fails_download_bundle_with_a_sentence(system, artifacts, source):
    shop = system.shop("web-1")
    put(source, APPSPEC)
    for number, (wrong, sentence) in enumerate(
        (
            (replace(source, key="gone.zip"), f"There is no s3://{source.bucket}/gone.zip"),
            (replace(source, bucket="not-there"), "S3 answered NoSuchBucket for s3://not-there/"),
            (replace(source, etag="abc"), "and abc was expected"),
            (replace(source, version="f" * 32), f"s3://{source.bucket}/shop.zip"),
        )
    ):
        shop.revision(f"wrong-{number}", source=wrong, is_known=False)
        id_ = shop.deploy(f"wrong-{number}")
        system.settle()

        assert shop.deployment(id_).status == "Failed"
        events = shop.events(id_, "web-1")
        assert (events["DownloadBundle"], events["BeforeInstall"]) == ("Failed", "Skipped")
        with system.store.read() as uow:
            assert sentence in uow.targets.page(id_)[0].message
        assert shop.deployment(id_).bundle_sha256 == ""


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


def test_a_commit_is_deployed(system, artifacts, web):
    web.answers[github.TARBALL] = github.gives()
    system.worker.settings = system.settings.model_copy(update={"github_url": f"{web.url}/api/v3"})
    shop = system.shop("web-1")
    commit = Source(type=SourceType.GITHUB, repository="acme/site", commit=github.ID)
    shop.revision("commit", source=commit, is_known=False)
    unknown = replace(commit, commit="f" * 40)
    shop.revision("unknown", source=unknown, is_known=False)

    id_ = shop.deploy("commit")
    system.settle()
    web.answers[github.REPOSITORY] = github.says(200, "here it is")
    other = shop.deploy("unknown")
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.deployment(id_).bundle_sha256 == github.SHA256
    (run,) = system.hosts["web-1"].runs.values()
    assert run.spec["revision"] == {"BUNDLE_COMMIT": github.ID}
    assert shop.events(other, "web-1")["DownloadBundle"] == "Failed"
    with system.store.read() as uow:
        assert f"has no commit {'f' * 40}" in uow.targets.page(other)[0].message


def test_a_private_repository_is_opened_by_its_owners_token(system, artifacts, web):
    def answer(request: BaseHTTPRequestHandler) -> None:
        is_open = request.headers["Authorization"] == f"Bearer {github.SECRET}"
        (github.gives() if is_open else github.says(404))(request)

    web.answers[github.TARBALL] = web.answers[github.REPOSITORY] = answer
    system.worker.settings = system.settings.model_copy(
        update={"github_url": f"{web.url}/api/v3", "secret_key": SecretStr("k" * 40)}
    )
    shop = system.shop("web-1")
    commit = Source(type=SourceType.GITHUB, repository="acme/site", commit=github.ID)
    shop.revision("commit", source=commit, is_known=False)

    shut = shop.deploy("commit")
    system.settle()
    seal = Seal(system.worker.settings.secret_keys)
    with system.store.write() as uow:
        create_github_token("acme", github.SECRET, seal=seal, uow=uow)
    opened = shop.deploy("commit")
    system.settle()

    assert shop.deployment(shut).status == "Failed"
    assert shop.deployment(opened).status == "Succeeded"
    with system.store.read() as uow:
        assert "acme/site" in uow.targets.page(shut)[0].message
        assert uow.github_tokens.page(limit=1)[0].last_used_at == system.clock.now()


ROLE = "arn:aws:iam::000000000000:role/codedeploy"
NOT_YOURS = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"


@pytest.mark.usefixtures("artifacts")
def test_an_object_is_fetched_by_the_role_of_the_group(system, source, moto, web, monkeypatch):
    system.worker.settings = system.settings.model_copy(update={"assume_service_role": True})
    shop = system.shop("web-1", aws=AwsGroup(service_role_arn=ROLE))
    put(source, APPSPEC)
    shop.revision("latest", source=source, is_known=False)
    other = replace(source, key="other.zip")
    put(other, OTHER)
    shop.revision("other", source=other, is_known=False)

    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto.url)
    assumed = shop.deploy("latest")
    system.settle()
    web.answers["/"] = github.gives(NOT_YOURS, 403)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", web.url)
    monkeypatch.setattr(aws, "_ROLES", Sessions(assume_role=True, timeout=timedelta(seconds=5)))
    refused = shop.deploy("other")
    system.settle()

    assert shop.deployment(assumed).status == "Succeeded"
    with system.store.read() as uow:
        message = uow.targets.page(refused)[0].message
    assert "The service role of the group cannot be assumed for s3://" in message
    assert "STS answered AccessDenied" in message
