"""Each alert comes when it should, and none when all is well, as Prometheus itself reckons."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from architecture.tree import ROOT, text_of

RULES = ROOT / "deploy/prometheus/alerts.yml"
WELL = {
    'up{job="tidegate"}': "1x100",
    "tidegate_sweep_lag_seconds": "0 1 2 0 1 2 1x100",
    "tidegate_outbox_age_seconds": "0 8 0x100",
    "tidegate_lease_age_seconds": "0 59x100",
    "tidegate_notice_age_seconds": "0 300x100",
    "tidegate_leases_lost_total": "7x100",
    'tidegate_workers{queue="hosts"}': "3 0 1x100",
    'tidegate_deployments{status="Failed"}': "4x100",
    'tidegate_deployments{status="Succeeded"}': "4+1x100",
}
"""What is measured every 15 s, in promtool's words: `4+1x100` is 4, 5, 6 …"""
ILL = {
    "TidegateIsAway": {'up{job="tidegate"}': "1x40 0x60"},
    "TidegateSweepLags": {"tidegate_sweep_lag_seconds": "1x40 5+15x60"},
    "TidegateSweepLags, as there was none": {"tidegate_sweep_lag_seconds": "Inf " * 100},
    "TidegateOutboxWaits": {"tidegate_outbox_age_seconds": "0x40 0+15x60"},
    "TidegateTargetsWait": {"tidegate_lease_age_seconds": "0x40 0+15x60"},
    "TidegateLosesLeases": {"tidegate_leases_lost_total": "7x70 8x30"},
    "TidegateHasNoWorker": {'tidegate_workers{queue="hosts"}': "3x40 0x60"},
    "TidegateDeploymentFailed": {'tidegate_deployments{status="Failed"}': "4x70 5x30"},
    "TidegateNoticesWait": {"tidegate_notice_age_seconds": "0x20 0+15x80"},
}


@pytest.fixture
def promtool() -> str:
    unpacked = ROOT / ".venv/prometheus/usr/bin/promtool"
    found = str(unpacked) if unpacked.exists() else shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool here: install prometheus, or run `make test` as root, which does")
    return found


def trial(measured: dict[str, str], firing: str) -> dict[str, object]:
    expected = [{"labels": f'{{alertname="{firing}"}}', "value": 1}] if firing else []
    return {
        "interval": "15s",
        "input_series": [{"series": name, "values": told} for name, told in measured.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "22m",
                "exp_samples": expected,
            }
        ],
    }


def test_each_alert_has_its_trial():
    rules = yaml.safe_load(text_of("deploy/prometheus/alerts.yml"))["groups"][0]["rules"]

    assert {rule["alert"] for rule in rules} == {case.partition(",")[0] for case in ILL}


@pytest.mark.parametrize("case", ["", *ILL])
def test_an_alert_comes_when_it_should(promtool: str, tmp_path: Path, case: str):
    trials = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "15s",
        "tests": [trial({**WELL, **ILL.get(case, {})}, case.partition(",")[0])],
    }
    (tmp_path / "trials.yml").write_text(yaml.safe_dump(trials))

    done = subprocess.run(
        [promtool, "test", "rules", tmp_path / "trials.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration(promtool: str, tmp_path: Path):
    config = text_of("deploy/prometheus/prometheus.yml")
    token = tmp_path / "token"
    token.write_text("t")
    config = config.replace("/etc/prometheus", str(RULES.parent))
    (tmp_path / "prometheus.yml").write_text(
        config.replace("/run/secrets/metrics_token", str(token))
    )

    done = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 rules found" in done.stdout
