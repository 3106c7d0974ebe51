"""Alarms from the command line, against the real API and engine: said, shown, followed, told."""

import json
import threading
from pathlib import Path

from component.api.alarms import read_alarms
from component.cli.conftest import System
from component.cli.test_moving_traffic import wait_for
from component.engine.traffic import ALIAS, lambda_appspec
from tidegate.domain.alarms import AlarmState

DEPLOY = ("deploy", "--application", "shop", "--group", "prod")
NEVER = "CodeDeployDefault.LambdaCanary10Percent30Minutes"


def test_alarms_are_said_and_followed_until_one_takes_the_traffic_back(
    system: System, tmp_path: Path
):
    file = tmp_path / "appspec.json"
    file.write_text(lambda_appspec())
    system.must("app", "create", "shop", "--platform", "Lambda")
    role = "arn:aws:iam::123456789012:role/deploy"
    system.must(
        *("group", "create", "shop", "prod", "--config", NEVER, "--service-role", role),
        *("--rollback-on", "failure,alarm"),
    )
    system.must("group", "alarms", "shop", "prod", "--alarm", "errors", "--check", "slow=p99 > 0.5")
    group = system.must("group", "show", "shop", "prod")
    deployment_id = system.must(*DEPLOY, "--appspec", str(file))
    unread = system.must("show", deployment_id)
    read_alarms(system.store)
    wait_for(lambda: system.traffic.weights[ALIAS] == [0, 10])

    done = []
    watching = threading.Thread(
        target=lambda: done.append(system.cli("watch", deployment_id, "--deadline", "60s"))
    )
    watching.start()
    read_alarms(system.store, errors=AlarmState.INSUFFICIENT_DATA)
    read_alarms(system.store, slow=AlarmState.ALARM)
    watching.join(timeout=90)

    assert "failure, alarm" in group
    assert role in group
    assert "p99 > 0.5" in group
    assert "not read yet" in unread
    [watched] = done
    assert watched.returncode == 5, watched.stderr
    assert f"{deployment_id}  alarm  errors  INSUFFICIENT_DATA  Why." in watched.stdout
    assert f"{deployment_id}  alarm  slow  ALARM  Why." in watched.stdout
    assert system.traffic.weights[ALIAS] == [0, 10, 0]
    lines = [" ".join(text.split()) for text in system.must("history", deployment_id).splitlines()]
    assert any(text.endswith("alarm slow ALARM tidegate Why.") for text in lines)
    assert any("deployment stop Stopped tidegate One or more alarms" in text for text in lines)


def test_a_stop_has_a_reason_that_is_shown_and_kept(system: System, bundle: Path):
    system.with_group("web-1")
    system.hosts.pace = 0.5
    deployment_id = system.must(*DEPLOY, "--bundle", str(bundle))

    stopped = system.cli("stop", deployment_id, "--reason", "wrong branch")
    too_long = system.cli("stop", deployment_id, "--reason", "x" * 1001)

    assert stopped.returncode == 0, stopped.stderr
    assert "Stopped by admin: wrong branch" in stopped.stderr
    assert too_long.returncode == 1
    assert "Stopped by admin: wrong branch" in system.must("show", deployment_id)
    told = json.loads(system.must("history", deployment_id, "--json"))
    assert ("stop", "admin", "Stopped by admin: wrong branch") in [
        (one["name"], one["actor"], one["reason"]) for one in told
    ]
