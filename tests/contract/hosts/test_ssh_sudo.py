"""Logging in as an ordinary user, and running everything as root by sudo."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parts.sshd import SshdFarm, SshdHost
from parts.sudo import ordinary_user, require_sudo, sudo_for
from tidegate.drivers.hosts import Failed, Finished, HostAddress, Wish
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.testing.host_runs import Follower, run_of

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def user() -> Iterator[str]:
    with ordinary_user() as name:
        yield name


@pytest.fixture
def sudoer(user: str) -> Iterator[str]:
    with sudo_for(user):
        yield user


@pytest.fixture
def start(sshd_farm: SshdFarm) -> Callable[..., SshdHost]:
    """Start a host that others than root can log in to."""
    require_sudo()
    for folder in (sshd_farm.folder, *sshd_farm.folder.parents):
        folder.chmod(folder.stat().st_mode | 0o011)
    return lambda **environment: sshd_farm.start_one("web-1", **environment)


def address_of(host: SshdHost, user: str) -> HostAddress:
    return HostAddress(name=host.name, settings={**host.settings, "user": user, "sudo": True})


def test_whatever_runs_there_runs_as_root(make_driver, start, sudoer, tmp_path: Path):
    run = run_of({"AfterInstall": 'id -un; echo "$HOME"'}, folder=tmp_path / "bundles")
    host = start()
    driver, address = make_driver(), address_of(host, sudoer)

    first = Follower(driver, address, run).start()
    assert (first.join(), first.ended) == (Finished(), "succeeded")
    again = Follower(driver, address, run).start()

    assert again.join() == Finished()
    assert again.facts == first.facts
    assert b"[stdout]root\n[stdout]/root\n" in first.log("AfterInstall")
    assert host.state_dir.stat().st_uid == 0


def test_a_script_there_can_be_ended(make_driver, start, sudoer, tmp_path: Path):
    run = run_of({"AfterInstall": "echo begun; sleep 60"}, folder=tmp_path / "bundles")
    follower = Follower(make_driver(), address_of(start(), sudoer), run).start()
    follower.wait_for(lambda f: b"begun" in f.log("AfterInstall"), "the hook runs")

    follower.wish(Wish.KILL)

    assert follower.join() == Finished()
    assert follower.ended == "stopped"


def test_a_sudo_that_wants_a_password_says_what_to_do(
    make_driver: Callable[..., SshHosts], start, user
):
    with sudo_for(user, tag=""):
        failed = make_driver().probe(address_of(start(), user))

    assert isinstance(failed, Failed)
    assert failed.code == "permission_denied"
    assert "a password is required" in failed.message
    assert f"'{user} ALL=(ALL) NOPASSWD: ALL' into /etc/sudoers.d/tidegate" in failed.message


def test_a_host_without_sudo_says_so(make_driver, start, user):
    failed = make_driver().probe(address_of(start(PATH="/no/sudo/here"), user))

    assert isinstance(failed, Failed)
    assert failed.code == "misconfigured"
    assert f"no sudo on the PATH of user '{user}'" in failed.message


def test_a_python_that_sudo_does_not_find_is_told_apart(make_driver, start, user):
    with sudo_for(user, defaults="secure_path=/no/python/here"):
        failed = make_driver().probe(address_of(start(), user))

    assert isinstance(failed, Failed)
    assert failed.code == "no_python"
    assert "secure_path in /etc/sudoers" in failed.message


def test_a_sudo_that_wants_a_terminal_says_what_to_do(make_driver, start, user):
    with sudo_for(user, defaults="requiretty"):
        failed = make_driver().probe(address_of(start(), user))

    assert isinstance(failed, Failed)
    assert f"'Defaults:{user} !requiretty'" in failed.message
