"""On-premises instances from the command line: registered by AWS's clients, hosts here."""

import json
from pathlib import Path

import pytest

from component.cli.conftest import HOST_KEY
from tidegate.engine.instances import Identity, deregister_instance, register_instance

DEPLOY = ("deploy", "--application", "shop", "--group", "prod", "--wait")


@pytest.fixture
def registered(system):
    """A system in which web-1 was registered by another program, and is not reachable yet."""
    identity = Identity(iam_user_arn="arn:aws:iam::123456789012:user/web-1")
    with system.store.write() as uow:
        register_instance("web-1", identity, uow=uow)
    return system


def test_a_registered_instance_is_seen_and_given_a_way_to_be_reached(registered, bundle: Path):
    before = registered.must("host", "list")
    registered.must("host", "set", "web-1", "--tag", "env=prod")
    halfway = registered.cli("host", "set", "web-1", "--ssh", "root@10.0.0.5")
    unreached = json.loads(registered.must("host", "show", "web-1", "--json"))
    registered.with_group()
    failed = registered.cli(*DEPLOY, "--bundle", str(bundle))

    registered.must(
        *("host", "set", "web-1", "--ssh", "root@10.0.0.5"),
        *("--host-key", HOST_KEY, "--identity", "agent"),
    )
    done = registered.cli(*DEPLOY, "--bundle", str(bundle))

    assert before.splitlines()[1].split() == ["web-1", "-", "-", "yes", "-"]
    assert (halfway.returncode, "ssh-keyscan" in halfway.stderr) == (1, True)
    assert (unreached["driver"], unreached["address"]) == ("", None)
    assert failed.returncode == 3
    assert (
        "The instance web-1 was registered, and nobody has said how it is reached; "
        "`tidegate host set web-1 --ssh USER@ADDRESS` with its host key says so." in failed.stderr
    )
    assert done.returncode == 0, done.stderr
    assert "root@10.0.0.5  env=prod" in registered.must("host", "list")


def test_a_deregistered_one_says_so_and_its_tags_mean_nothing(registered, bundle: Path):
    registered.must("host", "set", "web-1", "--tag", "env=prod")
    with registered.store.write() as uow:
        deregister_instance("web-1", uow=uow)
    registered.with_group()

    line = registered.must("host", "list").splitlines()[1]
    failed = registered.cli(*DEPLOY, "--bundle", str(bundle))

    assert line.split() == ["web-1", "-", "env=prod", "no", "-"]
    assert "no instances were found" in failed.stderr
    assert "deregistered at:" in registered.must("host", "show", "web-1")
    registered.must("host", "delete", "web-1")
