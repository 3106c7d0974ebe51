"""Traffic that moves: steered, followed and shown from the command line."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from tidegate.testing.clock import FakeClock
from tidegate_cli.plain import PlainView, line
from tidegate_cli.progress import Progress
from tidegate_cli.screen import frame
from tidegate_cli.traffic_view import bar, coming, step_row, window
from unit.cli.fake_service import FakeService, event, page, problem, stream
from unit.cli.traffic import NEXT, STEPS, canary, done, function, service, step

ID = "d-111111111"
NOW = datetime(2026, 11, 25, 12, 1, tzinfo=UTC)
DEPLOY = ("deploy", "--application", "shop", "--group", "prod")
APPSPEC = """
version: 0.0
Resources:
  - web:
      Type: AWS::Lambda::Function
      Properties:
        Name: shop-web
        Alias: live
        CurrentVersion: "1"
        TargetVersion: "2"
"""


def progress_of(*targets, steps=STEPS, **more) -> Progress:
    progress = Progress(canary(**{"next": NEXT, **more}))
    progress.expect(targets or [function()])
    progress.steps = list(steps)
    return progress


def pause(number: int = 7, actor: str = "ann", reason: str = "lunch") -> dict[str, object]:
    """The event of a pause."""
    return event(number, "InProgress", name="pause", reason=reason) | {"actor": actor}


def drawn(progress: Progress, *, width: int = 120, height: int = 40) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None)
    console.print(frame(progress, console=console, now=NOW))
    return out.getvalue()


@pytest.mark.parametrize(
    ("weight", "blocks"), [(0, 0), (1, 1), (10, 2), (50, 10), (99, 19), (100, 20), (120, 20)]
)
def test_a_bar_is_full_only_when_all_is_there(weight: float, blocks: int):
    assert bar(weight) == "█" * blocks + "░" * (20 - blocks)
    assert bar(weight, plain=True) == "#" * blocks + "-" * (20 - blocks)


def test_the_picture_shows_weight_steps_times_and_what_comes_next():
    picture = drawn(progress_of())

    lines = [" ".join(text.split()) for text in picture.splitlines()]
    assert "shop-web:live version 1 to 2 ██░░░░░░░░░░░░░░░░░░ 10 % read 12:00:14" in lines
    assert "✔ BeforeAllowTraffic check 12:00:01 took 12s" in lines
    assert "✔ AllowTraffic 10 % 12:00:13 took 1.0s" in lines
    assert "· AllowTraffic 100 % 12:05:13 in 4m13s" in lines
    assert "· AfterAllowTraffic look-again ~12:05:13" in lines
    assert lines[-1] == ("Next: The replacement gets 100 % of the traffic. (12:05:13, in 4m13s)")


def test_the_picture_shows_both_sides_of_a_service_and_what_is_waited_for():
    picture = drawn(progress_of(service(note="1 of 2 tasks is not steady yet."), steps=[]))

    assert "prod:shop  to shop:3" in picture
    assert "Blue PRIMARY: 2 of 2 running, 90 % by blue" in picture
    assert "Green ACTIVE: 2 of 2 running, 1 pending, 10 % by green" in picture
    assert "1 of 2 tasks is not steady yet." in picture


def test_a_pause_and_a_hook_that_runs_are_seen():
    begun = {"started_at": "2026-11-25T12:00:48Z", "until": "2026-11-25T13:00:48Z"}
    hook = step(1, "hook", "InProgress", event="BeforeAllowTraffic", hook="check", **begun)
    progress = progress_of(steps=[STEPS[0], hook], paused_at="2026-11-25T12:00:50Z")

    picture = " ".join(drawn(progress).split())

    assert "▶ BeforeAllowTraffic check 12:00:48 for 12s, until 13:00:48" in picture
    assert "Paused since 12:00:50 Next:" in picture
    progress.note(pause())
    assert "Paused since 12:00:50 by ann: lunch Next:" in " ".join(drawn(progress).split())


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_name_leaves_room_for_the_share(width: int):
    target = function() | {"id": "team-checkout-production-orders-api-handler-of-europe:live"}

    lines = drawn(progress_of(target), width=width).splitlines()

    [told] = [text for text in lines if text.startswith("team-checkout-")]
    assert told.endswith("  version 1 to 2  ██░░░░░░░░░░░░░░░░░░ 10 %  read 12:00:14")
    assert len(told) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_what_is_left_is_told_in_full_at_the_end(width: int):
    left = "The alias live of shop-web is at 10 % version 2; set it right with " + "command " * 30

    going_on = drawn(progress_of(status_messages=[left]), width=width)
    over = drawn(progress_of(status="Stopped", next=None, status_messages=[left]), width=width)

    assert going_on.count("command") < left.count("command")
    assert "The alias live of shop-web is at 10 %" in going_on
    assert " ".join(left.split()) in " ".join(over.split())
    assert max(map(len, over.splitlines())) <= width


def test_what_holds_it_up_is_told_once():
    held = "Prometheus has no data for <slow>."
    what = {"what": f"Nothing begins while this is so: {held}", "at": None}

    assert drawn(progress_of(next=what, status_messages=[held])).count(held) == 1


@pytest.mark.parametrize("width", [70, 80, 120])
def test_a_long_name_of_a_hook_leaves_marks_and_times_whole(width: int):
    begun = {"started_at": "2026-11-25T12:00:48Z", "until": "2026-11-25T13:00:48Z"}
    name = "https://hooks.example/before-allow-traffic/" + "x" * 40
    hook = step(1, "hook", "InProgress", event="BeforeAllowTraffic", hook=name, **begun)

    lines = drawn(progress_of(steps=[STEPS[0], hook]), width=width).splitlines()

    assert max(map(len, lines)) <= width
    [told] = [text for text in lines if text.strip().startswith("▶")]
    assert told.rstrip().endswith("12:00:48   for 12s, until 13:00:48")


@pytest.mark.parametrize(("width", "height"), [(60, 20), (120, 24), (200, 60)])
def test_of_many_steps_those_around_the_open_one_are_shown(width: int, height: int):
    steps = [
        done(n, "shift", "12:00:00", "12:00:01", weight=n)
        if n < 50
        else step(n, "shift", weight=n, planned_at="2026-11-25T12:05:00Z")
        for n in range(1, 101)
    ]

    lines = drawn(progress_of(steps=steps), width=width, height=height).splitlines()

    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert any("49 %" in text for text in lines)
    assert any("50 %" in text for text in lines)
    assert any(" before" in text for text in lines)
    assert any(" after" in text for text in lines)


def test_on_a_narrow_terminal_marks_and_times_are_whole():
    hook = step(1, "BeforeAllowTraffic", hook="CodeDeployHook_that_has_a_name_of_some_length")

    lines = drawn(progress_of(steps=[hook, *STEPS[1:]]), width=60).splitlines()

    assert [line.count("✔ ") for line in lines].count(1) == 2
    assert any("12:05:13 " in line and "…" in line for line in lines if "· " in line)
    assert max(map(len, lines)) <= 60


def test_a_window_ends_with_the_steps():
    steps = [done(n, "shift", "12:00:00", "12:00:01", weight=n) for n in range(10)]

    assert window(steps, 20) == (0, steps)
    assert window(steps, 3) == (7, steps[7:])


@pytest.mark.parametrize("last", ["Failed", "Succeeded"])
def test_a_window_shows_where_it_ended_before_its_time(last: str):
    steps = [step(n, "shift", "Succeeded" if n < 3 else "Skipped", weight=n) for n in range(20)]
    steps[3] = step(3, "shift", last)

    before, shown = window(steps, 4)

    assert before <= 3 < before + len(shown)
    assert [one["status"] for one in shown][:2] == ["Succeeded", "Succeeded"]


@pytest.mark.parametrize(
    ("changes", "at", "note"),
    [
        ({"planned_at": "2026-11-25T12:00:00Z"}, "12:00:00", "due"),
        ({"planned_at": "2026-11-27T10:00:00Z"}, "11-27 10:00:00", "in 45h59m"),
        ({"status": "Skipped", "planned_at": "2026-11-25T12:00:00Z"}, "", "left out"),
        ({}, "", ""),
    ],
)
def test_the_time_of_a_step_is_told_as_it_is_known(changes, at: str, note: str):
    row = step_row({**step(3, "shift", weight=20), **changes}, NOW)

    assert (row.what, row.at, row.note) == ("20 %", at, note)


def test_what_comes_next_may_have_no_time_or_be_nothing():
    assert coming(canary(), NOW) == ""
    assert coming(canary(next={"what": "It starts.", "at": None}), NOW) == "Next: It starts."


def test_lines_tell_of_steps_weights_and_what_comes_next():
    out = io.StringIO()
    view = PlainView(out, FakeClock(NOW))
    progress = progress_of()

    view.note(progress, [event(3, "Succeeded") | {"subject": "step", "name": "2 shift 10 %"}])
    view.note(progress, [])

    assert out.getvalue().splitlines() == [
        f"12:00:03  {ID}  2 shift 10 %  Succeeded",
        "12:00:14  shop-web:live  [##------------------] 10 %",
        "Next: The replacement gets 100 % of the traffic. (12:05:13, in 4m13s)",
    ]
    assert line(event(4, "InProgress"), ID) == f"12:00:04  {ID}  InProgress"


def test_deploy_follows_the_steps_to_the_end(fake: FakeService, cli, tmp_path: Path):
    (tmp_path / "appspec.yml").write_text(APPSPEC)
    fake.on("POST", "applications/shop/revisions", {"id": "r-42"})
    fake.on("POST", "deployments", canary("Created"))
    fake.on("GET", f"deployments/{ID}", canary(next=NEXT), canary("Succeeded"))
    fake.on("GET", f"deployments/{ID}/targets", page(function()), page(function(100)))
    fake.on("GET", f"deployments/{ID}/steps", page(*STEPS))
    fake.on("GET", f"deployments/{ID}/events", page())
    told = event(1, "Succeeded") | {"subject": "step", "name": "3 shift 100 %"}
    fake.on("SSE", f"deployments/{ID}/events", stream(told), stream())

    ran = cli(*DEPLOY, "--appspec", str(tmp_path / "appspec.yml"), "--wait", "--deadline", "1m")

    assert (ran.code, ran.out) == (0, f"{ID}\n")
    sent, asked = fake.bodies("POST")
    assert sent == {"source": {"type": "appspec_content", "content": APPSPEC}}
    assert asked["revision"] == "r-42"
    lines = ran.err.splitlines()
    assert f"12:00:01  {ID}  3 shift 100 %  Succeeded" in lines
    assert "12:00:14  shop-web:live  [####################] 100 %" in lines
    assert lines[-1] == f"Deployment {ID} is Succeeded."


def test_an_appspec_that_is_wrong_is_not_sent(fake: FakeService, cli, tmp_path: Path):
    (tmp_path / "appspec.yml").write_text(APPSPEC.replace("live", "1"))

    ran = cli(*DEPLOY, "--appspec", str(tmp_path / "appspec.yml"))

    assert ran.code == 1
    assert "is no alias" in ran.err
    assert fake.requests == []


@pytest.mark.parametrize(
    "given",
    [(), ("--appspec", "a.yml", "--revision", "r-1"), ("--appspec", "a.yml", "--bundle", ".")],
)
def test_one_thing_is_deployed(cli, given: tuple[str, ...]):
    assert cli(*DEPLOY, *given).code == 2


@pytest.mark.parametrize(
    ("command", "body", "said"),
    [
        (("pause", ID), {}, "is paused."),
        (("pause", ID, "--reason", "lunch"), {"reason": "lunch"}, "is paused."),
        (("resume", ID), {}, "goes on."),
        (("promote", ID), {"full": False}, "is promoted."),
        (("promote", ID, "--full"), {"full": True}, "is promoted fully."),
    ],
)
def test_a_deployment_is_steered(fake: FakeService, cli, command, body, said: str):
    path = f"deployments/{ID}/{command[0]}"
    fake.on("POST", path, canary(next={"what": "Lunch.", "at": None}))

    ran = cli(*command)

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"Deployment {ID} {said}\nNext: Lunch.\n"
    assert fake.bodies("POST") == [body]


def test_what_steers_prints_json_too(fake: FakeService, cli):
    fake.on("POST", f"deployments/{ID}/pause", canary(paused_at="2026-11-25T12:00:00Z"))

    ran = cli("pause", ID, "--json")

    assert json.loads(ran.out) == {
        "deployment_id": ID,
        "status": "InProgress",
        "error": None,
        "rollback_deployment_id": None,
        "paused_at": "2026-11-25T12:00:00Z",
    }


def test_a_rollback_says_what_rolls_back_or_why_nothing_does(fake: FakeService, cli):
    link = {"rollback_deployment_id": "d-222222222", "message": "Rolled back."}
    none = {"rollback_deployment_id": None, "message": "Nothing had been changed."}
    fake.on(
        "POST", f"deployments/{ID}/rollback", *(canary("Stopped", rollback=r) for r in (link, none))
    )

    followed, nothing = cli("rollback", ID, "--reason", "errors"), cli("rollback", ID)

    assert "`tidegate watch d-222222222` follows it." in followed.err
    assert "Nothing had been changed." in nothing.err
    assert fake.bodies("POST") == [{"reason": "errors"}, {}]


def test_a_refusal_is_the_sentence_of_the_service(fake: FakeService, cli):
    fake.on("POST", f"deployments/{ID}/promote", problem(409, "It is at its step hook."))

    assert cli("promote", ID).err == "It is at its step hook.\n"


def test_show_has_steps_traffic_and_what_comes_next(fake: FakeService, cli):
    fake.on("GET", f"deployments/{ID}", canary(next=NEXT, paused_at="2026-11-25T12:00:50Z"))
    fake.on("GET", f"deployments/{ID}/targets", page(function(), function(None)))
    fake.on("GET", f"deployments/{ID}/steps", page(*STEPS))
    fake.on(
        "GET", f"deployments/{ID}/events", page(pause(3, "bob", ""), pause(), event(9, "Ready"))
    )

    shown, as_json = cli("show", ID), cli("show", ID, "--json")

    lines = [" ".join(text.split()) for text in shown.out.splitlines()]
    assert "paused since: 2026-11-25T12:00:50Z by ann: lunch" in lines
    assert any(text.startswith("next: The replacement gets 100 % of") for text in lines)
    row = "shop-web:live InProgress version 1 to 2 #--------- 10 % 11-25 12:00:14 -"
    assert row in lines
    assert "shop-web:live InProgress version 1 to 2 - - -" in lines
    assert any(text.startswith("1 BeforeAllowTraffic check Succeeded") for text in lines)
    assert json.loads(as_json.out)["steps"] == STEPS
