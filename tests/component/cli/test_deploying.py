"""Deployments from the command line, against the real API and engine."""

import json
import signal
import time
from pathlib import Path

import pytest

from tidegate.domain.access import Role

DEPLOY = ("deploy", "--application", "shop", "--group", "prod")


def test_a_deployment_is_followed_to_its_good_end(system, bundle: Path):
    system.with_group("web-1", "web-2")

    done = system.cli(*DEPLOY, "--bundle", str(bundle), "--wait", "--deadline", "30s")

    assert done.returncode == 0, done.stderr
    deployment_id = done.stdout.strip()
    lines = done.stderr.splitlines()
    assert sum("  ValidateService  Succeeded" in line for line in lines) == 2
    assert lines[-1] == f"Deployment {deployment_id} is Succeeded."
    shown = system.must("show", deployment_id)
    assert "2 Succeeded" in shown
    assert "web-2   Succeeded  ValidateService Succeeded" in shown
    assert "ValidateService on web-2" in system.must("logs", deployment_id)


def test_a_failure_is_rolled_back_and_says_why(system, bundle: Path):
    system.with_group("web-1", "web-2", rollback="failure")
    first = system.must("push", str(bundle), "--application", "shop")
    system.must(*DEPLOY, "--revision", first, "--wait")
    (bundle / "new").write_text("revision 2")
    second = system.must("push", str(bundle), "--application", "shop")
    system.hosts.failing = {("web-1", "AfterInstall")}
    system.hosts.pace = 0.02

    with system.running(*DEPLOY, "--revision", second, "--wait", "--json") as deploying:
        wait_for(lambda: "Failed" in system.must("deployments"))
        system.hosts.failing = set()
        out, err = deploying.communicate(timeout=30)

    assert deploying.returncode in {3, 4}
    assert out.count("\n") == 1
    told = json.loads(out)
    assert told["status"] == "Failed"
    assert told["error"]["code"] == "HEALTH_CONSTRAINTS"
    assert told["rollback_deployment_id"] in err
    assert "web-1: AfterInstall (check.sh): Script at check.sh failed with exit code 1." in err
    assert "[stdout]AfterInstall on web-1" in err


def test_a_failed_rollback_is_a_failure(system, bundle: Path):
    system.with_group("web-1", rollback="failure")
    system.must(*DEPLOY, "--bundle", str(bundle), "--wait")
    (bundle / "new").write_text("revision 2")
    system.hosts.failing = {("web-1", "ValidateService")}

    done = system.cli(*DEPLOY, "--bundle", str(bundle), "--wait", "--json")

    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["rollback_deployment_id"]


def test_a_stop_is_code_5_and_the_deadline_is_6(system, bundle: Path):
    system.with_group("web-1", "web-2")
    system.hosts.pace = 0.5

    late = system.cli(*DEPLOY, "--bundle", str(bundle), "--wait", "--deadline", "1s", "--json")
    assert late.returncode == 6, late.stderr
    told = json.loads(late.stdout)
    assert told["status"] == "InProgress"
    assert f"`tidegate watch {told['deployment_id']}`" in late.stderr

    with system.running("watch", told["deployment_id"], "--json") as watching:
        time.sleep(0.5)
        system.must("stop", told["deployment_id"], "--no-rollback")
        out, err = watching.communicate(timeout=30)
    assert (watching.returncode, json.loads(out)["status"]) == (5, "Stopped"), err


def test_a_restart_of_the_service_does_not_end_the_wait(system, bundle: Path):
    system.with_group("web-1", "web-2")
    system.hosts.pace = 0.4
    deployment_id = system.must(*DEPLOY, "--bundle", str(bundle))

    with system.running("watch", deployment_id) as watching:
        assert watching.stdout is not None
        headline = watching.stdout.readline()
        system.stop_api()
        time.sleep(2)
        system.start_api()
        out, err = watching.communicate(timeout=40)

    assert (watching.returncode, err) == (0, "")
    assert headline.startswith(f"Deployment {deployment_id}: ")
    told = [line for line in out.splitlines() if "  web-" in line]
    assert len(told) == len(set(told)) == 2 * (7 * 2 + 2)
    assert out.rstrip().endswith(f"Deployment {deployment_id} is Succeeded.")


def test_ctrl_c_ends_the_wait_and_not_the_deployment(system, bundle: Path):
    system.with_group("web-1")
    system.hosts.pace = 0.3
    deployment_id = system.must(*DEPLOY, "--bundle", str(bundle))

    with system.running("watch", deployment_id) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=10)

    assert watching.returncode == 130
    assert err == f"The deployment goes on; `tidegate watch {deployment_id}` looks again.\n"
    assert system.cli("watch", deployment_id).returncode == 0


def test_logs_follow_to_the_end(system, bundle: Path):
    system.with_group("web-1")
    system.hosts.pace = 0.2
    deployment_id = system.must(*DEPLOY, "--bundle", str(bundle))

    done = system.cli("logs", deployment_id, "--target", "web-1", "--event", "Install", "--follow")

    assert done.stdout == "==> web-1 Install <==\n[stdout]Install on web-1\n"


def test_a_group_without_hosts_fails_with_a_reason(system, bundle: Path):
    system.with_group()

    done = system.cli(*DEPLOY, "--bundle", str(bundle), "--wait")

    assert done.returncode == 3
    assert "NO_INSTANCES" in done.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("deploy --application shop --group prod --revision r-0", "There is no revision"),
        ("deploy --application shop --group gone --revision r-0", "There is no deployment group"),
        ("show d-000000000", "There is no deployment 'd-000000000'"),
        ("watch d-000000000", "There is no deployment 'd-000000000'"),
        ("logs d-000000000", "There is no deployment 'd-000000000'"),
        ("stop d-000000000", "There is no deployment 'd-000000000'"),
        ("host show gone", "There is no host 'gone'"),
        ("host delete gone", "There is no host 'gone'"),
        ("app create shop", "already exists"),
        ("app create other --platform Amiga", "compute_platform"),
        ("group create shop other --tag a=b --config Gone", "There is no deployment config 'Gone'"),
        ("config delete CodeDeployDefault.OneAtATime", "predefined"),
        ("deployments --status Odd", "status"),
    ],
)
def test_a_refusal_is_one_sentence(system, line: str, sentence: str):
    system.with_group("web-1")

    done = system.cli(*line.split())

    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_token_of_the_wrong_role_is_refused(system, bundle: Path):
    system.with_group("web-1")

    done = system.cli("push", str(bundle), "--application", "shop", role=Role.VIEWER)
    assert done.returncode == 1
    assert "`tidegate token create --role deployer`" in done.stderr
    assert system.cli("deployments", role=Role.VIEWER).returncode == 0


def wait_for(condition, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
