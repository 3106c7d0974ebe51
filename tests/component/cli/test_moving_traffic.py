"""Deployments to Lambda from the command line, against the real API and engine."""

import json
import time
from pathlib import Path

import pytest

from component.cli.conftest import System
from component.engine.traffic import ALIAS, lambda_appspec

DEPLOY = ("deploy", "--application", "shop", "--group", "prod")
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
NEVER = "CodeDeployDefault.LambdaCanary10Percent30Minutes"


@pytest.fixture
def appspec(tmp_path: Path) -> str:
    file = tmp_path / "appspec.json"
    file.write_text(lambda_appspec())
    return str(file)


def with_functions(system: System, config: str = CANARY) -> None:
    system.must("app", "create", "shop", "--platform", "Lambda")
    system.must("group", "create", "shop", "prod", "--config", config)


def deploy_to_first_share(system: System, appspec: str) -> str:
    """Deploy, and wait until the first share has moved."""
    with_functions(system, NEVER)
    deployment_id = system.must(*DEPLOY, "--appspec", appspec)
    wait_for(lambda: system.traffic.weights[ALIAS] == [0, 10])
    wait_for(lambda: "100 % of the traffic" in system.must("show", deployment_id))
    return deployment_id


def wait_for(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


def test_a_canary_is_followed_to_its_good_end(system: System, appspec: str):
    with_functions(system)

    with system.sweeping():
        done = system.cli(*DEPLOY, "--appspec", appspec, "--wait", "--deadline", "60s")

    assert done.returncode == 0, done.stderr
    deployment_id = done.stdout.strip()
    lines = done.stderr.splitlines()
    assert any(
        line.endswith(f"{deployment_id}  1 shift 10 %  Succeeded  Read back: 10 %.")
        for line in lines
    )
    assert any(f"{ALIAS}  [##------------------] 10 %" in line for line in lines)
    assert any("Next: The replacement gets 100 % of the traffic. (" in line for line in lines)
    assert any(f"{ALIAS}  [####################] 100 %" in line for line in lines)
    assert lines[-1] == f"Deployment {deployment_id} is Succeeded."
    shown = system.must("show", deployment_id)
    assert f"{ALIAS}  Succeeded  version 1 to 2  ########## 100 %" in shown
    assert "2     AllowTraffic  100 %" in shown
    steps = json.loads(system.must("show", deployment_id, "--json"))["steps"]
    assert [step["status"] for step in steps] == ["Succeeded"] * 3


def test_traffic_is_held_and_let_go_and_promoted(system: System, appspec: str):
    deployment_id = deploy_to_first_share(system, appspec)

    paused = system.cli("pause", deployment_id, "--reason", "lunch")
    shown = system.must("show", deployment_id)
    resumed = system.cli("resume", deployment_id)
    promoted = system.cli("promote", deployment_id, "--full", "--reason", "all is well")

    assert paused.returncode == 0
    assert "unless somebody resumes or promotes it" in paused.stderr
    assert "by admin: lunch" in shown
    assert "Next: The replacement gets 100 % of the traffic. (" in resumed.stderr
    assert promoted.returncode == 0
    watched = system.cli("watch", deployment_id, "--deadline", "60s")
    assert watched.returncode == 0, watched.stderr
    assert "promote fully  InProgress  all is well" in watched.stdout
    assert system.traffic.weights[ALIAS] == [0, 10, 100]


def test_a_rollback_is_followed_too(system: System, appspec: str):
    deployment_id = deploy_to_first_share(system, appspec)

    rolled_back = system.cli("rollback", deployment_id, "--reason", "errors")
    watched = system.cli("watch", deployment_id, "--deadline", "60s")
    again = system.cli("rollback", deployment_id)

    assert rolled_back.returncode == 0, rolled_back.stderr
    assert "rolls it back; `tidegate watch d-" in rolled_back.stderr
    assert watched.returncode == 5
    assert "0 restore AllowTraffic  Succeeded" in watched.stdout
    assert system.traffic.weights[ALIAS] == [0, 10, 0]
    assert again.returncode == 1
    assert "has rolled it back" in again.stderr
    assert system.cli("pause", deployment_id, role="viewer").returncode == 1
