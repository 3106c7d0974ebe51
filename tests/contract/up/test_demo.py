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
                env={**os.environ, MARK: str(self.folder)},
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

    second = demo.start("--exit", "--port", "0", "--flower-port", "0")

    assert second.wait(150) == 0, demo.said()
    assert demo.living() == []
    assert demo.sites() == []
    said = demo.said()
    assert "web-2: ValidateService (scripts/check_site.sh)" in said
    assert "The page cannot be made: KeyError('de')" in said
    assert said.count("→") == 5
    assert said.count(", revision 2\n") == 5
    assert "All as planned" in said
