"""§6: how scripts are run, and the codes and messages of those that fail."""

import os
import pwd
import stat
import time

import pytest

from parity.bundles import File, Folder, Link, appspec, sh
from parity.machine import Done, Machine

EVENTS = ("DownloadBundle", "AfterInstall")


def run(
    machine: Machine, *scripts: File | tuple[str, File], hook: dict | None = None, **named
) -> Done:
    """Run scripts in AfterInstall; the entry of the last one has what *hook* says."""
    pairs = [s if isinstance(s, tuple) else (f"s{n}.sh", s) for n, s in enumerate(scripts)]
    entries = [{"location": location} for location, _ in pairs]
    entries[-1].update(hook or {})
    files = {location.lstrip("/"): script for location, script in pairs}
    text = appspec(hooks={"AfterInstall": entries})
    named.setdefault("kind", "tar")
    return machine.deploy({"appspec.yml": text, **files}, events=EVENTS, **named)


def stdout_of(done: Done) -> list[str]:
    marked = done.scripts_log.splitlines()
    return [line.partition("[stdout]")[2] for line in marked if "[stdout]" in line]


# Success


def test_scripts_run_in_order_and_write_to_the_log(anybodys: Machine):
    done = run(anybodys, sh("echo one"), sh("echo two; echo bad >&2")).succeeded()

    lines = [line[20:] for line in done.scripts_log.splitlines()]
    assert lines[:4] == [
        "LifecycleEvent - AfterInstall",
        "Script - s0.sh",
        "[stdout]one",
        "Script - s1.sh",
    ]
    assert sorted(lines[4:]) == ["[stderr]bad", "[stdout]two"]
    assert "[stdout]one" in done.stderr


RUNNABLE = {
    "without-x-bit": ("s.sh", File("#!/bin/sh\necho ok\n", 0o644)),
    "without-shebang": ("s.sh", File("echo ok\n", 0o755)),
    "without-either": ("s.sh", File("echo ok\n", 0o600)),
    "with-a-leading-slash": ("/s.sh", sh("echo ok")),
    "in-a-folder": ("a/b/s.sh", sh("echo ok")),
    "with-blanks": ("my scripts/s 1.sh", sh("echo ok")),
    "with-dots-that-stay": ("a/../s.sh", sh("echo ok")),
    "no-ascii": ("ünï.sh", sh("echo ok")),
}


@pytest.mark.parametrize(("location", "script"), RUNNABLE.values(), ids=RUNNABLE)
def test_a_script_is_run(anybodys: Machine, location, script):
    text = appspec(hooks={"AfterInstall": [location]})
    name = os.path.normpath(location.lstrip("/"))

    files = {"appspec.yml": text, name: script, "a": Folder()}
    done = anybodys.deploy(files, events=EVENTS).succeeded()

    assert stdout_of(done) == ["ok"]
    assert (done.archive / name).stat().st_mode & 0o100


def test_no_arguments_no_input_and_a_process_group_of_its_own(anybodys: Machine):
    script = sh('echo "$#"', "cat", 'ps -o pgid= -p $$ 2>/dev/null | tr -d " " || true', "echo $$")

    count, *group = stdout_of(run(anybodys, script).succeeded())

    assert count == "0"
    assert len(set(group)) == 1


def test_the_environment_is_the_callers_and_the_agents(anybodys: Machine):
    anybodys.env.update(FROM_CALLER="c", APPLICATION_NAME="overridden", OWN="caller's")

    done = run(
        anybodys,
        sh("env"),
        application_name="shop",
        deployment_group="prod",
        deployment_group_id="group-1",
        deployment_id="arn:aws:codedeploy:eu-west-1:1:deployment/d-ABC",
        options=["--env", "OWN=1", "EMPTY="],
    ).succeeded()

    found = dict(line.partition("=")[::2] for line in stdout_of(done) if "=" in line)
    assert (
        found.items()
        >= {
            "LIFECYCLE_EVENT": "AfterInstall",
            "DEPLOYMENT_ID": "d-ABC",
            "APPLICATION_NAME": "shop",
            "DEPLOYMENT_GROUP_NAME": "prod",
            "DEPLOYMENT_GROUP_ID": "group-1",
            "FROM_CALLER": "c",
            "OWN": "1",
            "EMPTY": "",
            "HOME": str(anybodys.place),
        }.items()
    )
    assert not any(name.startswith("BUNDLE_") for name in found)


def test_names_that_are_not_given_are_those_of_codedeploy_local(machine: Machine):
    path = machine.bundle(
        {"appspec.yml": appspec(hooks={"AfterInstall": ["s.sh"]}), "s.sh": sh("env")}
    )

    done = machine.deploy(path, events=EVENTS).succeeded()

    found = set(stdout_of(done))
    assert {
        "DEPLOYMENT_GROUP_NAME=LocalFleet",
        "DEPLOYMENT_GROUP_ID=default-local-deployment-group",
        f"APPLICATION_NAME={path}",
    } <= found


