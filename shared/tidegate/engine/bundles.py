"""Bundles at the start of a deployment: fetched and read before any host is touched."""

from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from tidegate.appspec import MOST_BYTES, InvalidAppSpec, parse_appspec
from tidegate.domain.deployment import ComputePlatform, Deployment
from tidegate.domain.errors import Refused
from tidegate.domain.ids import DeploymentId, RevisionId
from tidegate.domain.revision import FetchedBundle, Revision
from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.bundles.archive import Limits, inspect_archive
from tidegate.drivers.bundles.errors import (
    AppSpecMissing,
    SourceUnreachable,
    StoreUnavailable,
)
from tidegate.drivers.bundles.github import GitHubToken
from tidegate.engine.github_tokens import token_for
from tidegate.engine.revisions import BundleFacts
from tidegate.messages import advance_now, advance_once
from tidegate.settings import Settings
from tidegate.store.sealing import Seal
from tidegate.store.unit_of_work import Store, UnitOfWork

TRY_AGAIN: Final = timedelta(seconds=10)
KEEP_TRYING: Final = timedelta(minutes=2)

_under_way: Final[dict[RevisionId, set[DeploymentId]]] = {}
"""The revisions that this process is fetching, and which deployments asked for them meanwhile."""
_door: Final = Lock()

log = structlog.get_logger(__name__)


def look_into(path: Path, settings: Settings) -> BundleFacts:
    """Return what a bundle holds, without unpacking it.

    Raises:
        BadArchive: It is no archive, or broken, or hostile, or larger than the limits.
        InvalidAppSpec: Its AppSpec breaks the rules; the error has every problem.
    """
    limits = Limits(unpacked_bytes=settings.max_unpacked_bytes, entries=settings.max_entries)
    contents = inspect_archive(path, limits=limits)
    appspec = parse_appspec(contents.appspec_text, holds=contents.holds)
    return BundleFacts(
        size=path.stat().st_size, bundle_type=contents.type, appspec=appspec.as_json()
    )


def read_alone(path: Path, platform: ComputePlatform) -> BundleFacts:
    """Return what an AppSpec says that lies there without a bundle, as those of traffic do.

    Raises:
        InvalidAppSpec: It breaks the rules; the error has every problem.
    """
    with path.open("rb") as file:
        text = file.read(MOST_BYTES + 1)
    appspec = parse_appspec(text, platform=platform.value)
    return BundleFacts(size=path.stat().st_size, appspec=appspec.as_json())


def fetch_bundle(
    deployment_id: DeploymentId, *, store: Store, artifacts: ArtifactStore, settings: Settings
) -> None:
    """Fetch and read the bundle of a deployment that waits for it, and have it advanced.

    A revision that this process is fetching already is left to the call that does; deployments that
    asked meanwhile are advanced with it, and nothing else of them changes.

    What is wrong with it is written to the deployment, as the agent would have found it on the
    host: fetching fails DownloadBundle, an AppSpec that breaks the rules fails BeforeInstall.
    """
    with store.read() as uow:
        deployment = uow.deployments.get(deployment_id)
        revision = uow.catalog.revision_by_id(deployment.revision_id)
    if revision is None:
        _fail(deployment, "DownloadBundle", "The revision was deleted.", store)
        return
    with _door:
        if revision.id in _under_way:
            _under_way[revision.id].add(deployment_id)
            return
        _under_way[revision.id] = set()
    try:
        _fetch(deployment, revision, store=store, artifacts=artifacts, settings=settings)
    finally:
        with _door:
            waiting = _under_way.pop(revision.id) - {deployment_id}
    for other in waiting:
        with store.write() as uow:
            advance_once(uow, other)


def _fetch(
    deployment: Deployment,
    revision: Revision,
    *,
    store: Store,
    artifacts: ArtifactStore,
    settings: Settings,
) -> None:
    # Brings boto3 along, which is large and seldom needed.
    from tidegate.drivers.bundles.locations import Origins, fetch_location  # noqa: PLC0415

    origins = Origins(
        region=deployment.region,
        role_arn=_role(deployment, store, settings),
        github_url=settings.github_url,
        github_token=lambda repository: _token(repository, deployment, store, settings),
    )
    try:
        artifact = fetch_location(
            revision.source,
            artifacts,
            limit=settings.max_upload_bytes,
            sha256=deployment.bundle_sha256,
            origins=origins,
        )
        path = artifacts.fetch(artifact.sha256, settings.cache)
        facts = _facts_of(path, deployment.compute_platform, settings)
    except (SourceUnreachable, StoreUnavailable) as error:
        _try_again_or_fail(deployment, str(error), store)
    except (InvalidAppSpec, AppSpecMissing) as error:
        _fail(deployment, "BeforeInstall", str(error), store)
    except Refused as error:
        _fail(deployment, "DownloadBundle", str(error), store)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        _try_again_or_fail(deployment, f"The artifact store cannot be used: {why}.", store)
    else:
        with store.write() as uow:
            _keep(deployment, revision, artifact, facts, uow=uow)


def _facts_of(path: Path, platform: ComputePlatform, settings: Settings) -> BundleFacts:
    if platform is ComputePlatform.SERVER:
        return look_into(path, settings)
    return read_alone(path, platform)


def _role(deployment: Deployment, store: Store, settings: Settings) -> str:
    if not settings.assume_service_role:
        return ""
    with store.read() as uow:
        return uow.deployments.group_settings(deployment.id)["aws"].service_role_arn


def _token(
    repository: str, deployment: Deployment, store: Store, settings: Settings
) -> GitHubToken | None:
    with store.in_region(deployment.region).write() as uow:
        return token_for(repository, seal=Seal(settings.secret_keys), uow=uow)


def _keep(
    deployment: Deployment,
    revision: Revision,
    artifact: Artifact,
    facts: BundleFacts,
    *,
    uow: UnitOfWork,
) -> None:
    uow.deployments.lock(deployment.id)
    type_, appspec = facts.bundle_type or "", facts.appspec or {}
    # Of a revision that is not pinned this says what was seen last; nothing is installed by it.
    uow.catalog.store_bundle(revision.id, size=facts.size or 0, bundle_type=type_, appspec=appspec)
    if not revision.is_pinned:
        bundle = FetchedBundle(sha256=artifact.sha256, bundle_type=type_, appspec=appspec)
        uow.bundles.keep(deployment.id, bundle)
    advance_now(uow, deployment.id)


def _try_again_or_fail(deployment: Deployment, why: str, store: Store) -> None:
    log.warning("bundle_unreachable", deployment_id=deployment.id, why=why)
    if store.clock.now() - deployment.created_at > KEEP_TRYING:
        _fail(deployment, "DownloadBundle", why, store)
        return
    with store.write() as uow:
        uow.deployments.wake(deployment.id, uow.now() + TRY_AGAIN)


def _fail(deployment: Deployment, event: str, message: str, store: Store) -> None:
    with store.write() as uow:
        uow.deployments.fail_bundle(deployment.id, event=event, message=message)
        advance_now(uow, deployment.id)
