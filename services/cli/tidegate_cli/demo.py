"""`tidegate demo`: a system with five hosts, and three revisions of a sample brought to them."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Final

import typer

from tidegate_cli import ports
from tidegate_cli.archive import packed
from tidegate_cli.client import Document, Service
from tidegate_cli.demo_hosts import ADDRESS, USER, DemoHost, host_names, identity_file
from tidegate_cli.demo_sample import BROKEN, LANGUAGES, write_revision
from tidegate_cli.demo_system import DemoSystem
from tidegate_cli.demo_view import Row, Stage, revision_in, served_by
from tidegate_cli.errors import Refused
from tidegate_cli.folder import DataFolder
from tidegate_cli.progress import moment
from tidegate_cli.verdict import FINAL
from tidegate_cli.waiting import Ending, Wait
from tidegate_cli.watch import explain

APPLICATION: Final = "sample"
GROUP: Final = "web"
ALL_AT_ONCE: Final = "CodeDeployDefault.AllAtOnce"
ONE_AT_A_TIME: Final = "CodeDeployDefault.OneAtATime"
GOOD: Final = 2
LEFTOVERS_WITHIN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One deployment of the story."""

    revision: int
    config: str
    title: str

    @property
    def fails_on(self) -> str | None:
        return host_names()[1] if self.revision == BROKEN else None


STORY: Final = (
    Chapter(revision=1, config=ALL_AT_ONCE, title="Revision 1 goes to all hosts at once"),
    Chapter(revision=2, config=ONE_AT_A_TIME, title="Revision 2 goes to one host at a time"),
    Chapter(
        revision=BROKEN,
        config=ONE_AT_A_TIME,
        title="Revision 3 has a mistake that shows on the second host; revision 2 comes back",
    ),
)


def demo(
    *,
    data_dir: Annotated[
        Path,
        typer.Option(help="Folder of the demo; it is kept, and a later run is faster."),
    ] = Path("~/.local/share/tidegate-demo"),
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, show_default="8080 or a free one", help="Port of the API."),
    ] = None,
    flower_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, show_default="5555 or a free one", help="Port of Flower."),
    ] = None,
    exit_: Annotated[
        bool, typer.Option("--exit", help="End after the last deployment, with a verdict.")
    ] = False,
) -> None:
    """Start a whole system with five SSH hosts, and deploy a sample application to them.

    Exit code 0 means that everything ended as planned.
    """
    folder = DataFolder(data_dir, owner="tidegate demo").claim()
    system = DemoSystem(
        folder.path,
        port=_port(port, 8080, option="--port"),
        flower_port=_port(flower_port, 5555, option="--flower-port"),
    )
    stage = Stage(sys.stdout)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    raise typer.Exit(0 if _perform(system, stage, stay=not exit_) else 1)


def _perform(system: DemoSystem, stage: Stage, *, stay: bool) -> bool:
    try:
        system.start()
        with stage.busy("Tidegate and five SSH hosts start"):
            system.wait()
        with Service(system.connection()) as service:
            rows = list(Story(service, system, stage).tell())
        as_planned = _conclude(system, stage, rows)
        if stay:
            _stay(system, stage)
    finally:
        with stage.busy("Everything ends"):
            system.stop()
    return as_planned


