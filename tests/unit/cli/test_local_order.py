"""The names of a local deployment: shortened, made up, or refused with a sentence."""

import re
from pathlib import Path

import pytest

from tidegate_cli.local_order import Names, Place, names_a_folder


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("d-ABCDEFGHI", "d-ABCDEFGHI"),
        ("arn:aws:codedeploy:us-east-1:123456789012:deployment/d-ABC", "d-ABC"),
        ("arn:aws:codedeploy:us-east-1:123456789012:deployment:d-ABC", "d-ABC"),
        ("arn:x:deployment/app/group/d-ABC", "d-ABC"),
        ("../d-ABC", "../d-ABC"),
        ("x:d-ABC", "x:d-ABC"),
    ],
)
def test_of_an_arn_the_last_part_is_the_id(given: str, found: str):
    assert Names.of(given, "g", "n", "a").deployment_id == found


def test_an_id_is_made_as_codedeploy_local_makes_it():
    made = {Names.of(None, "g", "n", "a").deployment_id for _ in range(3)}

    assert len(made) == 3
    assert all(re.fullmatch(r"d-[A-Z0-9]{9}-local", each) for each in made)


@pytest.mark.parametrize("name", ["a", "d-1", "_x", "-x", "a.b", "x" * 100])
def test_a_name_that_can_name_a_folder(name: str):
    assert names_a_folder(name)
    assert Names("d", name, "n", "a").problem() is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a b", "ä", "a\n", ".a", "x" * 101])
def test_a_name_that_cannot(name: str):
    assert not names_a_folder(name)
    assert "--deployment-group-id" in str(Names("d", name, "n", "a").problem())
    assert "--deployment-id" in str(Names(name, "g", "n", "a").problem())


@pytest.mark.parametrize("name", ["deployment-instructions", "deployment-logs"])
def test_a_group_does_not_get_the_folder_of_all_groups(name: str):
    problem = str(Names("d", name, "n", "a").problem())

    assert name in problem
    assert "--deployment-group-id" in problem
    assert Names(name, "g", "n", "a").problem() is None


def test_a_folder_for_hooks_has_to_be_there(tmp_path: Path):
    assert Place(None, tmp_path, "python3").problem() is None
    assert "give another --cwd" in str(Place(None, tmp_path / "no", "python3").problem())


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert "The working directory is gone" in str(Place(None, None, "python3").problem())
    assert Place(tmp_path, tmp_path, "python3").problem() is None
