"""A session starts a run once, tells all of it, and may end at any time."""

import json
import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.hostrunner.client import EVENTS, Host, Session, Told, appspec_of, bundle_of

SLOW = 'echo started >> "$LEDGER"; echo hello; sleep 2; echo bye\n'


def slow(host: Host, **values):
    """A run whose AfterInstall writes into a ledger and takes two seconds."""
    ledger = host.state.parent / "ledger"
    return {
        "bundle": bundle_of({"slow.sh": "#!/bin/sh\n" + SLOW}),
        "appspec": appspec_of(hooks={"AfterInstall": ["slow.sh"]}),
        "environment": {"LEDGER": str(ledger)},
    } | values


def ledger_of(host: Host) -> list[str]:
    path = host.state.parent / "ledger"
    return path.read_text().splitlines() if path.exists() else []


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)


def test_a_run_works_on_every_python(host_of_any_python: Host, tmp_path):
    host = host_of_any_python
    host.env = {"LC_ALL": "C"}
    bundle = bundle_of(
        {"appspec.yml": "", "läuft.txt": "hi", "hook.sh": "#!/bin/sh\necho $LIFECYCLE_EVENT; pwd\n"}
    )
    spec = appspec_of(
        files={"/": str(tmp_path / "srv")},
        hooks={event: ["hook.sh"] for event in ("BeforeInstall", "ValidateService")},
    )

    told = host.run(appspec=spec, bundle=bundle)

    assert told.outcome == "succeeded"
    assert told.statuses() == dict.fromkeys(EVENTS, "Succeeded")
    assert (tmp_path / "srv" / "läuft.txt").read_text() == "hi"
    assert told.logs["ValidateService"] == (
        b"LifecycleEvent - ValidateService\nScript - hook.sh\n[stdout]ValidateService\n[stdout]/\n"
    )
    assert told.last == {"t": "end"}


def test_runner_and_bundle_travel_once(host: Host):
    bundle = bundle_of({"a": "1"})
    first = host.run(bundle=bundle)
    second = host.run(deployment="d-AAAAAAAA2", bundle=bundle)

    assert first.needs() == ["runner", "bundle"]
    assert second.needs() == []


