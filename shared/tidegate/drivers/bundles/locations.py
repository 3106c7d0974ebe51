"""Revisions that lie elsewhere, in S3, at an HTTP address or on GitHub, brought into the store."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx2

from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.bundles.aws import (
    ObjectMissing,
    S3Refused,
    S3Unreachable,
    check_etag,
    pieces_of,
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
from tidegate.drivers.bundles.github import GITHUB, Commit, GitHub, GitHubToken

_TIMEOUT: Final = httpx2.Timeout(10, connect=3)


def _without_token(_repository: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """How what lies elsewhere is reached."""

    region: str = ""
    """Of Amazon's S3."""
    role_arn: str = ""
    """By which S3 is asked; empty for Tidegate's own credentials."""
    github_url: str = GITHUB
    github_token: Callable[[str], GitHubToken | None] = _without_token
    """What opens a repository, if there is anything."""


def fetch_location(
    source: Source,
    store: ArtifactStore,
    *,
    limit: int,
    sha256: str = "",
    origins: Origins = Origins(),
    longest: timedelta = LONGEST,
) -> Artifact:
    """Return the artifact of a revision, fetched into *store* unless it is there.

    Where the source does not say which bytes it means, *sha256* is what an earlier fetch found.

    Raises:
        FetchFailed: It cannot be fetched; `SourceUnreachable` if a later try may go well.
        WrongDigest: What lies there has another sha256.
        TooLarge: It is more than *limit* bytes.
        NoSpace: The disk is full.
        StoreUnavailable: The store cannot be used.
    """
    wanted = source.sha256 or sha256
    if wanted and (artifact := store.find(wanted)):
        return artifact
    fetch = _Fetch(wanted, store, limit, longest)
    match source.type:
        case SourceType.S3:
            return _fetch_from_s3(source, fetch, origins)
        case SourceType.HTTP:
            return _fetch_from_http(source, fetch)
        case SourceType.GITHUB:
            github = GitHub(origins.github_url, token=origins.github_token(source.repository))
            commit = Commit(source.repository, source.commit)
            return github.fetch(commit, store, limit=limit, sha256=wanted, longest=longest)
        case SourceType.ARTIFACT | SourceType.STRING | SourceType.APPSPEC_CONTENT:
            raise ArtifactMissing(wanted)


@dataclass(frozen=True, slots=True)
class _Fetch:
    """Where the bytes go, and within which bounds."""

    sha256: str
    store: ArtifactStore
    limit: int
    longest: timedelta

    def put(self, pieces: Iterable[bytes], where: str, size: int) -> Artifact:
        check_size(size, self.limit)
        chunks = in_time(pieces, where, self.longest)
        sound = verified(chunks, self.sha256, where) if self.sha256 else chunks
        return self.store.put(sound, limit=self.limit)


def _fetch_from_s3(source: Source, fetch: _Fetch, origins: Origins) -> Artifact:
    where = f"s3://{source.bucket}/{source.key}"
    version: Any = {"VersionId": source.version} if source.version else {}
    try:
        with s3_errors(where):
            client = s3_client(origins.region, role_arn=origins.role_arn)
            answer = client.get_object(Bucket=source.bucket, Key=source.key, **version)
            check_etag(where, answer["ETag"], source.etag)
            return fetch.put(pieces_of(answer), where, answer["ContentLength"])
    except ObjectMissing:
        raise FetchFailed(f"There is no {source}; was it removed?") from None
    except S3Refused as error:
        raise FetchFailed(str(error)) from None
    except S3Unreachable as error:
        raise SourceUnreachable(str(error)) from None


def _fetch_from_http(source: Source, fetch: _Fetch) -> Artifact:
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
        size = int(answer.headers.get("Content-Length") or 0)
        return fetch.put(answer.iter_raw(), where, size)


def _check_answer(answer: httpx2.Response, where: str) -> None:
    status = answer.status_code
    if status in (408, 425, 429) or status >= 500:
        raise SourceUnreachable(f"{where} answered {status}; try again later.")
    if status != 200:
        raise FetchFailed(f"{where} answered {status} instead of giving the bundle.")
