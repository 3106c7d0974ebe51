"""Scripts run as the CodeDeploy agent runs them."""

import signal
from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Host, Told, appspec_of, bundle_of
from contract.hostrunner.hooks import SH, output_of, run_script


def test_a_script_knows_where_it_is(host: Host):
    told = run_script(
        host,
        SH + "env | sort",
        environment={"COLOUR": "blue", "DEPLOYMENT_ID": "mine", "BUNDLE_KEY": "mine"},
        revision={"BUNDLE_KEY": "k", "BUNDLE_ETAG": "e", "BUNDLE_VERSION": None},
    )

    env = dict(line.split("=", 1) for line in output_of(told))
    assert env["LIFECYCLE_EVENT"] == "AfterInstall"
    assert env["DEPLOYMENT_ID"] == "d-AAAAAAAA1"
    assert env["APPLICATION_NAME"] == "shop"
    assert env["DEPLOYMENT_GROUP_NAME"] == "shop-web"
    assert env["DEPLOYMENT_GROUP_ID"] == GROUP
    assert [env[name] for name in ("COLOUR", "BUNDLE_KEY", "BUNDLE_ETAG")] == ["blue", "k", "e"]
    assert "BUNDLE_VERSION" not in env
    assert (Path(env["DEPLOYMENT_ARCHIVE"]) / "hook.sh").exists()
    assert {"/usr/sbin", "/sbin"} <= set(env["PATH"].split(":"))


def test_nothing_else_of_the_session_reaches_a_script(host: Host):
    host.env = {"SSH_CONNECTION": "1", "SECRET": "2", "LC_TIME": "C"}

    told = run_script(host, SH + "env")

    names = {line.partition("=")[0] for line in output_of(told)}
    assert "LC_TIME" in names
    assert not names & {"SSH_CONNECTION", "SECRET"}


def test_all_of_the_callers_environment_may_be_kept(host: Host):
    host.env = {"SECRET": "2", "BUNDLE_VERSION": "of another", "PATH": "/usr/bin:/bin"}

    told = run_script(host, SH + "env", inherit_environment=True, revision={"BUNDLE_VERSION": None})

    assert {"SECRET=2", "PATH=/usr/bin:/bin"} <= set(output_of(told))
    assert "BUNDLE_VERSION" not in "".join(output_of(told))


@pytest.mark.parametrize(
    ("where", "expected"), [("/", "/"), ("archive", "deployment-archive"), ("/usr", "/usr")]
)
def test_the_working_directory_is_chosen(host: Host, where, expected):
    told = run_script(host, SH + "pwd", working_directory=where)

    assert output_of(told)[0].endswith(expected)


def test_a_working_directory_that_is_missing_is_named(host: Host):
    event = run_script(host, SH, working_directory="/no/such").event("AfterInstall")

    assert event["error_code"] == "ScriptFailed"
    assert "its working directory /no/such says no such file" in event["message"]


@pytest.mark.parametrize(("spec", "umask"), [({}, "0022"), ({"umask": 0o027}, "0027")])
def test_a_script_has_no_input_the_umask_of_the_spec_and_a_session_of_its_own(
    host: Host, spec, umask
):
    script = "umask; cat; readlink /proc/$$/fd/0; cut -d' ' -f1,5,6 /proc/$$/stat"

    told = run_script(host, SH + script.replace("/stat", "/stat | sed 's/(.*)/x/'"), **spec)

    mask, stdin, ids = output_of(told)
    assert (mask, stdin) == (umask, "/dev/null")
    assert len(set(ids.split())) == 1


def test_a_script_without_a_shebang_is_run_by_sh(host: Host):
    assert output_of(run_script(host, "echo $0 | tail -c 8")) == ["hook.sh"]


def test_blanks_and_odd_letters_in_a_name_are_no_matter(host: Host):
    told = host.run(
        bundle=bundle_of({"a b/s\u00e9 'x'.sh": "echo fine"}),
        appspec=appspec_of(hooks={"AfterInstall": ["/a b/s\u00e9 'x'.sh"]}),
    )

    assert output_of(told) == ["fine"]


def test_a_script_that_is_missing_is_missed_when_its_turn_comes(host: Host):
    told = host.run(
        bundle=bundle_of({"a": "echo a"}), appspec=appspec_of(hooks={"AfterInstall": ["a", "b"]})
    )

    event = told.event("AfterInstall")
    archive = f"{host.state}/deployment-root/{GROUP}/d-AAAAAAAA1/deployment-archive"
    assert (event["error_code"], event["script"]) == ("ScriptMissing", "b")
    assert event["message"] == f"Script does not exist at specified location: {archive}/b"
    assert output_of(told) == ["a"]


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
    assert event["message"] == (
        "Script at specified location: hook.sh failed with exit code (ended by signal 9)"
    )


@pytest.mark.parametrize(
    ("script", "hook", "code", "message"),
    [
        (SH.replace("\n", "\r\n"), {}, "ScriptFailed", "save it with Unix line ends"),
        ("#!/no/such/bash\n", {}, "ScriptFailed", "lacks its interpreter /no/such/bash"),
        ("", {"location": "../x.sh"}, "ScriptFailed", "../x.sh leads out of the revision"),
        ("", {"location": "/"}, "ScriptFailed", "location: / is a folder"),
        ("", {"runas": "nobody-here"}, "ScriptFailed", "this host has no such user"),
    ],
)
def test_a_script_that_cannot_start_says_why(host: Host, script, hook, code, message):
    event = run_script(host, script, hook=hook).event("AfterInstall")

    assert (event["status"], event["error_code"]) == ("Failed", code)
    assert message in event["message"]
    assert event["exit_code"] is None


def test_nothing_is_changed_or_run_through_a_link_that_leads_out(host: Host, tmp_path):
    outside = tmp_path / "outside.sh"
    outside.write_text(SH + f"touch {tmp_path}/ran")
    link = f'ln -s {outside} "$DEPLOYMENT_ARCHIVE/link.sh"'
    inside = 'ln -s link.sh "$DEPLOYMENT_ARCHIVE/other"'

    told = host.run(
        bundle=bundle_of({"make": f"{link}; {inside}"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["make"], "AfterInstall": ["other"]}),
    )

    assert told.event("AfterInstall")["error_code"] == "ScriptFailed"
    assert "other leads out of the revision" in told.event("AfterInstall")["message"]
    assert outside.stat().st_mode & 0o111 == 0
    assert not (tmp_path / "ran").exists()


def test_a_link_within_the_revision_is_followed(host: Host):
    told = host.run(
        bundle=bundle_of({"make": 'ln -s make.sh "$DEPLOYMENT_ARCHIVE/x"', "make.sh": "echo hi"}),
        appspec=appspec_of(hooks={"BeforeInstall": ["make"], "AfterInstall": ["x"]}),
    )

    assert output_of(told) == ["hi"]


def test_a_script_gets_the_signals_as_a_shell_gives_them(host: Host):
    """A writer whose reader has gone must die of SIGPIPE instead of complaining."""
    told = run_script(host, SH + "yes | head -n 1; grep SigIgn /proc/self/status")

    first, ignored = output_of(told)
    assert first == "y"
    # What the tests themselves were started with may ignore others.
    bits = int(ignored.removeprefix("SigIgn:"), 16)
    assert [each for each in (signal.SIGPIPE, signal.SIGXFSZ) if bits >> (each - 1) & 1] == []


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