def test_the_state_folder_is_private(host: Host):
    host.run(bundle=bundle_of({"a": "1"}))

    assert stat.S_IMODE(host.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((host.state / "runs").stat().st_mode) == 0o700


def test_what_a_login_shell_prints_comes_before_the_marker(host: Host):
    host.prelude = "echo Welcome to this host; "

    assert host.run().outcome == "succeeded"


def test_a_probe_starts_nothing(host: Host):
    answer = host.probe()

    assert (answer["t"], answer["uid"]) == ("pong", os.geteuid())
    assert answer["state_dir"] == str(host.state)
    assert not (host.state / "runs").exists()


def test_without_a_state_dir_it_lies_where_it_survives_a_reboot(tmp_path):
    host = Host(tmp_path / "unused")
    host.env = {"HOME": str(tmp_path)}
    host.state = "~/here"  # type: ignore[assignment]

    assert host.probe()["state_dir"] == str(tmp_path / "here")


def test_a_state_folder_that_cannot_be_used_is_refused_with_a_sentence(host: Host):
    host.state.write_text("a file")

    answer = host.run().last

    assert answer["t"] == "refused"
    assert str(host.state) in answer["why"]
    assert answer["why"].endswith("set another state_dir.")


def test_a_damaged_bundle_is_refused_and_the_next_session_may_start_the_run(host: Host):
    good, bad = bundle_of({"a": "1"}), bundle_of({"a": "2"})
    session = host.session(bundle=good)
    session.bundle = type(good)(bad.data.ljust(len(good.data), b"\0")[: len(good.data)])

    refused = session.to_the_end()

    assert refused.last["t"] == "refused"
    assert "damaged" in refused.last["why"]
    assert list((host.state / "bundles").iterdir()) == []
    assert host.run(bundle=good).outcome == "succeeded"


def test_a_session_that_ends_in_the_middle_changes_nothing(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")
    session.close()

    told = host.run(**slow(host))

    assert told.outcome == "succeeded"
    assert ledger_of(host) == ["started"]
    assert told.logs["AfterInstall"].endswith(b"[stdout]hello\n[stdout]bye\n")


def test_a_killed_session_changes_nothing(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")
    session.process.kill()
    session.close()

    assert host.run(**slow(host)).outcome == "succeeded"
    assert ledger_of(host) == ["started"]


def test_following_goes_on_from_what_was_seen(host: Host):
    whole = host.run(**slow(host))
    some = Told(facts=whole.facts[:5], logs={"AfterInstall": whole.logs["AfterInstall"]})
    lines = host.journal().read_bytes().splitlines(keepends=True)
    some.offset = sum(map(len, lines[:5]))

    rest = host.run(**slow(host, seen=some))

    assert some.facts + rest.facts == whole.facts
    assert rest.logs == {}
    assert rest.offset == whole.offset == host.journal().stat().st_size


def test_a_log_goes_on_from_the_offset_that_was_seen(host: Host):
    session = host.session(**slow(host))
    session.until(lambda m: m["t"] == "log" and m["e"] == "AfterInstall")
    seen = session.close()

    rest = host.run(**slow(host, seen=seen))

    assert rest.pieces[0][1] == len(seen.logs["AfterInstall"])
    log = seen.logs["AfterInstall"] + rest.logs["AfterInstall"]
    assert log.endswith(b"[stdout]hello\n[stdout]bye\n")
    assert rest.event("AfterInstall")["log_size"] == len(log)


def test_many_sessions_at_once_give_one_run(host: Host):
    results: list[Told] = []
    threads = [
        threading.Thread(target=lambda: results.append(host.run(**slow(host)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [told.outcome for told in results] == ["succeeded"] * 6
    assert all(told.facts == results[0].facts for told in results)
    assert ledger_of(host) == ["started"]


def test_who_waits_for_a_bundle_that_never_came_starts_the_run(host: Host):
    """The first session holds the lock, asks for the bundle, and dies."""
    first = host.session(**slow(host))
    first.bundle = None
    first.until(lambda m: m.get("what") == "bundle")
    second = host.session(**slow(host))
    time.sleep(0.3)
    first.process.kill()
    first.close()

    assert second.to_the_end().outcome == "succeeded"
    assert ledger_of(host) == ["started"]


def test_a_dead_runner_is_lost_and_nothing_runs_twice(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")
    wait_until(lambda: ledger_of(host) == ["started"])
    os.kill(host.runner_pid(), signal.SIGKILL)

    told, again = session.to_the_end(), host.run(**slow(host))

    assert told.last == {"t": "lost", "why": "died", "event": "AfterInstall"}
    assert again.last == told.last
    assert again.facts == told.facts
    assert ledger_of(host) == ["started"]


def test_a_script_goes_on_undisturbed_when_its_runner_dies(host: Host):
    values = slow(host)
    values["bundle"] = bundle_of({"slow.sh": SLOW + 'echo ended >> "$LEDGER"\n'})
    session = host.session(**values)
    session.until_running("AfterInstall")
    wait_until(lambda: ledger_of(host) == ["started"])
    os.kill(host.runner_pid(), signal.SIGKILL)
    session.to_the_end()

    wait_until(lambda: ledger_of(host) == ["started", "ended"])

    log = host.journal().parent / "logs" / "AfterInstall.log"
    wait_until(lambda: log.read_text().endswith("[stdout]hello\n[stdout]bye\n"))


def test_the_next_deployment_waits_for_a_script_that_outlived_its_runner(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")
    wait_until(lambda: ledger_of(host) == ["started"])
    os.kill(host.runner_pid(), signal.SIGKILL)
    session.to_the_end()

    told = host.run(**slow(host, deployment="d-BBBBBBBB2"))

    assert [f["for"] for f in told.facts if f["fact"] == "waiting"] == ["d-AAAAAAAA1"]
    assert told.outcome == "succeeded"
    assert ledger_of(host) == ["started", "started"]


def test_a_script_whose_log_writer_died_is_waited_for_at_leisure(host: Host):
    spec = appspec_of(hooks={"AfterInstall": ["hook.sh"]})
    session = host.session(appspec=spec, bundle=bundle_of({"hook.sh": "sleep 2"}))
    session.until_running("AfterInstall")
    runner = host.runner_pid()
    time.sleep(0.5)
    children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    begun = cpu_seconds(runner)

    os.kill(int(min(children, key=int)), signal.SIGKILL)
    time.sleep(1)
    used = cpu_seconds(runner) - begun
    event = session.to_the_end().event("AfterInstall")

    assert used < 0.3
    assert event["status"] == "Succeeded"
    assert event["warnings"] == ["What writes the log of this event died, so it is not complete."]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_it_waits_too_where_the_runner_died_as_the_script_began(host: Host):
    script = "kill -9 $PPID; echo started >> $LEDGER; sleep 2; echo ended >> $LEDGER\n"
    deadly = slow(host, bundle=bundle_of({"slow.sh": script}))
    assert host.session(**deadly).to_the_end().last["t"] == "lost"

    told = host.run(**slow(host, deployment="d-BBBBBBBB2"))

    assert told.outcome == "succeeded"
    assert ledger_of(host) == ["started", "ended", "started"]


def test_a_run_that_is_cancelled_before_it_began_takes_and_starts_nothing(host: Host):
    told = host.run(**slow(host), wish="cancel")

    assert told.outcome == "stopped"
    assert told.statuses() == dict.fromkeys(EVENTS, "Skipped")
    assert told.needs() == ["runner"]
    assert ledger_of(host) == []


def test_a_wish_that_finds_the_disk_full_ends_no_session_and_is_heard_later(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")
    in_the_way = host.journal().parent / f"cancel.{session.process.pid}"
    in_the_way.mkdir()

    session.command("cancel")
    time.sleep(0.5)
    in_the_way.rmdir()

    assert session.to_the_end().outcome == "stopped"


def test_a_reboot_is_told_from_a_crash(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")
    os.kill(host.runner_pid(), signal.SIGKILL)
    session.to_the_end()
    lines = host.journal().read_text().splitlines()
    begun = json.loads(lines[0]) | {"boot": "another"}
    host.journal().write_text("\n".join([json.dumps(begun), *lines[1:]]) + "\n")

    told = host.run(**slow(host))

    assert told.last == {"t": "lost", "why": "rebooted", "event": "AfterInstall"}


def test_a_host_that_was_wiped_does_not_know_the_run(host: Host):
    told = host.run(seen=Told(offset=100))

    assert told.last == {"t": "unknown"}
    assert not (host.state / "runs").exists()


def test_who_only_attaches_starts_nothing_and_leaves_nothing(host: Host):
    bundle = bundle_of({"a": "1"})

    assert host.run(op="attach").last == {"t": "unknown"}
    assert not (host.state / "runs").exists()

    session = host.session(bundle=bundle)
    session.bundle = None
    session.until(lambda m: m.get("what") == "bundle")
    session.close()
    wait_until(lambda: host.run(op="attach").last == {"t": "unknown"})
    assert host.run(bundle=bundle).outcome == "succeeded"


def test_who_only_attaches_follows_what_began(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")

    told = host.run(op="attach", wish="cancel")

    assert told.last == {"t": "end"}
    assert told.outcome == "stopped"
    assert ledger_of(host) == ["started"]
    session.close()


def test_a_follower_hears_a_beat(host: Host):
    wait = 'until [ -e "$LEDGER" ]; do sleep 0.2; done\n'
    session = host.session(**slow(host, bundle=bundle_of({"slow.sh": wait})))

    while (message := session.next()) != {"t": "beat"}:
        assert message, session.told

    (host.state.parent / "ledger").touch()
    assert session.to_the_end().outcome == "succeeded"


def test_the_run_holds_nothing_of_the_session(host: Host):
    session = host.session(**slow(host))
    session.until_running("AfterInstall")

    wait_until(lambda: ledger_of(host) == ["started"])

    links = links_of(host.runner_pid())

    mine = {os.readlink(f"/proc/self/fd/{end.fileno()}") for end in session.ends()}  # noqa: PTH115
    session.to_the_end()
    assert len(mine) == 2
    assert not mine & links
    assert all(link.startswith(("/dev/null", str(host.state), "pipe:")) for link in links)


def links_of(pid: int) -> set[str]:
    return {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a b"])
def test_a_key_that_is_no_folder_name_is_refused(host: Host, name):
    told = host.run(key=name or "é")

    assert told.last["t"] == "refused"
    assert not (host.state / "runs").exists()


def test_a_disk_without_room_for_the_bundle_is_said(host: Host):
    header = host.header(
        op="run",
        key="d-CCCCCCCC1",
        seen={},
        bundle={"sha256": "0" * 64, "size": 1 << 60, "type": "tgz"},
        spec={"deployment_id": "d-1", "group_id": "g", "events": ["DownloadBundle"]},
    )

    refused = Session(host, header, None).to_the_end().last

    assert (refused["t"], refused["code"]) == ("refused", "disk_full")
