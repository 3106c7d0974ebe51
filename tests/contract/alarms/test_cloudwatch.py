"""Alarms of CloudWatch, against a double: single ones, composite ones, many, and none."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from parts.aws import REGION
from tidegate.domain.alarms import AlarmState, CloudWatchAlarm, Inquiry
from tidegate.drivers.alarms import cloudwatch_alarms
from tidegate.drivers.alarms.cloudwatch import CloudWatchAlarms
from tidegate.testing.alarm_contract import AlarmSourceContract, Ask
from tidegate.testing.aws.samples import make_alarm
from tidegate.testing.sentences import is_a_sentence

S = AlarmState
_names = count()

Make = Callable[..., CloudWatchAlarm]


@pytest.fixture
def make(cloudwatch: Any) -> Make:
    """Makes a metric alarm, and has it stand as it is wanted."""

    def made(state: str = "", name: str = "") -> CloudWatchAlarm:
        alarm = CloudWatchAlarm(name or f"alarm-{next(_names)}")
        make_alarm(cloudwatch, alarm.name)
        if state:
            cloudwatch.set_alarm_state(
                AlarmName=alarm.name, StateValue=state, StateReason="Threshold\n crossed."
            )
        return alarm

    return made


@pytest.fixture
def composite(cloudwatch: Any) -> Callable[[str], CloudWatchAlarm]:
    def made(rule: str) -> CloudWatchAlarm:
        name = f"composite-{next(_names)}"
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule)
        return CloudWatchAlarm(name)

    return made


def about(alarms: Sequence[CloudWatchAlarm]) -> Inquiry[CloudWatchAlarm]:
    return Inquiry(alarms=tuple(alarms), region=REGION)


class TestCloudWatchAlarms(AlarmSourceContract):
    without_data = S.INSUFFICIENT_DATA

    @pytest.fixture
    def source(self, environment) -> CloudWatchAlarms:
        return CloudWatchAlarms()

    @pytest.fixture
    def away(self, nobody) -> CloudWatchAlarms:
        return CloudWatchAlarms()

    @pytest.fixture
    def silent(self, mute) -> CloudWatchAlarms:
        return CloudWatchAlarms()

    @pytest.fixture
    def ask(self) -> Ask:
        return about

    @pytest.fixture
    def lit(self, make) -> CloudWatchAlarm:
        return make("ALARM")

    @pytest.fixture
    def calm(self, make) -> CloudWatchAlarm:
        return make("OK")

    @pytest.fixture
    def dataless(self, make) -> CloudWatchAlarm:
        return make()

    @pytest.fixture
    def wrong(self) -> CloudWatchAlarm:
        return CloudWatchAlarm("not there")


def test_a_composite_alarm_is_read_like_any_other(make, composite):
    hot, cold = make("ALARM"), make("OK")
    both = composite(f'ALARM("{hot.name}") AND ALARM({cold.name})')
    one = composite(f"(ALARM({hot.name}) OR ALARM({cold.name})) AND NOT OK({hot.name})")

    readings = CloudWatchAlarms().states(about([both, hot, one]))

    assert [reading.state for reading in readings] == [S.OK, S.ALARM, S.ALARM]


def test_a_composite_alarm_of_composite_alarms_is_read(make, composite):
    inner = composite(f'INSUFFICIENT_DATA("{make().name}")')

    (reading,) = CloudWatchAlarms().states(about([composite(f'ALARM("{inner.name}")')]))

    assert reading.state is S.ALARM


def test_why_an_alarm_is_lit_is_told_in_one_line(make):
    (reading,) = cloudwatch_alarms().states(about([make("ALARM")]))

    assert reading.why == "Threshold crossed."


def test_an_alarm_that_changes_is_found_changed(make):
    source, alarm = CloudWatchAlarms(), make("OK")

    states = [source.states(about([make(state, alarm.name)]))[0].state for state in ("ALARM", "OK")]

    assert states == [S.ALARM, S.OK]


def test_all_pages_of_many_alarms_are_read(make, composite):
    alarms = [make("ALARM" if n % 2 else "OK") for n in range(100)]
    alarms += [composite("TRUE"), composite("FALSE")]

    readings = CloudWatchAlarms().states(about(alarms))

    expected = [S.ALARM if n % 2 else S.OK for n in range(100)]
    assert [reading.state for reading in readings] == [*expected, S.ALARM, S.OK]


def test_an_alarm_that_is_not_there_is_named_with_its_region(environment):
    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("gone")]))

    assert reading.why == (
        "There is no CloudWatch alarm 'gone' in eu-central-1; create it, or name another."
    )


def test_an_alarm_of_another_region_is_not_there(make):
    alarm = make("ALARM")

    (reading,) = CloudWatchAlarms().states(Inquiry(alarms=(alarm,), region="us-west-2"))

    assert reading.state is S.UNREADABLE


def test_names_that_cloudwatch_does_not_take_hide_no_other(make):
    alarms = [make("ALARM"), CloudWatchAlarm("a\x01"), make("OK"), make(), CloudWatchAlarm("\x02")]

    readings = CloudWatchAlarms().states(about(alarms))

    assert [one.state for one in readings] == [
        S.ALARM,
        S.UNREADABLE,
        S.OK,
        S.INSUFFICIENT_DATA,
        S.UNREADABLE,
    ]
    assert readings[1].why.startswith(
        r"CloudWatch answered ValidationError to DescribeAlarms for the alarm 'a\x01' in "
    )


def as_json(answer: Any) -> bytes:
    return json.dumps(answer).encode()


def refused(code: str, message: str = "no") -> bytes:
    return as_json({"__type": code, "message": message})


@pytest.mark.parametrize(
    ("status", "code", "may_pass"),
    [
        (400, "Throttling", True),
        (400, "ThrottlingException", True),
        (400, "RequestLimitExceeded", True),
        (403, "ExpiredToken", True),
        (500, "InternalFailure", True),
        (503, "ServiceUnavailable", True),
        (403, "AccessDenied", False),
        (403, "AccessDeniedException", False),
        (403, "InvalidClientTokenId", False),
        (400, "ValidationError", False),
    ],
)
def test_a_call_that_fails_is_said_of_each_alarm(says, status, code, may_pass):
    says(status, refused(code, "User: x is not\n authorized."))

    readings = CloudWatchAlarms().states(about([CloudWatchAlarm("a"), CloudWatchAlarm("b")]))

    for reading in readings:
        assert (reading.state, reading.may_pass) == (S.UNREADABLE, may_pass)
        assert f"CloudWatch answered {code} to DescribeAlarms for the alarm" in reading.why
        assert reading.why.endswith("in eu-central-1 (User: x is not authorized).")


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"null",
        b"[]",
        b"1",
        as_json({"MetricAlarms": 1}),
        as_json({"MetricAlarms": [1]}),
    ],
)
def test_an_answer_that_cannot_be_read_may_pass(says, body):
    says(200, body)

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, True)
    assert reading.why == (
        "CloudWatch gave an answer for DescribeAlarms of the alarm 'a' in eu-central-1 "
        "that cannot be read."
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"{",
        b"{}",
        as_json({"MetricAlarms": None}),
        as_json({"MetricAlarms": [{}]}),
        as_json({"MetricAlarms": [{"AlarmName": "a"}]}),
        as_json({"MetricAlarms": [{"AlarmName": ["a"], "StateValue": {}}]}),
        as_json({"MetricAlarms": [{"AlarmName": "a", "StateValue": {}}]}),
        as_json({"NextToken": 1}),
    ],
)
def test_an_answer_that_tells_nothing_of_an_alarm_is_no_state(says, body):
    says(200, body)

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert reading.state is S.UNREADABLE
    assert is_a_sentence(reading.why)


def test_a_proxy_that_answers_a_page_may_pass(says):
    says(502, b"<html>Bad Gateway</html>")

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, True)


def test_a_state_that_is_none_cannot_be_read(says):
    says(200, as_json({"MetricAlarms": [{"AlarmName": "a", "StateValue": "MAYBE"}]}))

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert reading.why == "CloudWatch says that the alarm 'a' is 'MAYBE'."


def test_a_reason_can_be_kept_and_shown(says):
    lit = {"AlarmName": "a", "StateValue": "ALARM", "StateReason": "a\x00b\x1b[2Jc\ud800d"}
    says(200, as_json({"MetricAlarms": [lit]}))

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert reading.why == "a b [2Jc d"


def test_pages_without_end_are_given_up(says):
    says(200, as_json({"NextToken": "again"}))

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert reading.state is S.UNREADABLE


def test_silence_is_not_waited_out_for_each_part(mute):
    source = CloudWatchAlarms(timeout=timedelta(seconds=1))
    begun = time.monotonic()

    readings = source.states(about([CloudWatchAlarm(str(n)) for n in range(1000)]))

    assert time.monotonic() - begun < 15
    assert {reading.state for reading in readings} == {S.UNREADABLE}


def test_who_has_no_credentials_is_told(environment, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert reading.why.startswith("There are no AWS credentials to reach the alarm 'a'")
    assert not reading.may_pass


def test_an_address_that_is_none_is_told(environment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "not an address")

    (reading,) = CloudWatchAlarms().states(about([CloudWatchAlarm("a")]))

    assert "is no address" in reading.why


def test_the_role_of_an_inquiry_is_assumed_where_that_is_wanted(make):
    alarm = make("ALARM")
    inquiry = Inquiry(
        alarms=(alarm,), region=REGION, role_arn="arn:aws:iam::999999999999:role/CodeDeploy"
    )

    (ours,) = cloudwatch_alarms().states(inquiry)
    (theirs,) = cloudwatch_alarms(assume_role=True).states(inquiry)

    assert (ours.state, theirs.state) == (S.ALARM, S.UNREADABLE)
    assert theirs.why.startswith(f"There is no CloudWatch alarm {alarm.name!r}")