def test_scripts_run_where_the_caller_is_unless_told_otherwise(anybodys: Machine):
    other = anybodys.folder("other place")
    files = {"appspec.yml": appspec(hooks={"AfterInstall": ["s.sh"]}), "s.sh": sh("pwd", "umask")}
    path = anybodys.bundle(files)
    args = [
        "local",
        "--json",
        "-l",
        str(path),
        "-e",
        ",".join(EVENTS),
        "--root",
        str(anybodys.root),
    ]
    args += ["--python", anybodys.python, "--deployment-id", "d-1"]
    folder = anybodys.root / "default-local-deployment-group/d-1"

    here = anybodys.call(args, folder, cwd=other, umask=0o027).succeeded()
    assert stdout_of(here) == [str(other), "0027"]

    there = anybodys.call([*args, "--cwd", "tmp"], folder).succeeded()
    assert stdout_of(there)[2:] == [str(anybodys.path("tmp")), "0022"]


def test_a_folder_to_run_in_has_to_be_there(machine: Machine):
    done = run(machine, sh("true"), cwd="/nowhere/at/all")

    done.failed("DownloadBundle", "/nowhere/at/all")


def test_a_daemon_that_keeps_the_output_open_ends_the_event_all_the_same(anybodys: Machine):
    begun_at = time.monotonic()

    done = run(anybodys, sh("echo started", "sleep 30 &"), hook={"timeout": 20}).succeeded()

    assert time.monotonic() - begun_at < 10
    assert stdout_of(done) == ["started"]
    assert any("sleep" in warning for warning in done.warnings), done.warnings


def test_bytes_of_any_kind_are_kept(anybodys: Machine):
    done = run(anybodys, sh(r"printf '\377\376ok\n\033[1m'")).succeeded()

    raw = (done.folder / "logs/scripts.log").read_bytes()
    assert b"[stdout]\xff\xfeok\n" in raw
    assert b"[stdout]\x1b[1m" in raw


# Failure: code, script, words of the message

FAILING = {
    "missing": (None, "ScriptMissing", "does not exist at specified location"),
    "exit-1": (
        sh("exit 1"),
        "ScriptFailed",
        "Script at specified location: s.sh failed with exit code 1",
    ),
    "exit-255": (sh("exit 255"), "ScriptFailed", "failed with exit code 255"),
    "killed-by-a-signal": (sh("kill -9 $$"), "ScriptFailed", "s.sh"),
    "windows-lines": (File("#!/bin/sh\r\necho\r\n", 0o755), "ScriptFailed", "s.sh"),
    "missing-interpreter": (File("#!/no/such\n", 0o755), "ScriptFailed", "/no/such"),
    "a-folder": (Folder(), "ScriptFailed", "s.sh"),
    "a-dangling-link": (Link("nowhere"), "ScriptMissing", "s.sh"),
    "no-program": (File(b"\x7fELF nonsense", 0o755), "ScriptFailed", "s.sh"),
}


@pytest.mark.parametrize(("script", "code", "words"), FAILING.values(), ids=FAILING)
def test_a_script_that_cannot_or_does_not_succeed(anybodys: Machine, script, code, words):
    files = {"appspec.yml": appspec(hooks={"AfterInstall": ["s.sh"]}), "other": ""}
    files |= {"s.sh": script} if script else {}

    done = anybodys.deploy(files, events=EVENTS, kind="tar")

    done.failed("AfterInstall", words, code=code, script="s.sh")
    assert done.diagnostics["log"].startswith("LifecycleEvent - AfterInstall\n")


@pytest.mark.parametrize("location", ["../outside.sh", "a/../../outside.sh", "/../outside.sh"])
def test_a_script_outside_of_the_revision_is_refused(anybodys: Machine, location):
    files = {"appspec.yml": appspec(hooks={"AfterInstall": [location]})}
    outside = anybodys.folder(
        "root/default-local-deployment-group/d-1", {"outside.sh": "touch ran\n"}
    )

    done = anybodys.deploy(files, events=EVENTS, deployment_id="d-1")

    done.failed("AfterInstall", code="ScriptFailed", script=location)
    assert not (outside / "ran").exists()
    assert not anybodys.path("ran").exists()


def test_a_missing_script_is_noticed_after_those_before_it_ran(anybodys: Machine):
    hooks = {"AfterInstall": ["s.sh", "missing.sh", "s.sh"]}
    files = {"appspec.yml": appspec(hooks=hooks), "s.sh": sh("echo ran")}

    done = anybodys.deploy(files, events=EVENTS)

    done.failed("AfterInstall", "missing.sh", code="ScriptMissing", script="missing.sh")
    assert stdout_of(done) == ["ran"]


