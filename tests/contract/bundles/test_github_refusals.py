"""What GitHub answers instead of an archive, and what we make of it."""

from pathlib import Path

import pytest

from parts.github import COMMIT, ID, REPOSITORY, TARBALL, gives, leads_to, says
from tidegate.drivers.bundles.errors import FetchFailed, SourceUnreachable
from tidegate.drivers.bundles.folder import FolderStore
from tidegate.drivers.bundles.github_errors import (
    AccessRefused,
    CommitUnknown,
    RateLimited,
    RepositoryUnknown,
)

LIMIT = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "artifacts", reserve=0)


def test_an_unknown_repository_is_told_from_an_unknown_commit(github, secure_web, store):
    secure_web.answers[TARBALL] = says(404)
    with pytest.raises(RepositoryUnknown, match="what the token may read") as unknown:
        github.fetch(COMMIT, store, limit=LIMIT)
    assert unknown.value.token == "deploy"

    secure_web.answers[REPOSITORY] = gives(b"{}")
    with pytest.raises(CommitUnknown, match=f"has no commit {ID}; was it pushed"):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_a_commit_that_only_the_other_host_misses_is_unknown(github, secure_web, codeload, store):
    codeload.answers.clear()
    secure_web.answers[REPOSITORY] = gives(b"{}")

    with pytest.raises(CommitUnknown):
        github.fetch(COMMIT, store, limit=LIMIT)


@pytest.mark.parametrize(
    ("status", "message"), [(409, "Git Repository is empty."), (422, "No commit found for SHA")]
)
def test_a_repository_without_the_commit_is_told(github, secure_web, store, status, message):
    secure_web.answers[TARBALL] = says(status, message)
    secure_web.answers[REPOSITORY] = gives(b"{}")

    with pytest.raises(CommitUnknown):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_a_repository_that_not_everybody_sees_may_want_a_token(everybody, secure_web, store):
    secure_web.answers[TARBALL] = says(404)

    with pytest.raises(RepositoryUnknown, match="give a token if it is private") as unknown:
        everybody.fetch(COMMIT, store, limit=LIMIT)

    assert unknown.value.token == ""


def test_a_token_that_is_not_taken_is_named(github, secure_web, store):
    secure_web.answers[TARBALL] = says(401, "Bad credentials")

    with pytest.raises(AccessRefused, match="does not take the token 'deploy'"):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_a_server_that_lets_nobody_in_wants_a_token(everybody, secure_web, store):
    secure_web.answers[TARBALL] = says(401, "Must authenticate")

    with pytest.raises(AccessRefused, match="wants a token for acme/site"):
        everybody.fetch(COMMIT, store, limit=LIMIT)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "Resource protected by organization SAML enforcement."),
        (403, "Resource not accessible by personal access token"),
        (451, "Repository access blocked"),
    ],
)
def test_a_refusal_says_what_github_said(github, secure_web, store, status, message):
    secure_web.answers[TARBALL] = says(status, message)

    with pytest.raises(AccessRefused) as refusal:
        github.fetch(COMMIT, store, limit=LIMIT)

    assert str(refusal.value) == (
        f"127.0.0.1 does not give acme/site to the token 'deploy' ({message.rstrip('.')})."
    )


@pytest.mark.parametrize("data", [b"", b"[]", b"<html>", b'{"message": 5}', b"x" * 20_000])
def test_a_refusal_that_says_nothing_is_one_all_the_same(github, secure_web, store, data):
    secure_web.answers[TARBALL] = gives(data, 403, Content_Type="application/json")

    with pytest.raises(AccessRefused, match=r"\(it answered 403\)\.$"):
        github.fetch(COMMIT, store, limit=LIMIT)


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        (says(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="45296"), "until 12:34:56 UTC"),
        (says(429, Retry_After="60"), "for 60 seconds"),
        (says(403, Retry_After="60"), "for 60 seconds"),
        (says(429, X_RateLimit_Reset="soon"), "for a while"),
        (says(429, X_RateLimit_Reset="9" * 30), "for a while"),
    ],
    ids=["spent", "too fast", "forbidden, too fast", "no number", "no time"],
)
def test_who_asks_too_often_may_ask_later(everybody, secure_web, store, answer, until):
    secure_web.answers[TARBALL] = answer

    with pytest.raises(RateLimited) as refusal:
        everybody.fetch(COMMIT, store, limit=LIMIT)

    assert str(refusal.value) == (
        f"127.0.0.1 takes no more requests {until}; with a token it takes more."
    )
    assert isinstance(refusal.value, SourceUnreachable)


def test_a_second_limit_is_known_by_what_is_said(github, secure_web, store):
    secure_web.answers[TARBALL] = says(403, "You have exceeded a secondary rate limit.")

    with pytest.raises(RateLimited, match=r"no more requests for a while\.$"):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_the_limit_may_be_reached_between_two_questions(github, secure_web, store):
    secure_web.answers[TARBALL] = says(404)
    secure_web.answers[REPOSITORY] = says(429, "no", Retry_After="5")

    with pytest.raises(RateLimited):
        github.fetch(COMMIT, store, limit=LIMIT)


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_github_that_fails_may_be_asked_again(github, secure_web, store, status):
    secure_web.answers[TARBALL] = says(status, "oops")

    with pytest.raises(SourceUnreachable, match=f"answered {status} .* try again later"):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_another_answer_is_said(github, secure_web, store):
    secure_web.answers[TARBALL] = says(410, "Gone")

    with pytest.raises(FetchFailed, match="answered 410 instead of giving an archive") as refusal:
        github.fetch(COMMIT, store, limit=LIMIT)

    assert not isinstance(refusal.value, SourceUnreachable)


def test_a_page_to_sign_in_at_is_no_archive(github, secure_web, store):
    secure_web.answers[TARBALL] = leads_to("/login")
    secure_web.answers["/login"] = gives(b"<html>", Content_Type="text/html; charset=utf-8")

    with pytest.raises(FetchFailed, match="gave a page instead of an archive"):
        github.fetch(COMMIT, store, limit=LIMIT)

    assert list(store.list()) == []
