"""§5: which events run, in which order, and whose scripts they take."""

from pathlib import Path

import pytest

from parity.bundles import File, appspec, sh
from parity.machine import GROUP, Machine
from tidegate.domain.lifecycle import HOST_EVENTS

HOOKS = (
    "BeforeBlockTraffic",
    "AfterBlockTraffic",
    "ApplicationStop",
    "BeforeInstall",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
)
DOWNLOAD = ("DownloadBundle", "Install")
ALL = (*HOOKS[:3], "DownloadBundle", "BeforeInstall", "Install", *HOOKS[4:])
OWN = ",".join((*HOOKS, *DOWNLOAD))
LEDGER = sh('echo "$LIFECYCLE_EVENT $(cat "$DEPLOYMENT_ARCHIVE/name")" >>"$LEDGER"')


def revision(name: str, hooks: tuple[str, ...] = HOOKS, **more: object) -> dict[str, object]:
    """A bundle whose scripts write their event and the bundle's name into a ledger."""
    text = appspec(hooks={event: ["scripts/note.sh"] for event in hooks}, **more)
    return {"appspec.yml": text, "scripts/note.sh": LEDGER, "name": name}


def deploy(machine: Machine, name: str, *, events=ALL, **named):
    hooks = named.pop("hooks", HOOKS)
    machine.env["LEDGER"] = str(machine.path("ledger"))
    return machine.deploy(revision(name, hooks), events=events, **named)


def ledger(machine: Machine) -> list[str]:
    path = machine.path("ledger")
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def pointer(machine: Machine, name: str) -> Path:
    return machine.root / "deployment-instructions" / f"{GROUP}_{name}"


# The list of events is literal


def test_the_default_is_the_agents_order(machine: Machine):
    done = machine.deploy({"appspec.yml": appspec()}, events=None).succeeded()

    assert [event["event"] for event in done.said["events"]] == list(HOST_EVENTS)
    assert done.noops() == [name for name in HOST_EVENTS if name not in DOWNLOAD]
    assert all(event["seconds"] >= 0 for event in done.said["events"])


ORDERS = {
    "one": ("AfterInstall",),
    "backwards": ("ValidateService", "BeforeInstall"),
    "twice": ("AfterInstall", "AfterInstall"),
    "around": ("AfterInstall", "ApplicationStart", "AfterInstall"),
}


@pytest.mark.parametrize("events", ORDERS.values(), ids=ORDERS)
def test_order_and_repetition_are_kept(anybodys: Machine, events):
    done = deploy(anybodys, "v1", events=("DownloadBundle", *events)).succeeded()

    assert ledger(anybodys) == [f"{event} v1" for event in events]
    assert done.statuses() == ["Succeeded"] * (len(events) + 1)
    assert done.scripts_log.count("LifecycleEvent - ") == len(events)


def test_a_download_that_was_is_not_needed_again(anybodys: Machine):
    deploy(anybodys, "v1", events=("DownloadBundle",), deployment_id="d-1").succeeded()

    later = anybodys.deploy(None, events=("AfterInstall",), type=None, deployment_id="d-1")

    later.succeeded()
    assert ledger(anybodys) == ["AfterInstall v1"]


def test_an_event_that_needs_the_revision_fails_without_it(machine: Machine):
    for event in ("BeforeInstall", "Install", "ValidateService"):
        machine.deploy("/nowhere", events=(event,)).failed(event)


def test_scripts_that_ran_before_a_failure_have_run_and_none_after_it(anybodys: Machine):
    files = revision("v1") | {
        "appspec.yml": appspec(
            hooks={
                "BeforeInstall": ["scripts/note.sh", "scripts/bad.sh", "scripts/note.sh"],
                "AfterInstall": ["scripts/note.sh"],
            }
        ),
        "scripts/bad.sh": sh("exit 3"),
    }
    anybodys.env["LEDGER"] = str(anybodys.path("ledger"))

    done = anybodys.deploy(files)

    done.failed("BeforeInstall", code="ScriptFailed", script="scripts/bad.sh")
    assert ledger(anybodys) == ["BeforeInstall v1"]
    assert done.statuses() == ["Succeeded"] * 2 + ["Failed"] + ["Skipped"] * 4


# Custom events


def test_an_event_of_ones_own_needs_the_list_of_possible_ones(anybodys: Machine):
    events = (*DOWNLOAD, "HealthCheck", "AfterInstall")
    hooks = ("HealthCheck", "AfterInstall")

    done = deploy(anybodys, "v1", events=events, hooks=hooks)
    done.failed("HealthCheck", "HealthCheck")
    assert done.statuses() == ["Succeeded", "Succeeded", "Failed", "Skipped"]
    assert ledger(anybodys) == []

    possible = f"{OWN},HealthCheck"
    listed = deploy(anybodys, "v1", events=events, hooks=hooks, all_possible_events=possible)
    listed.succeeded()
    assert ledger(anybodys) == ["HealthCheck v1", "AfterInstall v1"]


