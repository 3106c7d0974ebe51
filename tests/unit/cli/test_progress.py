"""Events folded into a picture, and the picture drawn."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from tidegate_cli.plain import line
from tidegate_cli.progress import HOST_EVENTS, Progress, TargetProgress
from tidegate_cli.screen import choose, frame
from tidegate_cli.times import spell
from unit.cli.fake_service import deployment, event, target

NOW = datetime(2026, 11, 25, 12, 1, tzinfo=UTC)
PENDING = [{"name": name, "status": "Pending"} for name in HOST_EVENTS]


def drawn(progress: Progress, *, width: int = 120, height: int = 40, trouble: str | None = None):
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None)
    console.print(frame(progress, console=console, now=NOW, trouble=trouble))
    return out.getvalue()


def progress_of(*names: str) -> Progress:
    progress = Progress(deployment())
    progress.expect(target(name, events=PENDING) for name in names)
    return progress


def test_events_tell_what_runs_since_when_and_why_it_failed():
    progress = progress_of("web-1", "web-2")
    for each in (
        event(1, "InProgress", target="web-1"),
        event(2, "InProgress", target="web-1", name="Install"),
        event(5, "Failed", target="web-1", name="Install", reason="A file is in the way."),
        event(6, "Failed", target="web-1"),
    ):
        progress.note(each)

    web = progress.targets["web-1"]
    assert (web.status, web.message) == ("Failed", "A file is in the way.")
    install = web.event("Install")
    assert install.started_at
    assert install.finished_at
    assert (install.finished_at - install.started_at).total_seconds() == 3
    assert progress.targets["web-2"].status == "Pending"


def test_a_reason_to_wait_ends_with_the_waiting():
    progress = progress_of("web-1")
    progress.note(event(1, "InProgress", target="web-1", reason="It waits for d-000000000."))
    progress.note(event(2, "InProgress", target="web-1", name="Install"))

    assert progress.targets["web-1"].message == ""


def test_columns_are_in_the_order_of_the_events():
    progress = Progress(deployment())
    progress.note(event(1, "Succeeded", target="a", name="ValidateService"))
    progress.note(event(2, "Succeeded", target="a", name="Install"))

    assert progress.event_names() == ["Install", "ValidateService"]


def test_the_picture_shows_hosts_by_events_with_times():
    progress = progress_of("web-1")
    progress.note(event(1, "InProgress", target="web-1"))
    progress.note(event(2, "InProgress", target="web-1", name="Install"))
    progress.note(event(4, "Succeeded", target="web-1", name="Install"))
    progress.note(event(30, "InProgress", target="web-1", name="ApplicationStart"))

    picture = drawn(progress)

    assert "Deployment d-111111111: r-1 to shop/prod" in picture
    assert "0 of 1 done: 1 InProgress  1m00s" in picture
    assert "✔ 2.0s" in picture
    assert "▶ 29s" in picture


def test_a_failure_is_told_below():
    progress = progress_of("web-1")
    progress.note(event(2, "Failed", target="web-1", name="Install", reason="No\nspace left."))
    progress.note(event(3, "Failed", target="web-1"))

    picture = drawn(progress, trouble="Nothing answers.")

    assert "web-1: No space left." in picture
    assert "Nothing answers. Trying again." in picture


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_none_is_lost(width: int):
    progress = progress_of(*(f"a-host-with-quite-a-long-name-{n}" for n in range(60)))
    progress.note(event(1, "Failed", target="a-host-with-quite-a-long-name-59", reason="x" * 300))

    lines = drawn(progress, width=width, height=24).splitlines()

    assert max(map(len, lines)) <= width
    assert len(lines) < 24


def test_of_many_hosts_those_that_run_or_failed_are_shown_and_the_rest_counted():
    progress = progress_of(*(f"web-{number:02}" for number in range(40)))
    for number in range(20):
        progress.note(event(1, "Succeeded", target=f"web-{number:02}"))
    progress.note(event(2, "Failed", target="web-30"))
    progress.note(event(3, "InProgress", target="web-39"))

    picture = drawn(progress, height=20)

    assert picture.index("web-39") < picture.index("web-30") < picture.index("web-20")
    assert "… and 31 more: 11 Pending, 20 Succeeded" in picture


def test_few_hosts_keep_their_order():
    targets = [TargetProgress("a", "Succeeded"), TargetProgress("b", "InProgress")]

    assert choose(targets, 5) == (targets, [])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0s"), (9.94, "9.9s"), (12.9, "12s"), (185, "3m05s"), (3720, "1h02m")],
)
def test_times_are_short(seconds: float, text: str):
    assert spell(seconds) == text


def test_a_line_says_when_who_what_and_why():
    assert (
        line(event(7, "Failed", target="web-1", name="Install", reason="No\n space."), "d-1")
        == "12:00:07  web-1  Install  Failed  No space."
    )
    assert line(event(7, "InProgress", target="web-1"), "d-1") == "12:00:07  web-1  InProgress"
    assert line(event(7, "InProgress"), "d-1") == "12:00:07  d-1  InProgress"
