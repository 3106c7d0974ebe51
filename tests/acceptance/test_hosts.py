"""Hosts that cannot be reached, refuse, lack python3 or die: each says so, and the rest goes on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import pytest

from acceptance.bundles import bundle
from acceptance.fleet import Document, Fleet, whole_run
from parts.ports import free_port
from parts.processes import wait_until
from parts.sshd import SshdHost, new_key, public_line

FACT_TO_FAILURE = 60.0
"""Seconds within which an event fails after what happened."""
HOSTS = 2


@dataclass
class Story:
    """One deployment to hosts of every kind, and when each was seen to have ended."""

    fleet: Fleet
    deployment_id: str = ""
    seen: dict[str, float] = field(default_factory=dict)
    powered_off: float = 0.0

    def look(self) -> bool:
        for name, target in self.fleet.targets(self.deployment_id).items():
            if target["status"] not in ("Pending", "InProgress"):
                self.seen.setdefault(name, monotonic())
        return bool(self.seen)

    def target(self, name: str) -> Document:
        return self.fleet.target(self.deployment_id, name)


def strangers(fleet: Fleet) -> list[str]:
    """Register hosts that each lack something, named by what it is."""
    farm = fleet.farm
    farm.start_one("no-python", PATH="/var/empty")
    other_key, other_identity = new_key(), farm.folder / "other_identity"
    other_identity.touch(mode=0o600)
    other_identity.write_bytes(other_key.export_private_key("openssh"))
    closed, alive = farm.start_one("unreachable"), fleet.hosts[0]
    closed.stop()
    for name in ("no-python", "unreachable"):
        fleet.register(farm[name])
    as_alive = {
        "wrong-identity": {"identity": f"file:{other_identity}"},
        "no-identity": {"identity": f"file:{other_identity}.gone"},
        "other-host-key": {"host_key": public_line(other_key)},
        "no-address": {"address": "nobody.invalid"},
        "closed-port": {"port": free_port(alive.address)},
    }
    for name, changes in as_alive.items():
        folder = str(farm.folder / name)
        fleet.register(alive, **{"name": name, "state_dir": folder, **changes})
    return ["no-python", "unreachable", *as_alive]


@pytest.fixture(scope="module")
def story(shared_fleet: Fleet) -> Story:
    fleet = shared_fleet
    names = strangers(fleet)
    doomed = [fleet.farm.start_one(name) for name in ("powered-off", "rebooted")]
    for host in doomed:
        fleet.register(host)
        fleet.ledger(host).hold("AfterInstall")
    story = Story(fleet)
    story.deployment_id = fleet.deploy(
        fleet.group([*fleet.hosts, *names, *doomed]), bundle("strangers")
    )
    for host in doomed:
        fleet.wait_for_hook(story.deployment_id, host, "AfterInstall")
        host.power_off()
    story.powered_off = monotonic()
    doomed[1].start()
    wait_until(
        lambda: story.look() and fleet.show(story.deployment_id)["status"] != "InProgress",
        within=150,
        what="the deployment ends",
    )
    story.look()
    return story


def test_the_good_hosts_are_not_held_up_by_the_bad(story: Story):
    fleet = story.fleet

    assert fleet.show(story.deployment_id)["status"] == "Succeeded"
    for host in fleet.hosts:
        assert story.target(host.name)["status"] == "Succeeded"
        assert fleet.ledger(host).told(story.deployment_id) == whole_run(first=True)


REFUSALS = {
    "wrong-identity": ("refused the login of user", "authorized_keys"),
    "no-identity": ("other_identity.gone",),
    "other-host-key": ("presents the key ssh-ed25519 SHA256:", "is known for it"),
    "no-python": ("no python3 on the PATH", "install Python 3.6"),
    "no-address": ("'nobody.invalid' has no address",),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_host_that_refuses_fails_at_once_and_says_which_way(story: Story, name: str):
    target = story.target(name)

    first, *rest = target["lifecycle_events"]
    assert target["status"] == "Failed"
    assert first["status"] == "Failed"
    assert first["error_code"] == "UnknownError"
    for words in REFUSALS[name]:
        assert words in first["message"]
    assert {event["status"] for event in rest} == {"Skipped"}
    assert story.seen[name] < story.powered_off + FACT_TO_FAILURE


@pytest.mark.parametrize("name", ["unreachable", "closed-port"])
def test_a_host_that_cannot_be_reached_fails_within_a_minute(story: Story, name: str):
    target = story.target(name)

    message = target["lifecycle_events"][0]["message"]
    assert target["status"] == "Failed"
    assert "the connection was refused" in message
    assert story.seen[name] < story.powered_off + FACT_TO_FAILURE


@pytest.mark.parametrize("name", ["powered-off", "rebooted"])
def test_a_host_that_dies_under_a_hook_fails_that_event_within_a_minute(story: Story, name: str):
    target = story.target(name)

    statuses = {event["name"]: event["status"] for event in target["lifecycle_events"]}
    message = story.fleet.event(story.deployment_id, name, "AfterInstall")["message"]
    assert target["status"] == "Failed"
    assert statuses["Install"] == "Succeeded"
    assert statuses["AfterInstall"] == "Failed"
    assert statuses["ApplicationStart"] == "Skipped"
    assert name in message
    assert story.seen[name] < story.powered_off + FACT_TO_FAILURE
    told = story.fleet.ledger(story.fleet.farm[name]).told(story.deployment_id)
    assert told[-1] == "AfterInstall begin"


def test_a_short_cut_of_the_cable_is_bridged(fleet: Fleet):
    host = fleet.hosts[0]
    fleet.ledger(host).hold("AfterInstall")
    deployment_id = fleet.deploy(fleet.group([host]), bundle("bridged"))
    fleet.wait_for_hook(deployment_id, host, "AfterInstall")

    host.stop()
    fleet.mend()
    wait_until(
        lambda: "ValidateService end" in fleet.ledger(host).told(deployment_id),
        within=30,
        what="the run goes on without us",
    )
    host.start()

    assert fleet.wait(deployment_id)["status"] == "Succeeded"
    log = fleet.event(deployment_id, host, "ValidateService")["log_tail"]
    assert "ValidateService of revision bridged" in log


def test_a_host_key_is_learnt_once_where_that_was_asked_for(fleet: Fleet):
    host = fleet.farm.start_one("learnt")
    fleet.register(host, host_key=None, trust_on_first_use=True)
    group = fleet.group([host])

    fleet.succeeded(group)
    learnt = fleet.get("/v1/hosts/learnt")["host_key"]
    host.stop()
    host.change_host_key()
    host.start()
    failed = fleet.deploy(group)
    fleet.wait(failed)

    assert learnt.split()[:2] != host.host_key.split()[:2]
    assert "is known for it" in fleet.target(failed, host)["message"]


@pytest.mark.slow
@pytest.mark.parametrize("silence", [SshdHost.freeze, SshdHost.stop], ids=["frozen", "cut"])
def test_a_lost_host_that_comes_back_makes_the_next_deployment_wait_and_tells_late(
    fleet: Fleet, silence: Callable[[SshdHost], None]
):
    host = fleet.farm.start_one(f"lost-by-{silence.__name__}")
    fleet.register(host)
    group = fleet.group([host])
    fleet.ledger(host).hold("AfterInstall")
    lost = fleet.deploy(group, bundle("lost"))
    fleet.wait_for_hook(lost, host, "AfterInstall")

    silence(host)
    failed = fleet.wait_for_target(lost, host, "Failed", within=FACT_TO_FAILURE)
    host.thaw() if silence is SshdHost.freeze else host.start()
    following = fleet.deploy(group, bundle("next"))
    wait_until(
        lambda: lost in fleet.message(following, host),
        within=60,
        what="the next deployment says for whom it waits",
    )
    before = fleet.ledger(host).told(following)
    fleet.mend()
    ended = fleet.wait(following)
    late = wait_until(
        lambda: [event for event in fleet.history(lost) if event["name"] == "late"],
        within=120,
        what="the late outcome",
    )

    assert before == []
    assert "AfterInstall" in failed["message"]
    assert "45 s" in failed["message"]
    assert ended["status"] == "Succeeded"
    assert fleet.ledger(host).told(lost) == whole_run(first=True)
    assert fleet.ledger(host).told(following) == whole_run(first=False)
    assert len(late) == 1
    assert (late[0]["from"], late[0]["to"]) == ("Failed", "Failed")
    assert "ValidateService Succeeded" in late[0]["reason"]
    assert fleet.target(lost, host)["status"] == "Failed"
    assert fleet.event(lost, host, "AfterInstall")["status"] == "Failed"
    assert fleet.show(lost)["status"] == "Failed"
