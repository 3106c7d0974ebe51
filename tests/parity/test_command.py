"""`tidegate local` as a shell calls it: its streams, its exit codes, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parity.bundles import appspec, sh
from parity.machine import Machine

TIDEGATE = Path(sys.executable).with_name("tidegate")


@pytest.fixture
def words(machine: Machine) -> list[str]:
    """A command line but for its bundle."""
    return [str(TIDEGATE), "local", "--root", str(machine.root), "--python", machine.python]


def call(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd=machine.place,
        env=machine.environment() | {"COLUMNS": "200"},
    )


def bundle(machine: Machine, *lines: str) -> str:
    text = appspec(hooks={"AfterInstall": ["s.sh"], "ApplicationStart": ["s.sh"]})
    return str(machine.bundle({"appspec.yml": text, "s.sh": sh(*lines)}))


def test_a_person_sees_the_log_and_a_table(machine: Machine, words):
    done = call(machine, *words, "-l", bundle(machine, "echo from the script"))

    assert done.returncode == 0
    assert done.stderr == ""
    assert "[stdout]from the script" in done.stdout
    assert "The deployment succeeded." in done.stdout.splitlines()
    assert len([line for line in done.stdout.splitlines() if "Succeeded" in line]) == 7


def test_a_failure_is_told_with_its_message(machine: Machine, words):
    done = call(machine, *words, "-l", bundle(machine, "exit 3"))

    last = done.stdout.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(
        "The deployment failed at AfterInstall: Script at specified location: s.sh"
    )


def test_the_object_is_the_last_line_of_stdout_and_the_log_goes_to_stderr(machine: Machine, words):
    done = call(machine, *words, "--json", "-l", bundle(machine, "echo from the script"))

    said = json.loads(done.stdout.splitlines()[-1])
    assert said.keys() == {"outcome", "failed_event", "diagnostics", "events", "warnings"}
    assert said["events"][0].keys() == {"event", "status", "noop", "seconds"}
    assert "[stdout]from the script" in done.stderr


def test_the_bundle_may_be_where_the_caller_is(machine: Machine, words):
    machine.folder("here", {"appspec.yml": appspec()})
    place = machine.place / "here"

    done = subprocess.run(
        [*words, "--json"], capture_output=True, cwd=place, env=machine.environment(), check=True
    )

    assert json.loads(done.stdout)["outcome"] == "succeeded"


def test_short_options_are_those_of_codedeploy_local(machine: Machine, words):
    text = appspec(hooks={"AfterInstall": ["s.sh"]})
    path = machine.bundle({"other.yml": text, "s.sh": sh("env")}, "tgz")
    short = ["-t", "tgz", "-A", "other.yml", "-e", "DownloadBundle,AfterInstall", "-b", "OVERWRITE"]

    done = call(machine, *words, "-l", str(path), *short, "-g", "gid", "-d", "name", "-a", "app")

    assert done.returncode == 0
    for line in ("DEPLOYMENT_GROUP_ID=gid", "DEPLOYMENT_GROUP_NAME=name", "APPLICATION_NAME=app"):
        assert f"[stdout]{line}\n" in done.stdout


WRONG = {
    "unknown-option": ["--what"],
    "number": ["--max-revisions", "many"],
    "no-revision": ["--max-revisions", "0"],
    "creator": ["--creator", "me"],
    "deployment-type": ["--deployment-type", "GREEN"],
    "variable": ["--env", "novalue"],
    "no-event": ["--events", ","],
}


@pytest.mark.parametrize("options", WRONG.values(), ids=WRONG)
def test_wrong_options_are_refused(machine: Machine, words, options):
    done = call(machine, *words, "--json", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert options[0] in done.stderr


def told(machine: Machine, *words: str) -> tuple[str, str]:
    done = call(machine, *words)
    said = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert said["diagnostics"]["error_code"] == "UnknownError"
    return said["failed_event"], said["diagnostics"]["message"]


def test_whatever_goes_wrong_later_is_in_the_object(machine: Machine, words):
    path = bundle(machine, "true")
    machine.path("file").write_text("")
    json_words = [*words, "--json", "-l", path]

    for options, text in (
        (["--python", "/no/python"], "/no/python"),
        (["--python", "/bin/false"], "/bin/false"),
        (["--root", str(machine.path("file") / "x")], "file"),
        (["--deployment-group-id", "../x"], "--deployment-group-id"),
        (["--deployment-id", ".."], "--deployment-id"),
        (["--cwd", "/no/folder"], "/no/folder"),
        (["--type", "rpm"], "BundleType"),
    ):
        event, message = told(machine, *json_words, *options)

        assert event == "ApplicationStop"
        assert text in message


def test_a_folder_for_temporary_files_has_to_be_there(machine: Machine, words):
    machine.env["TMPDIR"] = str(machine.path("tmp"))
    machine.path("tmp").chmod(0o500)
    if os.geteuid() == 0:
        machine.path("tmp").rmdir()  # then others are tried, and found
    done = call(machine, *words, "--json", "-l", bundle(machine, "true"))

    assert json.loads(done.stdout.splitlines()[-1])["outcome"] in ("succeeded", "failed")


def begun(machine: Machine, words: list[str], *lines: str) -> subprocess.Popen[str]:
    path = bundle(machine, f"touch {machine.path('begun')}", *lines)
    process = subprocess.Popen(
        [*words, "--json", "-l", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=machine.environment(),
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not machine.path("begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def test_ctrl_c_lets_the_script_end_and_starts_no_other(machine: Machine, words):
    process = begun(machine, words, "sleep 2", f"echo ended >>{machine.path('ledger')}")

    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    said = json.loads(out.splitlines()[-1])
    assert process.returncode == 1
    assert (said["outcome"], said["failed_event"]) == ("failed", "AfterInstall")
    assert said["events"][5] == {
        "event": "ApplicationStart",
        "status": "Skipped",
        "noop": False,
        "seconds": 0.0,
    }
    assert machine.path("ledger").read_text() == "ended\n"
    assert "interrupt again" in err


def test_the_second_ctrl_c_ends_the_script_too(machine: Machine, words):
    process = begun(machine, words, "sleep 30", f"echo ended >>{machine.path('ledger')}")
    begun_at = time.monotonic()

    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    out, _ = process.communicate(timeout=30)

    assert json.loads(out.splitlines()[-1])["failed_event"] == "AfterInstall"
    assert time.monotonic() - begun_at < 15
    assert not machine.path("ledger").exists()


def test_two_of_one_group_run_one_after_the_other(machine: Machine, words):
    ledger = machine.path("ledger")
    first = begun(machine, words, "sleep 2", f"echo first >>{ledger}")

    second = call(machine, *words, "--json", "-l", bundle(machine, f"echo second >>{ledger}"))

    assert second.returncode == 0
    assert "Waits for deployment d-" in second.stderr
    assert json.loads(first.communicate(timeout=30)[0])["outcome"] == "succeeded"
    assert ledger.read_text() == "first\n" * 2 + "second\n" * 2


def test_a_reader_that_goes_away_stops_nothing(machine: Machine, words):
    path = bundle(machine, "seq 1 20000", f"echo ran >>{machine.path('ledger')}")

    subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *words, "-l", path],
        capture_output=True,
        env=machine.environment(),
        check=True,
    )

    assert machine.path("ledger").read_text() == "ran\n" * 2


def test_help_names_every_option(machine: Machine):
    done = call(machine, str(TIDEGATE), "local", "--help")

    assert done.returncode == 0
    for option in ("--bundle-location", "--all-possible-events", "--root", "--cwd", "--json"):
        assert option in done.stdout
