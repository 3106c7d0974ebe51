"""Scripts run as the CodeDeploy agent runs them, and end when their own process ends."""

import os
import pwd
import signal
import time
from pathlib import Path

import pytest

from contract.hostrunner.client import EVENTS, Host, Told, appspec_of, bundle_of, open_to_all

SH = "#!/bin/sh\n"
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def run_script(host: Host, script: str | bytes, **values) -> Told:
    """Run one script as AfterInstall."""
    hook = {"location": "hook.sh"} | values.pop("hook", {})
    return host.run(
        bundle=bundle_of({"hook.sh": script}),
        appspec=appspec_of(hooks={"AfterInstall": [hook]}),
        **values,
    )


def output_of(told: Told, event: str = "AfterInstall") -> list[str]:
    lines = told.logs[event].decode().splitlines()
    return [line.partition("]")[2] for line in lines if line.startswith("[std")]


def test_a_script_knows_where_it_is(host: Host):
    told = run_script(
        host,
        SH + "env | sort",
        environment={"COLOUR": "blue", "DEPLOYMENT_ID": "mine"},
        revision={"BUNDLE_BUCKET": "b", "BUNDLE_VERSION": None},
    )

    env = dict(line.split("=", 1) for line in output_of(told))
    assert env["LIFECYCLE_EVENT"] == "AfterInstall"
    assert env["DEPLOYMENT_ID"] == "d-AAAAAAAA1"
    assert env["APPLICATION_NAME"] == "shop"
    assert env["DEPLOYMENT_GROUP_NAME"] == "shop-web"
    assert (env["COLOUR"], env["BUNDLE_BUCKET"]) == ("blue", "b")
    assert "BUNDLE_VERSION" not in env
    assert (Path(env["DEPLOYMENT_ARCHIVE"]) / "hook.sh").exists()
    assert {"/usr/sbin", "/sbin"} <= set(env["PATH"].split(":"))


def test_nothing_else_of_the_session_reaches_a_script(host: Host):
    host.env = {"SSH_CONNECTION": "1", "SECRET": "2", "LC_TIME": "C"}

    told = run_script(host, SH + "env")

    names = {line.partition("=")[0] for line in output_of(told)}
    assert "LC_TIME" in names
    assert not names & {"SSH_CONNECTION", "SECRET"}


@pytest.mark.parametrize(("where", "expected"), [("/", "/"), ("archive", "deployment-archive")])
def test_the_working_directory_is_chosen(host: Host, where, expected):
    told = run_script(host, SH + "pwd", working_directory=where)

    assert output_of(told)[0].endswith(expected)


def test_both_outputs_are_merged_in_the_agents_format(host: Host):
    told = run_script(host, SH + "echo one; sleep 0.2; echo two >&2; sleep 0.2; printf three")

    assert told.logs["AfterInstall"].decode().splitlines() == [
        "LifecycleEvent - AfterInstall",
        "Script - hook.sh",
        "[stdout]one",
        "[stderr]two",
        "[stdout]three",
    ]
    folder = host.state / "deployment-root" / "5f2b8f3e-0000-4000-8000-000000000001"
    stamped = (folder / "d-AAAAAAAA1" / "logs" / "scripts.log").read_text().splitlines()
    assert [line[20:] for line in stamped] == told.logs["AfterInstall"].decode().splitlines()


def test_bytes_that_are_no_text_pass(host: Host):
    told = run_script(host, SH + r"printf '\377\000\n'")

    assert told.logs["AfterInstall"].endswith(b"[stdout]\xff\x00\n")


def test_a_script_without_a_shebang_is_run_by_sh(host: Host):
    assert output_of(run_script(host, "echo $0 | tail -c 8")) == ["hook.sh"]


def test_scripts_run_in_order_and_the_first_failure_ends_the_deployment(host: Host):
    told = host.run(
        bundle=bundle_of({"a": SH + "echo a", "b": SH + "exit 3", "c": SH + "echo c"}),
        appspec=appspec_of(hooks={"AfterInstall": ["a", "b", "c"], "ValidateService": ["c"]}),
    )

    event = told.event("AfterInstall")
    assert told.outcome == "failed"
    assert (event["status"], event["error_code"]) == ("Failed", "ScriptFailed")
    assert (event["script"], event["exit_code"]) == ("b", 3)
    assert event["message"] == "Script at specified location: b failed with exit code 3"
    assert output_of(told) == ["a"]
    assert told.statuses()["ValidateService"] == "Skipped"
    assert len([f for f in told.facts if f.get("name") == "ValidateService"]) == 1


