"""Which events run, in which order, from which revision, and what is said of them."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Bundle, Host, Told, appspec_of, bundle_of

SCRIPTED = (
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
OWN = [*SCRIPTED, "DownloadBundle", "Install"]
CHANGED, REMOVED = "appspec.yml was changed", "appspec.yml was removed"
BACK_TO_BLUE = {"creator": "codeDeployRollback", "deployment_type": "BLUE_GREEN"}


def saying(word: str, *, events: tuple[str, ...] = SCRIPTED, **more) -> dict:
    """A revision whose scripts say one word, in all events."""
    script = f"#!/bin/sh\necho {word}\n"
    return {
        "bundle": bundle_of({"appspec.yml": "version: 0.0\n", "say.sh": script}),
        "appspec": appspec_of(hooks={event: ["say.sh"] for event in events}),
    } | more


def words_of(told: Told, event: str) -> list[str]:
    lines = told.logs[event].decode().splitlines()
    return [line.partition("]")[2] for line in lines if line.startswith("[stdout]")]


def facts_of(told: Told, *names: str) -> list[dict]:
    """The last fact of each occurrence of an event."""
    return [f for f in told.facts if f.get("name") in names and f["status"] != "InProgress"]


def root_of(host: Host) -> Path:
    return host.state / "deployment-root"


def notes_of(host: Host, kind: str) -> Path:
    return root_of(host) / "deployment-instructions" / f"{GROUP}_{kind}"


def test_events_run_as_they_are_listed_again_and_again(host: Host):
    events = ["DownloadBundle", "AfterInstall", "AfterInstall", "DownloadBundle", "BeforeInstall"]

    told = host.run(events=events, **saying("hi", events=("AfterInstall",)))

    done = facts_of(told, *events)
    assert [f["name"] for f in done] == events
    assert [f["noop"] for f in done] == [False, False, False, False, True]
    assert [f["exit_code"] for f in done] == [None, 0, 0, None, None]
    once, twice = (f["log_size"] for f in done[1:3])
    assert words_of(told, "AfterInstall") == ["hi", "hi"]
    assert (once * 2, twice) == (twice, len(told.logs["AfterInstall"]))
    assert told.outcome == "succeeded"


def test_nothing_is_added_to_the_list(host: Host):
    told = host.run(events=["ApplicationStop"], **saying("hi"))

    assert told.statuses() == {"ApplicationStop": "Succeeded"}
    assert told.event("ApplicationStop")["noop"] is True
    assert not notes_of(host, "most_recent_install").exists()


def test_a_current_revision_that_was_never_unpacked_is_missed(host: Host):
    told = host.run(events=["BeforeInstall", "DownloadBundle"], **saying("hi"))

    event = told.event("BeforeInstall")
    assert (event["status"], event["error_code"], event["noop"]) == (
        "Failed",
        "UnknownError",
        False,
    )
    assert 'revision-relative path "appspec.yml"' in event["message"]
    assert told.statuses()["DownloadBundle"] == "Skipped"


@pytest.mark.parametrize("name", ["Custom", "blockTraffic", "a name/with ../ all", ""])
def test_an_event_of_nobody_fails_at_its_turn(host: Host, name: str):
    told = host.run(events=["DownloadBundle", name, "AfterInstall"], **saying("hi"))

    done = facts_of(told, "DownloadBundle", name, "AfterInstall")
    assert [f["status"] for f in done] == ["Succeeded", "Failed", "Skipped"]
    assert done[1]["error_code"] == "UnknownError"
    assert f"Unsupported command type: {name}." in done[1]["message"]


def test_a_possible_event_runs_its_scripts(host: Host):
    events = ["DownloadBundle", "Install", "My Event"]
    told = host.run(
        events=events, possible_events=[*OWN, "My Event"], **saying("hi", events=("My Event",))
    )

    assert told.outcome == "succeeded"
    assert words_of(told, "My Event") == ["hi"]


@pytest.mark.parametrize(
    ("possible", "hooks", "words"),
    [
        (None, ("Anything",), None),
        (OWN, SCRIPTED, None),
        ([*OWN, "Mine"], ("Mine",), None),
        (OWN, ("AfterInstall", "Mine"), 'appspec.yml file contains unknown lifecycle events: ["M'),
        (["DownloadBundle", "Install"], (), 'unknown lifecycle events: ["BeforeBlockTraffic", "A'),
        ([*OWN, "Mine"], ("AfterInstall",), "doesn't exist in your appspec.yml file: Mine."),
        ([], (), "contains unknown lifecycle events"),
    ],
)
def test_install_compares_the_possible_events_with_the_appspec(host: Host, possible, hooks, words):
    revision = saying("hi", events=hooks)
    told = host.run(events=["DownloadBundle", "Install"], possible_events=possible, **revision)

    event = told.event("Install")
    assert event["status"] == ("Failed" if words else "Succeeded")
    assert (words or "") in event["message"]
    assert notes_of(host, "last_successful_install").exists() == (words is None)


@pytest.mark.parametrize("first", ["ApplicationStop", "DownloadBundle", "AfterInstall"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"spec_error": "It cannot be."}, "It cannot be."),
        ({"bundle": Bundle(b"x", "rar")}, "The BundleType rar is not known"),
    ],
)
def test_what_is_wrong_with_all_fails_the_first_event(host: Host, first: str, values, words: str):
    told = host.run(events=[first, "ValidateService"], **values)

    event = told.event(first)
    assert (event["status"], event["error_code"], event["script"]) == ("Failed", "UnknownError", "")
    assert words in event["message"]
    assert told.statuses()["ValidateService"] == "Skipped"


def test_a_bundle_that_could_not_be_fetched_fails_its_event_only(host: Host):
    told = host.run(bundle_error="No such bundle.")

    assert told.event("ApplicationStop")["status"] == "Succeeded"
    assert told.event("DownloadBundle")["message"] == "No such bundle."
    assert told.event("DownloadBundle")["error_code"] == "UnknownError"
    assert not notes_of(host, "most_recent_install").exists()


@pytest.mark.parametrize("event", ["BeforeInstall", "Install", "AfterInstall", "ValidateService"])
def test_a_bad_appspec_fails_every_event_that_needs_it(host: Host, event: str):
    session = host.session(
        bundle=bundle_of({"appspec.yml": "os: mac"}),
        events=["ApplicationStop", "DownloadBundle", event],
        appspec_error="The deployment failed because of mac.",
    )
    told = session.to_the_end()

    assert told.event("DownloadBundle")["status"] == "Succeeded"
    failed = told.event(event)
    assert failed["message"] == "The deployment failed because of mac."
    assert (failed["error_code"], failed["script"], failed["log_size"]) == ("UnknownError", "", 0)


def test_warnings_of_the_appspec_stand_at_install(host: Host):
    told = host.run(appspec_warnings=["mode 0644 is 420."], **saying("hi"))

    assert told.event("Install")["warnings"] == ["mode 0644 is 420."]
    assert told.logs["Install"] == b"Warning - mode 0644 is 420.\n"
    assert told.event("BeforeInstall")["warnings"] == []


@pytest.mark.parametrize(
    ("values", "before"),
    [
        ({}, {"ApplicationStop": "1", "BeforeBlockTraffic": "1", "AfterBlockTraffic": "1"}),
        ({"deployment_type": "BLUE_GREEN"}, {"BeforeBlockTraffic": "1"}),
        ({"creator": "codeDeployRollback"}, {"AfterBlockTraffic": "1"}),
        (
            BACK_TO_BLUE,
            {
                "ApplicationStop": "1",
                "BeforeBlockTraffic": "2",
                "AfterBlockTraffic": "2",
                "BeforeAllowTraffic": "1",
                "AfterAllowTraffic": "1",
            },
        ),
    ],
)
def test_who_runs_what_until_the_current_revision_is_there(host: Host, values, before):
    host.run(deployment="d-1", **saying("1"))
    host.run(deployment="d-2", events=["DownloadBundle"], **saying("2"))

    told = host.run(
        deployment="d-3", events=[*before, "DownloadBundle", *SCRIPTED], **saying("3"), **values
    )

    assert told.outcome == "succeeded"
    for event in SCRIPTED:
        assert words_of(told, event) == [before[event], "3"] if event in before else ["3"]
    scripts_log = root_of(host) / GROUP / "d-3" / "logs" / "scripts.log"
    assert scripts_log.read_text().count("LifecycleEvent - ") == len(before) + len(SCRIPTED)


@pytest.mark.parametrize(
    ("pointer", "event", "values", "cure"),
    [
        ("last_successful_install", "ApplicationStop", {}, "ignore_application_stop_failures"),
        ("most_recent_install", "BeforeBlockTraffic", BACK_TO_BLUE, "unpacked last"),
        ("last_successful_install", "AfterAllowTraffic", BACK_TO_BLUE, "installed last"),
    ],
)
def test_a_recorded_revision_that_is_gone_says_what_to_do(host: Host, pointer, event, values, cure):
    assert host.run(events=[event], deployment="d-0", **values).event(event)["noop"] is True
    host.run(deployment="d-1", **saying("1"))
    shutil.rmtree(root_of(host) / GROUP / "d-1")

    told = host.run(deployment="d-2", events=[event], **saying("2"), **values)

    failed = told.event(event)
    assert (failed["status"], failed["error_code"]) == ("Failed", "UnknownError")
    assert str(root_of(host) / GROUP / "d-1") in failed["message"]
    assert f"delete the file {notes_of(host, pointer)}" in failed["message"]
    assert cure in failed["message"]


def test_the_pointers_hold_the_folder_of_the_deployment(host: Host, tmp_path: Path):
    told = host.run(root=str(tmp_path / "root"), **saying("1"))
    host.run(
        root=str(tmp_path / "root"),
        deployment="d-2",
        bundle=bundle_of({"appspec.yml": ""}),
        appspec=appspec_of(files={"nowhere": "/"}),
    )

    assert told.outcome == "succeeded"
    assert not root_of(host).exists()
    notes = tmp_path / "root" / "deployment-instructions"
    group = tmp_path / "root" / GROUP
    installed = notes / f"{GROUP}_last_successful_install"
    assert installed.read_text() == str(group / "d-AAAAAAAA1")
    assert (notes / f"{GROUP}_most_recent_install").read_text() == str(group / "d-2")
    assert {path.name for path in (group / "d-AAAAAAAA1").iterdir()} == {
        "deployment-archive",
        "appspec.json",
        "logs",
    }


@pytest.mark.parametrize(
    ("ages", "installed", "most", "left"),
    [
        ("abcd", "a", 5, "abcd"),
        ("abcde", "e", 5, "bcde"),
        ("abcde", "a", 5, "acde"),
        ("abcdefg", "b", 5, "befg"),
        ("abcd", "d", 2, "d"),
        ("abc", "a", 2, "a"),
        ("a", "a", 1, "a"),
        ("ab", "a", 1, "a"),
        ("ab", "", 1, ""),
    ],
)
def test_the_oldest_revisions_go_but_never_the_installed_one(
    host: Host, ages: str, installed: str, most: int, left: str
):
    group, now = root_of(host) / GROUP, time.time()
    for age, name in enumerate(ages):  # from the oldest on
        (group / name / "deployment-archive").mkdir(parents=True)
        os.utime(group / name, (now, now - 1000 + age))
    notes_of(host, "x").parent.mkdir()
    if installed:
        notes_of(host, "last_successful_install").write_text(f"{group / installed}\n")

    host.run(events=["DownloadBundle"], max_revisions=most, deployment="d-9")

    assert {path.name for path in group.iterdir()} == {*left, "d-9"}


def test_old_revisions_go_before_a_bundle_is_fetched(host: Host):
    for name in "abcdef":
        (root_of(host) / GROUP / name).mkdir(parents=True)

    host.run(events=["DownloadBundle"], bundle_error="No.")

    assert len(list((root_of(host) / GROUP).iterdir())) == 5


@pytest.mark.parametrize(
    ("script", "warnings"),
    [
        ("echo x > appspec.yml", [CHANGED, None]),
        ("rm -f appspec.yml", [REMOVED, None]),
        ("touch appspec.yml; chmod 600 appspec.yml", [None, None]),
        ("mv saved appspec.yml || { mv appspec.yml saved; echo >appspec.yml; }", [CHANGED, None]),
    ],
)
def test_an_appspec_that_a_script_edits_stays_in_force(host: Host, script: str, warnings):
    told = host.run(
        bundle=bundle_of({"appspec.yml": "version: 0.0\n", "edit.sh": f"#!/bin/sh\n{script}\n"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["edit.sh"], "AfterInstall": ["edit.sh"]}),
        appspec_filename="appspec.yml",
        working_directory="archive",
    )

    assert told.outcome == "succeeded"
    for event, words in zip(("BeforeInstall", "AfterInstall"), warnings, strict=True):
        said = told.event(event)["warnings"]
        assert len(said) == (words is not None)
        assert all(warning.startswith(f"{words} in the revision") for warning in said)
        assert told.logs[event].count(b"Warning - ") == len(said)
    assert told.event("Install")["warnings"] == []


def test_the_appspec_must_have_the_very_name(host: Host):
    named = {"appspec_filename": "appspec.yml"}
    told = host.run(bundle=bundle_of({"appspec.yaml": ""}), **named)
    without_scripts = host.run(
        deployment="d-2",
        events=["DownloadBundle", "Install"],
        bundle=bundle_of({"appspec.yaml": ""}),
        **named,
    )

    assert without_scripts.outcome == "succeeded"
    assert told.event("DownloadBundle")["status"] == "Succeeded"
    failed = told.event("BeforeInstall")
    archive = root_of(host) / GROUP / "d-AAAAAAAA1" / "deployment-archive"
    assert failed["message"].startswith(
        "The CodeDeploy agent did not find an AppSpec file within the unpacked revision directory"
        f' at revision-relative path "appspec.yml". The revision was unpacked to directory'
        f' "{archive}", and the AppSpec file was expected but not found at path'
        f' "{archive}/appspec.yml".'
    )
    assert told.statuses()["Install"] == "Skipped"


def test_an_earlier_revision_is_read_by_the_name_that_is_wanted_now(host: Host):
    other = bundle_of({"other.yml": "", "say.sh": "#!/bin/sh\n"})
    host.run(bundle=other, appspec=saying("1")["appspec"], appspec_filename="other.yml")

    told = host.run(deployment="d-2", appspec_filename="appspec.yml", **saying("2"))
    again = host.run(
        deployment="d-3",
        bundle=other,
        appspec=saying("3")["appspec"],
        appspec_filename="other.yml",
    )

    assert 'not found at path "' in told.event("ApplicationStop")["message"]
    assert again.event("ApplicationStop")["status"] == "Succeeded"


def test_what_is_kept_of_an_appspec_serves_the_next_deployment(host: Host):
    host.run(**saying("1"))
    kept = json.loads((root_of(host) / GROUP / "d-AAAAAAAA1" / "appspec.json").read_text())
    broken = host.run(deployment="d-2", appspec_error="Bad.", **BACK_TO_BLUE)

    told = host.run(deployment="d-3", events=["BeforeBlockTraffic"], **BACK_TO_BLUE)

    assert set(kept) == {"appspec", "error", "filename", "revision_id", "sha256"}
    assert kept["appspec"] == saying("1")["appspec"]
    assert broken.event("BeforeInstall")["message"] == "Bad."
    assert told.event("BeforeBlockTraffic")["message"] == "Bad."
