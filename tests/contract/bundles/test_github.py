"""Commits fetched from a stand-in for GitHub, which speaks https and leads to another host."""

import contextlib
import logging
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from parts.github import (
    CODELOAD,
    COMMIT,
    DATA,
    ID,
    SECRET,
    SHA256,
    TARBALL,
    TOKEN,
    gives,
    leads_to,
    says,
)
from parts.ports import free_port
from tidegate.domain.errors import TooLarge
from tidegate.drivers.bundles.archive import inspect_archive
from tidegate.drivers.bundles.errors import FetchFailed, SourceUnreachable, WrongDigest
from tidegate.drivers.bundles.folder import FolderStore
from tidegate.drivers.bundles.github import Commit, GitHub, GitHubToken
from tidegate.drivers.bundles.github_errors import AccessRefused, BadGitHubAddress
from tidegate.testing.archives import APPSPEC

LIMIT = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "artifacts", reserve=0)


def test_a_commit_is_fetched_from_where_github_leads(github, codeload, store):
    artifact = github.fetch(COMMIT, store, limit=LIMIT)

    assert (artifact.sha256, artifact.size) == (SHA256, len(DATA))
    assert store.has(SHA256)


def test_the_top_folder_is_one_that_is_left_out_on_unpacking(github, codeload, store, tmp_path):
    artifact = github.fetch(COMMIT, store, limit=LIMIT)

    contents = inspect_archive(store.fetch(artifact.sha256, tmp_path))

    assert contents.type == "tgz"
    assert contents.top_folder == f"acme-site-{ID[:7]}"
    assert contents.appspec_text == APPSPEC
    assert contents.holds("web/index.html")


def test_the_token_is_sent_to_github_and_to_nobody_else(github, secure_web, codeload, store):
    github.fetch(COMMIT, store, limit=LIMIT)

    assert [request.headers["Authorization"] for request in secure_web.seen] == [f"Bearer {SECRET}"]
    assert [request.headers["Authorization"] for request in codeload.seen] == [None]


def test_who_has_no_token_sends_none(everybody, secure_web, codeload, store):
    everybody.fetch(COMMIT, store, limit=LIMIT)

    assert secure_web.seen[0].headers["Authorization"] is None


def test_github_is_told_who_asks_and_for_which_api(github, secure_web, codeload, store):
    github.fetch(COMMIT, store, limit=LIMIT)

    headers = secure_web.seen[0].headers
    assert headers["User-Agent"] == "tidegate"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"


def test_a_renamed_repository_is_followed_with_the_token(github, secure_web, store):
    renamed = f"/api/v3/repositories/42/tarball/{ID}"
    secure_web.answers[TARBALL] = leads_to(renamed, 301)
    secure_web.answers[renamed] = gives()

    assert github.fetch(COMMIT, store, limit=LIMIT).sha256 == SHA256

    assert secure_web.seen[1].headers["Authorization"] == f"Bearer {SECRET}"


def test_what_is_known_and_in_the_store_is_not_fetched_again(github, secure_web, store):
    store.put([DATA], limit=LIMIT)

    assert github.fetch(COMMIT, store, limit=LIMIT, sha256=SHA256).size == len(DATA)

    assert secure_web.seen == []


def test_other_bytes_than_those_of_an_earlier_fetch_are_refused(github, codeload, store):
    with pytest.raises(WrongDigest, match=f"commit {ID} of acme/site"):
        github.fetch(COMMIT, store, limit=LIMIT, sha256="0" * 64)

    assert list(store.list()) == []


@pytest.mark.parametrize("name", ["site", "a/b/c", "../x", "acme/..", "a b/c", "acme/site?x", "/"])
def test_what_names_no_repository_is_not_asked_for(github, secure_web, store, name):
    with pytest.raises(FetchFailed, match="write OWNER/NAME"):
        github.fetch(Commit(name, ID), store, limit=LIMIT)

    assert secure_web.seen == []


@pytest.mark.parametrize("commit_id", ["main", ID[:7], ID + "0", f"{ID}\n", ""])
def test_only_a_whole_commit_id_is_asked_for(github, secure_web, store, commit_id):
    with pytest.raises(FetchFailed, match="all 40 hexadecimal digits"):
        github.fetch(Commit("acme/site", commit_id), store, limit=LIMIT)

    assert secure_web.seen == []


