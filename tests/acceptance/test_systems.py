"""`tidegate up` as a whole: side by side, ended, restarted, spread out, and seen in Flower."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from acceptance.bundles import bundle
from acceptance.conftest import fleet_in
from acceptance.fleet import Fleet, whole_run
from acceptance.system import TIDEGATE
from parts.processes import end, ending_with_us, wait_until

OPTIONS = {"flower": True}
HOSTS = 2
SEGMENT = "ApplicationStop-ValidateService"


def flower(fleet: Fleet, path: str, *, password: str | None) -> httpx2.Response:
    url = f"http://127.0.0.1:{fleet.system.flower_port}{path}"
    auth = None if password is None else ("tidegate", password)
    return httpx2.get(url, auth=auth, timeout=30)


def test_flower_shows_nothing_without_its_password(fleet: Fleet):
    asked = [
        flower(fleet, path, password=password)
        for path in ("/", "/workers", "/tasks", "/api/tasks", "/api/workers")
        for password in (None, "wrong")
    ]

    assert {answer.status_code for answer in asked} == {401}


def test_flower_shows_workers_and_which_deployment_target_and_segment_a_chain_is(fleet: Fleet):
    password_file = fleet.system.data_dir / "flower.password"
    password = password_file.read_text().strip()
    deployment_id = fleet.succeeded(fleet.group(fleet.hosts))

    def links() -> dict[str, set[str]]:
        tasks = flower(fleet, "/api/tasks?limit=1000", password=password).json().values()
        return {
            host.name: {
                task["name"]
                for task in tasks
                if all(word in str(task["kwargs"]) for word in (deployment_id, host.name, SEGMENT))
                and task["state"] == "SUCCESS"
            }
            for host in fleet.hosts
        }

    expected = {"target.run_hooks", "target.complete"}
    wait_until(
        lambda: all(names >= expected for names in links().values()),
        within=30,
        what="both links of every host's chain",
    )
    workers = flower(fleet, "/api/workers?refresh=1", password=password).json()

    assert password_file.stat().st_mode & 0o777 == 0o600
    assert {name.split("@")[0] for name in workers} == {"hosts", "control"}
    assert flower(fleet, "/workers", password=password).status_code == 200


def test_metrics_and_health_tell_how_it_stands(fleet: Fleet):
    fleet.succeeded(fleet.group(fleet.hosts))

    metrics = fleet.system.client.get("/metrics")
    health = httpx2.get(f"{fleet.system.url}/healthz")
    ready = httpx2.get(f"{fleet.system.url}/readyz")
    docs = httpx2.get(f"{fleet.system.url}/docs")

    assert {answer.status_code for answer in (metrics, health, ready, docs)} == {200}
    for word in ('status="Succeeded"', "hook", "outbox", "lease", "sweep"):
        assert word in metrics.text


def why_unready(fleet: Fleet) -> str:
    answer = fleet.system.client.get("/readyz")
    return "" if answer.status_code == 200 else str(answer.json()["detail"])


def test_a_dead_worker_makes_it_unready_with_the_reason(fleet: Fleet):
    worker = psutil.Process(int(fleet.system.processes()["worker-hosts-1"]["pid"]))

    worker.suspend()
    try:
        wait_until(lambda: "'hosts'" in why_unready(fleet), within=60, what="/readyz names it")
    finally:
        worker.resume()

    wait_until(fleet.is_ready, within=60, what="/readyz says yes again")


@pytest.mark.slow
def test_a_worker_that_does_not_reach_the_store_says_so(fleet: Fleet):
    folder = fleet.system.data_dir / "artifacts"
    away = folder.rename(folder.with_name("away"))
    try:
        wait_until(lambda: str(folder) in why_unready(fleet), within=60, what="/readyz names it")
    finally:
        away.rename(folder)

    wait_until(fleet.is_ready, within=60, what="/readyz says yes again")


def test_processes_that_are_restarted_are_written_down_anew(fleet: Fleet):
    before = fleet.system.processes()

    pid = fleet.system.wait_for_another("beat", fleet.system.kill("beat"))

    after = fleet.system.processes()
    assert set(before) == set(after) == {
        "api", "worker-control", "worker-hosts-1", "beat", "flower", "redis",
    }  # fmt: skip
    assert after["beat"] == {"name": "beat", "pid": pid, "port": None}
    assert after["api"] == before["api"]
    wait_until(fleet.is_ready, within=60, what="it is ready again")


def test_a_second_up_on_the_same_folder_is_refused_in_a_sentence(fleet: Fleet):
    command = [TIDEGATE, "up", "--data-dir", fleet.system.data_dir, "--port", "0", "--no-flower"]

    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert second.returncode == 1
    assert str(fleet.system.data_dir) in second.stderr
    assert second.stderr.count("\n") == 1
    assert fleet.is_ready()


def test_two_systems_side_by_side_do_not_see_each_other(fleet: Fleet, tmp_path: Path):
    host = fleet.hosts[0]
    with fleet_in(tmp_path) as other:
        other.register(host, state_dir=str(tmp_path / "state"))
        theirs = other.deploy(other.group([host]), bundle("theirs"))
        ours = fleet.succeeded(fleet.group([host]), bundle("ours"))
        other.wait(theirs)

        assert other.show(theirs)["status"] == "Succeeded"
        assert fleet.system.client.get(f"/v1/deployments/{theirs}").status_code == 404
        assert other.system.client.get(f"/v1/deployments/{ours}").status_code == 404
        for deployment_id in (ours, theirs):
            assert fleet.ledger(host).told(deployment_id) == whole_run(first=True)


def test_what_was_there_is_there_after_a_restart_and_a_running_hook_is_found_again(
    tmp_path: Path,
):
    with fleet_in(tmp_path) as fleet:
        (host,) = fleet.add_hosts(1)
        fleet.ledger(host).hold("AfterInstall")
        deployment_id = fleet.deploy(fleet.group([host]))
        fleet.wait_for_hook(deployment_id, host, "AfterInstall")

        fleet.system.stop()
        fleet.mend()
        fleet.system.start()

        assert fleet.wait(deployment_id, within=90)["status"] == "Succeeded"
        assert fleet.ledger(host).told(deployment_id) == whole_run(first=True)


def test_workers_may_run_elsewhere_with_the_same_environment(tmp_path: Path, redis_url: str):
    broker = {"TIDEGATE_BROKER_URL": redis_url}
    with (
        workers({**broker, "TIDEGATE_DATA_DIR": str(tmp_path / "data")}, tmp_path / "log") as both,
        fleet_in(tmp_path, workers=0, environment=broker) as fleet,
    ):
        (host,) = fleet.add_hosts(1)

        deployment_id = fleet.succeeded(fleet.group([host]))

        assert set(fleet.system.processes()) == {"api", "beat"}
        assert fleet.ledger(host).told(deployment_id) == whole_run(first=True)
        assert both.poll() is None
    assert both.returncode == 0


@contextmanager
def workers(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`tidegate worker`, started before there is anything to work for."""
    command = ending_with_us([str(TIDEGATE), "worker"])
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            end(process, within=30)
