"""What `tidegate local` says of a run, made from what the runner told."""

from typing import Any

from tidegate.drivers.hosts import Fact, LogPiece
from tidegate_cli.local_record import STOPPED, Record


def event(name: str, status: str, at: float = 0.0, **more: object) -> Fact:
    return Fact(1, {"fact": "event", "name": name, "status": status, "at": at, **more})


def told(record: Record, *reports: Fact | LogPiece, why: str | None = None) -> dict[str, Any]:
    for report in reports:
        record.note(report)
    record.conclude(why)
    return record.as_json()


def test_a_deployment_that_succeeded():
    record = Record(["A", "B"])

    said = told(
        record,
        Fact(1, {"fact": "begun", "at": 1.0}),
        event("A", "InProgress", 1.0),
        event("A", "Succeeded", 1.0, noop=True),
        event("B", "InProgress", 2.0),
        event("B", "Succeeded", 3.23456, noop=False, warnings=["w", "w"]),
        Fact(9, {"fact": "end", "outcome": "succeeded", "at": 4.0}),
    )

    assert said == {
        "outcome": "succeeded",
        "failed_event": None,
        "diagnostics": None,
        "events": [
            {"event": "A", "status": "Succeeded", "noop": True, "seconds": 0.0},
            {"event": "B", "status": "Succeeded", "noop": False, "seconds": 1.235},
        ],
        "warnings": ["w"],
    }


def test_a_script_that_failed_is_told_with_its_log():
    said = told(
        Record(["A", "B"]),
        event("A", "InProgress"),
        LogPiece("A", 0, b"Script - a.sh\n[stdout]\xff"),
        LogPiece("A", 23, b"\n"),
        event(
            "A",
            "Failed",
            error_code="ScriptFailed",
            script="a.sh",
            message="It failed",
            exit_code=1,
        ),
        event("B", "Skipped"),
    )

    assert said["outcome"] == "failed"
    assert said["failed_event"] == "A"
    assert said["diagnostics"] == {
        "error_code": "ScriptFailed",
        "script_name": "a.sh",
        "message": "It failed",
        "log": "Script - a.sh\n[stdout]\N{REPLACEMENT CHARACTER}\n",
    }
    assert [each["status"] for each in said["events"]] == ["Failed", "Skipped"]


def test_where_no_script_failed_there_is_no_log():
    said = told(
        Record(["Install"]),
        event("Install", "InProgress"),
        LogPiece("Install", 0, b"a warning\n"),
        event("Install", "Failed", error_code="UnknownError", script="", message="a conflict"),
    )

    assert said["diagnostics"] == {
        "error_code": "UnknownError",
        "script_name": "",
        "message": "a conflict",
        "log": "",
    }


def test_an_event_that_occurs_twice_is_told_twice_with_its_own_log():
    said = told(
        Record(["A", "A"]),
        event("A", "InProgress"),
        LogPiece("A", 0, b"first\n"),
        event("A", "Succeeded"),
        event("A", "InProgress"),
        LogPiece("A", 6, b"second\n"),
        event("A", "Failed", error_code="ScriptFailed", script="a.sh", message="no"),
    )

    assert [each["status"] for each in said["events"]] == ["Succeeded", "Failed"]
    assert said["diagnostics"]["log"] == "second\n"


def test_what_kept_it_from_beginning_is_the_first_events_failure():
    said = told(Record(["A", "B"]), why="No python.")

    assert said["failed_event"] == "A"
    assert said["diagnostics"]["error_code"] == "UnknownError"
    assert said["diagnostics"]["message"] == "No python."
    assert [each["status"] for each in said["events"]] == ["Failed", "Skipped"]


def test_what_broke_it_off_is_the_running_events_failure():
    said = told(
        Record(["A", "B", "C"]),
        event("A", "InProgress"),
        event("A", "Succeeded"),
        event("B", "InProgress"),
        why="The run died.",
    )

    assert [each["status"] for each in said["events"]] == ["Succeeded", "Failed", "Skipped"]
    assert said["failed_event"] == "B"
    assert said["diagnostics"]["message"] == "The run died."


def test_a_stop_between_two_events_is_told_at_the_first_that_was_skipped():
    said = told(
        Record(["A", "B"]),
        event("A", "InProgress"),
        event("A", "Succeeded"),
        event("B", "Skipped"),
    )

    assert said["outcome"] == "failed"
    assert said["failed_event"] == "B"
    assert said["diagnostics"]["message"] == STOPPED