@pytest.mark.parametrize("name", ["has blank", "../up", "ünï", "a/b"])
def test_an_event_of_a_strange_name_fails_at_its_turn(machine: Machine, name):
    done = deploy(machine, "v1", events=("DownloadBundle", "AfterInstall", name, "Install"))

    done.failed(name, name)
    assert done.statuses() == ["Succeeded", "Succeeded", "Failed", "Skipped"]
    assert ledger(machine) == ["AfterInstall v1"]


@pytest.mark.parametrize("name", ["has blank", "../up", "ünï", "a/b", ".", "x" * 100])
def test_an_event_of_a_strange_name_runs_if_it_is_listed(anybodys: Machine, name):
    events = (*DOWNLOAD, name, "AfterInstall", name)
    listed = f"{OWN},{name}"

    done = deploy(
        anybodys, "v1", events=events, hooks=(name, "AfterInstall"), all_possible_events=listed
    ).succeeded()

    assert ledger(anybodys) == [f"{name} v1", "AfterInstall v1", f"{name} v1"]
    assert done.scripts_log.count(f"LifecycleEvent - {name}\n") == 2
    assert done.warnings == []


def test_an_event_of_a_strange_name_may_be_the_first(machine: Machine):
    deploy(machine, "v1", events=("not this!", "DownloadBundle")).failed("not this!", "not this!")


POSSIBLE = {
    "hook-not-in-the-list": (("AfterInstall", "Extra"), OWN, 'lifecycle events: ["Extra"]'),
    "own-event-not-in-the-list": ((), ",".join(HOST_EVENTS), '["BeforeBlockTraffic", '),
    "listed-without-a-hook": (("AfterInstall",), f"{OWN},Extra", "appspec.yml file: Extra"),
}


@pytest.mark.parametrize(("hooks", "listed", "words"), POSSIBLE.values(), ids=POSSIBLE)
def test_install_compares_the_list_with_the_appspec(anybodys: Machine, hooks, listed, words):
    done = deploy(anybodys, "v1", events=HOST_EVENTS, hooks=hooks, all_possible_events=listed)

    done.failed("Install", words)
    assert not pointer(anybodys, "last_successful_install").exists()


AGREEING = {
    "own-events-need-no-hook": ((), OWN),
    "both-sides": (("Extra", "AfterInstall"), f"{OWN},Extra"),
}


@pytest.mark.parametrize(("hooks", "listed"), AGREEING.values(), ids=AGREEING)
def test_a_list_that_agrees_is_fine(machine: Machine, hooks, listed):
    deploy(machine, "v1", events=DOWNLOAD, hooks=hooks, all_possible_events=listed).succeeded()


def test_only_an_event_that_is_not_in_the_list_is_warned_of(machine: Machine):
    hooks = ("Extra", "End", "Install")

    listed = deploy(machine, "v1", hooks=hooks, all_possible_events=f"{OWN},Extra,End").succeeded()
    unlisted = deploy(machine, "v1", hooks=hooks).succeeded()

    assert not any("'Extra'" in warning or "End" in warning for warning in listed.warnings)
    assert any("'Extra'" in warning for warning in unlisted.warnings)
    assert any("End runs no scripts" in warning for warning in unlisted.warnings)
    assert any("Install runs no scripts" in warning for warning in listed.warnings)


# Whose scripts run


def test_the_first_deployment_has_no_previous_revision(anybodys: Machine):
    done = deploy(anybodys, "v1").succeeded()

    assert done.noops() == ["BeforeBlockTraffic", "AfterBlockTraffic", "ApplicationStop"]
    assert ledger(anybodys) == [f"{event} v1" for event in HOOKS[3:]]


def test_the_next_one_stops_the_last_and_logs_to_itself(anybodys: Machine):
    deploy(anybodys, "v1").succeeded()
    ledger(anybodys)

    done = deploy(anybodys, "v2").succeeded()

    ran = ledger(anybodys)
    assert ran == [f"{event} {'v1' if event in HOOKS[:3] else 'v2'}" for event in HOOKS]
    assert "LifecycleEvent - ApplicationStop" in done.scripts_log
    assert done.noops() == []


def test_last_is_what_was_installed_last_also_when_its_deployment_failed(anybodys: Machine):
    deploy(anybodys, "v1").succeeded()
    bad = revision("v2") | {"scripts/note.sh": sh('[ "$LIFECYCLE_EVENT" != ValidateService ]')}
    anybodys.deploy(bad, events=ALL).failed(
        "ValidateService", code="ScriptFailed", script="scripts/note.sh"
    )
    deploy(anybodys, "v3", events=("DownloadBundle", "BeforeInstall")).succeeded()
    ledger(anybodys)

    deploy(anybodys, "v4", events=("ApplicationStop", *DOWNLOAD)).succeeded()

    assert ledger(anybodys) == []  # what v2 has for it says nothing
    assert pointer(anybodys, "last_successful_install").read_text().endswith("d-000000008")


def test_a_failed_install_is_not_the_last_one(anybodys: Machine):
    deploy(anybodys, "v1").succeeded()
    bad = revision("v2", files=[{"source": "no", "destination": "@/srv"}])
    anybodys.deploy(bad, events=DOWNLOAD).failed("Install")
    ledger(anybodys)

    deploy(anybodys, "v3", events=("ApplicationStop",)).succeeded()

    assert ledger(anybodys) == ["ApplicationStop v1"]


