"""Bundles that have to be fetched at the start of a deployment, and those that are of no use."""

import io
import threading
import zipfile
from pathlib import Path

import pytest

from component.engine.system import ALL, until
from tidegate.domain.deployment import DeploymentOptions
from tidegate.domain.ids import DeploymentId
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import artifact_store
from tidegate.drivers.bundles.errors import SourceUnreachable, StoreUnavailable
from tidegate.engine import bundles
from tidegate.messages import FETCH_BUNDLE
from tidegate.store.tables import DeploymentRow

APPSPEC = "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv/app\n"


def zip_of(appspec: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("appspec.yml", appspec)
    return packed.getvalue()


@pytest.fixture
def artifacts(system, tmp_path: Path):
    store = artifact_store(str(tmp_path / "artifacts"))
    system.artifacts = system.worker.artifacts = system.worker.runs.artifacts = store
    return store


@pytest.fixture
def shop(system, artifacts):
    return system.shop("web-1", "web-2", config=ALL)


def deploy(shop, sha256, **options):
    source = Source(type=SourceType.ARTIFACT, sha256=sha256)
    shop.revision("fetched", source=source, is_known=False)
    return shop.deploy("fetched", **options)


def test_a_bundle_is_fetched_and_read_before_any_host_is_touched(system, shop, artifacts):
    sha256 = artifacts.put([zip_of(APPSPEC)], limit=10**6).sha256

    id_ = deploy(shop, sha256)
    system.deliver("deployment.advance")
    assert system.waiting() == [FETCH_BUNDLE]
    assert shop.deployment(id_).status == "Created"
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    with system.store.read() as uow:
        revision = uow.catalog.revision_by_id(shop.revisions["fetched"])
    assert revision.bundle_type == "zip"
    assert revision.appspec["files"] == [{"source": "/", "destination": "/srv/app"}]


def test_one_that_cannot_be_fetched_fails_download_bundle_everywhere(system, shop):
    id_ = deploy(shop, "0" * 64)
    system.settle()

    assert shop.deployment(id_).status == "Failed"
    assert shop.deployment(id_).overview == {"Failed": 2}
    for target in ("web-1", "web-2"):
        events = shop.events(id_, target)
        assert events["ApplicationStop"] == "Succeeded"
        assert events["DownloadBundle"] == "Failed"
        assert events["BeforeInstall"] == events["ValidateService"] == "Skipped"
    assert not system.hosts.ran


def test_an_appspec_that_breaks_the_rules_fails_before_install(system, shop, artifacts):
    sha256 = artifacts.put([zip_of("version: 0.0\nos: beos\n")], limit=10**6).sha256

    id_ = deploy(shop, sha256)
    system.settle()

    events = shop.events(id_, "web-1")
    assert (events["DownloadBundle"], events["BeforeInstall"]) == ("Succeeded", "Failed")
    with system.store.read() as uow:
        message = uow.targets.page(id_)[0].message
    assert "beos" in message


def test_hosts_get_the_warnings_of_an_appspec_beside_it(system, shop, artifacts):
    doubtful = (
        f"{APPSPEC}permissions: [{{object: /srv/app, mode: 0644}}]\n"
        "hooks: {AfterInstall: [{location: gone.sh}]}\n"
    )
    sha256 = artifacts.put([zip_of(doubtful)], limit=10**6).sha256

    deploy(shop, sha256)
    system.settle()

    (run,) = system.hosts["web-1"].runs.values()
    mode, gone = run.spec["appspec_warnings"]
    assert mode.startswith("line 6, column 40, permissions[0].mode: The mode in force is 0420.")
    assert gone.startswith("line 7, column 35, hooks.AfterInstall[0].location: The bundle holds no")
    assert "warnings" not in run.spec["appspec"]


def test_revisions_of_an_older_tidegate_have_no_warnings(system):
    system.shop("web-1", config=ALL).deploy("old")
    system.settle()

    (run,) = system.hosts["web-1"].runs.values()
    assert run.spec["appspec_warnings"] == []


@pytest.mark.parametrize(
    "error",
    [
        SourceUnreachable("http://example.invalid/app.zip does not answer."),
        StoreUnavailable("The bucket does not answer."),
    ],
)
def test_a_source_that_does_not_answer_is_tried_again_for_two_minutes(
    system, shop, artifacts, monkeypatch, error
):
    def unreachable(*_, **__):
        raise error

    monkeypatch.setattr("tidegate.drivers.bundles.locations.fetch_location", unreachable)
    id_ = deploy(shop, "0" * 64)
    system.settle()
    tries = 0
    while shop.deployment(id_).status == "Created":
        system.sweep(after=1)
        tries += FETCH_BUNDLE in system.waiting() or "deployment.advance" in system.waiting()
        system.settle()
        assert tries < 30

    assert 8 <= tries <= 13
    assert shop.events(id_, "web-1")["DownloadBundle"] == "Failed"


def test_a_fetch_that_was_lost_is_asked_for_again(system, shop, artifacts):
    sha256 = artifacts.put([zip_of(APPSPEC)], limit=10**6).sha256
    id_ = deploy(shop, sha256)
    system.deliver("deployment.advance")
    system.broker.queue.clear()

    for _ in range(130):
        system.sweep(after=1)
        system.settle()

    assert shop.deployment(id_).status == "Succeeded"


def test_a_bundle_that_is_being_fetched_is_not_fetched_once_more(
    system, shop, artifacts, monkeypatch
):
    asked, may_end = [], threading.Event()
    sha256 = artifacts.put([zip_of(APPSPEC)], limit=10**6).sha256

    def fetch(_source, store, **_):
        asked.append(sha256)
        assert may_end.wait(30)
        return store.find(sha256)

    monkeypatch.setattr("tidegate.drivers.bundles.locations.fetch_location", fetch)
    id_ = deploy(shop, sha256)
    system.deliver("deployment.advance")
    thread = system.in_thread(lambda: system.deliver(FETCH_BUNDLE))
    until(lambda: asked)

    for _ in range(300):  # it takes long enough to be asked for twice more
        system.sweep(after=1)
        system.settle()
    with system.store.read() as uow:
        wake_at = uow.session.get(DeploymentRow, id_).wake_at
    assert len(asked) == 1
    assert wake_at > system.clock.now()

    may_end.set()
    thread.join(30)
    system.settle()
    assert shop.deployment(id_).status == "Succeeded"
    assert len(asked) == 1


def test_a_deployment_whose_bundle_another_one_fetches_goes_on_with_it(
    system, shop, artifacts, monkeypatch
):
    other = DeploymentId("d-OTHER0001")
    woken = []
    sha256 = artifacts.put([zip_of(APPSPEC)], limit=10**6).sha256
    id_ = deploy(shop, sha256)
    system.deliver("deployment.advance")

    def fetch(_source, store, **_):
        bundles._under_way[shop.revisions["fetched"]].add(other)
        return store.find(sha256)

    monkeypatch.setattr("tidegate.drivers.bundles.locations.fetch_location", fetch)
    monkeypatch.setattr(
        "tidegate.store.deployments.Deployments.wake", lambda _, id_, at: woken.append(id_)
    )
    system.deliver(FETCH_BUNDLE)

    assert woken == [id_, other]
    assert not bundles._under_way


def test_a_bundle_of_no_use_harms_nobody_who_has_what_it_brings(system, shop, artifacts):
    sha256 = artifacts.put([zip_of(APPSPEC)], limit=10**6).sha256
    deploy(shop, sha256)
    system.settle()
    with system.store.write() as uow:
        uow.catalog.store_bundle(shop.revisions["fetched"], size=1, bundle_type="zip", appspec=None)
    artifacts.delete(sha256)

    id_ = shop.deploy("fetched", options=DeploymentOptions(update_outdated_only=True))
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert set(shop.events(id_, "web-1").values()) == {"Skipped"}