def test_a_script_that_takes_too_long_is_ended_with_its_group(anybodys: Machine):
    ledger = anybodys.folder("out") / "ledger"
    script = sh(
        "echo begun",
        f"trap 'echo term >>{ledger}; exit 0' TERM",
        f"(trap '' TERM; sleep 8; echo late >>{ledger}) &",
        "wait",
    )

    done = run(anybodys, sh("true"), script, hook={"timeout": 1})

    done.failed(
        "AfterInstall",
        "Script at specified location: s1.sh failed to complete in 1 seconds",
        code="ScriptTimedOut",
        script="s1.sh",
    )
    assert "[stdout]begun" in done.diagnostics["log"]
    assert ledger.read_text() == "term\n"


def test_time_is_each_scripts_own_and_its_text_is_read_as_ruby_does(machine: Machine):
    hooks = [{"location": "s.sh", "timeout": timeout} for timeout in ("3s", "3", 3.9)]
    text = appspec(hooks={"AfterInstall": hooks})

    machine.deploy({"appspec.yml": text, "s.sh": sh("sleep 1.2")}, events=EVENTS).succeeded()


LOGS = {
    "all": ("echo a; echo b", "[stdout]a\n[stdout]b\n"),
    "last-whole-lines": (
        "i=0; while [ $i -lt 200 ]; do echo line-$i-xxxxxxxxxx; i=$((i+1)); done",
        "[stdout]line-199-xxxxxxxxxx\n",
    ),
    "a-longer-line": ("head -c 3000 /dev/zero | tr '\\0' x; echo", ""),
    "what-is-behind-a-longer-line": (
        "head -c 3000 /dev/zero | tr '\\0' x; echo; echo last",
        "[stdout]last\n",
    ),
    "no-utf-8": (r"printf '\377z\n'", "[stdout]\N{REPLACEMENT CHARACTER}z\n"),
}


@pytest.mark.parametrize(("lines", "end"), LOGS.values(), ids=LOGS)
def test_the_reported_log_is_the_end_that_the_agent_reports(machine: Machine, lines, end):
    done = run(machine, sh(lines, "exit 1"))

    log = done.failed("AfterInstall", code="ScriptFailed", script="s0.sh").diagnostics["log"]
    assert len(log) < 2048
    assert log.endswith(end)
    if "longer" in lines or not end:
        assert log == end
    if "200" in lines:
        assert len(log) > 1900
        assert log.startswith("[stdout]line-")


# Users


def test_a_script_runs_as_another_user(rooted: Machine):
    script = sh("id -un", 'echo "$HOME $USER"', "echo $LIFECYCLE_EVENT")

    done = run(rooted, script, hook={"runas": "daemon"}, options=["--env", "X=1"]).succeeded()

    account = pwd.getpwnam("daemon")
    assert stdout_of(done) == ["daemon", f"{account.pw_dir} daemon", "AfterInstall"]


def test_the_message_names_the_user(rooted: Machine):
    done = run(rooted, sh("exit 4"), hook={"runas": "daemon"})

    words = "Script at specified location: s0.sh run as user daemon failed with exit code 4"
    done.failed("AfterInstall", words, code="ScriptFailed", script="s0.sh")


def test_a_root_that_the_user_cannot_get_into_is_told(rooted: Machine):
    shut = rooted.folder("shut")
    shut.chmod(0o700)

    done = run(rooted, sh("true"), hook={"runas": "daemon"}, root=shut / "root")

    words = f"The folder {shut} does not let user daemon in"
    done.failed("AfterInstall", words, code="ScriptFailed", script="s0.sh")


@pytest.mark.parametrize("user", ["", "  ", "root"])
def test_a_blank_user_is_root(rooted: Machine, user):
    assert stdout_of(run(rooted, sh("id -u"), hook={"runas": user}).succeeded()) == ["0"]


def test_a_user_that_is_unknown_fails_the_script(anybodys: Machine):
    done = run(anybodys, sh("true"), hook={"runas": "nobody-at-all"})

    done.failed("AfterInstall", "nobody-at-all", code="ScriptFailed", script="s0.sh")


def test_who_is_not_root_runs_as_himself_and_as_nobody_else(ordinary: Machine):
    me = pwd.getpwuid(ordinary.user_id).pw_name

    assert stdout_of(run(ordinary, sh("id -un"), hook={"runas": me}).succeeded()) == [me]
    done = run(ordinary, sh("true"), hook={"runas": "daemon"})
    done.failed("AfterInstall", "daemon", "root", code="ScriptFailed", script="s0.sh")


def test_sudo_that_is_not_there_or_refuses_fails_the_script(ordinary: Machine):
    done = run(ordinary, sh("true"), hook={"sudo": True})

    done.failed("AfterInstall", code="ScriptFailed", script="s0.sh")


def test_the_archive_of_a_revision_stays_its_owners(anybodys: Machine):
    done = run(anybodys, sh("true")).succeeded()

    for path in (anybodys.root, done.folder, done.archive):
        info = path.stat()
        assert info.st_uid == anybodys.user_id
        assert stat.S_IMODE(info.st_mode) & 0o022 == 0