def test_after_its_own_download_a_deployment_takes_its_own_scripts(anybodys: Machine):
    deploy(anybodys, "v1").succeeded()
    ledger(anybodys)

    deploy(anybodys, "v2", events=("DownloadBundle", "ApplicationStop")).succeeded()

    assert ledger(anybodys) == ["ApplicationStop v2"]


ROLLBACK = {"creator": "codeDeployRollback", "deployment_type": "BLUE_GREEN"}
KINDS = {
    "user-in-place": ({}, "v1", "v1", "v3"),
    "rollback-in-place": ({"creator": "codeDeployRollback"}, "v1", "v1", "v3"),
    "user-blue-green": ({"deployment_type": "BLUE_GREEN"}, "v1", "v1", "v3"),
    "rollback-blue-green": (ROLLBACK, "v2", "v1", "v1"),
}


@pytest.mark.parametrize(("options", "block", "stop", "allow"), KINDS.values(), ids=KINDS)
def test_a_rollback_from_blue_green_takes_other_revisions(
    anybodys: Machine, options, block, stop, allow
):
    deploy(anybodys, "v1").succeeded()
    deploy(anybodys, "v2", events=("DownloadBundle",)).succeeded()
    ledger(anybodys)
    before = (*HOOKS[:3], "BeforeAllowTraffic", "AfterAllowTraffic")
    needs_own = allow == "v3"
    events = (*HOOKS[:3], "DownloadBundle", *HOOKS[3:]) if needs_own else before

    deploy(anybodys, "v3", events=events, **options).succeeded()

    ran = dict(line.split() for line in ledger(anybodys))
    assert [ran[event] for event in before] == [block, block, stop, allow, allow]


def test_a_previous_revision_that_is_gone_fails_until_its_pointer_is_gone_too(anybodys: Machine):
    first = deploy(anybodys, "v1").succeeded()
    first.archive.rename(anybodys.path("moved"))

    done = deploy(anybodys, "v2").failed("BeforeBlockTraffic", str(first.folder))
    assert "ignore_application_stop_failures" not in done.message  # no option of `tidegate local`

    pointer(anybodys, "last_successful_install").unlink()
    deploy(anybodys, "v3").succeeded()


def agent_made(machine: Machine, text: str) -> Path:
    """Leave a revision as the agent leaves one: without any note of ours."""
    folder = machine.root / GROUP / "d-AGENT"
    name = machine.here(f"{folder.relative_to(machine.place)}/deployment-archive")
    machine.folder(name, {"appspec.yml": text, "name": "agent", "scripts/note.sh": LEDGER.data})
    (folder / "deployment-archive/scripts/note.sh").chmod(0o755)
    notes = {f"{GROUP}_last_successful_install": str(folder)}
    machine.folder("root/deployment-instructions", notes)
    return folder


def test_the_scripts_of_a_revision_that_the_agent_installed_run(anybodys: Machine):
    agent_made(anybodys, str(revision("agent")["appspec.yml"]))

    deploy(anybodys, "v1", events=("ApplicationStop", *DOWNLOAD)).succeeded()

    assert ledger(anybodys) == ["ApplicationStop agent"]


BAD_PREVIOUS = {
    "invalid": ("version: 1\nos: linux\n", "an invalid version value"),
    "empty": ("", "the application specification file was empty"),
}


@pytest.mark.parametrize(("text", "words"), BAD_PREVIOUS.values(), ids=BAD_PREVIOUS)
def test_a_bad_appspec_of_the_agents_revision_fails_the_event(anybodys: Machine, text, words):
    agent_made(anybodys, text)

    done = deploy(anybodys, "v1", events=("ApplicationStop", *DOWNLOAD))

    done.failed("ApplicationStop", words)


def test_a_previous_revision_whose_appspec_was_called_otherwise_fails(anybodys: Machine):
    files = revision("v1") | {"other.yml": revision("v1")["appspec.yml"]}
    del files["appspec.yml"]
    anybodys.env["LEDGER"] = str(anybodys.path("ledger"))
    anybodys.deploy(files, appspec_filename="other.yml").succeeded()

    deploy(anybodys, "v2", events=("ApplicationStop",)).failed("ApplicationStop", "appspec.yml")
    again = anybodys.deploy(files, events=("ApplicationStop",), appspec_filename="other.yml")
    again.succeeded()


def test_one_group_knows_nothing_of_another(machine: Machine):
    deploy(machine, "v1", deployment_group_id="one").succeeded()

    done = deploy(machine, "v2", deployment_group_id="two").succeeded()

    assert done.noops() == ["BeforeBlockTraffic", "AfterBlockTraffic", "ApplicationStop"]


def test_events_that_run_no_scripts_ignore_those_of_the_appspec(machine: Machine):
    files = revision("v1", ("DownloadBundle", "Install"))
    machine.env["LEDGER"] = str(machine.path("ledger"))

    machine.deploy({**files, "x": File("")}, events=DOWNLOAD).succeeded()

    assert ledger(machine) == []
