"""What all stories of the demo have in common: they set the scene, deploy, and keep the score."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Protocol

from tidegate_cli.client import Document, Service
from tidegate_cli.demo_view import Row, Stage
from tidegate_cli.errors import Refused
from tidegate_cli.progress import moment
from tidegate_cli.verdict import FINAL
from tidegate_cli.waiting import Ending, View, Wait

LEFTOVERS_WITHIN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows that a story has ended well, seen past Tidegate."""

    seen: Sequence[str]
    """Lines."""
    holds: bool
    claim: str
    """What is so if it holds."""


class Story(Protocol):
    """Several deployments to one platform."""

    needs: str
    """What is started for it, in words."""
    deployments: int
    """How many there are, rollbacks among them."""

    def prepare(self) -> None:
        """Set up what is deployed to; Tidegate may not be ready yet."""

    def tell(self, teller: "Teller") -> Iterator[Row]:
        """Deploy, and yield each deployment when it has ended."""

    def prove(self) -> Proof:
        """Look how it stands."""

    def remarks(self) -> Iterator[str]:
        """Yield how more can be looked at as long as all is up, line by line."""


class Teller:
    """Sets the scene through the API, as anybody would, and deploys."""

    def __init__(self, service: Service, stage: Stage) -> None:
        self.service = service
        self.stage = stage

    def have(self, *parts: str, name: str, body: Document, renewed: bool = False) -> None:
        """Create something; what an earlier run created stays, or is brought up to date."""
        try:
            self.service.create(*parts, body={"name": name, **body})
        except Refused as refusal:
            if refusal.status != 409:
                raise
            if renewed:
                self.service.replace(*parts, name, body=body)

    def end_leftovers(self, application: str, group: str) -> None:
        """End what a run that was interrupted has left unfinished."""
        unfinished = [
            str(deployment["id"])
            for deployment in self._deployments(application, group)
            if deployment["status"] not in FINAL
        ]
        for deployment_id in unfinished:
            with suppress(Refused):
                stop = ("deployments", deployment_id, "stop")
                self.service.create(*stop, body={"rollback": False})
        pause = Event()
        for _ in range(LEFTOVERS_WITHIN * 4):
            known = self._deployments(application, group)
            if all(deployment["status"] in FINAL for deployment in known):
                return
            pause.wait(0.25)

    def _deployments(self, application: str, group: str) -> list[Document]:
        where = {"application": application, "deployment_group": group}
        return list(self.service.items("deployments", limit=20, **where))

    def deploy(self, wanted: Document, view: View) -> Ending:
        """Deploy, and return how that and its rollback have ended."""
        created = self.service.create("deployments", body=wanted)
        return Wait(self.service, view).for_end_of(str(created["id"]), known=created)

    def row(self, deployment: Document, label: str, *, expected: str, holds: bool = True) -> Row:
        """Return a deployment beside what was planned; *label* is what its revision is called."""
        begun, ended = moment(deployment.get("created_at")), moment(deployment.get("completed_at"))
        status = str(deployment.get("status"))
        why: Any = deployment.get("rollback") or {}
        rolls_back = bool(why.get("rollback_triggering_deployment_id"))
        return Row(
            deployment=str(deployment.get("id")),
            revision=f"{label} (rollback)" if rolls_back else label,
            config=str(deployment.get("deployment_config")).removeprefix("CodeDeployDefault."),
            status=status,
            seconds=(ended - begun).total_seconds() if begun and ended else 0,
            expected=expected,
            as_planned=holds and expected.startswith(status),
        )