def test_a_script_that_a_signal_ended_says_so(host: Host):
    event = run_script(host, SH + "kill -9 $$").event("AfterInstall")

    assert (event["error_code"], event["exit_code"]) == ("ScriptFailed", None)
    assert event["message"].endswith("hook.sh was ended by signal 9")


@pytest.mark.parametrize(
    ("script", "hook", "code", "message"),
    [
        ("", {"location": "no.sh"}, "ScriptMissing", "does not exist at specified location: /"),
        (SH.replace("\n", "\r\n"), {}, "ScriptFailed", "save it with Unix line ends"),
        ("#!/no/such/bash\n", {}, "ScriptFailed", "lacks its interpreter /no/such/bash"),
        ("", {"location": "../x.sh"}, "ScriptFailed", "leads out of the revision"),
        ("", {"runas": "nobody-here"}, "ScriptFailed", "this host has no such user"),
    ],
)
def test_a_script_that_cannot_start_says_why(host: Host, script, hook, code, message):
    event = run_script(host, script, hook=hook).event("AfterInstall")

    assert (event["status"], event["error_code"]) == ("Failed", code)
    assert message in event["message"]
    assert event["exit_code"] is None


def test_a_folder_is_no_script(host: Host):
    told = host.run(
        bundle=bundle_of({"folder/x": ""}),
        appspec=appspec_of(hooks={"AfterInstall": ["folder"]}),
    )

    assert told.event("AfterInstall")["message"].endswith("It is a folder.")


def test_a_script_that_takes_too_long_is_ended_with_its_children(host: Host, tmp_path):
    child = tmp_path / "child"
    script = SH + f"sleep 60 & echo $! > {child}; wait"

    begun = time.monotonic()
    event = run_script(host, script, hook={"timeout": 1}).event("AfterInstall")

    assert (event["error_code"], event["script"]) == ("ScriptTimedOut", "hook.sh")
    assert event["message"].endswith("hook.sh failed to complete in 1 seconds")
    assert time.monotonic() - begun < 20
    assert not is_alive(int(child.read_text()))


def test_a_script_that_ignores_the_request_is_killed(host: Host):
    begun = time.monotonic()
    told = run_script(host, SH + "trap '' TERM; while :; do sleep 1; done", hook={"timeout": 1})

    assert told.event("AfterInstall")["error_code"] == "ScriptTimedOut"
    assert 5 < time.monotonic() - begun < 25


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_daemon_that_keeps_the_output_delays_nothing_and_may_go_on_writing(host: Host, tmp_path):
    ticks = tmp_path / "ticks"
    daemon = f"while :; do echo tick; echo tick >&2; echo >> {ticks}; sleep 0.1; done"

    begun = time.monotonic()
    told = run_script(host, SH + f"({daemon}) & echo up $!")

    assert told.outcome == "succeeded"
    assert time.monotonic() - begun < 20
    up = next(line for line in output_of(told) if line.startswith("up"))
    before = ticks.stat().st_size
    time.sleep(0.5)
    assert ticks.stat().st_size > before
    os.kill(int(up.split()[1]), signal.SIGKILL)


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


def test_no_line_is_lost_that_a_script_writes_to_dev_stderr(host: Host):
    told = run_script(host, SH + "for n in 1 2 3 4 5; do echo $n >/dev/stderr; echo $n; done")

    assert sorted(output_of(told)) == sorted(["1", "2", "3", "4", "5"] * 2)


def test_a_script_gets_the_signals_as_a_shell_gives_them(host: Host):
    """A writer whose reader has gone must die of SIGPIPE instead of complaining."""
    told = run_script(host, SH + "yes | head -n 1; grep SigIgn /proc/self/status")

    first, ignored = output_of(told)
    assert first == "y"
    # What the tests themselves were started with may ignore others.
    bits = int(ignored.removeprefix("SigIgn:"), 16)
    assert [each for each in (signal.SIGPIPE, signal.SIGXFSZ) if bits >> (each - 1) & 1] == []


def test_cancel_ends_the_run_after_the_script(host: Host):
    session = host.session(
        bundle=bundle_of({"a": SH + "sleep 1; echo done", "b": SH + "echo never"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["a", "b"], "AfterInstall": ["b"]}),
    )
    session.until_running("BeforeInstall")
    session.command("cancel")

    told = session.to_the_end()

    event = told.event("BeforeInstall")
    assert (event["status"], event["error_code"]) == ("Failed", "UnknownError")
    assert event["message"] == "The deployment was stopped while this event ran."
    assert output_of(told, "BeforeInstall") == ["done"]
    assert set(list(told.statuses().values())[3:]) == {"Skipped"}
    assert told.outcome == "stopped"


