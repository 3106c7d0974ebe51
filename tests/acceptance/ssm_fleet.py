"""A running system whose hosts are reached over SSM, on the stand-in for AWS, some over SSH too."""

import base64
import json
import re
import secrets
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptance.bundles import HOOK, bundle
from acceptance.fleet import Fleet
from acceptance.system import System
from parts.s3 import LIKE_AWS, S3Server
from parts.sshd import SshdFarm
from tidegate.testing.aws.place import Place
from tidegate.testing.aws.ssm.handle import RunCommand

BUCKET = "artifacts"
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_WINDOW = 24
"""So many bytes of a bundle in a row are a piece of it."""


@dataclass(frozen=True)
class SsmHost:
    """A host that nobody can log in to."""

    name: str
    id: str
    folder: Path

    @property
    def settings(self) -> dict[str, object]:
        """What Tidegate must know to reach it, by the names that `/v1/hosts` has."""
        state = str(self.folder / "state")
        return {"driver": "ssm", "instance_id": self.id, "state_dir": state}


class SsmFleet(Fleet):
    """Hosts of both kinds; each is told a password, which nobody but its hooks may see."""

    def __init__(self, system: System, farm: SshdFarm, run_command: RunCommand, key: str) -> None:
        super().__init__(system, farm)
        self.run_command = run_command
        self.password = secrets.token_urlsafe(20)
        self._key = key
        self._data = [HOOK.encode()]

    def add_instances(self, number: int, **variables: str) -> list[SsmHost]:
        """Make so many more instances, and make them known with these variables."""
        first = len(self.hosts)
        made = self.run_command.make_hosts(number)
        added = [
            SsmHost(f"ssm-{place:03d}", one.id, one.folder) for place, one in enumerate(made, first)
        ]
        for host in added:
            self.register(host, variables=variables)
        self.hosts += added
        return added

    def register(self, host: Any, **changes: Any) -> str:
        variables = {
            "LEDGER": str(self.ledger(host).path),
            "PASSWORD": self.password,
            **changes.pop("variables", {}),
        }
        return super().register(host, variables=variables, **changes)

    def mend(self) -> None:
        for host in self.hosts:
            self.ledger(host).mend()

    def push(self, data: bytes | None = None) -> str:
        data = bundle("good") if data is None else data
        self._data.append(data)
        return super().push(data)

    def troubles(self, deployment_id: str) -> list[str]:
        """Return what the targets say, each sentence once."""
        return sorted({target["message"] for target in self.targets(deployment_id).values()})

    def leaks(self) -> list[str]:
        """Return what was told to Systems Manager, or by it, that is nobody's business."""
        told = list(_readable(json.dumps(self.run_command.calls()).encode()))
        secret = {"password": self.password.encode(), "key": self._key.encode()}
        found = [name for name, word in secret.items() if any(word in text for text in told)]
        pieces = {data[at : at + _WINDOW] for data in self._data for at in range(0, len(data), 8)}
        whole = {piece for piece in pieces if len(piece) == _WINDOW}
        if any(piece in text for text in told for piece in whole):
            found.append("bundle")
        return found


def _readable(text: bytes) -> Iterator[bytes]:
    """Return a text, and what is packed in it."""
    yield text
    for token in set(_BASE64.findall(text)):
        try:
            data = base64.b64decode(token)
        except ValueError:
            continue
        yield data
        for window_bits in (zlib.MAX_WBITS, zlib.MAX_WBITS | 16):
            try:
                yield zlib.decompress(data, window_bits)
            except zlib.error:
                continue


@contextmanager
def ssm_fleet_in(folder: Path, **options: Any) -> Iterator[SsmFleet]:
    """A running system without a host, beside a stand-in whose calls are not counted yet."""
    with ExitStack() as stack:
        server = stack.enter_context(S3Server(folder, program=LIKE_AWS))
        # Long paths would be most of what commands say.
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ssm-")))
        key = secrets.token_hex(20)
        environment = {
            **server.environment(folder),
            "AWS_ENDPOINT_URL": server.url,
            "AWS_SECRET_ACCESS_KEY": key,
            "TIDEGATE_ARTIFACT_STORE": f"s3://{BUCKET}/tidegate",
            "TIDEGATE_LEASE_SECONDS": "8",
        }
        place = Place(
            url=server.url, region="us-east-1", access_key_id="testing", secret_access_key=key
        )
        place.client("s3").create_bucket(Bucket=BUCKET)
        run_command = RunCommand(server.url, short)
        farm = stack.enter_context(SshdFarm(folder / "hosts"))
        system = System(folder / "data", environment=environment, **options)
        stack.enter_context(system)
        stack.callback(run_command.reset)
        yield SsmFleet(system, farm, run_command, key)


def hooks_told(fleet: Fleet, hosts: Iterable[Any], deployment_id: str) -> dict[str, list[str]]:
    """Return what the hooks of each host wrote down of a deployment."""
    return {host.name: fleet.ledger(host).told(deployment_id) for host in hosts}
