"""A running system with hosts to deploy to, as the tests of this folder use it."""

from collections.abc import Iterable, Sequence
from itertools import count
from time import sleep
from typing import Any

import httpx2

from acceptance.bundles import Ledger, bundle
from acceptance.system import System
from parts.processes import wait_until
from parts.sshd import SshdFarm, SshdHost

APPLICATION = "shop"
FINAL = ("Succeeded", "Failed", "Stopped")
NOISE = 60.0
"""Seconds that anything may take on a machine that is busy with something else."""
RESTART_TRIES = 60
POLITENESS = 0.05
"""Seconds before each question: who waits asks in a loop, and others need the processor too."""

Document = dict[str, Any]


class Fleet:
    """One system and its hosts. Tests share it: each makes a group of its own."""

    def __init__(self, system: System, farm: SshdFarm) -> None:
        self.system = system
        self.farm = farm
        self.hosts: list[SshdHost] = []
        self._numbers = count(1)
        self._revisions: dict[bytes, str] = {}
        self.post("/v1/applications", {"name": APPLICATION, "compute_platform": "Server"})

    def add_hosts(self, number: int) -> list[SshdHost]:
        """Start so many more hosts and make them known."""
        added = self.farm.start(number)
        for host in added:
            self.register(host)
        self.hosts += added
        return added

    def register(self, host: SshdHost, **changes: object) -> str:
        variables = {"LEDGER": str(self.ledger(host).path)}
        body = {"name": host.name, **host.settings, "variables": variables, **changes}
        return str(self.post("/v1/hosts", body)["name"])

    def ledger(self, host: SshdHost) -> Ledger:
        return Ledger(host.folder / "ledger")

    def mend(self) -> None:
        """Take back what the hooks of all hosts were told."""
        for host in self.farm.hosts:
            self.ledger(host).mend()

    def group(
        self, hosts: Iterable[SshdHost | str], config: str = "AllAtOnce", **more: object
    ) -> str:
        names = [host if isinstance(host, str) else host.name for host in hosts]
        body = {
            "name": f"group-{next(self._numbers)}",
            "hosts": names,
            "deployment_config": f"CodeDeployDefault.{config}" if "." not in config else config,
            **more,
        }
        path = f"/v1/applications/{APPLICATION}/deployment-groups"
        return str(self.post(path, body)["name"])

    def show_group(self, group: str) -> Document:
        return self.get(f"/v1/applications/{APPLICATION}/deployment-groups/{group}")

    def push(self, data: bytes | None = None) -> str:
        """The id of a revision: of *data*, else of a bundle that does all right."""
        data = bundle("good") if data is None else data
        if data not in self._revisions:
            answer = self.system.client.post(
                f"/v1/applications/{APPLICATION}/revisions", content=data
            )
            assert answer.status_code in (200, 201), answer.text
            self._revisions[data] = str(answer.json()["id"])
        return self._revisions[data]

    def deploy(self, group: str, data: bytes | None = None, **options: object) -> str:
        """Begin a deployment and return its id."""
        body = {
            "application": APPLICATION,
            "deployment_group": group,
            "revision": self.push(data),
            **options,
        }
        return str(self.post("/v1/deployments", body)["id"])

    def stop(self, deployment_id: str, **wish: object) -> Document:
        return self.post(f"/v1/deployments/{deployment_id}/stop", wish)

    def show(self, deployment_id: str) -> Document:
        return self.get(f"/v1/deployments/{deployment_id}")

    def targets(self, deployment_id: str) -> dict[str, Document]:
        page = self.get(f"/v1/deployments/{deployment_id}/targets?limit=1000")
        return {target["id"]: target for target in page["items"]}

    def target(self, deployment_id: str, host: SshdHost | str) -> Document:
        name = host if isinstance(host, str) else host.name
        return self.get(f"/v1/deployments/{deployment_id}/targets/{name}")

    def message(self, deployment_id: str, host: SshdHost | str) -> str:
        """What a target says; nothing before the deployment has looked for its targets."""
        name = host if isinstance(host, str) else host.name
        return str(self.targets(deployment_id).get(name, {"message": ""})["message"])

    def event(self, deployment_id: str, host: SshdHost | str, name: str) -> Document:
        events = self.target(deployment_id, host)["lifecycle_events"]
        return next(event for event in events if event["name"] == name)

    def history(self, deployment_id: str) -> list[Document]:
        page = self.get(f"/v1/deployments/{deployment_id}/events?limit=1000")
        return list(page["items"])

    def statuses(self, deployment_id: str) -> dict[str, str]:
        return {name: t["status"] for name, t in self.targets(deployment_id).items()}

    def wait(self, deployment_id: str, *, within: float = NOISE) -> Document:
        """Wait for its end, and return it."""
        self.wait_for_status(deployment_id, *FINAL, within=within)
        return self.show(deployment_id)

    def wait_for_status(
        self, deployment_id: str, *statuses: str, within: float = NOISE
    ) -> Document:
        def seen() -> Document | None:
            shown = self.show(deployment_id)
            return shown if shown["status"] in statuses else None

        found = wait_until(seen, within=within, what=f"{deployment_id} is {' or '.join(statuses)}")
        assert found is not None
        return found

    def wait_for_target(
        self, deployment_id: str, host: SshdHost | str, *statuses: str, within: float = NOISE
    ) -> Document:
        def seen() -> Document | None:
            shown = self.target(deployment_id, host)
            return shown if shown["status"] in statuses else None

        found = wait_until(seen, within=within, what=f"{host} is {' or '.join(statuses)}")
        assert found is not None
        return found

    def wait_for_hook(
        self, deployment_id: str, host: SshdHost, event: str, *, within: float = NOISE
    ) -> None:
        """Wait until the hook of *event* has begun on a host."""
        wait_until(
            lambda: f"{event} begin" in self.ledger(host).told(deployment_id),
            within=within,
            what=f"{event} begins on {host.name}",
        )

    def in_hook(self, deployment_id: str, event: str) -> list[SshdHost]:
        """The hosts on which the hook of *event* has begun and not ended."""
        told = {host.name: self.ledger(host).told(deployment_id) for host in self.hosts}
        return [
            host
            for host in self.hosts
            if f"{event} begin" in told[host.name] and f"{event} end" not in told[host.name]
        ]

    def succeeded(self, group: str, data: bytes | None = None, **options: object) -> str:
        """Deploy with success, and return the deployment's id."""
        deployment_id = self.deploy(group, data, **options)
        ended = self.wait(deployment_id)
        assert ended["status"] == "Succeeded", (ended, self.targets(deployment_id))
        return deployment_id

    def is_ready(self) -> bool:
        try:
            return self.system.client.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def get(self, path: str) -> Document:
        """Ask, and ask again while the API is being restarted."""
        sleep(POLITENESS)
        for _ in range(RESTART_TRIES):
            try:
                answer = self.system.client.get(path)
                break
            except httpx2.TransportError:
                sleep(0.5)
        else:
            answer = self.system.client.get(path)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return dict(answer.json())

    def post(self, path: str, body: object) -> Document:
        answer = self.system.client.post(path, json=body)
        assert answer.status_code in (200, 201), f"{answer.status_code} {answer.text}"
        return dict(answer.json())


def whole_run(*, first: bool, failing: str | None = None) -> list[str]:
    """What a ledger tells of one deployment, each hook exactly once."""
    events = ["BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"]
    if not first:
        events.insert(0, "ApplicationStop")
    lines: list[str] = []
    for event in events:
        if event == failing:
            return [*lines, f"{event} begin", f"{event} fail"]
        lines += [f"{event} begin", f"{event} end"]
    return lines


def most_at_once(ledgers: Sequence[Ledger], deployment_id: str) -> int:
    """How many hosts were at work at the same time, from their first line to their last."""
    spans = [ledger.entries(deployment_id) for ledger in ledgers]
    moments = [(span[0].at, 1) for span in spans if span] + [
        (span[-1].at, -1) for span in spans if span
    ]
    busy = most = 0
    for _, change in sorted(moments):
        busy += change
        most = max(most, busy)
    return most
