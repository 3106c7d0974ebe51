"""secrets.sh makes what compose wants, where compose looks for it, and keeps what is there."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from architecture.tree import ROOT

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
OVERRIDES = ("tls", "monitoring", "rabbitmq")


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    folder = tmp_path / "tidegate" / "deploy"
    ignored = shutil.ignore_patterns("secrets", ".env")
    return Path(shutil.copytree(ROOT / "deploy", folder, ignore=ignored))


def run(deploy: Path, command: Sequence[str | Path], **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=deploy,
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wanted(deploy: Path, **variables: str) -> set[Path]:
    """The files that compose mounts as secrets, with any of the override files."""
    compose = Path(sys.executable).with_name("docker-compose")
    found = set[Path]()
    for override in ((), *((name,) for name in OVERRIDES)):
        files = ["compose.yml", *(f"compose.{name}.yml" for name in override)]
        named = [word for file in files for word in ("-f", file)]
        told = run(deploy, [compose, *named, "config", "--format", "json"], **variables)
        found |= {Path(one["file"]) for one in json.loads(told)["secrets"].values()}
    return found


@pytest.mark.parametrize(
    "given",
    ["", "./secrets", "../kept", "{tmp}/kept", '"{tmp}/kept"', "{tmp}/kept  # elsewhere"],
)
def test_secrets_lie_where_compose_looks(deploy: Path, tmp_path: Path, given: str):
    (tmp_path / "kept").mkdir(mode=0o755)
    if given:
        line = f"TIDEGATE_SECRETS={given.format(tmp=tmp_path)}"
        (deploy / ".env").write_text(f"API_CPUS=2\n{line}\n")

    run(deploy, ["./secrets.sh"])

    files = wanted(deploy)
    assert files
    for file in files:
        assert file.is_file(), file
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_what_the_environment_says_counts_more(deploy: Path, tmp_path: Path):
    (deploy / ".env").write_text(f"TIDEGATE_SECRETS={tmp_path}/not-here\n")
    here = {"TIDEGATE_SECRETS": str(tmp_path / "here")}

    run(deploy, ["./secrets.sh"], **here)

    assert all(file.is_file() for file in wanted(deploy, **here))
    assert not (tmp_path / "not-here").exists()


def test_a_key_of_ones_own_can_be_read_by_containers(deploy: Path):
    own = deploy / "secrets" / "ssh_key"
    own.parent.mkdir()
    own.write_text("a key of my own")
    own.chmod(0o600)

    run(deploy, ["./secrets.sh"])

    assert own.read_text() == "a key of my own"
    assert {file.stat().st_mode & 0o777 for file in own.parent.iterdir()} == {0o644}
    assert own.parent.stat().st_mode & 0o777 == 0o700


def test_a_secret_that_is_there_stays(deploy: Path):
    run(deploy, ["./secrets.sh"])
    before = {file: file.read_text() for file in (deploy / "secrets").iterdir()}

    run(deploy, ["./secrets.sh"])

    assert {file: file.read_text() for file in (deploy / "secrets").iterdir()} == before
