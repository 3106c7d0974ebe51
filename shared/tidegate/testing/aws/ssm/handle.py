"""Run Command of the stand-in in a test's hands, whichever process serves it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tidegate.testing.aws.place import Place
from tidegate.testing.aws.ssm.switches import ADMIN


@dataclass(frozen=True, slots=True)
class StandInHost:
    """A host of the stand-in: scripts run in its folder, below which the agent's files are."""

    id: str
    folder: Path


class RunCommand:
    """Makes hosts, has things go wrong, and tells what was called."""

    def __init__(self, url: str, folder: Path, *, region: str = "us-east-1") -> None:
        """Reach the stand-in at *url*; hosts get folders in *folder*, in this region."""
        self.url, self.folder, self.region = url, folder, region

    def make_hosts(
        self,
        which: int | Sequence[str],
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        platform: str = "Linux",
    ) -> list[StandInHost]:
        """Make so many hosts, or those with these ids, that are managed and online.

        Their commands run as `PREFIX sh -c SCRIPT`; `{folder}` in the prefix is the host's folder.
        Their environment is a PATH, what is told here, and what the agent adds. A host whose id is
        that of an EC2 instance of the stand-in is on while that one is running.
        """
        ids = [_new_id("i-") for _ in range(which)] if isinstance(which, int) else which
        made = [StandInHost(one, self.folder / one) for one in ids]
        self._tell(
            "hosts",
            [
                {
                    "id": one.id,
                    "folder": str(one.folder),
                    "region": self.region,
                    "prefix": list(prefix),
                    "environment": dict(environment or {}),
                    "platform": platform,
                }
                for one in made
            ],
        )
        return made

    def make_instances(
        self, number: int, place: Place, *, tags: Mapping[str, str], **how: Any
    ) -> list[StandInHost]:
        """Make so many EC2 instances with these tags, each of which is a host too."""
        made = place.client("ec2").run_instances(
            ImageId="ami-12345678",
            MinCount=number,
            MaxCount=number,
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ],
        )
        return self.make_hosts([one["InstanceId"] for one in made["Instances"]], **how)

    def configure(self, **switches: Any) -> None:
        """Change switches; `switches.Switches` says which there are."""
        self._tell("configure", switches)

    def stop_agent(self, instance_id: str, *, workers_die: bool = True) -> None:
        """Have a host's agent die in whatever it does.

        Its commands stay InProgress; their scripts are killed unless *workers_die* is false, as
        after an agent's restart, and what they detached lives on.
        """
        self._tell("stop-agent", {"id": instance_id, "workers_die": workers_die})

    def start_agent(self, instance_id: str) -> None:
        """Have a host's agent come back; it tells how its commands ended, or that they are lost."""
        self._tell("start-agent", {"id": instance_id})

    def mishap(
        self,
        details: str,
        *,
        instance_id: str | None = None,
        runs: bool = False,
        after: float = 0.0,
    ) -> None:
        """Have the next command end so on an instance, or on all of its instances.

        *details* are in one word, as in `AccessDenied`; `InProgress` is a command that is never
        heard of again. The script *runs* all the same if that is asked, and the status is so
        *after* some seconds.
        """
        told = {"details": details, "instance_id": instance_id, "runs": runs, "after": after}
        self._tell("mishap", told)

    def fault(
        self, operation: str, code: str = "", *, status: int = 400, done: bool = False
    ) -> None:
        """Have the next call of an operation be answered an error, or by nobody if it has no name.

        It is carried out all the same if *done*.
        """
        told = {"operation": operation, "code": code, "status": status, "done": done}
        self._tell("fault", told)

    def heal(self) -> None:
        """Take back switches, and faults and mishaps that have not befallen anybody."""
        self._tell("heal")

    def counts(self) -> dict[str, int]:
        """Return how many calls of each operation came, those that were refused too."""
        return dict(self._tell("counts"))

    def calls(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the calls that came, with what was asked, answered and refused, and when."""
        calls = self._tell("calls")
        return [call for call in calls if operation in (None, call["operation"])]

    def forget(self) -> None:
        """Forget the calls that came."""
        self._tell("forget")

    def reset(self) -> None:
        """Forget hosts, commands, calls and switches; end what runs."""
        self._tell("reset")

    def _tell(self, verb: str, what: Any = ()) -> Any:
        answer = httpx2.post(f"{self.url}{ADMIN}{verb}", json=what, timeout=60)
        answer.raise_for_status()
        return answer.json()


def _new_id(kind: str) -> str:
    return f"{kind}{secrets.token_hex(9)[:17]}"
