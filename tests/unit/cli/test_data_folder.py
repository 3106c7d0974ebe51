"""The data folder: one owner, readable to nobody else."""

import json
import os
from pathlib import Path

import pytest

from tidegate_cli.folder import DataFolder
from tidegate_cli.refusal import CannotStart


def test_it_is_made_for_its_user_alone(tmp_path: Path):
    folder = DataFolder(tmp_path / "deep" / "data").claim()
    folder.write_processes([{"name": "api", "pid": 1, "port": None}])

    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.path.iterdir()} == {0o600}
    assert json.loads((folder.path / "processes.json").read_text()) == [
        {"name": "api", "pid": 1, "port": None}
    ]


def test_a_second_owner_is_refused_with_pid_and_folder(tmp_path: Path):
    first = DataFolder(tmp_path / "data").claim()

    with pytest.raises(CannotStart) as refusal:
        DataFolder(tmp_path / "data").claim()

    assert str(os.getpid()) in str(refusal.value)
    assert str(first.path) in str(refusal.value)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(CannotStart, match=r"^The data folder .* choose another with --data-dir\.$"):
        DataFolder(tmp_path / "file" / "data").claim()


def test_a_folder_of_somebody_else_keeps_its_mode(tmp_path: Path):
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.txt").touch()

    DataFolder(tmp_path).claim()

    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_secrets_are_made_once_and_replaced_only_by_given_ones(tmp_path: Path):
    folder = DataFolder(tmp_path / "data").claim()

    made, kept = folder.secret("flower.password"), folder.secret("flower.password")
    given = folder.secret("flower.password", given="chosen")

    assert made == kept
    assert len(made) >= 20
    assert given == "chosen"
    assert (folder.path / "flower.password").read_text() == "chosen\n"
