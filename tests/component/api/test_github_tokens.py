"""GitHub tokens under `/v1`: added, listed and deleted, and their secrets nowhere."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from component.api.conftest import Service, detail_of, in_process
from tidegate.domain.access import Role

SECRET = "ghp_0123456789HushHushHush"


@pytest.fixture
def keyed(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that has a key for secrets."""
    settings = {"secret_key": "a key for tests that is long enough"}
    with in_process(database_url, tmp_path / "data", settings) as service:
        yield service


def add(service: Service, name: str, token: object = SECRET):
    return service.post("/v1/github-tokens", {"name": name, "token": token})


def test_one_is_added_listed_and_deleted(keyed: Service):
    added = add(keyed, "OctoCat/Hello")
    for name in ("octocat", "monalisa"):
        add(keyed, name)

    first = keyed.get("/v1/github-tokens", params={"limit": 2}).json()
    rest = keyed.get("/v1/github-tokens", params={"cursor": first["next_cursor"]}).json()

    assert added.status_code == 201
    assert added.json()["name"] == "octocat/hello"
    assert added.json()["last_used_at"] is None
    assert added.json() in rest["items"]
    listed = [one["name"] for one in first["items"] + rest["items"]]
    assert listed == ["monalisa", "octocat", "octocat/hello"]
    for path in ("octocat/hello", "octocat", "Monalisa"):
        assert keyed.ask("DELETE", f"/v1/github-tokens/{path}").status_code == 204
    assert keyed.get("/v1/github-tokens").json()["items"] == []


def test_a_slash_in_a_name_may_be_written_as_it_is_in_a_url(keyed: Service):
    add(keyed, "octocat/hello")

    assert keyed.ask("DELETE", "/v1/github-tokens/octocat%2Fhello").status_code == 204


def test_what_is_refused_is_one_sentence_without_the_secret(keyed: Service):
    add(keyed, "octocat")

    for answer, status, says in (
        (add(keyed, "Octocat"), 409, "'octocat' already exists; delete it before you add another"),
        (add(keyed, "a b"), 422, "'a b' cannot be the name of a GitHub token"),
        (add(keyed, "a", f"{SECRET} {SECRET}"), 422, "53 characters"),
        (add(keyed, "a", ""), 422, "0 characters"),
        (add(keyed, "a", [SECRET]), 422, "'token'"),
        (add(keyed, "a", None), 422, "'token'"),
        (keyed.ask("DELETE", "/v1/github-tokens/nobody"), 404, "no GitHub token 'nobody'"),
        (keyed.ask("DELETE", "/v1/github-tokens/a/b/c"), 422, "'a/b/c' cannot be the name"),
    ):
        assert says in detail_of(answer, status)
        assert SECRET not in answer.text


def test_without_a_key_for_secrets_none_is_kept(service: Service):
    assert "TIDEGATE_SECRET_KEY" in detail_of(add(service, "octocat"), 503)

    assert service.get("/v1/github-tokens").json()["items"] == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEPLOYER])
def test_only_an_admin_has_to_do_with_them(keyed: Service, role: Role):
    for method, path in (
        ("GET", "/v1/github-tokens"),
        ("POST", "/v1/github-tokens"),
        ("DELETE", "/v1/github-tokens/octocat"),
    ):
        assert keyed.ask(method, path, role=role).status_code == 403


def test_the_secret_is_nowhere_in_clear(keyed: Service, caplog: pytest.LogCaptureFixture):
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        added = add(keyed, "octocat")
        again = add(keyed, "octocat")
        listed = keyed.get("/v1/github-tokens")

    with keyed.parts.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM github_tokens").mappings().all()
        file = connection.engine.url.database or ""
    (row,) = rows
    kept = [bytes(row["sealed_secret"])]
    if connection.dialect.name == "sqlite":
        kept += [path.read_bytes() for path in Path(file).parent.glob(f"{Path(file).name}*")]
    assert all(SECRET.encode() not in one for one in kept)
    told = (str(dict(row)), added.text, again.text, listed.text, str(logs), caplog.text)
    assert all(SECRET not in one for one in told)
    assert logs
