"""What scripts write is kept, byte for byte, and in bounds."""

import os
import re

from contract.hostrunner.client import Host, appspec_of, bundle_of
from contract.hostrunner.hooks import SH, output_of, run_script


def test_both_outputs_are_merged_in_the_agents_format(host: Host):
    told = run_script(host, SH + "echo one; sleep 0.2; echo two >&2; sleep 0.2; printf three")

    assert told.logs["AfterInstall"].decode().splitlines() == [
        "LifecycleEvent - AfterInstall",
        "Script - hook.sh",
        "[stdout]one",
        "[stderr]two",
        "[stdout]three",
    ]
    folder = host.state / "deployment-root" / "5f2b8f3e-0000-4000-8000-000000000001"
    stamped = (folder / "d-AAAAAAAA1" / "logs" / "scripts.log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in stamped)
    assert [line[20:] for line in stamped] == told.logs["AfterInstall"].decode().splitlines()


def test_bytes_that_are_no_text_pass(host: Host):
    told = run_script(host, SH + r"printf '\377\000\n'")

    assert told.logs["AfterInstall"].endswith(b"[stdout]\xff\x00\n")


def test_all_bytes_are_kept_however_long_a_line_is(host: Host):
    noise = os.urandom(70_000).replace(b"\n", b"") + b"\n\n" + bytes(range(256)) * 900

    told = host.run(
        bundle=bundle_of({"a": 'cat "${0%/*}/noise"', "noise": noise}),
        appspec=appspec_of(hooks={"AfterInstall": ["a"]}),
    )

    _, _, log = told.logs["AfterInstall"].split(b"\n", 2)
    lines = log.split(b"\n")
    assert lines.pop() == b""
    assert all(line.startswith(b"[stdout]") for line in lines)
    assert b"\n".join(line[len("[stdout]") :] for line in lines) == noise


def test_a_long_line_is_cut_only_by_what_comes_between(host: Host):
    halves = "head -c 150000 /dev/zero | tr '\\0' x"

    told = run_script(host, SH + f"{halves}; sleep 0.3; echo no >&2; sleep 0.3; {halves}")

    lines = told.logs["AfterInstall"].splitlines()[2:]
    assert [line[:9] for line in lines] == [b"[stdout]x", b"[stderr]n", b"[stdout]x"]
    assert sum(line.count(b"x") for line in lines) == 300_000


def test_no_line_is_lost_that_a_script_writes_to_dev_stderr(host: Host):
    told = run_script(host, SH + "for n in 1 2 3 4 5; do echo $n >/dev/stderr; echo $n; done")

    assert sorted(output_of(told)) == sorted(["1", "2", "3", "4", "5"] * 2)


def test_of_a_long_log_head_and_tail_are_told(host: Host):
    limits = {"log_bytes": 2000}
    told = run_script(host, SH + "seq 1 5000", limits=limits)

    size = told.event("AfterInstall")["log_size"]
    pieces = [(at, len(data)) for _, at, data in told.pieces]
    log = told.logs["AfterInstall"]
    assert size > 20000
    assert sum(length for _, length in pieces) == 2000
    assert max(at + length for at, length in pieces) == size
    assert log.startswith(b"LifecycleEvent - AfterInstall\n")
    assert log.endswith(b"[stdout]5000\n")


def test_a_script_that_never_stops_talking_fills_no_disk_and_can_be_stopped(host: Host):
    limits = {"log_bytes": 100_000}
    told = run_script(host, SH + "yes abcdefg", limits=limits, hook={"timeout": 2})

    used = sum(path.stat().st_blocks * 512 for path in host.state.rglob("*") if path.is_file())
    assert told.event("AfterInstall")["error_code"] == "ScriptTimedOut"
    assert told.event("AfterInstall")["log_size"] > 20_000_000
    assert used < 20_000_000
