"""`tidegate deploy`: what it asks for, what it prints, how it ends."""

import json
from pathlib import Path

from tidegate_cli.watch import explain
from unit.cli.fake_service import FakeService, deployment, event, page, stream, target

ID = "d-111111111"
FAILED = target(
    "web-1",
    "Failed",
    events=[
        {
            "name": "ValidateService",
            "status": "Failed",
            "script": "check.sh",
            "message": "Script exited with 1.",
            "log_tail": "[stderr]no answer\n",
        }
    ],
)


def test_a_failure_that_left_no_log_points_at_none():
    (event,) = FAILED["lifecycle_events"]
    silent = {**FAILED, "lifecycle_events": [{**event, "log_tail": ""}]}

    assert list(explain(silent, ID)) == ["web-1: ValidateService (check.sh): Script exited with 1."]
    assert list(explain(FAILED, ID))[-1].startswith("    All of it: tidegate logs")


def test_deploy_sends_its_options_and_prints_the_id_alone(fake: FakeService, cli):
    fake.on("POST", "deployments", deployment(status="Created"))

    done = cli(
        *("deploy", "--application", "shop", "--group", "prod", "--revision", "r-1"),
        *("--config", "C", "--description", "D", "--ignore-application-stop-failures"),
        *("--file-exists-behavior", "overwrite", "--update-outdated-only", "--no-rollback"),
    )

    assert (done.code, done.out) == (0, f"{ID}\n")
    assert fake.bodies("POST") == [
        {
            "application": "shop",
            "deployment_group": "prod",
            "revision": "r-1",
            "deployment_config": "C",
            "description": "D",
            "ignore_application_stop_failures": True,
            "file_exists_behavior": "OVERWRITE",
            "update_outdated_only": True,
            "auto_rollback": {"enabled": False, "events": []},
        }
    ]


def test_deploy_pushes_a_bundle_first(fake: FakeService, cli, bundle: Path):
    fake.on("POST", "applications/shop/revisions", {"id": "r-42"})
    fake.on("POST", "deployments", deployment(status="Created"))

    cli("deploy", "--application", "shop", "--group", "prod", "--bundle", str(bundle))

    assert json.loads(fake.requests[-1].content)["revision"] == "r-42"


def test_deploy_json_is_one_line_also_when_it_fails(fake: FakeService, cli):
    error = {"code": "HEALTH_CONSTRAINTS", "message": "Too few."}
    rollback = {"rollback_deployment_id": "d-222222222"}
    fake.on("POST", "deployments", deployment(status="Created"))
    fake.on("GET", f"deployments/{ID}", deployment(status="Failed", error=error, rollback=rollback))
    fake.on("GET", f"deployments/{ID}/targets", page(FAILED))
    fake.on("GET", f"deployments/{ID}/targets/web-1", FAILED)
    fake.on("GET", f"deployments/{ID}/events", page())
    fake.on("SSE", f"deployments/{ID}/events", stream(event(1, "Failed")))
    fake.on("GET", "deployments/d-222222222", deployment("d-222222222", "Succeeded"))
    fake.on("GET", "deployments/d-222222222/targets", page())
    fake.on("GET", "deployments/d-222222222/events", page())
    fake.on("SSE", "deployments/d-222222222/events", stream())

    done = cli(
        *("deploy", "--application", "shop", "--group", "prod", "--revision", "r-1"),
        *("--wait", "--deadline", "1m", "--json"),
    )

    assert done.code == 4
    assert done.out.count("\n") == 1
    assert json.loads(done.out) == {
        "deployment_id": ID,
        "status": "Failed",
        "error": error,
        "rollback_deployment_id": "d-222222222",
    }
    assert "web-1: ValidateService (check.sh): Script exited with 1.\n" in done.err
    assert "    [stderr]no answer\n" in done.err
