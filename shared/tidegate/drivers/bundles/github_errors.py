"""What GitHub may answer instead of an archive, one sentence each.

The statuses and headers are those of GitHub's REST API, "Troubleshooting" and "Rate limits".
"""

import contextlib
import json
from typing import Final

import httpx2

from tidegate.clock import from_epoch
from tidegate.domain.errors import Refused
from tidegate.drivers.bundles.errors import FetchFailed, SourceUnreachable
from tidegate.drivers.said import in_one_line

_LONGEST_ANSWER: Final = 16 * 1024


class BadGitHubAddress(Refused):
    """Where GitHub is said to be is nowhere that a token may be sent to."""

    code = "BadGitHubAddress"
    http_status = 422

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} is no address of GitHub's API; it is https://api.github.com, or "
            "https://HOST/api/v3 of an Enterprise server."
        )


class RepositoryUnknown(FetchFailed):
    """GitHub does not tell a repository that is not there from one that is not to be seen."""

    def __init__(self, repository: str, host: str, token: str) -> None:
        self.token = token
        """The name of the token that does not see it, or nothing where none was sent."""
        if token:
            sentence = f"{host} shows no repository {repository} to the token {token!r}"
            remedy = "check the name, and what the token may read"
        else:
            sentence = f"{host} shows no repository {repository} to everybody"
            remedy = "check the name, or give a token if it is private"
        super().__init__(f"{sentence}; {remedy}.")


class CommitUnknown(FetchFailed):
    def __init__(self, commit_id: str, repository: str, host: str) -> None:
        super().__init__(
            f"The repository {repository} at {host} has no commit {commit_id}; was it pushed?"
        )


class AccessRefused(FetchFailed):
    """GitHub knows what is meant and does not give it."""


class RateLimited(SourceUnreachable):
    """GitHub was asked too often."""

    def __init__(self, host: str, until: str, token: str) -> None:
        remedy = "" if token else "; with a token it takes more"
        super().__init__(f"{host} takes no more requests{until}{remedy}.")


def no_archive(answer: httpx2.Response, repository: str, host: str, token: str) -> FetchFailed:
    """Return what an answer without an archive means."""
    status = answer.status_code
    said = _said(answer)
    if _is_rate_limit(answer, said):
        return RateLimited(host, _until(answer), token)
    if status == 401:
        return AccessRefused(_unknown_caller(host, repository, token))
    if status in (403, 451):
        who = f"the token {token!r}" if token else "everybody"
        reason = f" ({said})" if said else f" (it answered {status})"
        return AccessRefused(f"{host} does not give {repository} to {who}{reason}.")
    if status in (408, 425) or status >= 500:
        return SourceUnreachable(f"{host} answered {status} for {repository}; try again later.")
    if status == 200:
        return FetchFailed(
            f"{host} gave a page instead of an archive of {repository}; check its address, and "
            "the token if it wants one."
        )
    return FetchFailed(f"{host} answered {status} instead of giving an archive of {repository}.")


def _unknown_caller(host: str, repository: str, token: str) -> str:
    if token:
        return f"{host} does not take the token {token!r}; it was revoked or has run out."
    return f"{host} wants a token for {repository}; give one."


def _is_rate_limit(answer: httpx2.Response, said: str) -> bool:
    if answer.status_code != 403:
        return answer.status_code == 429
    headers = answer.headers
    spent = headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers
    return spent or "rate limit" in said.lower()


def _until(answer: httpx2.Response) -> str:
    wait = answer.headers.get("Retry-After", "")
    if wait.isascii() and wait.isdigit():
        return f" for {wait[:9]} seconds"
    with contextlib.suppress(ValueError, OverflowError, OSError):
        until = from_epoch(int(answer.headers.get("X-RateLimit-Reset", "")))
        return f" until {until:%H:%M:%S} UTC"
    return " for a while"


def _said(answer: httpx2.Response) -> str:
    """Return the message of an answer in JSON, in one line and without its end."""
    text = bytearray()
    if "json" not in answer.headers.get("Content-Type", ""):
        return ""
    for piece in answer.iter_raw():
        text += piece
        if len(text) > _LONGEST_ANSWER:
            return ""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(bytes(text))
        if isinstance(found, dict) and isinstance(found.get("message"), str):
            return in_one_line(found["message"], most=200).rstrip(".")
    return ""
