"""Wrong input, over HTTP and by the CLI: a status or exit code, one helpful sentence, no trace."""

import json
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import httpx2
import pytest

from acceptance.bundles import appspec, bundle
from acceptance.fleet import APPLICATION, Fleet

HOSTS = 1
REVISIONS = f"/v1/applications/{APPLICATION}/revisions"
GROUPS = f"/v1/applications/{APPLICATION}/deployment-groups"
GB = 1_000_000_000
ZEROS = bytes(1_000_000)
WRONG_INDENT = appspec().replace("      timeout", "   timeout", 1)


def snapshot(fleet: Fleet) -> dict[str, object]:
    """All that wrong input could leave behind: rows, artifacts, temporary files."""
    data_dir = fleet.system.data_dir
    with closing(sqlite3.connect(data_dir / "tidegate.db")) as database:
        tables = ("applications", "deployment_groups", "deployments", "hosts", "revisions")
        rows = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in tables
        }
    files = [
        str(path)
        for folder in ("artifacts", "cache")
        for path in (data_dir / folder).rglob("*")
        if path.is_file()
    ]
    return {**rows, "files": sorted(files)}


@contextmanager
def nothing_is_left(fleet: Fleet) -> Iterator[None]:
    before = snapshot(fleet)
    yield
    assert snapshot(fleet) == before


def is_one_sentence(text: str) -> bool:
    return text.endswith((".", "?")) and "\n" not in text and "Traceback" not in text


def refused(answer: httpx2.Response, status: int) -> str:
    """The sentence of a problem document."""
    document = answer.json()
    assert answer.status_code == document["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code"} <= set(document)
    assert is_one_sentence(document["detail"]), document["detail"]
    return str(document["detail"])


def test_an_appspec_with_a_wrong_indent_is_named_with_its_line(fleet: Fleet):
    with nothing_is_left(fleet):
        answer = fleet.system.client.post(REVISIONS, content=bundle("bad", text=WRONG_INDENT))

    detail = refused(answer, 422)
    problem = answer.json()["problems"][0]
    assert problem["line"] >= 4
    assert detail


def test_a_bundle_that_is_no_archive_is_refused(fleet: Fleet):
    with nothing_is_left(fleet):
        answer = fleet.system.client.post(REVISIONS, content=b"no archive at all")

    assert "archive" in refused(answer, 422)


def test_an_unknown_tag_matches_no_host_and_the_deployment_says_so(fleet: Fleet):
    group = fleet.group([], tag_filters=[[{"key": "colour", "value": "mauve"}]])

    failed = fleet.wait(fleet.deploy(group))

    assert failed["error"]["code"] == "NO_INSTANCES"
    assert "colour" in failed["error"]["message"]
    assert fleet.show_group(group)["active_deployment"] is None


def test_an_unknown_config_is_refused_for_a_group_and_for_a_deployment(fleet: Fleet):
    host, unknown = fleet.hosts[0], "CodeDeployDefault.TwoAtATime"
    group = fleet.group([host])
    wanted = {"application": APPLICATION, "deployment_group": group, "revision": fleet.push()}

    with nothing_is_left(fleet):
        of_group = fleet.system.client.post(
            GROUPS, json={"name": "other", "hosts": [host.name], "deployment_config": unknown}
        )
        of_deployment = fleet.system.client.post(
            "/v1/deployments", json={**wanted, "deployment_config": unknown}
        )

    assert unknown in refused(of_group, 404)
    assert unknown in refused(of_deployment, 404)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revision": "r-none"}, "r-none"),
        ({"deployment_group": "none"}, "none"),
        ({"application": "none"}, "none"),
    ],
)
def test_what_a_deployment_names_must_exist(fleet: Fleet, changes: dict[str, str], words: str):
    group = fleet.group(fleet.hosts)
    wanted = {"application": APPLICATION, "deployment_group": group, "revision": fleet.push()}

    with nothing_is_left(fleet):
        answer = fleet.system.client.post("/v1/deployments", json={**wanted, **changes})

    assert words in refused(answer, 404)


def test_a_token_of_the_wrong_role_is_told_which_role_it_needs(fleet: Fleet):
    tokens = {role: new_token(fleet, role) for role in ("viewer", "deployer")}

    def ask(role: str, method: str, path: str, **body: object) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        return httpx2.request(method, f"{fleet.system.url}{path}", headers=headers, **body)

    with nothing_is_left(fleet):
        upload = ask("viewer", "POST", REVISIONS, content=bundle("viewer"))
        stop = ask("viewer", "POST", "/v1/deployments/d-123456789/stop", json={})
        host = ask("deployer", "POST", "/v1/hosts", json={"name": "x", "address": "y"})
        nobody = httpx2.get(f"{fleet.system.url}/v1/hosts")
        stranger = httpx2.get(
            f"{fleet.system.url}/v1/hosts", headers={"Authorization": "Bearer wrong"}
        )

    assert "'deployer'" in refused(upload, 403)
    assert "'deployer'" in refused(stop, 403)
    assert "'admin'" in refused(host, 403)
    refused(nobody, 401)
    refused(stranger, 401)
    assert ask("viewer", "GET", "/v1/hosts").status_code == 200


