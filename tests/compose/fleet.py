"""Deployments through the stack, and the ledgers that tell what ran on the hosts."""

from itertools import count
from typing import Any

import httpx2

from acceptance.bundles import Ledger, bundle
from acceptance.fleet import whole_run
from compose.stack import PROJECT, Stack
from parts.processes import wait_until

HOSTS = 6
ENDED = ("Succeeded", "Failed", "Stopped")
HELD = "AfterInstall"
PATIENCE = 180.0
"""Seconds that anything may take on a machine that is busy with something else."""


class Fleet:
    """Six hosts, and a group of its own for each deployment."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = count(1)
        self._token = ""
        self._done: list[str] = []

    @property
    def ledgers(self) -> list[Ledger]:
        return [Ledger(self._stack.ledgers / f"host-{number}") for number in range(1, HOSTS + 1)]

    def let_in(self) -> None:
        """Make the first token as docs/production.md says."""
        made = self._stack.compose(
            *("exec", "-T", "api", "tidegate", "token", "create", "--role", "admin")
        )
        self._token = made.splitlines()[-1].strip()

    def furnish(self) -> None:
        """Make the hosts known, and an application."""
        self.post("/v1/applications", {"name": "shop", "compute_platform": "Server"})
        for number in range(1, HOSTS + 1):
            self.post(
                "/v1/hosts",
                {
                    "name": f"host-{number}",
                    "address": f"{PROJECT}-host-{number}",
                    "user": "deploy",
                    "identity": "file:/run/secrets/ssh_key",
                    "host_key": self._stack.host_key,
                    "variables": {"LEDGER": f"/ledgers/host-{number}"},
                },
            )

    def begin(self, *, revision: str = "", held: bool = True) -> str:
        """Begin a deployment to all hosts; where it is held, all are in the middle of a hook."""
        if held:
            for ledger in self.ledgers:
                ledger.hold(HELD)
        group = {
            "name": f"group-{next(self._numbers)}",
            "hosts": [f"host-{number}" for number in range(1, HOSTS + 1)],
            "deployment_config": "CodeDeployDefault.AllAtOnce",
        }
        self.post("/v1/applications/shop/deployment-groups", group)
        body = {
            "application": "shop",
            "deployment_group": group["name"],
            "revision": revision or self.push(),
        }
        id_ = str(self.post("/v1/deployments", body)["id"])
        if held:
            wait_until(lambda: self._all_are_at(id_), within=PATIENCE, what="all hosts in a hook")
        return id_

    def push(self) -> str:
        data = bundle("stack")
        answer = self._ask("POST", "/v1/applications/shop/revisions", content=data)
        return str(answer.json()["id"])

    def _all_are_at(self, id_: str) -> bool:
        return all(f"{HELD} begin" in ledger.told(id_) for ledger in self.ledgers)

    def end(self, id_: str) -> str:
        """Let it go on, and see that it succeeds with each hook run once on each host."""
        for ledger in self.ledgers:
            ledger.mend()
        wait_until(lambda: self.status(id_) in ENDED, within=PATIENCE, what="the deployment's end")
        assert self.status(id_) == "Succeeded", self.get(f"/v1/deployments/{id_}/targets")
        self._done.append(id_)
        self.check([id_])
        return f"{id_} Succeeded, each hook once on {HOSTS} hosts"

    def check(self, ids: list[str] | None = None) -> str:
        """See that the ledgers tell of each hook once."""
        ids = self._done if ids is None else ids
        for id_ in ids:
            for number, ledger in enumerate(self.ledgers, 1):
                assert ledger.told(id_) == whole_run(first=True), (id_, number, ledger.told(id_))
        return f"{len(ids)} deployments, each hook once"

    def status(self, id_: str) -> str:
        """The status as it is now; nothing while nobody answers."""
        try:
            return str(self.get(f"/v1/deployments/{id_}")["status"])
        except (httpx2.HTTPError, AssertionError):
            return ""

    def known(self) -> dict[str, str]:
        """Each deployment that the system knows, and its status."""
        items = self.get("/v1/deployments?limit=100")["items"]
        return {one["id"]: one["status"] for one in items}

    def get(self, path: str) -> Any:
        return self._ask("GET", path).json()

    def post(self, path: str, body: object) -> Any:
        return self._ask("POST", path, json=body).json()

    def _ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        answer = httpx2.request(
            method,
            f"http://127.0.0.1:{self._stack.port}{path}",
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=30,
            **more,
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer
