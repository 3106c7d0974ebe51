"""Uploads: a body streamed into the artifact store, looked into, and kept only if it is sound."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from anyio import from_thread, to_thread
from fastapi import Request

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import Invalid, TooLarge
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.drivers.bundles import Artifact
from tidegate.engine.bundles import look_into
from tidegate.engine.revisions import (
    BundleFacts,
    RevisionRequest,
    check_description,
    register_revision,
)
from tidegate_api.bodies import declared_length
from tidegate_api.parts import Parts


async def receive_upload(
    request: Request, application: str, description: str, parts: Parts
) -> tuple[Revision, bool]:
    """Return the revision that the request's body is, and whether it is new.

    Raises:
        TooLarge: It is larger than an upload may be; where it says so at once, nothing is read.
        NoSpace: The disk is full, or would be.
        BadArchive, InvalidAppSpec: It is no sound bundle. Nothing of it is left behind.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise Invalid(
            "The body is a form; send the archive itself as the body, "
            "as `curl --data-binary @FILE` does."
        )
    limit = parts.settings.max_upload_bytes
    await to_thread.run_sync(_check, application, description, parts)
    if declared_length(request.headers) > limit:
        raise TooLarge("bundle", limit, "TIDEGATE_MAX_UPLOAD_BYTES")
    take = partial(_take, request, application, description, parts)
    return await to_thread.run_sync(take, limiter=parts.uploads)


def _check(application: str, description: str, parts: Parts) -> None:
    check_description(description)
    with parts.store.read() as uow:
        found = uow.catalog.application(application)
    if found.compute_platform is not ComputePlatform.SERVER:
        raise Invalid(
            f"The application {application!r} is for {found.compute_platform}, where a revision is "
            "an AppSpec and no bundle: `tidegate deploy --appspec FILE` sends it.",
            code="InvalidComputePlatformException",
        )


def _take(
    request: Request, application: str, description: str, parts: Parts
) -> tuple[Revision, bool]:
    limit = parts.settings.max_upload_bytes
    artifact = parts.artifacts.put(_chunks(request), limit=limit)
    try:
        wanted = RevisionRequest(
            source=Source(type=SourceType.ARTIFACT, sha256=artifact.sha256),
            description=description or None,
            facts=_look_into(artifact, parts),
        )
        with parts.store.write() as uow:
            return register_revision(application, wanted, uow=uow)
    except BaseException:
        _discard(artifact, parts)
        raise


def _chunks(request: Request) -> Iterator[bytes]:
    stream = aiter(request.stream())

    async def following() -> bytes | None:
        return await anext(stream, None)

    while (chunk := from_thread.run(following)) is not None:
        if chunk:
            yield chunk


def _look_into(artifact: Artifact, parts: Parts) -> BundleFacts:
    parts.settings.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parts.settings.cache, prefix="upload-") as folder:
        return look_into(parts.artifacts.fetch(artifact.sha256, into=Path(folder)), parts.settings)


def _discard(artifact: Artifact, parts: Parts) -> None:
    with parts.store.read() as uow:
        is_needed = uow.bundles.is_needed(artifact.sha256)
    if not is_needed:
        parts.artifacts.delete(artifact.sha256)
