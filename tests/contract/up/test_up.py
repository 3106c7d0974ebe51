"""`tidegate up` as its users meet it."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx2
import pytest

from acceptance.system import READY, TIDEGATE, System
from parts.ports import free_port
from parts.processes import end, living_with, wait_until


@pytest.fixture
def system(tmp_path: Path):
    system = System(tmp_path / "data", flower=True)
    yield system
    system.kill_all()


def up(*options: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `up` where it has to refuse."""
    return subprocess.run(
        [TIDEGATE, "up", *map(str, options)],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def status_of(port: int, path: str, **options: object) -> int:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}{path}", **options).status_code
    except httpx2.TransportError:
        return 0


def test_it_comes_up_ready_and_goes_without_a_trace(system: System):
    system.start()
    processes = system.processes()
    ready = [line for line in system.log().splitlines() if line.startswith(READY)]
    password = (system.data_dir / "flower.password").read_text().strip()

    assert set(processes) == {
        "redis", "api", "worker-control", "worker-hosts-1", "beat", "flower"
    }  # fmt: skip
    assert processes["api"]["port"] == system.port
    assert processes["flower"]["port"] == system.flower_port
    assert processes["beat"]["port"] is None
    assert len(ready) == 1
    assert system.url in ready[0]
    assert str(system.data_dir / "admin.token") in ready[0]
    assert (system.data_dir / "admin.token").stat().st_mode & 0o777 == 0o600
    assert system.data_dir.stat().st_mode & 0o777 == 0o700
    assert system.client.get("/v1/hosts").status_code == 200
    assert status_of(system.flower_port, "/workers") == 401
    assert status_of(system.flower_port, "/metrics") == 404
    assert status_of(system.flower_port, "/workers", auth=("tidegate", password)) == 200
    assert password not in " ".join(" ".join(p.cmdline()) for p in system.living())

    second = up("--data-dir", system.data_dir, "--port", 0, "--no-flower")
    owner = (system.data_dir / "up.lock").read_text().strip()
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert owner in second.stderr
    assert str(system.data_dir) in second.stderr

    system.stop()
    assert json.loads((system.data_dir / "processes.json").read_text()) == []


def test_what_dies_runs_again_and_what_is_killed_comes_up_as_it_was(tmp_path: Path):
    system = System(tmp_path / "data", workers=2)
    try:
        system.start()
        token = system.token
        assert {"worker-hosts-1", "worker-hosts-2"} <= set(system.processes())
        for name in ("redis", "api"):
            system.wait_for_another(name, system.kill(name))
        wait_until(
            lambda: status_of(system.port, "/readyz") == 200, within=30, what="it is ready again"
        )

        (supervisor,) = [p for p in system.living() if "up" in p.cmdline()]
        supervisor.kill()
        wait_until(lambda: system.living() == [], within=10, what="nobody outlives it")

        system.kill_all()
        system.start()
        assert system.token == token
        assert system.client.get("/v1/hosts").status_code == 200
    finally:
        system.kill_all()


def test_a_given_broker_is_used_and_workers_may_run_elsewhere(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TIDEGATE_TEST_MARK", str(tmp_path))
    port, log = free_port(), tmp_path / "log"
    settings = {
        "TIDEGATE_BROKER_URL": redis_url,
        "TIDEGATE_DATA_DIR": str(tmp_path / "data"),
        "TIDEGATE_PORT": str(port),
        "TIDEGATE_WORKERS": "0",
        "TIDEGATE_NO_FLOWER": "true",
    }
    processes = []
    with log.open("wb") as out:
        try:
            for command in ("up", "worker"):
                processes.append(
                    subprocess.Popen(
                        [TIDEGATE, command], env={**os.environ, **settings}, stdout=out, stderr=out
                    )
                )
                wait_until(lambda: READY in log.read_text(), within=60, what="up is ready")
            wait_until(
                lambda: status_of(port, "/readyz") == 200, within=60, what="the workers are there"
            )
            listed = json.loads((tmp_path / "data" / "processes.json").read_text())
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(40) for process in processes]
        finally:
            for process in processes:
                end(process)

    assert {process["name"] for process in listed} == {"api", "beat"}
    assert codes == [0, 0]
    assert living_with("TIDEGATE_TEST_MARK", str(tmp_path)) == []


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        refused = up("--data-dir", tmp_path / "data", "--port", port)

    assert refused.returncode == 1
    assert refused.stderr == (
        f"Port {port} on 127.0.0.1 is taken; choose another with --port (0 takes a free one).\n"
    )


def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").touch()

    refused = up("--data-dir", tmp_path / "file" / "data")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "--data-dir" in refused.stderr


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path):
    url = f"postgresql+psycopg://tide:secret@127.0.0.1:{free_port()}/tide"

    refused = up("--data-dir", tmp_path / "data", "--port", 0, TIDEGATE_DATABASE_URL=url)

    assert refused.returncode == 1
    assert "cannot be used" in refused.stderr
    assert "secret" not in refused.stderr + refused.stdout


@pytest.mark.parametrize("command", ["api", "worker", "beat", "flower"])
def test_a_process_of_its_own_says_that_it_wants_a_broker(command: str):
    refused = subprocess.run(
        [TIDEGATE, command], capture_output=True, text=True, timeout=60, check=False
    )

    assert refused.returncode == 1
    assert "TIDEGATE_BROKER_URL" in refused.stderr


def test_migrate_makes_a_database(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/deep/tide.db"

    done = subprocess.run(
        [TIDEGATE, "migrate"],
        env={**os.environ, "TIDEGATE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0
    assert (tmp_path / "deep" / "tide.db").exists()
