"""What of the demo's Lambda and ECS can be told without running it."""

import io
import sys

import pytest
from rich.console import Console

from tidegate_cli.demo_environment import demo_environment
from tidegate_cli.demo_platforms import Platform
from tidegate_cli.demo_traffic import CHAPTERS
from tidegate_cli.demo_traffic_view import Lighting, aws_says
from tidegate_cli.demo_view import Row, Stage
from tidegate_cli.progress import Progress
from unit.cli.traffic import canary, function

STAND_IN = "http://127.0.0.1:4566"
SOMEBODYS = {
    "AWS_PROFILE": "prod",
    "AWS_REGION": "eu-west-1",
    "AWS_SESSION_TOKEN": "secret",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_ENDPOINT_URL_LAMBDA": "https://lambda.example",
    "AWS_CA_BUNDLE": "/etc/bundle.pem",
    "BOTO_CONFIG": "/home/tide/.boto",
    "MOTO_ACCOUNT_ID": "999999999999",
    "TIDEGATE_DATABASE_URL": "postgresql+psycopg://prod",
    "TIDEGATE_MINUTE_SECONDS": "60",
    "PATH": "/usr/bin",
}


def test_nobodys_settings_keys_or_region_get_into_the_demo():
    ours = demo_environment(SOMEBODYS, stand_in=STAND_IN)

    told = {name: value for name, value in ours.items() if name.startswith(("AWS_", "TIDEGATE_"))}
    assert told == {
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": STAND_IN,
        "TIDEGATE_MINUTE_SECONDS": "1",
    }
    assert ours["PATH"] == "/usr/bin"
    assert "BOTO_CONFIG" not in ours
    assert "MOTO_ACCOUNT_ID" not in ours


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1"),
        ({"NO_PROXY": "intern.example"}, "intern.example,127.0.0.1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1"),
    ],
)
def test_no_proxy_comes_between_parts_of_the_demo(before: dict[str, str], after: str):
    ours = demo_environment(before)

    assert (ours["no_proxy"], ours["NO_PROXY"]) == (after, after)


def test_without_a_stand_in_minutes_are_minutes_and_nobodys_keys_are_there():
    ours = demo_environment(SOMEBODYS)

    assert "TIDEGATE_MINUTE_SECONDS" not in ours
    assert ours["AWS_ACCESS_KEY_ID"] == "demo"


def test_what_each_platform_shows_and_needs():
    assert Platform.ALL.shown == (Platform.SERVER, Platform.LAMBDA, Platform.ECS)
    assert [(one.has_hosts, one.needs_aws) for one in Platform] == [
        (True, False),
        (False, True),
        (False, True),
        (True, True),
    ]


def test_a_missing_stand_in_is_one_sentence_before_anything_starts(
    cli, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "moto", None)

    said = cli("demo", "--platform", "ecs", "--data-dir", str(tmp_path / "demo"))

    assert said.code == 1
    assert said.err == (
        "The demo of ecs needs moto, which stands in for AWS; install it with "
        "`pip install 'tidegate[demo]'`, or in a clone with `make install`.\n"
    )
    assert not (tmp_path / "demo").exists()
    Platform.SERVER.check()


def test_a_platform_that_is_none_is_refused_with_those_there_are(cli):
    said = cli("demo", "--platform", "fargate")

    assert said.code == 2
    assert said.err.splitlines()[-1] == (
        "Error: Invalid value for '--platform': "
        "'fargate' is not one of 'server', 'lambda', 'ecs', 'all'."
    )


def test_the_second_revision_stays():
    assert [chapter.stays for chapter in CHAPTERS] == [2, 2]
    assert [chapter.old for chapter in CHAPTERS] == [1, 2]


@pytest.mark.parametrize(
    ("moved", "line"),
    [
        (0, "AWS says  shop:1 100 % ████████████████████ 0 % shop:2"),
        (40, "AWS says  shop:1 60 % ████████████████████ 40 % shop:2"),
    ],
)
def test_what_aws_says_is_shown_in_two_lines(moved: float, line: str):
    out = io.StringIO()
    sides = [("shop:1", 100 - moved), ("shop:2", moved)]

    Console(file=out, width=80).print(aws_says(sides, "shop-errors", "ALARM"))

    assert [one.rstrip() for one in out.getvalue().splitlines()] == [
        line,
        "          alarm shop-errors: ALARM",
    ]


def test_the_bar_shows_both_sides_in_their_colours():
    traffic = aws_says([("shop:1", 60), ("shop:2", 40)], "shop-errors", "").renderables[0]

    told = {span.style: 0 for span in traffic.spans}
    for span in traffic.spans:
        told[span.style] += traffic.plain[span.start : span.end].count("█")
    assert told == {"dim": 0, "blue": 12, "green": 8}


class Deaf:
    """A view that shows nothing."""

    begin = note = worry = end = lambda *_: None


def test_the_alarm_goes_on_once_when_the_share_was_seen_for_a_while():
    lit: list[float] = []
    now = [0.0]
    view = Lighting(Deaf(), lambda: lit.append(now[0]), at=40, seconds=lambda: now[0])
    progress = Progress(canary())

    for weight in (None, 20, 20, 40, 40, 60, 80, 0):
        progress.expect([function(weight)])
        view.note(progress, ())
        now[0] += 1

    assert lit == [5]


@pytest.mark.parametrize(("width", "fits"), [(80, False), (120, True)])
def test_the_table_of_all_deployments_fits(width: int, fits: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    out.isatty = lambda: True
    row = Row(
        deployment="d-PA9OJ3Q2G",
        revision="version 2 (rollback)",
        config="Canary20Percent20s",
        status="Stopped",
        seconds=123.4,
        expected="Stopped by alarm",
        as_planned=True,
    )

    Stage(out).table([row])

    assert ("Canary20Percent20s" in out.getvalue()) is fits
    assert "Stopped by alarm" in out.getvalue()
    assert "ok" in out.getvalue()
