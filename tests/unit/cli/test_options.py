"""Texts of options: what they mean, and what is wrong usage."""

from datetime import timedelta

import pytest
import typer

from tidegate_cli.commands import spread
from tidegate_cli.options import duration, identity, pairs, rollback, ssh_address, tag_filters

VALUED = {"--tag", "--var", "--host", "--ssh"}


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1s", 1)])
def test_a_deadline_is_seconds_minutes_or_hours(text: str, seconds: int):
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "0s", "1.5h", "1d", "٣m", "9" * 30 + "h"])
def test_any_other_deadline_is_wrong_usage(text: str):
    with pytest.raises(typer.BadParameter):
        duration(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("deploy@10.0.0.5", {"user": "deploy", "address": "10.0.0.5", "port": None}),
        ("deploy@web.example:2222", {"user": "deploy", "address": "web.example", "port": 2222}),
        ("root@[2001:db8::7]", {"user": "root", "address": "2001:db8::7", "port": None}),
        ("root@[::1]:22", {"user": "root", "address": "::1", "port": 22}),
    ],
)
def test_a_host_is_where_ssh_says(text: str, address: dict[str, object]):
    assert ssh_address(text) == address


@pytest.mark.parametrize("text", ["web", "@web", "a@b:0", "a@b:65536", "a@b:x", "a@b c", "a@[::1"])
def test_any_other_address_is_wrong_usage(text: str):
    with pytest.raises(typer.BadParameter):
        ssh_address(text)


def test_a_bare_ipv6_address_is_told_about_brackets():
    with pytest.raises(typer.BadParameter, match="in brackets"):
        ssh_address("root@2001:db8::7")


@pytest.mark.parametrize("text", ["agent", "env:KEY", "file:/etc/tidegate/id_ed25519"])
def test_a_key_is_named(text: str):
    assert identity(text) == text


@pytest.mark.parametrize("text", ["", "file:", "~/.ssh/id", "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_key_material_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="never the key itself"):
        identity(text)


def test_pairs_keep_everything_behind_the_first_equals():
    assert pairs(["A=1", "B=x=y", "C="], "--var") == {"A": "1", "B": "x=y", "C": ""}


def test_an_empty_text_alone_means_no_pairs():
    assert pairs([""], "--tag") == {}


@pytest.mark.parametrize("texts", [["A"], ["=1"], ["A=1", "A=2"], ["", "A=1"]])
def test_what_is_no_pair_is_wrong_usage(texts: list[str]):
    with pytest.raises(typer.BadParameter):
        pairs(texts, "--tag")


def test_keys_are_anded_and_values_of_one_key_are_ored():
    both = tag_filters(["env=prod", "role=web", "role=api"])

    assert [[f"{f['key']}={f['value']}" for f in either] for either in both] == [
        ["env=prod"],
        ["role=web", "role=api"],
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("a=b", "KEY_AND_VALUE"), ("a=*", "KEY_ONLY"), ("*=b", "VALUE_ONLY")],
)
def test_a_star_stands_for_anything(text: str, kind: str):
    assert tag_filters([text])[0][0]["type"] == kind


@pytest.mark.parametrize("text", ["a", "=b", "*=*", ""])
def test_a_tag_without_its_half_is_wrong_usage(text: str):
    with pytest.raises(typer.BadParameter):
        tag_filters([text])


def test_rollback_takes_codedeploys_events():
    assert rollback("failure,stop") == {
        "enabled": True,
        "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"],
    }
    assert rollback("none") == {"enabled": False, "events": []}
    with pytest.raises(typer.BadParameter):
        rollback("failure,never")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("web --tag a=1 b=2 --ssh u@h", "web --tag a=1 --tag b=2 --ssh u@h"),
        ("--tag a=1 b=2 web", "--tag a=1 --tag b=2 web"),
        ("--tag=a=1 b=2", "--tag=a=1 --tag b=2"),
        ("--ssh u@h web --var a=1", "--ssh u@h web --var a=1"),
        ("shop --host web-1 web-2", "shop --host web-1 --host web-2"),
        ("--host web-1 shop", "--host web-1 shop"),
        ("web --tag a=1 -- b=2", "web --tag a=1 -- b=2"),
        ("web --json --tag a=1 b=2", "web --json --tag a=1 --tag b=2"),
    ],
)
def test_several_values_may_follow_one_option(line: str, meant: str):
    assert " ".join(spread(line.split(), VALUED, names=1)) == meant
