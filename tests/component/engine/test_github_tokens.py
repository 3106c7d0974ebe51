"""Which GitHub token opens a repository, and that its use is noted."""

from datetime import datetime, timedelta

import pytest

from component.engine.system import System
from tidegate.domain.errors import GitHubTokenExists, GitHubTokenNotFound
from tidegate.drivers.bundles.github import GitHubToken
from tidegate.engine.github_tokens import create_github_token, delete_github_token, token_for
from tidegate.store.sealing import NoSecretKey, Seal, WrongSecretKey

SEAL = Seal(["a key for tests that is long enough"])


def add(system: System, name: str, secret: str = "hush", *, region: str = "us-east-1") -> None:
    with system.store.in_region(region).write() as uow:
        create_github_token(name, secret, seal=SEAL, uow=uow)


def opening(system: System, repository: str, *, seal: Seal = SEAL) -> GitHubToken | None:
    with system.store.write() as uow:
        return token_for(repository, seal=seal, uow=uow)


def last_used(system: System) -> dict[str, datetime | None]:
    with system.store.read() as uow:
        return {one.name: one.last_used_at for one in uow.github_tokens.page(limit=10)}


def test_a_repositorys_own_token_is_taken_before_its_owners(system: System):
    add(system, "octocat", "of-the-owner")
    add(system, "OctoCat/Hello", "of-hello")
    add(system, "hello", "of-somebody-else")
    add(system, "monalisa", "elsewhere", region="eu-west-1")

    assert opening(system, "octocat/hello") == GitHubToken("octocat/hello", "of-hello")
    assert opening(system, "OCTOCAT/hello") == GitHubToken("octocat/hello", "of-hello")
    assert opening(system, "octocat/other") == GitHubToken("octocat", "of-the-owner")
    assert opening(system, "octocat/hello-2") == GitHubToken("octocat", "of-the-owner")
    assert opening(system, "monalisa/hello") is None


def test_a_deleted_token_opens_nothing(system: System):
    add(system, "octocat")
    with system.store.write() as uow:
        delete_github_token("OctoCat", uow=uow)

    assert opening(system, "octocat/hello") is None
    with pytest.raises(GitHubTokenNotFound), system.store.write() as uow:
        delete_github_token("octocat", uow=uow)


def test_there_is_one_of_a_name_in_a_region(system: System):
    add(system, "octocat", "first")
    add(system, "octocat", "elsewhere", region="eu-west-1")

    with pytest.raises(GitHubTokenExists, match="delete it before you add another"):
        add(system, "OctoCat", "second")

    assert opening(system, "octocat/hello") == GitHubToken("octocat", "first")


def test_use_is_noted_of_the_one_that_was_used_at_most_once_a_minute(system: System):
    add(system, "octocat")
    add(system, "octocat/hello")
    first = system.clock.now()
    opening(system, "octocat/hello")
    system.clock.advance(timedelta(seconds=59))
    opening(system, "octocat/hello")
    still = last_used(system)
    system.clock.advance(timedelta(seconds=2))
    opening(system, "octocat/hello")

    assert still == {"octocat": None, "octocat/hello": first}
    assert last_used(system)["octocat/hello"] == first + timedelta(seconds=61)


def test_without_its_key_a_secret_stays_closed_and_the_sentence_names_the_remedy(system: System):
    add(system, "octocat")

    with pytest.raises(WrongSecretKey, match="GitHub token anew"):
        opening(system, "octocat/hello", seal=Seal(["another key that is long enough, too"]))
    with pytest.raises(NoSecretKey):
        opening(system, "octocat/hello", seal=Seal([]))

    assert last_used(system) == {"octocat": None}
