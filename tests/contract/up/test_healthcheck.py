"""`tidegate healthcheck` tells the truth of each process, on a real system."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from acceptance.system import TIDEGATE, System
from parts.processes import wait_until

PARTS = ("api", "worker-control", "worker-traffic", "worker-hosts", "beat", "flower")
WITHIN = 60


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("up") / "data", flower=True).start()
    yield system
    system.kill_all()


def asked(system: System, part: str) -> tuple[int, str]:
    done = subprocess.run(
        [TIDEGATE, "healthcheck", part],
        env={**os.environ, "TIDEGATE_DATA_DIR": str(system.data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def says(system: System, part: str, *sentences: str) -> None:
    code = 1 if sentences else 0
    said = {}

    def is_said() -> bool:
        found, text = asked(system, part)
        said[text] = found
        return found == code and all(sentence in text for sentence in sentences)

    what = f"{part} says {sentences or 'that it is well'}"
    try:
        wait_until(is_said, within=WITHIN, what=what)
    except AssertionError as failure:
        message = f"{failure}; it said {said}"
        raise AssertionError(message) from None


def test_each_process_of_a_system_that_is_ready_is_well(system: System):
    for part in PARTS:
        says(system, part)


def test_a_broker_that_is_frozen_is_told_by_who_needs_it(system: System):
    redis = int(system.processes()["redis"]["pid"])
    os.kill(redis, signal.SIGSTOP)
    try:
        says(system, "worker-control", "The broker does not answer.")
        says(system, "worker-hosts", "The broker does not answer.")
        says(system, "api", "The broker does not answer.")
        says(system, "beat")
    finally:
        os.kill(redis, signal.SIGCONT)
    for part in PARTS:
        says(system, part)


@pytest.mark.slow
def test_one_that_is_stuck_shows_no_life(system: System):
    # It may serve for a moment before it has left its first sign.
    says(system, "worker-control")
    worker = int(system.processes()["worker-control"]["pid"])
    os.kill(worker, signal.SIGSTOP)
    try:
        says(system, "worker-control", "it has shown no life for")
    finally:
        os.kill(worker, signal.SIGCONT)
    says(system, "worker-control")


def test_one_that_is_gone_is_not_there_and_its_successor_is_well(system: System):
    gone = system.kill("beat")

    says(system, "beat", "No beat runs here")

    system.wait_for_another("beat", gone)
    says(system, "beat")


def test_a_process_that_does_not_exist_is_not_asked():
    done = subprocess.run([TIDEGATE, "healthcheck", "flour"], capture_output=True, check=False)

    assert done.returncode == 2