def test_a_github_that_is_away_may_be_asked_again(trusting, store):
    github = GitHub(f"https://127.0.0.1:{free_port()}")

    with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1 cannot be read"):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_a_certificate_that_is_not_trusted_is_no_github(
    secure_web, store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    secure_web.answers[TARBALL] = gives()

    with pytest.raises(FetchFailed, match="not trusted"):
        GitHub(f"{secure_web.url}/api/v3", token=TOKEN).fetch(COMMIT, store, limit=LIMIT)

    assert secure_web.seen == []


def test_silence_is_not_waited_out(trusting, secure_web, store):
    secure_web.answers[TARBALL] = lambda _: time.sleep(1)
    github = GitHub(f"{secure_web.url}/api/v3", timeout=timedelta(seconds=0.2))

    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        github.fetch(COMMIT, store, limit=LIMIT)


def test_what_drips_for_ever_is_given_up(github, secure_web, store):
    def drip(request: BaseHTTPRequestHandler) -> None:
        gives(b"")(request)
        with contextlib.suppress(OSError):
            for _ in range(100):
                request.wfile.write(b"x")
                time.sleep(0.05)

    secure_web.answers[TARBALL] = drip

    with pytest.raises(SourceUnreachable, match="longer than"):
        github.fetch(COMMIT, store, limit=LIMIT, longest=timedelta(seconds=0.3))

    assert list(store.list()) == []


@pytest.mark.parametrize("headers", [{}, {"Content_Length": str(len(DATA))}])
def test_what_is_too_large_is_refused(github, secure_web, store, headers):
    secure_web.answers[TARBALL] = gives(**headers)

    with pytest.raises(TooLarge):
        github.fetch(COMMIT, store, limit=len(DATA) - 1)

    assert list(store.list()) == []


@pytest.mark.parametrize("to", ["http://127.0.0.1:1/x?token=hunter3", "file:///etc/passwd"])
def test_from_https_it_leads_nowhere_else(github, secure_web, store, to):
    secure_web.answers[TARBALL] = leads_to(to)

    with pytest.raises(FetchFailed, match="which is no https address") as refusal:
        github.fetch(COMMIT, store, limit=LIMIT)

    assert "hunter" not in str(refusal.value)


def test_redirects_end(github, secure_web, store):
    secure_web.answers[TARBALL] = leads_to(TARBALL)

    with pytest.raises(FetchFailed, match="redirects more than 5 times"):
        github.fetch(COMMIT, store, limit=LIMIT)

    assert len(secure_web.seen) == 6


def test_plain_http_is_taken_on_this_machine(web, store):
    web.answers[f"/repos/acme/site/tarball/{ID}"] = gives()

    assert GitHub(web.url).fetch(COMMIT, store, limit=LIMIT).sha256 == SHA256


def test_plain_http_leads_to_no_other_machine(web, store):
    web.answers[f"/repos/acme/site/tarball/{ID}"] = leads_to("http://192.0.2.1/x")

    with pytest.raises(FetchFailed, match="no https address"):
        GitHub(web.url, token=TOKEN).fetch(COMMIT, store, limit=LIMIT)


@pytest.mark.parametrize(
    "url",
    [
        "http://github.example/api/v3",
        "http://127.0.0.1.example/",
        "ftp://github.example",
        "github.example",
        "https://",
        "https://bob:hunter2@github.example",
        "https://github.example?x=1",
        "https://[::1",
        "",
    ],
)
def test_an_address_that_is_not_githubs_is_refused(url):
    with pytest.raises(BadGitHubAddress, match=r"https://HOST/api/v3") as refusal:
        GitHub(url)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("secret", ["", "ghp_x\r\nX-Evil: 1", "ghp_ü"])
def test_a_token_that_cannot_be_one_is_not_sent(secure_web, trusting, store, secret):
    github = GitHub(f"{secure_web.url}/api/v3", token=GitHubToken("deploy", secret))

    with pytest.raises(FetchFailed, match="token 'deploy' is none of GitHub's"):
        github.fetch(COMMIT, store, limit=LIMIT)

    assert secure_web.seen == []


def test_no_secret_is_logged_or_shown(github, codeload, secure_web, store, caplog):
    caplog.set_level(logging.DEBUG, logger="tidegate")
    caplog.set_level(logging.WARNING, logger="httpx2")
    github.fetch(COMMIT, store, limit=LIMIT)
    codeload.answers[CODELOAD] = says(403, "no")

    with pytest.raises(AccessRefused) as refusal:
        github.fetch(COMMIT, store, limit=LIMIT)

    assert "hunter" not in caplog.text
    assert "hunter" not in f"{refusal.value!r} {refusal.value}"
    assert "hunter" not in repr(TOKEN)
