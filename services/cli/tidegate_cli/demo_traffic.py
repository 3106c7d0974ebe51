"""The demo's stories of traffic: one deployment succeeds, and one is taken back by an alarm."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import RenderableType

from tidegate.testing.aws.place import CodeDeployFace
from tidegate.testing.aws.samples import SampleAlarm, make_hook
from tidegate_cli.client import Document
from tidegate_cli.demo_aws import DemoAws
from tidegate_cli.demo_environment import KEY, MINUTE
from tidegate_cli.demo_platforms import Platform
from tidegate_cli.demo_story import Proof, Story, Teller
from tidegate_cli.demo_subjects import CheckoutFunction, ShopService, Subject
from tidegate_cli.demo_system import DemoSystem
from tidegate_cli.demo_traffic_view import Lighting, aws_says
from tidegate_cli.demo_view import Row
from tidegate_cli.waiting import Ending, View

GROUP: Final = "live"
HOOKS: Final = "CodeDeployHook_"
STOPPED: Final = "ALARM_ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One deployment of the story."""

    revision: int
    old: int
    """What has the traffic before."""
    is_bad: bool = False

    @property
    def stays(self) -> int:
        """Return what has the traffic afterwards."""
        return self.old if self.is_bad else self.revision


CHAPTERS: Final = (Chapter(revision=2, old=1), Chapter(revision=3, old=2, is_bad=True))


class TrafficStory:
    """Revisions of something that has its traffic from AWS, for which a stand-in stands in."""

    needs = "a stand-in for AWS (moto)"
    deployments = len(CHAPTERS) + 1

    def __init__(self, aws: DemoAws, subject: Subject) -> None:
        self._aws = aws
        self._subject = subject
        self._group = (subject.application, GROUP)

    def prepare(self) -> None:
        self._subject.make(self._aws.place)
        self._alarm = SampleAlarm.make(self._aws.place, f"{self._subject.application}-errors")
        self._hook = f"{HOOKS}{self._subject.application}"
        make_hook(self._aws.place, self._hook)

    def tell(self, teller: Teller) -> Iterator[Row]:
        stage, subject = teller.stage, self._subject
        with stage.busy(f"{subject.platform}: application, config, group and alarm are set up"):
            self._set_up(teller, self._aws.face)
        stage.say(
            f"A minute of configs lasts {MINUTE} s here (TIDEGATE_MINUTE_SECONDS={MINUTE}).",
            "dim",
        )
        for number, chapter in enumerate(CHAPTERS, start=1):
            place = f"{subject.platform}, {number} of {len(CHAPTERS)}"
            stage.head(f"{place}  {self._title(chapter)}")
            yield from self._rows(teller, chapter, self._deploy(teller, chapter))

    def prove(self) -> Proof:
        good = CHAPTERS[-1].stays
        return Proof(
            seen=[self._subject.seen()],
            holds=self._subject.stands_at(good),
            claim=self._subject.claim(good),
        )

    def remarks(self) -> Iterator[str]:
        aws = self._aws.place
        yield (
            f"AWS     export AWS_ENDPOINT_URL={aws.url} AWS_DEFAULT_REGION={aws.region} "
            f"AWS_ACCESS_KEY_ID={KEY} AWS_SECRET_ACCESS_KEY={KEY}"
        )

    def _title(self, chapter: Chapter) -> str:
        subject = self._subject
        new, old = subject.label(chapter.revision), subject.label(chapter.old)
        if chapter.is_bad:
            return f"An alarm goes on with {new}, and {old} comes back"
        return f"Traffic goes to {new}: {subject.moves}"

    def _set_up(self, teller: Teller, face: CodeDeployFace) -> None:
        subject = self._subject
        platform = {"compute_platform": subject.platform}
        teller.have("applications", name=subject.application, body=platform)
        config = {**platform, "traffic_routing": dict(subject.routing)}
        teller.have("deployment-configs", name=subject.config, body=config)
        teller.have(
            *("applications", subject.application, "deployment-groups"),
            name=GROUP,
            body={"deployment_config": subject.config, **subject.group()},
            renewed=True,
        )
        face.watch(*self._group, alarm=self._alarm.name)
        teller.end_leftovers(*self._group)

    def _deploy(self, teller: Teller, chapter: Chapter) -> Ending:
        subject = self._subject
        appspec = subject.appspec(chapter.revision, old=chapter.old, hook=self._hook)
        source = {"type": "appspec_content", "content": json.dumps(appspec)}
        parts = ("applications", subject.application, "revisions")
        revision = teller.service.create(*parts, body={"source": source})
        wanted: Document = {
            "application": subject.application,
            "deployment_group": GROUP,
            "revision": revision["id"],
            "description": self._title(chapter),
        }
        return teller.deploy(wanted, self._view(teller, chapter))

    def _view(self, teller: Teller, chapter: Chapter) -> View:
        def look() -> RenderableType:
            sides = self._subject.sides(chapter.old, chapter.revision)
            return aws_says(sides, self._alarm.name, self._alarm.state())

        view = teller.stage.view(look)
        if not chapter.is_bad:
            return view

        def light() -> None:
            teller.stage.say(f"The demo sets the alarm {self._alarm.name} to ALARM.", "bold yellow")
            self._alarm.light()

        return Lighting(view, light, at=self._subject.lit_at)

    def _rows(self, teller: Teller, chapter: Chapter, ending: Ending) -> Iterator[Row]:
        label, stands = self._subject.label, self._subject.stands_at(chapter.stays)
        new = label(chapter.revision)
        if not chapter.is_bad:
            yield teller.row(ending.deployment, new, expected="Succeeded", holds=stands)
            return
        self._alarm.put_out()
        by_alarm = (ending.deployment.get("error") or {}).get("code") == STOPPED
        yield teller.row(ending.deployment, new, expected="Stopped by alarm", holds=by_alarm)
        if ending.rollback is not None:
            old = label(chapter.old)
            yield teller.row(ending.rollback, old, expected="Succeeded", holds=stands)


def traffic_stories(platform: Platform, system: DemoSystem) -> Iterator[Story]:
    """Yield the stories of traffic that a platform has."""
    aws = DemoAws(system)
    if Platform.LAMBDA in platform.shown:
        yield TrafficStory(aws, CheckoutFunction())
    if Platform.ECS in platform.shown:
        yield TrafficStory(aws, ShopService())
