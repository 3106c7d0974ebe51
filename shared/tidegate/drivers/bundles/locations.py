"""Revisions that lie elsewhere, in S3 or at an HTTP address, brought into the store."""

from datetime import timedelta
from typing import Final

import httpx2

from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.bundles.aws import (
    ObjectMissing,
    S3Refused,
    S3Unreachable,
    s3_client,
    s3_errors,
)
from tidegate.drivers.bundles.download import (
    LONGEST,
    REDIRECTS,
    check_size,
    http_errors,
    in_time,
    public_address,
    verified,
)
from tidegate.drivers.bundles.errors import ArtifactMissing, FetchFailed, SourceUnreachable

_CHUNK: Final = 1024 * 1024
_TIMEOUT: Final = httpx2.Timeout(10, connect=3)


def fetch_location(
    source: Source, store: ArtifactStore, *, limit: int, longest: timedelta = LONGEST
) -> Artifact:
    """Return the artifact of a revision, fetched into *store* unless it is there.

    Raises:
        FetchFailed: It cannot be fetched; `SourceUnreachable` if a later try may go well.
        WrongDigest: What lies there has another sha256.
        TooLarge: It is more than *limit* bytes.
        NoSpace: The disk is full.
        StoreUnavailable: The store cannot be used.
    """
    if artifact := store.find(source.sha256):
        return artifact
    match source.type:
        case SourceType.S3:
            return _fetch_from_s3(source, store, limit, longest)
        case SourceType.HTTP:
            return _fetch_from_http(source, store, limit, longest)
        case SourceType.ARTIFACT:
            raise ArtifactMissing(source.sha256)
        case _:
            raise FetchFailed(f"{source} cannot be fetched.")


def _fetch_from_s3(
    source: Source, store: ArtifactStore, limit: int, longest: timedelta
) -> Artifact:
    where = f"s3://{source.bucket}/{source.key}"
    try:
        with s3_errors(where):
            client = s3_client()
            if source.version:
                answer = client.get_object(
                    Bucket=source.bucket, Key=source.key, VersionId=source.version
                )
            else:
                answer = client.get_object(Bucket=source.bucket, Key=source.key)
            check_size(answer["ContentLength"], limit)
            chunks = in_time(answer["Body"].iter_chunks(_CHUNK), where, longest)
            return store.put(verified(chunks, source.sha256, where), limit=limit)
    except ObjectMissing:
        version = f" in version {source.version}" if source.version else ""
        raise FetchFailed(f"There is no {where}{version}; was it removed?") from None
    except S3Refused as error:
        raise FetchFailed(str(error)) from None
    except S3Unreachable as error:
        raise SourceUnreachable(str(error)) from None


def _fetch_from_http(
    source: Source, store: ArtifactStore, limit: int, longest: timedelta
) -> Artifact:
    where = public_address(source.url)
    headers = {"Accept-Encoding": "identity"}
    with (
        http_errors(where),
        httpx2.Client(
            timeout=_TIMEOUT,
            follow_redirects=True,
            max_redirects=REDIRECTS,
        ) as client,
        client.stream("GET", source.url, headers=headers) as answer,
    ):
        _check_answer(answer, where)
        check_size(int(answer.headers.get("Content-Length") or 0), limit)
        chunks = in_time(answer.iter_raw(), where, longest)
        return store.put(verified(chunks, source.sha256, where), limit=limit)


def _check_answer(answer: httpx2.Response, where: str) -> None:
    status = answer.status_code
    if status in (408, 425, 429) or status >= 500:
        raise SourceUnreachable(f"{where} answered {status}; try again later.")
    if status != 200:
        raise FetchFailed(f"{where} answered {status} instead of giving the bundle.")
