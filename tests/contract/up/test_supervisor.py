"""The supervisor with real processes."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from parts.processes import end, is_alive, living_with, wait_until
from tidegate_cli.lines import LineLog
from tidegate_cli.supervisor import Child, Patience, Program, Supervisor

HASTY = Patience(ask_again_after=0.5, kill_after=1.5)

# Writes its name into the ledger when it is asked to stop, and stops when asked often enough.
STUBBORN = """
import signal, sys
name, ledger, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
asked = 0
def note(*_):
    global asked
    asked += 1
    open(ledger, "a").write(name + "\\n")
    if asked >= times:
        sys.exit(0)
signal.signal(signal.SIGTERM, note)
print("up", flush=True)
while True:
    signal.pause()
"""

MASTER = """
import os, sys
from tidegate_cli.lines import LineLog
from tidegate_cli.supervisor import Program, Supervisor
with Supervisor(LineLog(sys.stdout)) as supervisor:
    for name in ("first", "second"):
        supervisor.start(Program(name=name, command=("sleep", "600"), environment=os.environ))
    print("all are up", flush=True)
    supervisor.run()
"""


def program(name: str, script: str, *arguments: object, stop_turn: int = 0) -> Program:
    command = (sys.executable, "-c", script, *map(str, arguments))
    return Program(name=name, command=command, environment=os.environ, stop_turn=stop_turn)


def stubborn(name: str, ledger: Path, *, times: int = 1, stop_turn: int = 0) -> Program:
    return program(name, STUBBORN, name, ledger, times, stop_turn=stop_turn)


class Watched:
    """A supervisor, what it printed, and what it said about its children."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.told: list[dict[str, int | None]] = []
        self.supervisor = Supervisor(LineLog(self.stream), changed=self._note, patience=HASTY)

    def lines(self) -> list[str]:
        return [line.replace(" ", "") for line in self.stream.getvalue().splitlines()]

    def until(self, condition: Callable[[], bool]) -> None:
        def looked() -> bool:
            self.supervisor.turn(0.05)
            return condition()

        wait_until(looked, within=20, what="what was waited for")

    def _note(self, children: Sequence[Child]) -> None:
        self.told.append({child.name: child.pid for child in children})


@pytest.fixture
def watched():
    watched = Watched()
    with watched.supervisor:
        yield watched


def test_what_programs_print_is_passed_on_to_the_last_unfinished_line(watched: Watched):
    script = "import sys; print('one'); print('two', file=sys.stderr); print('three', end='')"

    watched.supervisor.start(program("talker", script))
    watched.until(lambda: "talker|three" in watched.lines())

    assert {"talker|one", "talker|two"} <= set(watched.lines())


def test_a_line_without_end_is_passed_on_in_pieces(watched: Watched):
    watched.supervisor.start(program("talker", "print('x' * 200_000)"))
    watched.until(lambda: watched.stream.getvalue().count("x") == 200_000)


def test_a_program_that_died_runs_again_a_second_later(watched: Watched):
    child = watched.supervisor.start(program("victim", "import signal; signal.pause()"))
    first = child.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    watched.until(lambda: child.pid is not None and child.pid != first)

    assert watched.told == [{"victim": first}, {}, {"victim": child.pid}]
    assert "tidegate|victimwasendedbySIGKILL;itstartsagainin1s." in watched.lines()


def test_what_a_dead_program_left_behind_goes_too(watched: Watched):
    script = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"

    watched.supervisor.start(program("parent", script))
    watched.until(lambda: any(line.startswith("tidegate|parentended") for line in watched.lines()))

    orphan = int(watched.lines()[0].partition("|")[2])
    wait_until(
        lambda: not psutil.pid_exists(orphan) or not is_alive(psutil.Process(orphan)),
        within=5,
        what="the orphan is gone",
    )


def test_programs_stop_in_their_turns(watched: Watched, tmp_path: Path):
    ledger = tmp_path / "ledger"
    for name, turn in (("store", 2), ("door", 0), ("worker", 1)):
        watched.supervisor.start(stubborn(name, ledger, stop_turn=turn))
    watched.until(lambda: len(watched.lines()) == 3)

    watched.supervisor.stop()

    assert ledger.read_text().split() == ["door", "worker", "store"]
    assert watched.told[-1] == {}


def test_a_program_that_missed_the_signal_gets_it_again(watched: Watched, tmp_path: Path):
    ledger = tmp_path / "ledger"
    watched.supervisor.start(stubborn("beat", ledger, times=2))
    watched.until(lambda: len(watched.lines()) == 1)

    watched.supervisor.stop()

    assert ledger.read_text().split() == ["beat", "beat"]
    assert "tidegate|beatdoesnotstopandiskilled." not in watched.lines()


def test_a_program_that_will_not_stop_is_killed(watched: Watched, tmp_path: Path):
    child = watched.supervisor.start(stubborn("rock", tmp_path / "ledger", times=99))
    watched.until(lambda: len(watched.lines()) == 1)

    watched.supervisor.stop()

    assert child.pid is None
    assert "tidegate|rockdoesnotstopandiskilled." in watched.lines()


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A process that supervises two others; all three carry the mark."""
    mark = str(tmp_path)
    monkeypatch.setenv("SUPERVISED_BY_TEST", mark)
    process = subprocess.Popen([sys.executable, "-c", MASTER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"all are up\n"
    yield process
    end(process)
    process.stdout.close()


def marked(tmp_path: Path) -> list[psutil.Process]:
    return living_with("SUPERVISED_BY_TEST", str(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_of_them_well(
    master: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
):
    assert len(marked(tmp_path)) == 3

    master.send_signal(number)

    assert master.wait(10) == 0
    assert marked(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_do_not_outlive_a_supervisor_that_was_killed(
    master: subprocess.Popen[bytes], tmp_path: Path
):
    master.kill()

    wait_until(lambda: marked(tmp_path) == [], within=5, what="nobody is left")
