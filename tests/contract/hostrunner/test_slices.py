"""What a command over SSM leaves behind on a host."""

import os
import subprocess
import sys
from pathlib import Path

from tidegate.hostrunner import slice_command
from tidegate.hostrunner.parts.journal import Run
from tidegate.hostrunner.parts.slices import handed_on, start_by_order

BEGINS = """
import os, sys, time
from tidegate.hostrunner.parts import slices
from tidegate.hostrunner.parts.journal import Run

run = Run(sys.argv[1], "d-AAAAAAAAA.0")
os.makedirs(run.path("logs"))
events = {"events": [], "group_id": "g", "deployment_id": "d-AAAAAAAAA"}
header = {"op": "run", "key": run.key, "seen": {}, "bundle": None, "spec": events}
slices.in_own_scope = lambda *_: time.sleep(0.5) and False
ear = slices.begin(run, header, run.try_lock(), slices.Order(header))
until = time.monotonic() + 20
while os.path.exists(run.path("order.json")) and time.monotonic() < until:
    assert run.try_lock() is None, "another slice could begin it, or find that it has not begun"
    time.sleep(0.02)
"""


def test_a_run_is_locked_from_the_moment_that_a_slice_begins_it(tmp_path: Path):
    told = subprocess.run(
        [sys.executable, "-c", BEGINS, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert (told.returncode, told.stderr) == (0, "")


def test_scripts_do_not_have_the_lock_that_was_handed_on(tmp_path: Path):
    run = Run(str(tmp_path), "d-AAAAAAAAA.0")
    Path(run.folder).mkdir(parents=True)
    lock = run.try_lock()
    assert lock is not None
    os.set_inheritable(lock, True)  # as what systemd-run started has it

    start_by_order(run.state, run.key, lock)

    assert not os.get_inheritable(lock)
    os.close(lock)


def test_a_lock_that_was_lost_on_the_way_is_taken_again(tmp_path: Path):
    run = Run(str(tmp_path), "d-AAAAAAAAA.0")
    Path(run.folder).mkdir(parents=True)
    other = os.open(os.devnull, os.O_RDONLY)  # what has its number by now

    held = handed_on(run, other)

    assert held not in (None, other)
    assert handed_on(run, other) is None  # as somebody has it
    for fd in filter(None, (held, other)):
        os.close(fd)


def test_what_a_slice_is_told_is_in_no_argument_that_others_may_read():
    command = slice_command({"parcel": {"url": "https://opens.everything"}, "ids": []})

    told = subprocess.run(
        ["sh", "-c", command.replace("exec python3", "exec printf '%s\\n'")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.startswith("-I\n-S\n-E\n-c\n")
    assert len(told.stdout) < 200
