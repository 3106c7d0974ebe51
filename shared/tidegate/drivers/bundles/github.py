"""Revisions on GitHub or a GitHub Enterprise server: a commit, fetched as a tarball.

The call is the one that the CodeDeploy agent makes: "Download a repository archive (tar)" of
GitHub's REST API, which leads to another host that gives the bytes. All lies below one top folder
there, which is left out on unpacking. GitHub packs a commit anew when it likes, so the same commit
may have other bytes tomorrow.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NoReturn

import httpx2
from typing_extensions import override

from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.bundles.download import (
    LONGEST,
    REDIRECTS,
    check_size,
    http_errors,
    in_time,
    public_address,
    verified,
)
from tidegate.drivers.bundles.errors import FetchFailed
from tidegate.drivers.bundles.github_errors import (
    BadGitHubAddress,
    CommitUnknown,
    RepositoryUnknown,
    no_archive,
)

GITHUB: Final = "https://api.github.com"
_TIMEOUT: Final = timedelta(seconds=10)
_CONNECT: Final = 3
_COMMIT: Final = re.compile(r"[0-9A-Fa-f]{40}")
_REPOSITORY: Final = re.compile(r"(?!\.{1,2}/)[\w.-]{1,100}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)
_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")
_SECRET: Final = re.compile(r"[!-~]+")
_HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "identity",
    "User-Agent": "tidegate",  # GitHub answers nobody who has no name.
    "X-GitHub-Api-Version": "2022-11-28",
}
_NOT_THERE: Final = (404, 409, 422)
"""No such repository or commit; an empty repository; no commit of that name."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What is deployed: a commit of a repository."""

    repository: str
    """Owner and name, with a slash between."""
    id: str
    """The whole SHA-1."""

    @override
    def __str__(self) -> str:
        return f"commit {self.id} of {self.repository}"

    def check(self) -> None:
        """See that both can be asked for.

        Raises:
            FetchFailed: One of them cannot.
        """
        if not _REPOSITORY.fullmatch(self.repository):
            raise FetchFailed(
                f"{self.repository[:200]!r} names no repository on GitHub; write OWNER/NAME."
            )
        if not _COMMIT.fullmatch(self.id):
            raise FetchFailed(
                f"{self.id[:200]!r} names no commit; give all 40 hexadecimal digits of its id."
            )


@dataclass(frozen=True, slots=True)
class GitHubToken:
    """What opens private repositories."""

    name: str
    """What people call it; the only thing of it that is ever shown."""
    secret: str = field(repr=False)


class GitHub:
    """GitHub, or an Enterprise server at `https://HOST/api/v3`.

    The token is sent there and nowhere else, wherever an answer leads.
    """

    def __init__(
        self, url: str = GITHUB, *, token: GitHubToken | None = None, timeout: timedelta = _TIMEOUT
    ) -> None:
        self._url = _api(url)
        self._token = token
        self._timeout = httpx2.Timeout(timeout.total_seconds(), connect=_CONNECT)

    def fetch(
        self,
        commit: Commit,
        store: ArtifactStore,
        *,
        limit: int,
        sha256: str = "",
        longest: timedelta = LONGEST,
    ) -> Artifact:
        """Return the artifact of a commit, fetched into *store*.

        Who knows the *sha256* that an earlier fetch found gets these bytes or none, and gets them
        from the store where they are still there.

        Raises:
            FetchFailed: It cannot be fetched; `SourceUnreachable` if a later try may go well.
            WrongDigest: GitHub packs it otherwise than before.
            TooLarge: It is more than *limit* bytes.
            NoSpace: The disk is full.
            StoreUnavailable: The store cannot be used.
        """
        if sha256 and (artifact := store.find(sha256)):
            return artifact
        commit.check()
        where = f"{commit} at {self._url.host}"
        with (
            http_errors(where),
            self._client() as client,
            self._open(client, f"repos/{commit.repository}/tarball/{commit.id}") as answer,
        ):
            self._check(answer, commit, client)
            check_size(int(answer.headers.get("Content-Length") or 0), limit)
            chunks = in_time(answer.iter_raw(), where, longest)
            return store.put(verified(chunks, sha256, where) if sha256 else chunks, limit=limit)

    def _client(self) -> httpx2.Client:
        return httpx2.Client(timeout=self._timeout, headers=_HEADERS)

    @contextmanager
    def _open(self, client: httpx2.Client, path: str) -> Iterator[httpx2.Response]:
        """Open what lies at *path*, or where that leads: renamed repositories lead on, too."""
        url = httpx2.URL(f"{self._url}/{path}")
        for _ in range(REDIRECTS + 1):
            with client.stream("GET", url, headers=self._credentials(url)) as answer:
                if not answer.has_redirect_location:
                    yield answer
                    return
                url = url.join(answer.headers["Location"])
            self._check_hop(url)
        raise httpx2.TooManyRedirects("", request=answer.request)

    def _credentials(self, url: httpx2.URL) -> dict[str, str]:
        if self._token is None or _origin(url) != _origin(self._url):
            return {}
        if not _SECRET.fullmatch(self._token.secret):
            raise FetchFailed(f"The token {self._token.name!r} is none of GitHub's; store it anew.")
        return {"Authorization": f"Bearer {self._token.secret}"}

    def _check_hop(self, url: httpx2.URL) -> None:
        if url.scheme != "https" and not (self._url.scheme == "http" and _is_safe(url)):
            raise FetchFailed(
                f"{self._url.host} leads to {public_address(str(url))}, which is no https address."
            )

    def _check(self, answer: httpx2.Response, commit: Commit, client: httpx2.Client) -> None:
        if answer.status_code in _NOT_THERE:
            self._find_missing(commit, client)
        if answer.status_code != 200 or _is_page(answer):
            raise no_archive(answer, commit.repository, self._url.host, self._token_name)

    def _find_missing(self, commit: Commit, client: httpx2.Client) -> NoReturn:
        """Tell whether it is the repository or only the commit that is not there."""
        with self._open(client, f"repos/{commit.repository}") as answer:
            if answer.status_code == 404:
                raise RepositoryUnknown(commit.repository, self._url.host, self._token_name)
            if answer.status_code == 200:
                raise CommitUnknown(commit.id, commit.repository, self._url.host)
            raise no_archive(answer, commit.repository, self._url.host, self._token_name)

    @property
    def _token_name(self) -> str:
        return self._token.name if self._token else ""


def _api(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url.rstrip("/"))
    except httpx2.InvalidURL:
        raise BadGitHubAddress("this address") from None
    if not _is_safe(parsed) or parsed.query or parsed.fragment or parsed.userinfo:
        raise BadGitHubAddress(public_address(url))
    return parsed


def _is_safe(url: httpx2.URL) -> bool:
    """Tell whether nobody can listen: it is https, or does not leave this machine."""
    on_this_machine = url.scheme == "http" and bool(_LOOPBACK.fullmatch(url.host))
    return bool(url.host) and (url.scheme == "https" or on_this_machine)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _is_page(answer: httpx2.Response) -> bool:
    """Tell whether this is a page for people, such as one to sign in at."""
    return str(answer.headers.get("Content-Type", "")).startswith("text/html")
