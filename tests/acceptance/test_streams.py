"""Events as they happen, logs as they are written, and what `deploy`, `watch` and `logs` tell."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any

import httpx2

from acceptance.bundles import EVENTS, HOOK, appspec, bundle
from acceptance.fleet import APPLICATION, Fleet
from parts.processes import wait_until


class Stream:
    """A subscriber: what it heard, with the moment at which it did."""

    def __init__(self, fleet: Fleet, deployment_id: str, *, after: int | None = None) -> None:
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        self.heard: Queue[tuple[float, dict[str, Any]]] = Queue()
        self._url = f"/v1/deployments/{deployment_id}/events"
        self._client = httpx2.Client(
            base_url=fleet.system.url,
            headers={**headers, "Authorization": f"Bearer {fleet.system.token}"},
            timeout=60,
        )
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def open(self) -> None:
        self._thread.start()
        assert self._opened.wait(30), "the stream does not open"

    def close(self) -> None:
        self._client.close()

    def wait_for(self, name: str, to: str, *, within: float) -> float:
        """The moment at which a transition was heard of."""
        deadline = monotonic() + within
        while True:
            at, event = self.heard.get(timeout=max(deadline - monotonic(), 0.01))
            if (event["name"], event["to"]) == (name, to):
                return at

    def rest(self) -> list[dict[str, Any]]:
        """All that comes until the service says that this is the end."""
        self._thread.join(60)
        assert not self._thread.is_alive(), "the stream does not end"
        events = []
        try:
            while True:
                events.append(self.heard.get_nowait()[1])
        except Empty:
            return events

    def _read(self) -> None:
        try:
            with self._client.stream("GET", self._url) as answer:
                self._opened.set()
                for line in answer.iter_lines():
                    if line == "event: end":
                        return
                    if line.startswith("data: "):
                        self.heard.put((monotonic(), json.loads(line.removeprefix("data: "))))
        except (httpx2.HTTPError, RuntimeError, OSError):
            return


@contextmanager
def listening(fleet: Fleet, deployment_id: str, *, after: int | None = None) -> Iterator[Stream]:
    stream = Stream(fleet, deployment_id, after=after)
    stream.open()
    try:
        yield stream
    finally:
        stream.close()


def test_an_event_is_heard_within_a_second_of_its_commit(fleet: Fleet):
    host = fleet.hosts[0]
    fleet.ledger(host).hold("AfterInstall")
    deployment_id = fleet.deploy(fleet.group([host]))
    fleet.wait_for_hook(deployment_id, host, "AfterInstall")

    with listening(fleet, deployment_id) as stream:
        stream.wait_for("AfterInstall", "InProgress", within=30)
        fleet.stop(deployment_id)
        committed = monotonic()
        heard = stream.wait_for("stop", "Stopped", within=30)
    fleet.mend()

    assert heard - committed < 1
    fleet.wait_for_target(deployment_id, host, "Failed")


def test_a_stream_is_taken_up_where_it_was_left_without_gap_or_repetition(fleet: Fleet):
    hosts = fleet.hosts
    for host in hosts:
        fleet.ledger(host).hold("ApplicationStart")
    deployment_id = fleet.deploy(fleet.group(hosts))
    for host in hosts:
        fleet.wait_for_hook(deployment_id, host, "ApplicationStart")

    first: list[int] = []
    with listening(fleet, deployment_id) as stream:
        while len(first) < 7:
            first.append(stream.heard.get(timeout=30)[1]["id"])
    with listening(fleet, deployment_id, after=first[-1]) as stream:
        fleet.mend()
        second = [event["id"] for event in stream.rest()]

    assert fleet.wait(deployment_id)["status"] == "Succeeded"
    listed = [event["id"] for event in fleet.history(deployment_id)]
    assert first + second == listed == list(range(1, len(listed) + 1))


def test_the_history_tells_every_transition_of_deployment_targets_and_events(fleet: Fleet):
    host = fleet.hosts[0]
    deployment_id = fleet.succeeded(fleet.group([host]))

    told = [(e["subject"], e["name"], e["from"], e["to"]) for e in fleet.history(deployment_id)]

    assert ("deployment", "start", "Created", "InProgress") in told
    assert ("target", "begin", "Pending", "InProgress") in told
    for name in (*EVENTS, "DownloadBundle", "Install"):
        assert ("lifecycle_event", name, "Pending", "InProgress") in told
        assert ("lifecycle_event", name, "InProgress", "Succeeded") in told
    assert ("target", "succeed", "InProgress", "Succeeded") in told
    assert told[-1] == ("deployment", "succeed", "InProgress", "Succeeded")


def deploy(fleet: Fleet, group: str, data: bytes, *options: str) -> list[str]:
    """Arguments of the CLI."""
    where = ("--application", APPLICATION, "--group", group, "--revision", fleet.push(data))
    return ["deploy", *where, *options]


def test_deploy_waits_and_its_exit_code_tells_success(fleet: Fleet):
    group = fleet.group(fleet.hosts)

    done = fleet.system.cli(*deploy(fleet, group, bundle("cli"), "--wait"))

    deployment_id = done.stdout.strip()
    assert done.returncode == 0, done.stderr
    assert fleet.show(deployment_id)["status"] == "Succeeded"


def test_deploy_tells_a_failure_and_why(fleet: Fleet):
    group = fleet.group(fleet.hosts[:1])
    bad = bundle("cli-bad", fails=["ApplicationStart"])

    done = fleet.system.cli(*deploy(fleet, group, bad, "--wait", "--json"))

    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert set(told) == {"deployment_id", "status", "error", "rollback_deployment_id"}
    assert told["status"] == "Failed"
    assert told["error"]["code"] == "HEALTH_CONSTRAINTS"
    assert told["rollback_deployment_id"] is None
    assert "ApplicationStart does not work here" in done.stderr


def test_deploy_waits_for_the_rollback_and_tells_whether_it_went_well(fleet: Fleet):
    host = fleet.hosts[0]
    group = fleet.group([host], auto_rollback={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
    fleet.succeeded(group, bundle("before"))
    bad = bundle("cli-bad", fails=["ApplicationStart"])

    well = fleet.system.cli(*deploy(fleet, group, bad, "--wait", "--json"))
    fleet.ledger(host).fail("ValidateService")
    ill = fleet.system.cli(*deploy(fleet, group, bundle("other"), "--wait", "--json"))

    rollback = fleet.show(json.loads(well.stdout)["rollback_deployment_id"])
    assert well.returncode == 4, well.stderr
    assert rollback["status"] == "Succeeded"
    assert ill.returncode == 3, ill.stderr
    assert fleet.show(json.loads(ill.stdout)["rollback_deployment_id"])["status"] == "Failed"


def test_deploy_and_watch_tell_a_stop_and_a_deadline(fleet: Fleet):
    host = fleet.hosts[0]
    group = fleet.group([host])
    fleet.ledger(host).hold("ApplicationStart")

    late = fleet.system.cli(*deploy(fleet, group, bundle("cli"), "--wait", "--deadline", "3s"))
    deployment_id = late.stdout.strip()
    going_on = fleet.show(deployment_id)["status"]
    with following(fleet, "watch", deployment_id, "--json") as watch:
        stop = fleet.system.cli("stop", deployment_id)
        out, _ = watch.communicate(timeout=60)
    fleet.mend()

    assert late.returncode == 6, late.stderr
    assert "goes on" in late.stderr
    assert going_on == "InProgress"
    assert stop.returncode == 0
    assert watch.returncode == 5
    assert json.loads(out)["status"] == "Stopped"
    fleet.wait_for_target(deployment_id, host, "Failed")
    assert fleet.system.cli("stop", deployment_id).returncode == 1


def test_watch_shows_what_happens_and_ends_with_the_deployment(fleet: Fleet):
    host = fleet.hosts[0]
    fleet.ledger(host).hold("ValidateService")
    deployment_id = fleet.deploy(fleet.group([host]), bundle("watched"))

    with following(fleet, "watch", deployment_id) as watch:
        fleet.wait_for_hook(deployment_id, host, "ValidateService")
        fleet.mend()
        out, _ = watch.communicate(timeout=60)

    assert watch.returncode == 0
    assert f"{host.name}  ValidateService  Succeeded" in out


def test_logs_are_followed_while_a_hook_writes(fleet: Fleet):
    host = fleet.hosts[0]
    fleet.ledger(host).hold("ApplicationStart")
    deployment_id = fleet.deploy(fleet.group([host]), bundle("followed"))
    fleet.wait_for_hook(deployment_id, host, "ApplicationStart")

    with following(fleet, "logs", deployment_id, "--follow") as logs:
        lines = Lines(logs)
        lines.wait_for("ApplicationStart of revision followed", within=30)
        running = fleet.show(deployment_id)["status"]
        fleet.mend()
        lines.wait_for("ValidateService of revision followed", within=60)
        assert logs.wait(60) == 0
    whole = fleet.system.cli(
        "logs", deployment_id, "--target", host.name, "--event", "ApplicationStart"
    )

    assert running == "InProgress"
    assert lines.count("ApplicationStart of revision followed") == 1
    assert "[stdout]ApplicationStart of revision followed" in whole.stdout
    assert "ValidateService" not in whole.stdout


def test_a_first_deployment_needs_nothing_but_the_cli(fleet: Fleet, tmp_path: Path):
    host = fleet.farm.start_one("by-hand")
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "appspec.yml").write_text(appspec())
    for name, text in {"hook.sh": HOOK, "revision": "mine\n", "fails": ""}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    where = f"{host.user}@{host.address}:{host.port}"
    ledger = f"LEDGER={fleet.ledger(host).path}"
    commands = [
        ["host", "add", host.name, "--ssh", where, "--identity", host.identity,
         "--host-key", host.host_key, "--state-dir", str(host.state_dir),
         "--tag", "role=mine", "env=test", "--var", ledger],
        ["app", "create", "mine", "--platform", "Server"],
        ["group", "create", "mine", "all", "--tag", "role=mine",
         "--config", "CodeDeployDefault.OneAtATime", "--rollback-on", "failure,stop"],
        ["validate", str(folder / "appspec.yml")],
        ["deploy", "--application", "mine", "--group", "all", "--bundle", str(folder),
         "--wait", "--deadline", "5m"],
    ]  # fmt: skip

    ran = [fleet.system.cli(*command) for command in commands]
    pushed = fleet.system.cli("push", str(folder), "--application", "mine")

    assert [one.returncode for one in ran] == [0] * 5, [one.stderr for one in ran]
    deployment_id = ran[-1].stdout.strip()
    assert fleet.show(deployment_id)["status"] == "Succeeded"
    assert fleet.statuses(deployment_id) == {host.name: "Succeeded"}
    assert fleet.ledger(host).told(deployment_id)[-1] == "ValidateService end"
    assert pushed.stdout == f"{fleet.show(deployment_id)['revision']}\n"
    assert fleet.get(f"/v1/hosts/{host.name}")["last_seen_at"] is not None


@contextmanager
def following(fleet: Fleet, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command of the CLI that goes on while the test does."""
    process = fleet.system.cli_process(*arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Lines:
    """What a command has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def count(self, text: str) -> int:
        return sum(text in line for line in self._lines)

    def wait_for(self, text: str, *, within: float) -> None:
        wait_until(lambda: self.count(text), within=within, what=f"the line {text!r}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
