"""Nothing is run, and no right given, where others could put something else in its place."""

import os
from pathlib import Path

import pytest

from contract.hostrunner.client import Host
from tidegate.hostrunner import RUNNER_SHA256


def loosen(path: Path) -> None:
    path.chmod(0o775)


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 65534, -1)


@pytest.mark.parametrize("change", [loosen, give_away])
@pytest.mark.parametrize("place", [".", "runner", f"runner/{RUNNER_SHA256}.py"])
def test_a_runner_that_others_could_change_is_not_run(host: Host, place: str, change):
    assert host.probe()["t"] == "pong"
    change(host.state / place)

    answer = host.probe()

    assert (answer["t"], answer["code"]) == ("refused", "state_dir")
    assert str(host.state / place) in answer["why"]
    assert answer["why"].endswith("set another state_dir.")


def test_a_state_folder_that_an_admin_or_a_hook_opened_a_little_is_used(host: Host, tmp_path):
    host.probe()
    host.state.chmod(0o711)
    assert host.probe()["t"] == "pong"

    (tmp_path / "link").symlink_to(host.state)
    host.state = tmp_path / "link"
    assert host.probe()["t"] == "pong"