def test_kill_ends_the_script(host: Host):
    session = host.session(
        bundle=bundle_of({"a": SH + "sleep 60"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["a"]}),
    )
    session.until_running("BeforeInstall")
    session.command("cancel")
    session.command("kill")

    begun = time.monotonic()
    told = session.to_the_end()

    assert time.monotonic() - begun < 10
    assert told.outcome == "stopped"
    assert told.event("BeforeInstall")["message"].startswith("The deployment was stopped")


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


def test_of_a_long_log_head_and_tail_are_told(host: Host):
    limits = {"log_bytes": 2000}
    told = run_script(host, SH + "seq 1 5000", limits=limits)

    size = told.event("AfterInstall")["log_size"]
    pieces = [(at, len(data)) for _, at, data in told.pieces]
    log = told.logs["AfterInstall"]
    assert size > 20000
    assert sum(length for _, length in pieces) == 2000
    assert max(at + length for at, length in pieces) == size
    assert log.startswith(b"LifecycleEvent - AfterInstall\n")
    assert log.endswith(b"[stdout]5000\n")


def test_a_script_that_never_stops_talking_fills_no_disk_and_can_be_stopped(host: Host):
    limits = {"log_bytes": 100_000}
    told = run_script(host, SH + "yes abcdefg", limits=limits, hook={"timeout": 2})

    used = sum(path.stat().st_blocks * 512 for path in host.state.rglob("*") if path.is_file())
    assert told.event("AfterInstall")["error_code"] == "ScriptTimedOut"
    assert told.event("AfterInstall")["log_size"] > 20_000_000
    assert used < 20_000_000


@root
def test_runas_runs_the_script_as_that_user(host: Host):
    open_to_all(host.state)

    told = run_script(
        host,
        SH + 'id -un; id -gn; echo "$HOME $USER"; echo x >/dev/stdout',
        hook={"runas": "nobody"},
    )

    nobody = pwd.getpwnam("nobody")
    assert told.event("AfterInstall")["status"] == "Succeeded"
    assert output_of(told)[0] == "nobody"
    assert output_of(told)[2:] == [f"{nobody.pw_dir} nobody", "x"]


@root
def test_who_is_not_root_cannot_become_another(host: Host):
    open_to_all(host.state)
    host.state.parent.chmod(0o777)
    host.wrapper = ("setpriv", "--reuid=nobody", "--clear-groups")

    event = run_script(host, SH + "id -u", hook={"runas": "daemon"}).event("AfterInstall")
    own = run_script(host, SH + "id -un", hook={"runas": "nobody"}, deployment="d-2")

    assert event["error_code"] == "ScriptFailed"
    assert "only root may become another" in event["message"]
    assert output_of(own) == ["nobody"]


def test_application_stop_comes_from_the_revision_that_was_installed(host: Host):
    def deploy(number: int, **values) -> Told:
        return host.run(
            deployment=f"d-{number}",
            bundle=bundle_of({"stop.sh": SH + f"echo stop of {number}"}),
            appspec=appspec_of(hooks={"ApplicationStop": ["stop.sh"]}),
            **values,
        )

    first, second = deploy(1), deploy(2)

    assert first.logs == {}
    assert output_of(second, "ApplicationStop") == ["stop of 1"]
    assert first.event("ApplicationStop")["exit_code"] is None


@pytest.mark.parametrize("ignored", [True, False])
def test_a_broken_application_stop_may_be_ignored(host: Host, ignored):
    spec = appspec_of(hooks={"ApplicationStop": ["stop.sh"]})
    host.run(bundle=bundle_of({"stop.sh": SH + "exit 1"}), appspec=spec)

    told = host.run(deployment="d-2", ignore_application_stop_failures=ignored)

    assert told.event("ApplicationStop")["status"] == "Failed"
    assert told.outcome == ("succeeded" if ignored else "failed")
    assert told.statuses()["Install"] == ("Succeeded" if ignored else "Skipped")


def test_an_installed_revision_that_is_gone_says_what_to_do(host: Host):
    host.run(bundle=bundle_of({"a": ""}))
    for path in (host.state / "deployment-root").glob("5f*/d-AAAAAAAA1/appspec.json"):
        path.unlink()

    event = host.run(deployment="d-2").event("ApplicationStop")

    assert event["status"] == "Failed"
    assert "ignore_application_stop_failures" in event["message"]
