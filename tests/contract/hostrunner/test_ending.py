"""Scripts end when their own process ends, in time, or when they are told to."""

import os
import signal
import time

from contract.hostrunner.client import EVENTS, Host, appspec_of, bundle_of
from contract.hostrunner.hooks import SH, is_alive, output_of, run_script


def test_a_script_that_takes_too_long_is_ended_with_its_children(host: Host, tmp_path):
    child = tmp_path / "child"
    script = SH + f"trap 'echo bye; exit 0' TERM; sleep 60 & echo $! > {child}; wait"

    begun = time.monotonic()
    told = run_script(host, script, hook={"timeout": 1})

    event = told.event("AfterInstall")
    assert output_of(told) == ["bye"]
    assert (event["error_code"], event["script"]) == ("ScriptTimedOut", "hook.sh")
    assert event["message"] == (
        "Script at specified location: hook.sh failed to complete in 1 seconds"
    )
    assert event["warnings"] == []
    assert time.monotonic() - begun < 20
    assert not is_alive(int(child.read_text()))


def test_a_script_that_ignores_the_request_is_killed(host: Host):
    begun = time.monotonic()
    told = run_script(host, SH + "trap '' TERM; while :; do sleep 1; done", hook={"timeout": 1})

    assert told.event("AfterInstall")["error_code"] == "ScriptTimedOut"
    assert 5 < time.monotonic() - begun < 25


def test_a_daemon_that_keeps_the_output_delays_nothing_and_may_go_on_writing(
    host_of_any_python: Host, tmp_path
):
    ticks = tmp_path / "ticks"
    daemon = f"while :; do echo tick; echo tick >&2; echo >> {ticks}; sleep 0.1; done"

    begun = time.monotonic()
    told = run_script(host_of_any_python, SH + f"({daemon}) & echo up $!")

    assert told.outcome == "succeeded"
    assert time.monotonic() - begun < 20
    up = next(line for line in output_of(told) if line.startswith("up"))
    before = ticks.stat().st_size
    time.sleep(0.5)
    assert ticks.stat().st_size > before
    os.kill(int(up.split()[1]), signal.SIGKILL)


def test_a_daemon_that_keeps_the_output_is_named(host: Host):
    told = run_script(host, SH + "sleep 60 & echo $!")

    (pid,) = output_of(told)
    warning = (
        f"Process {pid} (sleep) still runs and holds the output of hook.sh open; "
        "the event does not wait for it."
    )
    os.kill(int(pid), signal.SIGKILL)
    assert told.outcome == "succeeded"
    assert told.event("AfterInstall")["warnings"] == [warning]
    assert told.logs["AfterInstall"].decode().splitlines()[-1] == f"Warning - {warning}"


def test_of_many_that_keep_the_output_some_are_named(host: Host):
    told = run_script(host, SH + "for n in 1 2 3 4 5 6 7; do sleep 60 & echo $!; done")

    pids = output_of(told)
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    (warning,) = told.event("AfterInstall")["warnings"]
    youngest = [f"{pid} (sleep)" for pid in sorted(pids, key=int, reverse=True)][:5]
    assert warning.startswith(f"Processes {', '.join(youngest)}, 2 more still run and hold")


def test_what_comes_right_after_the_end_of_a_script_is_kept(host: Host):
    told = run_script(host, SH + "(sleep 0.2; echo late) &")

    assert output_of(told) == ["late"]
    assert told.event("AfterInstall")["warnings"] == []


def test_a_short_script_costs_no_poll(host: Host):
    """Twenty scripts at a poll of 100 ms would take two seconds."""
    scripts = [f"{n}.sh" for n in range(20)]
    values = {
        "bundle": bundle_of(dict.fromkeys(scripts, SH + ":\n")),
        "appspec": appspec_of(hooks={"AfterInstall": scripts}),
    }

    facts = host.run(**values).facts

    begun, ended = (f["at"] for f in facts if f.get("name") == "AfterInstall")
    assert ended - begun < 1.7


def test_cancel_ends_the_run_after_the_script(host: Host):
    session = host.session(
        bundle=bundle_of({"a": SH + "echo begun; sleep 1; echo done", "b": SH + "echo never"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["a", "b"], "AfterInstall": ["b"]}),
    )
    session.until(lambda _: b"begun" in session.told.logs["BeforeInstall"])
    session.command("cancel")

    told = session.to_the_end()

    event = told.event("BeforeInstall")
    assert (event["status"], event["error_code"]) == ("Failed", "UnknownError")
    assert event["message"] == "The deployment was stopped while this event ran."
    assert output_of(told, "BeforeInstall") == ["begun", "done"]
    assert set(list(told.statuses().values())[3:]) == {"Skipped"}
    assert told.outcome == "stopped"


def test_kill_ends_the_script(host: Host):
    session = host.session(
        bundle=bundle_of({"a": SH + "echo begun; sleep 60"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["a"]}),
    )
    session.until(lambda _: b"begun" in session.told.logs["BeforeInstall"])
    session.command("cancel")
    session.command("kill")

    begun = time.monotonic()
    told = session.to_the_end()

    assert time.monotonic() - begun < 10
    assert told.outcome == "stopped"
    event = told.event("BeforeInstall")
    assert (event["status"], event["error_code"]) == ("Failed", "UnknownError")
    assert event["message"] == (
        "The deployment was stopped while this event ran, and its script a was ended."
    )
    assert told.statuses()["AfterInstall"] == "Skipped"


def test_one_run_of_a_group_waits_for_another(host: Host):
    first = host.session(
        bundle=bundle_of({"a": SH + "sleep 2"}), appspec=appspec_of(hooks={"BeforeInstall": ["a"]})
    )
    first.until_running("BeforeInstall")

    second = host.run(deployment="d-BBBBBBBB2", bundle=bundle_of({"a": ""}))
    other = host.run(deployment="d-CCCCCCCC3", group_id="another", bundle=bundle_of({"a": ""}))

    assert [f["fact"] for f in second.facts][:2] == ["begun", "waiting"]
    assert second.facts[1]["for"] == "d-AAAAAAAA1"
    assert second.outcome == "succeeded"
    assert first.to_the_end().facts[-1]["at"] <= second.facts[2]["at"]
    assert "waiting" not in [f["fact"] for f in other.facts]


def test_a_run_that_waits_can_be_cancelled(host: Host):
    first = host.session(
        bundle=bundle_of({"a": SH + "sleep 2"}), appspec=appspec_of(hooks={"BeforeInstall": ["a"]})
    )
    first.until_running("BeforeInstall")
    second = host.session(deployment="d-BBBBBBBB2", bundle=bundle_of({"a": ""}))
    second.until(lambda m: m["t"] == "fact" and m["f"]["fact"] == "waiting")
    second.command("cancel")

    told = second.to_the_end()

    assert told.statuses() == dict.fromkeys(EVENTS, "Skipped")
    assert told.outcome == "stopped"
    assert first.to_the_end().outcome == "succeeded"
