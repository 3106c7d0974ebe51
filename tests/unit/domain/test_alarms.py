"""What a set of alarms holds, and which values are alarms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.alarms import (
    Alarms,
    CloudWatchAlarm,
    Comparison,
    PrometheusCheck,
    wrong_with,
)

CHECK = PrometheusCheck(name="errors", query="errors", threshold=5)


def check(comparison: str, threshold: float = 5) -> PrometheusCheck:
    return PrometheusCheck(
        name="c", query="x", comparison=Comparison(comparison), threshold=threshold
    )


@pytest.mark.parametrize(
    ("comparison", "at_4", "at_5", "at_6"),
    [
        (">", False, False, True),
        (">=", False, True, True),
        ("<", True, False, False),
        ("<=", True, True, False),
        ("==", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_each_comparison_is_that_of_promql(comparison, at_4, at_5, at_6):
    one = check(comparison)

    assert [one.is_beyond(value) for value in (4, 5, 6)] == [at_4, at_5, at_6]


@given(st.sampled_from(Comparison), st.floats(allow_nan=False))
def test_what_is_no_number_is_never_an_alarm(comparison, threshold):
    assert not check(comparison, threshold).is_beyond(math.nan)


def test_infinity_is_more_than_any_threshold():
    assert check(">", 1e300).is_beyond(math.inf)


def test_both_kinds_are_watched_and_each_once():
    alarms = Alarms(enabled=True, names=("a", "b", "a"), checks=(CHECK, CHECK))

    assert alarms.watched == (CloudWatchAlarm("a"), CloudWatchAlarm("b"), CHECK)
    assert alarms.all_names == ("a", "b", "a", "errors", "errors")


def test_what_is_switched_off_is_kept_and_not_watched():
    assert Alarms(names=("a",), checks=(CHECK,)).watched == ()


def test_what_is_wrong_with_a_check_is_said_with_its_name_and_the_remedy():
    wrong = [
        PrometheusCheck(name="c", query=" ", threshold=1),
        PrometheusCheck(name="c", query="x" * 4001, threshold=1),
        PrometheusCheck(name="c", query="x\0", threshold=1),
        PrometheusCheck(name="c", query="x", threshold=math.nan),
    ]

    assert [wrong_with(one) for one in wrong] == [
        "The check 'c' has no query; give one in PromQL.",
        "The query of the check 'c' has 4001 characters; the limit is 4000: record a rule.",
        "The query of the check 'c' has the character '\\x00'; leave it out.",
        "The check 'c' has the threshold nan; it must be a number.",
    ]
    assert wrong_with(PrometheusCheck(name="c", query="sum(\n\tx\r\n)", threshold=-1)) is None