def new_token(fleet: Fleet, role: str) -> str:
    done = fleet.system.cli(
        "token", "create", "--role", role,
        "--data-dir", str(fleet.system.data_dir), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["token"])


def test_the_cli_tells_the_same_with_exit_code_1_and_wrong_usage_with_2(
    fleet: Fleet, tmp_path: Path
):
    group = fleet.group(fleet.hosts)
    folder, broken = tmp_path / "app", tmp_path / "bad"
    for place, text in ((folder, appspec()), (broken, WRONG_INDENT)):
        place.mkdir()
        (place / "appspec.yml").write_text(text)
        (place / "hook.sh").write_text("#!/bin/sh\n")
    where = ["--application", APPLICATION, "--group", group]
    commands = {
        1: [
            ["push", str(broken), "--application", APPLICATION],
            ["validate", str(broken / "appspec.yml")],
            ["push", str(folder), "--application", "none"],
            ["deploy", *where, "--revision", "r-none"],
            ["deploy", *where, "--revision", fleet.push(), "--config", "NoSuchConfig"],
            ["watch", "d-NONE12345"],
            ["host", "show", "nobody"],
        ],
        2: [
            ["deploy", *where],
            ["deploy", *where, "--revision", "r-1", "--deadline", "5m"],
            ["no-such-command"],
        ],
    }

    fleet.push()

    with nothing_is_left(fleet):
        ran = {code: [fleet.system.cli(*c) for c in many] for code, many in commands.items()}

    for code, many in ran.items():
        for done in many:
            assert done.returncode == code, (done.args, done.stderr)
            assert done.stderr.strip(), done.args
            assert "Traceback" not in done.stderr
            assert done.stdout == "" or "validate" in done.args


def test_a_cli_that_reaches_nobody_or_may_not_ends_with_1(fleet: Fleet):
    viewer = new_token(fleet, "viewer")

    asked = [
        fleet.system.cli("host", "list", environment={"TIDEGATE_URL": "http://127.0.0.1:9"}),
        fleet.system.cli("host", "delete", "web-01", environment={"TIDEGATE_TOKEN": viewer}),
        fleet.system.cli("host", "list", environment={"TIDEGATE_TOKEN": "wrong"}),
    ]

    for done in asked:
        assert done.returncode == 1, done
        assert done.stdout == ""
        assert is_one_sentence(done.stderr.strip()), done.stderr


def test_an_upload_that_says_it_has_3_gb_is_refused_before_it_is_sent(fleet: Fleet):
    head = (
        f"POST {REVISIONS} HTTP/1.1\r\nHost: {fleet.system.url.removeprefix('http://')}\r\n"
        f"Authorization: Bearer {fleet.system.token}\r\nContent-Length: {3 * GB}\r\n\r\n"
    )
    with nothing_is_left(fleet):
        begun = monotonic()
        with socket.create_connection(("127.0.0.1", fleet.system.port), timeout=30) as connection:
            connection.sendall(head.encode() + ZEROS)
            answer = connection.recv(65536)
            took = monotonic() - begun
            while not answer.endswith(b"}"):  # head and body may come one after the other
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"1,000,000,000 bytes" in answer
    assert took < 10


@pytest.mark.slow
@pytest.mark.parametrize("declared", [True, False], ids=["with-length", "chunked"])
def test_an_upload_of_3_gb_is_refused_without_3_gb_of_disk(fleet: Fleet, declared: bool):
    sent = 0

    def zeros() -> Iterator[bytes]:
        nonlocal sent
        while sent < 3 * GB:
            sent += len(ZEROS)
            yield ZEROS

    headers = {"Content-Length": str(3 * GB)} if declared else {}
    free_before = shutil.disk_usage(fleet.system.data_dir).free
    with nothing_is_left(fleet):
        try:
            answer = fleet.system.client.post(
                REVISIONS, content=zeros(), headers=headers, timeout=200
            )
        except httpx2.WriteError:
            answer = None

    assert answer is None or "1,000,000,000 bytes" in refused(answer, 413)
    assert free_before - shutil.disk_usage(fleet.system.data_dir).free < GB // 2
    assert fleet.succeeded(fleet.group(fleet.hosts))


def test_a_json_body_over_its_limit_is_refused(fleet: Fleet):
    with nothing_is_left(fleet):
        answer = fleet.system.client.post("/v1/hosts", content=b'{"name": "' + ZEROS + b'"}')

    assert "1,000,000 bytes" in refused(answer, 413)


def test_secrets_are_readable_to_nobody_else_and_stand_in_no_row_or_log(fleet: Fleet):
    data_dir, host = fleet.system.data_dir, fleet.hosts[0]
    key = host.identity_path.read_text().splitlines()[1]

    for name in ("admin.token", "broker.url"):
        assert (data_dir / name).stat().st_mode & 0o777 == 0o600
    database = (data_dir / "tidegate.db").read_bytes()
    assert fleet.system.token.encode() not in database
    assert key.encode() not in database
    assert fleet.system.token not in fleet.system.log()
    assert data_dir.stat().st_mode & 0o077 == 0
