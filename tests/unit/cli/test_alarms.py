"""Alarms on the command line: said of groups and deployments, shown, followed."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from rich.console import Console

from tidegate.testing.clock import FakeClock
from tidegate_cli import output
from tidegate_cli.alarm_options import read_check
from tidegate_cli.alarm_view import alarm_lines
from tidegate_cli.plain import PlainView, line
from tidegate_cli.progress import Progress
from tidegate_cli.screen import frame
from unit.cli.fake_service import FakeService, deployment, event, page, target

ID = "d-111111111"
NOW = datetime(2026, 11, 25, 12, 1, tzinfo=UTC)
GROUP = "applications/shop/deployment-groups/prod"
CHECK = {"name": "slow", "query": "latency", "comparison": ">", "threshold": 0.5}
ALARMS = {"enabled": True, "ignore_poll_failure": False, "names": ["errors"], "checks": [CHECK]}
DEPLOY = ("deploy", "--application", "shop", "--group", "prod", "--revision", "r-1")


def alarm(name: str, state: str | None, why: str = "", **more: Any) -> dict[str, Any]:
    since = None if state is None else "2026-11-25T12:00:30.123456Z"
    return {"name": name, "kind": "cloudwatch", "state": state, "why": why, "since": since, **more}


FOUND = [
    alarm("errors", "OK"),
    alarm("hot", "ALARM", "Threshold crossed: 7 > 5"),
    alarm("slow", "NO_DATA", "The query gives no series.", kind="prometheus"),
    alarm("new", None),
]


def group(**alarms: Any) -> dict[str, Any]:
    return {
        "name": "prod",
        "deployment_config": "CodeDeployDefault.OneAtATime",
        "tag_filters": [],
        "hosts": ["web-1"],
        "auto_rollback": {"enabled": False, "events": []},
        "ssh": {},
        "variables": {},
        "host_options": {},
        "service_role_arn": None,
        "alarms": {**ALARMS, **alarms},
    }


@pytest.mark.parametrize(
    ("text", "name", "query", "comparison", "threshold"),
    [
        ("slow=latency > 0.5", "slow", "latency", ">", 0.5),
        ("p 99 = max(x)>=-1e3 ", "p 99", "max(x)", ">=", -1000),
        ('few=count(up{job="a"} == 1) or vector(0) < 3', "few",
         'count(up{job="a"} == 1) or vector(0)', "<", 3),
        ("a=b != .5", "a", "b", "!=", 0.5),
        ("a=b\n  / c == 1.", "a", "b\n  / c", "==", 1),
    ],
)  # fmt: skip
def test_a_check_is_read_with_its_last_comparison(text, name, query, comparison, threshold):
    assert read_check(text) == {
        "name": name,
        "query": query,
        "comparison": comparison,
        "threshold": threshold,
    }


@pytest.mark.parametrize(
    "text", ["latency > 0.5", "slow=latency", "slow= > 1", "a=b > c", "=b > 1", "a=b > 1e999"]
)
def test_a_check_that_cannot_be_read_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="is not NAME=QUERY > VALUE"):
        read_check(text)


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--alarm", "a", "--alarm", "b"], {"names": ["a", "b"]}),
        (["--alarm", ""], {"names": []}),
        (["--alarm", "", "--check", ""], {"names": [], "checks": [], "enabled": False}),
        (["--check", "few=up < 3"], {"checks": [{**CHECK, "name": "few", "query": "up",
                                                 "comparison": "<", "threshold": 3.0}]}),
        (["--off"], {"enabled": False}),
        (["--ignore-poll-failure"], {"ignore_poll_failure": True}),
    ],
)  # fmt: skip
def test_what_is_given_of_alarms_is_changed_and_the_rest_stays(
    fake: FakeService, cli, options, changed
):
    fake.on("GET", GROUP, group())
    fake.on("PUT", GROUP, group(**changed))

    done = cli("group", "alarms", "shop", "prod", *options)

    assert done.code == 0, done.err
    [body] = fake.bodies("PUT")
    assert body["alarms"] == {**ALARMS, **changed}
    assert body["hosts"] == ["web-1"]


def test_alarms_that_are_said_anew_are_looked_at(fake: FakeService, cli):
    fake.on("GET", GROUP, group(enabled=False, names=[], checks=[]))
    fake.on("PUT", GROUP, group())

    cli("group", "alarms", "shop", "prod", "--alarm", "errors")

    [body] = fake.bodies("PUT")
    assert body["alarms"]["enabled"] is True


def test_alarms_of_a_group_are_shown(fake: FakeService, cli):
    fake.on("GET", GROUP, group())

    done = cli("group", "alarms", "shop", "prod")

    assert fake.bodies("PUT") == []
    lines = [" ".join(text.split()) for text in done.out.splitlines()]
    assert lines == [
        "alarms: on",
        "cloudwatch alarm: errors",
        "check slow: latency > 0.5",
        "unreadable alarms: stop it",
    ]
    shown = cli("group", "show", "shop", "prod").out
    assert "check slow:" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no-alarms"], {"enabled": False}),
        (["--alarm", "a"], {"enabled": True, "ignore_poll_failure": False, "names": ["a"],
                            "checks": []}),
        ([], None),
    ],
)  # fmt: skip
def test_one_deployment_has_other_alarms(fake: FakeService, cli, options, said):
    fake.on("POST", "deployments", deployment())

    done = cli(*DEPLOY, *options)

    assert done.code == 0, done.err
    [body] = fake.bodies("POST")
    assert body.get("override_alarms") == said


def test_alarms_and_none_are_not_both(fake: FakeService, cli):
    done = cli(*DEPLOY, "--no-alarms", "--alarm", "a")

    assert done.code == 2
    assert "not both" in done.err


def test_a_deployment_is_shown_with_its_alarms(fake: FakeService, cli):
    fake.on("GET", f"deployments/{ID}", deployment(alarms=FOUND))
    fake.on("GET", f"deployments/{ID}/targets", page(target("web-1")))

    lines = [" ".join(text.split()) for text in cli("show", ID).out.splitlines()]

    assert "ALARM KIND STATE SINCE WHY" in lines
    assert any(text.startswith("hot cloudwatch ALARM") for text in lines)
    assert any(text.startswith("slow prometheus no data") for text in lines)
    assert any(text.startswith("new cloudwatch not read yet") for text in lines)


def test_a_long_name_leaves_room_for_what_is_found(
    fake: FakeService, cli, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(output, "on_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "80")
    long = alarm(
        "TargetTracking-table/production-orders-AlarmHigh-9b2f1a4e-33c1-4c35", "ALARM", "Hot."
    )
    fake.on("GET", f"deployments/{ID}", deployment(alarms=[long]))
    fake.on("GET", f"deployments/{ID}/targets", page())

    lines = [" ".join(text.split()) for text in cli("show", ID).out.splitlines()]

    assert any(text.startswith("TargetTracking") and " cloudwatch ALARM " in text for text in lines)


def test_lines_tell_first_what_is_not_well():
    told = [text for text, _ in alarm_lines({"alarms": FOUND}, NOW)]

    assert told == [
        "Alarm hot: ALARM since 12:00:30. Threshold crossed: 7 > 5",
        "Alarm slow: no data since 12:00:30. The query gives no series.",
        "Alarm new: not read yet",
        "Alarm OK: errors",
    ]
    many = [alarm(f"a{n}", "ALARM") for n in range(9)]
    assert [text for text, _ in alarm_lines({"alarms": many}, NOW)][5:] == [
        "… and 4 more alarms that are not OK"
    ]
    assert list(alarm_lines({}, NOW)) == []
    [(long, _)] = alarm_lines({"alarms": [alarm("x" * 255, "INSUFFICIENT_DATA")]}, NOW)
    assert long == f"Alarm {'x' * 39}…: insufficient data since 12:00:30"
    assert len(long) <= 80


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30)])
def test_the_picture_of_servers_has_alarms_and_why_nothing_begins(width: int, height: int):
    next_ = {"what": "Nothing begins while this is so: Prometheus has no data.", "at": None}
    progress = Progress(deployment(alarms=FOUND, next=next_))
    progress.expect([target(f"web-{n}") for n in range(40)])
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None)

    console.print(frame(progress, console=console, now=NOW))

    lines = out.getvalue().splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert "Alarm hot: ALARM since 12:00:30. Threshold crossed: 7 > 5" in lines
    assert "Next: Nothing begins while this is so: Prometheus has no data." in lines


def test_a_line_for_each_turn_and_for_what_holds_it_up():
    out = io.StringIO()
    view = PlainView(out, FakeClock(NOW))
    turn = event(7, "NO_DATA", reason="Nothing scrapes it.")
    turn |= {"subject": "alarm", "name": "slow", "from": "OK"}
    progress = Progress(deployment(status_messages=["Prometheus has no data for <slow>."]))

    view.note(progress, [turn])
    view.note(progress, [])
    view.note(Progress(deployment()), [])
    view.note(progress, [])

    assert line(turn, ID) == f"12:00:07  {ID}  alarm  slow  NO_DATA  Nothing scrapes it."
    assert out.getvalue().splitlines() == [
        "Prometheus has no data for <slow>.",
        line(turn, ID),
        "Prometheus has no data for <slow>.",
    ]
