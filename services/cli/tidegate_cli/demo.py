"""`tidegate demo`: a system of its own, and deployments to servers, to Lambda and to ECS."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from tidegate_cli import ports
from tidegate_cli.client import Service
from tidegate_cli.demo_environment import demo_environment
from tidegate_cli.demo_hosts import ADDRESS
from tidegate_cli.demo_platforms import Platform
from tidegate_cli.demo_servers import ServerStory
from tidegate_cli.demo_story import Story, Teller
from tidegate_cli.demo_system import DemoSystem
from tidegate_cli.demo_view import Row, Stage
from tidegate_cli.folder import DataFolder


def demo(
    *,
    platform: Annotated[
        Platform,
        typer.Option(help="What to deploy to; lambda and ecs meet a stand-in for AWS here."),
    ] = Platform.SERVER,
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
    """Start a whole system, and deploy to five SSH hosts, to Lambda or to ECS while you watch.

    Exit code 0 means that everything ended as planned.
    """
    platform.check()
    folder = DataFolder(data_dir, owner="tidegate demo").claim()
    system = DemoSystem(
        folder.path,
        platform,
        port=_port(port, 8080, option="--port"),
        flower_port=_port(flower_port, 5555, option="--flower-port"),
        stand_in_port=ports.claim(ADDRESS, 0, option=""),
    )
    _shut_the_world_out(stand_in=system.stand_in_url if platform.needs_aws else None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    stories = list(_stories(platform, system))
    raise typer.Exit(0 if _perform(system, stories, Stage(sys.stdout), stay=not exit_) else 1)


def _shut_the_world_out(*, stand_in: str | None) -> None:
    """Have no setting and no key of anybody's reach this process and those that it starts."""
    ours = demo_environment(os.environ, stand_in=stand_in)
    os.environ.clear()
    os.environ.update(ours)


def _stories(platform: Platform, system: DemoSystem) -> Iterator[Story]:
    if platform.has_hosts:
        yield ServerStory(system)
    if platform.needs_aws:
        # Brings boto3 along, which is large.
        from tidegate_cli.demo_traffic import traffic_stories  # noqa: PLC0415

        yield from traffic_stories(platform, system)


def _perform(system: DemoSystem, stories: Sequence[Story], stage: Stage, *, stay: bool) -> bool:
    try:
        system.start()
        with stage.busy(_starting(stories)):
            system.wait_for_what_is_deployed_to()
            for story in stories:
                story.prepare()
            system.wait()
        with Service(system.connection()) as service:
            teller = Teller(service, stage)
            told = [(story, list(story.tell(teller))) for story in stories]
        as_planned = _conclude(system, stage, told)
        if stay:
            _stay(system, stories, stage)
    finally:
        with stage.busy("Everything ends"):
            system.stop()
    return as_planned


def _starting(stories: Sequence[Story]) -> str:
    parts = ["Tidegate", *dict.fromkeys(story.needs for story in stories)]
    return f"{', '.join(parts[:-1])} and {parts[-1]} start"


def _conclude(
    system: DemoSystem, stage: Stage, told: Sequence[tuple[Story, Sequence[Row]]]
) -> bool:
    """Show how it ended, and tell whether it was all as planned."""
    proofs = [story.prove() for story, _ in told]
    stage.head("How it ended")
    stage.table([row for _, rows in told for row in rows])
    for proof in proofs:
        for line in proof.seen:
            stage.say(line)
    all_came = all(len(rows) == story.deployments for story, rows in told)
    as_planned = all(row.as_planned for _, rows in told for row in rows)
    if all_came and as_planned and all(proof.holds for proof in proofs):
        claims = "; ".join(proof.claim for proof in proofs)
        stage.say(f"\nAll as planned: {claims}.", "bold green")
        return True
    if not all_came:
        stage.say("\nA rollback did not come.", "red")
    stage.say(f"\nThis was not planned; {system.log_file} may say why.", "bold red")
    return False


def _stay(system: DemoSystem, stories: Sequence[Story], stage: Stage) -> None:
    """Keep everything up until somebody presses Ctrl-C."""
    stage.say(f"\nAPI     {system.url}/docs")
    stage.say(
        f"Flower  {system.flower_url}"
        f"  (user tidegate, password in {system.data_dir / 'flower.password'})"
    )
    token = system.data_dir / "admin.token"
    stage.say(f'CLI     export TIDEGATE_URL={system.url} TIDEGATE_TOKEN="$(cat {token})"')
    stage.say(f"        {sys.argv[0]} deployments")
    for line in dict.fromkeys(line for story in stories for line in story.remarks()):
        stage.say(line)
    stage.say("\nAll of this stays up until Ctrl-C.", "bold")
    with suppress(KeyboardInterrupt):
        Event().wait()


def _port(given: int | None, usual: int, *, option: str) -> int:
    if given is None:
        return ports.preferred(ADDRESS, usual)
    return ports.claim(ADDRESS, given, option=option)
