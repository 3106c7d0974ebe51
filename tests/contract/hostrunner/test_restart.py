"""A restart: the scripts of the revision that is installed, without download or install."""

import shutil

import pytest

from contract.hostrunner.client import GROUP, Host
from contract.hostrunner.test_events import notes_of, root_of, saying, words_of
from tidegate.domain.lifecycle import RESTART_EVENTS

NEW = "d-AAAAAAAA2"


def restart(host: Host, **more):
    return host.run(deployment=NEW, events=list(RESTART_EVENTS), restart=True, **more)


def test_a_restart_runs_all_scripts_of_what_is_installed(host: Host):
    host.run(revision_id="r-1", **saying("hi"))
    installed = notes_of(host, "last_successful_install").read_text()

    told = restart(host, revision_id="r-1")

    assert told.statuses() == dict.fromkeys(RESTART_EVENTS, "Succeeded")
    assert all(words_of(told, event) == ["hi"] for event in RESTART_EVENTS)
    assert told.needs() == []
    assert notes_of(host, "last_successful_install").read_text() == installed
    assert not (root_of(host) / GROUP / NEW / "deployment-archive").exists()


def test_a_restart_takes_what_is_installed_not_what_was_unpacked_last(host: Host):
    host.run(revision_id="r-1", **saying("one"))
    host.run(
        deployment="d-AAAAAAAA3",
        events=["DownloadBundle"],
        revision_id="r-2",
        **saying("two"),
    )

    assert words_of(restart(host, revision_id="r-1"), "ApplicationStart") == ["one"]


def test_a_host_without_a_revision_is_not_restarted(host: Host):
    told = restart(host, revision_id="r-1")

    failed = told.event("ApplicationStop")
    assert (failed["status"], failed["error_code"]) == ("Failed", "UnknownError")
    assert failed["message"].startswith("No revision of this deployment group is installed")
    assert told.statuses()["ApplicationStart"] == "Skipped"


def test_a_host_with_another_revision_is_not_restarted(host: Host):
    host.run(revision_id="r-2", **saying("two"))

    message = restart(host, revision_id="r-1").event("ApplicationStop")["message"]
    assert "r-1" in message
    assert "r-2" in message
    assert "deploy it here" in message


def test_what_was_installed_before_revisions_were_noted_is_restarted(host: Host):
    host.run(**saying("hi"))

    assert restart(host, revision_id="r-1").outcome == "succeeded"


def test_an_installed_revision_whose_folder_is_gone_is_not_restarted(host: Host):
    host.run(revision_id="r-1", **saying("hi"))
    shutil.rmtree(notes_of(host, "last_successful_install").read_text().strip())

    assert (
        "is gone from this host"
        in restart(host, revision_id="r-1").event("ApplicationStop")["message"]
    )


@pytest.mark.parametrize("fails", ["ApplicationStop", "ApplicationStart"])
def test_a_script_that_fails_fails_the_restart(host: Host, fails: str):
    revision = saying("hi")
    revision["appspec"]["hooks"][fails][0]["location"] = "missing.sh"
    host.run(revision_id="r-1", events=["DownloadBundle", "Install"], **revision)

    told = restart(host, revision_id="r-1")

    assert told.outcome == "failed"
    assert told.event(fails)["error_code"] == "ScriptMissing"


def test_restarts_leave_the_installed_revision_and_few_folders(host: Host):
    host.run(revision_id="r-1", **saying("hi"))
    for number in range(4):
        told = host.run(
            deployment=f"d-BBBBBBBB{number}",
            events=list(RESTART_EVENTS),
            restart=True,
            revision_id="r-1",
            max_revisions=2,
        )
        assert told.outcome == "succeeded"

    group = root_of(host) / GROUP
    assert {folder.name for folder in group.iterdir()} == {"d-AAAAAAAA1", "d-BBBBBBBB3"}