class Story:
    """Sets the scene through the API, as anybody would, and deploys."""

    def __init__(self, service: Service, system: DemoSystem, stage: Stage) -> None:
        self._service = service
        self._system = system
        self._stage = stage

    def tell(self) -> Iterator[Row]:
        """Yield each deployment when it has ended."""
        with self._stage.busy("Hosts, application and deployment group are set up"):
            self._set_up()
        with self._stage.busy("Three revisions are packed and uploaded"):
            revisions = {chapter.revision: self._upload(chapter.revision) for chapter in STORY}
        labels = {revision: str(number) for number, revision in revisions.items()}
        for number, chapter in enumerate(STORY, start=1):
            self._stage.head(f"{number} of {len(STORY)}  {chapter.title}")
            ending = self._deploy(chapter, revisions[chapter.revision])
            yield from self._rows(chapter, ending, labels)

    def _set_up(self) -> None:
        for host, language in zip(self._system.hosts, LANGUAGES, strict=True):
            self._have("hosts", name=host.name, body=self._settings(host, language))
        self._have("applications", name=APPLICATION, body={"compute_platform": "Server"})
        self._have(
            *("applications", APPLICATION, "deployment-groups"),
            name=GROUP,
            body={
                "deployment_config": ONE_AT_A_TIME,
                "tag_filters": [[{"key": "demo", "value": "web", "type": "KEY_AND_VALUE"}]],
                "auto_rollback": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
            },
        )
        self._end_leftovers()

    def _settings(self, host: DemoHost, language: str) -> Document:
        return {
            "driver": "ssh",
            "address": ADDRESS,
            "port": host.port,
            "user": USER,
            "identity": f"file:{identity_file(self._system.hosts_dir)}",
            "host_key": host.host_key,
            "state_dir": str(host.state_dir),
            "tags": {"demo": "web"},
            "variables": {
                "SITE_NAME": host.name,
                "SITE_ROOT": str(host.site),
                "SITE_PORT": str(host.site_port),
                "SITE_LANGUAGE": language,
            },
        }

    def _have(self, *parts: str, name: str, body: Document) -> None:
        """Create something, or bring what an earlier run created up to date."""
        try:
            self._service.create(*parts, body={"name": name, **body})
        except Refused as refusal:
            if refusal.status != 409:
                raise
            if parts == ("hosts",):
                self._service.replace(*parts, name, body=body)

    def _end_leftovers(self) -> None:
        """End what a run that was interrupted has left unfinished."""
        unfinished = [
            str(deployment["id"])
            for deployment in self._deployments()
            if deployment["status"] not in FINAL
        ]
        for deployment_id in unfinished:
            with suppress(Refused):
                stop = ("deployments", deployment_id, "stop")
                self._service.create(*stop, body={"rollback": False})
        pause = Event()
        for _ in range(LEFTOVERS_WITHIN * 4):
            if all(deployment["status"] in FINAL for deployment in self._deployments()):
                return
            pause.wait(0.25)

    def _deployments(self) -> list[Document]:
        where = {"application": APPLICATION, "deployment_group": GROUP}
        return list(self._service.items("deployments", limit=20, **where))

    def _upload(self, number: int) -> str:
        folder = write_revision(number, self._system.folder / "revisions" / str(number))
        parts = ("applications", APPLICATION, "revisions")
        with packed(folder) as archive:
            uploaded = self._service.upload(*parts, file=archive, description=f"revision {number}")
        return str(uploaded["id"])

    def _deploy(self, chapter: Chapter, revision_id: str) -> Ending:
        created = self._service.create(
            "deployments",
            body={
                "application": APPLICATION,
                "deployment_group": GROUP,
                "revision": revision_id,
                "deployment_config": chapter.config,
                "description": chapter.title,
            },
        )
        view = self._stage.view(self._system.hosts)
        return Wait(self._service, view).for_end_of(str(created["id"]), known=created)

    def _rows(self, chapter: Chapter, ending: Ending, labels: dict[str, str]) -> Iterator[Row]:
        if chapter.fails_on is None:
            yield _row(ending.deployment, labels, expected="Succeeded")
            return
        failed_on = self._failed_on(ending.deployment)
        row = _row(
            ending.deployment,
            labels,
            expected=f"Failed on {chapter.fails_on}",
            holds=failed_on == {chapter.fails_on: "ValidateService"},
        )
        yield row
        if ending.rollback is None:
            self._stage.say("The rollback did not come.", "red")
            return
        good = labels.get(str(ending.rollback.get("revision"))) == str(GOOD)
        yield _row(ending.rollback, labels, expected="Succeeded", holds=good)

    def _failed_on(self, deployment: Document) -> dict[str, str | None]:
        """Tell why targets failed; return them, each with the event that did."""
        targets = ("deployments", str(deployment["id"]), "targets")
        failed: dict[str, str | None] = {}
        for target in self._service.items(*targets, status="Failed"):
            name = str(target["id"])
            # Only a target asked for by itself brings the ends of its logs along.
            for line in explain(self._service.get(*targets, name), str(deployment["id"])):
                self._stage.say(line, "dim")
            events = (event for event in target["lifecycle_events"] if event["status"] == "Failed")
            failed[name] = next((str(event["name"]) for event in events), None)
        return failed


def _row(deployment: Document, labels: dict[str, str], *, expected: str, holds: bool = True) -> Row:
    begun, ended = moment(deployment.get("created_at")), moment(deployment.get("completed_at"))
    status = str(deployment.get("status"))
    why: Any = deployment.get("rollback") or {}
    rolls_back = bool(why.get("rollback_triggering_deployment_id"))
    label = labels.get(str(deployment.get("revision")), "?")
    return Row(
        deployment=str(deployment.get("id")),
        revision=f"{label} (rollback)" if rolls_back else label,
        config=str(deployment.get("deployment_config")).removeprefix("CodeDeployDefault."),
        status=status,
        seconds=(ended - begun).total_seconds() if begun and ended else 0,
        expected=expected,
        as_planned=holds and expected.startswith(status),
    )


def _conclude(system: DemoSystem, stage: Stage, rows: Sequence[Row]) -> bool:
    """Show how it ended, and tell whether it was all as planned."""
    pages = {host: served_by(host) for host in system.hosts}
    stage.head("How it ended")
    stage.table(rows)
    for host, page in pages.items():
        stage.say(f"curl {host.site_url}  →  {page}")
    serves = all(revision_in(page) == str(GOOD) for page in pages.values())
    all_came = len(rows) == len(STORY) + 1
    if serves and all_came and all(row.as_planned for row in rows):
        stage.say(f"\nAll as planned: every host serves revision {GOOD}.", "bold green")
        return True
    stage.say(f"\nThis was not planned; {system.log_file} may say why.", "bold red")
    return False


def _stay(system: DemoSystem, stage: Stage) -> None:
    """Keep everything up until somebody presses Ctrl-C."""
    stage.say(f"\nAPI     {system.url}/docs")
    stage.say(
        f"Flower  {system.flower_url}"
        f"  (user tidegate, password in {system.data_dir / 'flower.password'})"
    )
    token = system.data_dir / "admin.token"
    stage.say(f'CLI     export TIDEGATE_URL={system.url} TIDEGATE_TOKEN="$(cat {token})"')
    stage.say(f"        {sys.argv[0]} deployments")
    stage.say("\nAll of this stays up until Ctrl-C.", "bold")
    with suppress(KeyboardInterrupt):
        Event().wait()


def _port(given: int | None, usual: int, *, option: str) -> int:
    if given is None:
        return ports.preferred(ADDRESS, usual)
    return ports.claim(ADDRESS, given, option=option)
