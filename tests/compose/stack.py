"""The stack of deploy/, as compose runs it, and what is done to its containers."""

import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from compose.engine import Engine
from compose.steps import ROOT, run
from parts.ports import free_port
from parts.processes import wait_until

COMPOSE = Path(sys.executable).with_name("docker-compose")
DEPLOY = ROOT / "deploy"
PROJECT = "tidegate-test"
HEALTHY_WITHIN = 420
SSHD = """\
HostKey /etc/host/host_key
AuthorizedKeysFile /etc/host/authorized_keys
AuthenticationMethods publickey
StrictModes no
UsePAM no
UseDNS no
PidFile none
MaxStartups 200
Subsystem sftp internal-sftp
"""


class Stack:
    """One project with a folder of its own for secrets, hosts and ledgers."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self.folder = folder
        self.ledgers = folder / "ledgers"
        self.hosts = folder / "hosts"
        self.secrets = folder / "secrets"
        self.overrides: tuple[str, ...] = ()
        self.port = free_port()
        self.https_port = free_port()
        self.values = {
            "TIDEGATE_IMAGE": "tidegate-test/tidegate",
            "TIDEGATE_SECRETS": str(self.secrets),
            "API_PUBLISH": f"127.0.0.1:{self.port}",
            "FLOWER_PUBLISH": f"127.0.0.1:{free_port()}",
            "HTTP_PUBLISH": f"127.0.0.1:{free_port()}",
            "HTTPS_PUBLISH": f"127.0.0.1:{self.https_port}",
            **{f"{name.upper()}_IMAGE": f"tidegate-test/{name}" for name in STAND_INS},
        }

    def prepare(self) -> None:
        """Make secrets as an operator does, and what the hosts need to let us in."""
        run([DEPLOY / "secrets.sh"], environment=self.environment)
        self.ledgers.mkdir()
        self.ledgers.chmod(0o777)
        self.hosts.mkdir()
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.hosts / "host_key")
        (self.hosts / "host_key").chmod(0o600)
        self.host_key = key.export_public_key().decode().strip()
        (self.hosts / "authorized_keys").write_text((self.secrets / "ssh_key.pub").read_text())
        (self.hosts / "sshd_config").write_text(SSHD)
        example = (DEPLOY / ".env.example").read_text()
        for name, value in self.values.items():
            example = re.sub(rf"^{name}=.*$", f"{name}={value}", example, flags=re.MULTILINE)
        (self.folder / "env").write_text(example)

    @property
    def environment(self) -> Mapping[str, str]:
        files = ["compose.yml", *(f"compose.{name}.yml" for name in self.overrides)]
        hosts = Path(__file__).with_name("hosts.yml")
        return {
            **self._engine.environment,
            "COMPOSE_FILE": ":".join([*(str(DEPLOY / file) for file in files), str(hosts)]),
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_ENV_FILES": str(self.folder / "env"),
            "TIDEGATE_COMPOSE": str(COMPOSE),
            "TIDEGATE_SECRETS": str(self.secrets),
            "TEST_HOSTS": str(self.hosts),
            "TEST_LEDGERS": str(self.ledgers),
        }

    def compose(self, *words: str) -> str:
        return run([COMPOSE, *words], environment=self.environment, folder=DEPLOY)

    def down(self) -> None:
        """Leave nothing of the project, whichever files it was made of."""
        self.overrides = ("tls", "monitoring", "rabbitmq")
        try:
            self.compose("down", "-v", "--remove-orphans", "-t", "10")
        except AssertionError:
            # The engine of Debian 12 may keep the endpoint of a container that it has removed.
            for network in ("backend", "edge", "outside"):
                self._disconnect_all(f"{PROJECT}_{network}")
            self.compose("down", "-v", "--remove-orphans")

    def _disconnect_all(self, network: str) -> None:
        names = "{{range .Containers}}{{.Name}} {{end}}"
        if network in self._engine.docker("network", "ls", "--format", "{{.Name}}").split():
            for left in self._engine.docker("network", "inspect", "-f", names, network).split():
                self._engine.docker("network", "disconnect", "-f", network, left)

    def script(self, name: str, *words: str) -> str:
        return run([DEPLOY / name, *words], environment=self.environment)

    def up(self, *words: str) -> str:
        """Have all run, wait until all are healthy, and say how many there are."""
        self.compose("up", "-d", "--wait", "--wait-timeout", str(HEALTHY_WITHIN), *words)
        states = [one["Health"] or one["State"] for one in self.containers()]
        assert set(states) <= {"healthy", "running"}, states
        return f"{states.count('healthy')} containers healthy"

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        lines = self.compose("ps", "--format", "json", *([service] if service else []))
        return [json.loads(line) for line in lines.splitlines()]

    def kill(self, service: str, *, of: int = 1) -> None:
        """Kill a container's first process as the kernel does: it is not stopped, it dies."""
        found = self.containers(service)
        assert len(found) == of, found
        one = found[0]
        pid = int(self._engine.docker("inspect", "-f", "{{.State.Pid}}", one["ID"]))
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: self._restarts(one["ID"], pid), within=60, what=f"{service} starts again"
        )

    def _restarts(self, container: str, old: int) -> bool:
        pid = int(self._engine.docker("inspect", "-f", "{{.State.Pid}}", container))
        return pid not in (0, old)

    def remove_volume(self, name: str) -> None:
        self._engine.docker("volume", "rm", f"{PROJECT}_{name}")

    def is_healthy(self, service: str) -> bool:
        return all(one["Health"] == "healthy" for one in self.containers(service))


STAND_INS = ("postgres", "redis", "rabbitmq", "caddy", "prometheus")
