"""Scripts run as the user that the AppSpec names, where that can be."""

import os
import pwd
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Host, appspec_of, bundle_of, open_to_all
from contract.hostrunner.hooks import SH, output_of, root, run_script
from parts.processes import wait_until
from parts.sudo import require_sudo, sudo_for

WHO = (
    SH + 'id -un; echo "$HOME $USER $LOGNAME $SHELL"; echo "$LIFECYCLE_EVENT"; echo x >/dev/stdout'
)


@pytest.fixture
def host_of_nobody(host: Host) -> Host:
    """A host whose sessions are those of an ordinary user."""
    open_to_all(host.state)
    host.state.parent.chmod(0o777)
    host.wrapper = ("setpriv", "--reuid=nobody", "--clear-groups")
    return host


@pytest.fixture
def sudoer(host_of_nobody: Host) -> Iterator[Host]:
    """A host whose ordinary user may use sudo without a password."""
    require_sudo()
    with sudo_for("nobody"):
        yield host_of_nobody


def identity_of(user: str) -> str:
    account = pwd.getpwnam(user)
    return f"{account.pw_dir} {user} {user} {account.pw_shell}"


@root
@pytest.mark.parametrize("user", ["nobody", "root"])
def test_runas_runs_the_script_as_that_user_in_the_same_environment(host: Host, user):
    open_to_all(host.state)
    host.env = {"HOME": "/elsewhere"}

    told = run_script(host, WHO, hook={"runas": user})

    assert output_of(told) == [user, identity_of(user), "AfterInstall", "x"]


@root
def test_a_failure_names_the_user(host: Host):
    open_to_all(host.state)

    event = run_script(host, SH + "exit 7", hook={"runas": "nobody"}).event("AfterInstall")

    assert event["message"] == (
        "Script at specified location: hook.sh run as user nobody failed with exit code 7"
    )


def test_a_blank_runas_is_none(host: Host):
    told = run_script(host, SH + "id -u", hook={"runas": " "})

    assert output_of(told) == [str(os.geteuid())]


@root
def test_who_is_not_root_cannot_become_another(host_of_nobody: Host):
    event = run_script(host_of_nobody, SH, hook={"runas": "daemon"}).event("AfterInstall")

    assert event["error_code"] == "ScriptFailed"
    assert "only root may become another" in event["message"]


@root
def test_who_is_not_root_may_run_as_himself(host_of_nobody: Host):
    own = run_script(host_of_nobody, WHO, hook={"runas": "nobody"})

    assert output_of(own)[:2] == ["nobody", identity_of("nobody")]


@root
def test_a_script_that_cannot_be_made_executable_is_not_run(host_of_nobody: Host, tmp_path):
    session = host_of_nobody.session(
        bundle=bundle_of({"wait": f"until test -e {tmp_path}/go; do sleep 0.05; done", "a": ""}),
        appspec=appspec_of(hooks={"BeforeInstall": ["wait"], "AfterInstall": ["a"]}),
    )
    session.until_running("BeforeInstall")
    root_folder = host_of_nobody.state / "deployment-root"
    os.chown(root_folder / GROUP / "d-AAAAAAAA1" / "deployment-archive" / "a", 0, 0)
    (tmp_path / "go").touch()

    event = session.to_the_end().event("AfterInstall")

    assert (event["error_code"], event["script"]) == ("ScriptNotExecutable", "a")
    assert event["message"] == "Unable to set script at specified location: a as executable"


@root
def test_a_daemon_of_another_user_is_told_of_all_the_same(sudoer: Host):
    told = run_script(sudoer, SH + "sleep 60 & echo $!", hook={"sudo": True})

    os.kill(int(output_of(told)[0]), signal.SIGKILL)
    (warning,) = told.event("AfterInstall")["warnings"]
    assert warning.startswith("A process that cannot be seen from here still runs and holds the")


@root
def test_sudo_runs_the_script_as_root_without_the_variables(sudoer: Host):
    told = run_script(sudoer, SH + 'id -un; echo "$LIFECYCLE_EVENT"', hook={"sudo": True})

    assert output_of(told) == ["root", ""]


@root
def test_sudo_with_runas_runs_the_script_as_that_user(sudoer: Host):
    told = sudoer.run(
        bundle=bundle_of({"a b.sh": "id -un"}),
        appspec=appspec_of(
            hooks={"AfterInstall": [{"location": "a b.sh", "runas": "daemon", "sudo": True}]}
        ),
    )

    assert output_of(told) == ["daemon"]


@root
def test_a_script_by_sudo_is_ended_in_time_as_well(sudoer: Host):
    begun = time.monotonic()
    told = run_script(sudoer, SH + "echo $$; exec sleep 60", hook={"sudo": True, "timeout": 1})

    assert told.event("AfterInstall")["error_code"] == "ScriptTimedOut"
    assert told.event("AfterInstall")["warnings"] == []
    assert time.monotonic() - begun < 15
    script = Path("/proc", output_of(told)[0])
    wait_until(lambda: not script.exists(), within=5, what="the script ends")


@root
def test_sudo_that_wants_a_password_fails_the_script(host_of_nobody: Host):
    require_sudo()

    told = run_script(host_of_nobody, SH, hook={"sudo": True})

    assert told.event("AfterInstall")["error_code"] == "ScriptFailed"
    assert b"[stderr]sudo: a password is required" in told.logs["AfterInstall"]


def test_a_host_without_sudo_says_so(host: Host):
    told = run_script(host, SH, hook={"sudo": True}, environment={"PATH": "/no/sudo/here"})

    assert told.event("AfterInstall")["message"].endswith("This host lacks sudo.")
