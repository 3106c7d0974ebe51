"""The demo's story of servers: three revisions of a sample go to five hosts; the last is broken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tidegate_cli.archive import packed
from tidegate_cli.client import Document
from tidegate_cli.demo_hosts import ADDRESS, USER, DemoHost, host_names, identity_file
from tidegate_cli.demo_sample import BROKEN, LANGUAGES, write_revision
from tidegate_cli.demo_story import Proof, Teller
from tidegate_cli.demo_system import DemoSystem
from tidegate_cli.demo_view import Row, revision_in, served_by, served_line
from tidegate_cli.waiting import Ending
from tidegate_cli.watch import explain

APPLICATION: Final = "sample"
GROUP: Final = "web"
ALL_AT_ONCE: Final = "CodeDeployDefault.AllAtOnce"
ONE_AT_A_TIME: Final = "CodeDeployDefault.OneAtATime"
GOOD: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One deployment of the story."""

    revision: int
    config: str
    title: str

    @property
    def fails_on(self) -> str | None:
        return host_names()[1] if self.revision == BROKEN else None


CHAPTERS: Final = (
    Chapter(revision=1, config=ALL_AT_ONCE, title="Revision 1 goes to all hosts at once"),
    Chapter(revision=2, config=ONE_AT_A_TIME, title="Revision 2 goes to one host at a time"),
    Chapter(
        revision=BROKEN,
        config=ONE_AT_A_TIME,
        title="Revision 3 has a mistake that shows on the second host; revision 2 comes back",
    ),
)


class ServerStory:
    """Revisions of a web application that each host serves."""

    needs = "five SSH hosts"
    deployments = len(CHAPTERS) + 1

    def __init__(self, system: DemoSystem) -> None:
        self._system = system

    def prepare(self) -> None:
        """Leave it at that: the hosts are there, and what is on them stays from run to run."""

    def tell(self, teller: Teller) -> Iterator[Row]:
        stage = teller.stage
        with stage.busy("Hosts, application and deployment group are set up"):
            self._set_up(teller)
        with stage.busy("Three revisions are packed and uploaded"):
            revisions = {one.revision: self._upload(teller, one.revision) for one in CHAPTERS}
        labels = {revision: str(number) for number, revision in revisions.items()}
        for number, chapter in enumerate(CHAPTERS, start=1):
            stage.head(f"{number} of {len(CHAPTERS)}  {chapter.title}")
            ending = self._deploy(teller, chapter, revisions[chapter.revision])
            yield from self._rows(teller, chapter, ending, labels)

    def prove(self) -> Proof:
        pages = {host: served_by(host) for host in self._system.hosts}
        return Proof(
            seen=[f"curl {host.site_url}  →  {page}" for host, page in pages.items()],
            holds=all(revision_in(page) == str(GOOD) for page in pages.values()),
            claim=f"every host serves revision {GOOD}",
        )

    def remarks(self) -> Iterator[str]:
        yield from ()

    def _set_up(self, teller: Teller) -> None:
        for host, language in zip(self._system.hosts, LANGUAGES, strict=True):
            teller.have("hosts", name=host.name, body=self._settings(host, language), renewed=True)
        teller.have("applications", name=APPLICATION, body={"compute_platform": "Server"})
        teller.have(
            *("applications", APPLICATION, "deployment-groups"),
            name=GROUP,
            body={
                "deployment_config": ONE_AT_A_TIME,
                "tag_filters": [[{"key": "demo", "value": "web", "type": "KEY_AND_VALUE"}]],
                "auto_rollback": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
            },
        )
        teller.end_leftovers(APPLICATION, GROUP)

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

    def _upload(self, teller: Teller, number: int) -> str:
        folder = write_revision(number, self._system.folder / "revisions" / str(number))
        parts = ("applications", APPLICATION, "revisions")
        about = f"revision {number}"
        with packed(folder) as archive:
            uploaded = teller.service.upload(*parts, file=archive, description=about)
        return str(uploaded["id"])

    def _deploy(self, teller: Teller, chapter: Chapter, revision_id: str) -> Ending:
        hosts = self._system.hosts
        wanted = {
            "application": APPLICATION,
            "deployment_group": GROUP,
            "revision": revision_id,
            "deployment_config": chapter.config,
            "description": chapter.title,
        }
        view = teller.stage.view(lambda: served_line({one.name: served_by(one) for one in hosts}))
        return teller.deploy(wanted, view)

    def _rows(
        self, teller: Teller, chapter: Chapter, ending: Ending, labels: dict[str, str]
    ) -> Iterator[Row]:
        def named(deployment: Document) -> str:
            return labels.get(str(deployment.get("revision")), "?")

        if chapter.fails_on is None:
            yield teller.row(ending.deployment, named(ending.deployment), expected="Succeeded")
            return
        failed_on = self._failed_on(teller, ending.deployment)
        yield teller.row(
            ending.deployment,
            named(ending.deployment),
            expected=f"Failed on {chapter.fails_on}",
            holds=failed_on == {chapter.fails_on: "ValidateService"},
        )
        if ending.rollback is not None:
            label = named(ending.rollback)
            yield teller.row(ending.rollback, label, expected="Succeeded", holds=label == str(GOOD))

    def _failed_on(self, teller: Teller, deployment: Document) -> dict[str, str | None]:
        """Tell why targets failed; return them, each with the event that did."""
        targets = ("deployments", str(deployment["id"]), "targets")
        failed: dict[str, str | None] = {}
        for target in teller.service.items(*targets, status="Failed"):
            name = str(target["id"])
            # Only a target asked for by itself brings the ends of its logs along.
            for line in explain(teller.service.get(*targets, name), str(deployment["id"])):
                teller.stage.say(line, "dim")
            events = (event for event in target["lifecycle_events"] if event["status"] == "Failed")
            failed[name] = next((str(event["name"]) for event in events), None)
        return failed
