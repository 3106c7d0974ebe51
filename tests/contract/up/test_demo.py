"""`tidegate demo`, from its first line to its last process."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from acceptance.system import TIDEGATE
from parts.processes import end, living_with, wait_until

MARK = "DEMO_UNDER_TEST"
SOMEBODYS = {
    "AWS_PROFILE": "nobody-has-this",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "AKIASOMEBODYS",
    "AWS_REGION": "eu-west-1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "TIDEGATE_URL": "http://127.0.0.1:9",
    "TIDEGATE_MINUTE_SECONDS": "60",
}
"""What a person may have in the environment; it leads nowhere."""
FREE_PORTS = ("--port", "0", "--flower-port", "0")


class Demo:
    """Runs of the demo on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder.with_name("demo.out")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [TIDEGATE, "demo", "--data-dir", self.folder, *options]
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **SOMEBODYS, MARK: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def said(self) -> str:
        return self.out.read_text()

    def is_at(self, chapter: str, line: str) -> bool:
        return line in self.said().partition(chapter)[2]

    def living(self) -> list[psutil.Process]:
        return living_with(MARK, str(self.folder))

    def sites(self) -> list[psutil.Process]:
        """The sites carry no mark: hooks get an environment of their own."""
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if str(self.folder) in " ".join(process.info["cmdline"] or ())
        ]

    def close(self) -> None:
        if self.process is not None:
            end(self.process)
        for process in [*self.living(), *self.sites()]:
            process.kill()


@pytest.fixture
def demo(tmp_path: Path):
    demo = Demo(tmp_path / "demo")
    yield demo
    demo.close()


@pytest.mark.slow
def test_it_can_be_left_at_any_time_and_ends_as_planned_the_next_time(demo: Demo):
    first = demo.start()
    wait_until(
        lambda: demo.is_at("2 of 3", "web-2  ApplicationStop  InProgress") or first.poll(),
        within=180,
        what="the second deployment is under way",
    )
    assert first.poll() is None, demo.said()
    assert len(demo.sites()) >= 5
    first.send_signal(signal.SIGINT)

    assert first.wait(90) == 130, demo.said()
    assert demo.living() == []
    assert demo.sites() == []

    second = demo.start("--exit", *FREE_PORTS)

    assert second.wait(150) == 0, demo.said()
    assert demo.living() == []
    assert demo.sites() == []
    said = demo.said()
    assert "web-2: ValidateService (scripts/check_site.sh)" in said
    assert "The page cannot be made: KeyError('de')" in said
    assert said.count("→") == 5
    assert said.count(", revision 2\n") == 5
    assert "All as planned" in said


@pytest.mark.slow
def test_a_canary_moves_an_alias_and_an_alarm_takes_the_next_one_back(demo: Demo):
    process = demo.start("--platform", "lambda", "--exit", *FREE_PORTS)

    assert process.wait(280) == 0, demo.said()
    assert demo.living() == []
    said = demo.said()
    assert "1 hook BeforeAllowTraffic  Succeeded" in said
    assert "checkout:live  [####----------------] 20 %" in said
    assert "Next: The replacement gets 100 % of the traffic. (" in said
    assert "The demo sets the alarm checkout-errors to ALARM." in said
    assert "is Stopped (ALARM_ACTIVE)" in said
    assert "version 2 (rollback)" in said
    assert said.count("  ok ") == 3
    assert "alias live of checkout  →  version 2 100 %" in said
    assert "All as planned: the alias leads to version 2." in said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_service_moves_linearly_also_after_the_demo_was_killed(demo: Demo):
    first = demo.start("--platform", "ecs", *FREE_PORTS)
    wait_until(
        lambda: demo.is_at("ECS, 1 of 2", "] 20 %") or first.poll() is not None,
        within=180,
        what="the first share has moved",
    )
    assert first.poll() is None, demo.said()
    first.kill()
    first.wait(30)
    wait_until(lambda: demo.living() == [], within=30, what="all has gone with it")

    second = demo.start("--platform", "ecs", "--exit", *FREE_PORTS)

    assert second.wait(280) == 0, demo.said()
    assert demo.living() == []
    said = demo.said()
    for share in (20, 40, 60, 80, 100):
        assert f"] {share} %" in said.partition("ECS, 2 of 2")[0]
    assert "is Stopped (ALARM_ACTIVE)" in said
    assert said.count("  ok ") == 3
    assert "shop-blue 0 %, shop-green 100 %; task sets: shop:2 PRIMARY" in said
    assert "All as planned: the service runs shop:2." in said
