"""`tidegate github-token …`: added from stdin or a prompt, listed and deleted."""

import io
import json
import os
import pty
import subprocess

import pytest

from component.cli.conftest import TIDEGATE, Outcome, System
from tidegate_cli.prepare import ensure_secret_key

SECRET = "ghp_0123456789HushHushHush"


@pytest.fixture
def keyed(system: System) -> System:
    """A system whose first start has made the key of its secrets."""
    ensure_secret_key(system.settings)
    return system


def add(system: System, name: str, *more: str, stdin: str = f"{SECRET}\n", **options) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(stdin))
        return system.cli("github-token", "add", name, *more, **options)


def test_one_is_added_from_stdin_listed_and_deleted(keyed: System):
    added = add(keyed, "octocat/hello")
    as_json = json.loads(add(keyed, "OctoCat", "--json").stdout)
    listed = json.loads(keyed.must("github-token", "list", "--json"))
    table = keyed.must("github-token", "list")
    keyed.must("github-token", "delete", "octocat/hello")

    assert (added.returncode, added.stdout) == (0, "")
    assert added.stderr == "GitHub token octocat/hello was added.\n"
    assert as_json["name"] == "octocat"
    assert [one["name"] for one in listed] == ["octocat", "octocat/hello"]
    assert table.split()[:5] == ["NAME", "CREATED", "LAST", "USED", "octocat"]
    left = json.loads(keyed.must("github-token", "list", "--json"))
    assert [one["name"] for one in left] == ["octocat"]
    folder = keyed.settings.data_dir
    kept = b"".join(path.read_bytes() for path in folder.glob("tidegate.db*"))
    assert SECRET.encode() not in kept
    assert SECRET not in f"{added}{as_json}{listed}{table}"


def test_a_region_has_its_own(keyed: System):
    add(keyed, "octocat")

    there = keyed.must("--region", "eu-west-1", "github-token", "list", "--json")

    assert json.loads(there) == []


def test_a_person_is_asked_and_nothing_of_the_answer_is_seen(keyed: System):
    terminal, other = pty.openpty()
    with subprocess.Popen(
        [TIDEGATE, "github-token", "add", "octocat"],
        env={**os.environ, **keyed.environment()},
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
    ) as process:
        os.close(other)
        shown = b""
        while b"GitHub token: " not in shown:
            shown += os.read(terminal, 1 << 16)
        os.write(terminal, f"{SECRET}\n".encode())
        try:
            while piece := os.read(terminal, 1 << 16):
                shown += piece
        except OSError:
            os.close(terminal)

    assert process.returncode == 0
    assert b"GitHub token octocat was added." in shown
    assert SECRET.encode() not in shown


def test_what_is_refused_is_one_sentence(keyed: System):
    add(keyed, "octocat")

    for done, says in (
        (add(keyed, "octocat"), "already exists; delete it"),
        (add(keyed, "a b"), "cannot be the name of a GitHub token"),
        (add(keyed, "a", stdin=""), "0 characters"),
        (add(keyed, "a", stdin=f"{SECRET}\n{SECRET}\n"), "none of them a blank"),
        (add(keyed, "a", role="deployer"), "needs 'admin'"),
        (keyed.cli("github-token", "delete", "nobody"), "no GitHub token 'nobody'"),
    ):
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr
        assert SECRET not in done.stderr


def test_a_secret_is_no_argument(keyed: System):
    done = add(keyed, "octocat", SECRET)

    assert done.returncode == 2


def test_without_a_key_for_secrets_none_is_kept(system: System):
    done = add(system, "octocat")

    assert done.returncode == 1
    assert "TIDEGATE_SECRET_KEY" in done.stderr
