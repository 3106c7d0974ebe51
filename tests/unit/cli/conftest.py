"""Commands run in this process against a service that lives in the test."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidegate_cli import client
from tidegate_cli.main import run
from unit.cli.fake_service import FakeService

APPSPEC = "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv/app\n"


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    fake = FakeService()
    monkeypatch.setattr(client, "connect", lambda profile=None: fake.service(profile=profile))
    return fake


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(int(code), captured.out, captured.err)

    return call


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "appspec.yml").write_text(APPSPEC)
    (folder / "index.html").write_text("hello")
    return folder
