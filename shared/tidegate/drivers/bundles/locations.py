"""Revisions that lie elsewhere, in S3 or at an HTTP address, brought into the store."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx2

from tidegate.clock import monotonic
from tidegate.domain.errors import TooLarge
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.bundles.aws import (
    ObjectMissing,
    S3Refused,
    S3Unreachable,
    s3_client,
    s3_errors,
)
from tidegate.drivers.bundles.errors import (
    ArtifactMissing,
    FetchFailed,
    SourceUnreachable,
    WrongDigest,
)
from tidegate.drivers.bundles.files import SETTING

_CHUNK: Final = 1024 * 1024
_TIMEOUT: Final = httpx2.Timeout(10, connect=3)
_REDIRECTS: Final = 5
_LONGEST: Final = timedelta(minutes=30)


def fetch_location(
    source: Source, store: ArtifactStore, *, limit: int, longest: timedelta = _LONGEST
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
            _check_size(answer["ContentLength"], limit)
            chunks = _in_time(answer["Body"].iter_chunks(_CHUNK), where, longest)
            return store.put(_verified(chunks, source.sha256, where), limit=limit)
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
        _http_errors(where),
        httpx2.Client(
            timeout=_TIMEOUT,
            follow_redirects=True,
            max_redirects=_REDIRECTS,
        ) as client,
        client.stream("GET", source.url, headers=headers) as answer,
    ):
        _check_answer(answer, where)
        _check_size(int(answer.headers.get("Content-Length") or 0), limit)
        chunks = _in_time(answer.iter_raw(_CHUNK), where, longest)
        return store.put(_verified(chunks, source.sha256, where), limit=limit)


def public_address(url: str) -> str:
    """Return *url* without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "this address"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _check_answer(answer: httpx2.Response, where: str) -> None:
    status = answer.status_code
    if status in (408, 425, 429) or status >= 500:
        raise SourceUnreachable(f"{where} answered {status}; try again later.")
    if status != 200:
        raise FetchFailed(f"{where} answered {status} instead of giving the bundle.")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge("bundle", limit, SETTING)


@contextmanager
def _http_errors(where: str) -> Iterator[None]:
    # The client's own texts may hold the whole address with its secrets; they are not repeated.
    try:
        yield
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL):
        sentence = f"{where} is, or leads to, no http or https address"
        raise FetchFailed(f"{sentence}; register one that is.") from None
    except httpx2.TooManyRedirects:
        raise FetchFailed(f"{where} redirects more than {_REDIRECTS} times.") from None
    except httpx2.TimeoutException:
        raise SourceUnreachable(f"{where} did not answer in time.") from None
    except httpx2.HTTPError as error:
        kind = type(error).__name__
        raise SourceUnreachable(f"{where} cannot be read ({kind}).") from None


def _in_time(chunks: Iterable[bytes], where: str, longest: timedelta) -> Iterator[bytes]:
    """Pass the chunks on, but give up on a source that drips for ever."""
    begun = monotonic()
    for chunk in chunks:
        if monotonic() - begun > longest.total_seconds():
            minutes = longest.total_seconds() / 60
            raise SourceUnreachable(f"{where} took longer than {minutes:.0f} minutes to send.")
        yield chunk


def _verified(chunks: Iterable[bytes], sha256: str, where: str) -> Iterator[bytes]:
    """Pass the chunks on, and fail before the store takes them if their digest is another."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise WrongDigest(where, sha256, digest.hexdigest())
