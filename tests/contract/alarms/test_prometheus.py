"""Checks of a real Prometheus: what its queries give, and what no query gives."""

import json
from itertools import count
from pathlib import Path

import pytest

from parts.ports import free_port
from parts.prometheus import PrometheusServer
from tidegate.domain.alarms import (
    AlarmState,
    Comparison,
    Inquiry,
    PrometheusCheck,
    Reading,
    wrong_with,
)
from tidegate.drivers.alarms import prometheus_checks
from tidegate.drivers.alarms.prometheus import PrometheusChecks
from tidegate.testing.alarm_contract import AlarmSourceContract

S = AlarmState
_names = count()


def check(query: str, comparison: str = ">", threshold: float = 0) -> PrometheusCheck:
    return PrometheusCheck(
        name=f"check-{next(_names)}",
        query=query,
        comparison=Comparison(comparison),
        threshold=threshold,
    )


def about(*checks: PrometheusCheck) -> Inquiry[PrometheusCheck]:
    return Inquiry(alarms=checks)


@pytest.fixture
def source(prometheus: PrometheusServer) -> PrometheusChecks:
    """Asks a Prometheus that knows of a shop with two sides."""
    prometheus.show('errors{side="blue"} 0.5\nerrors{side="green"} 2\nidle NaN\nendless +Inf\n')
    return PrometheusChecks(prometheus.url)


class TestPrometheusChecks(AlarmSourceContract):
    without_data = S.NO_DATA

    @pytest.fixture
    def away(self) -> PrometheusChecks:
        return PrometheusChecks(f"http://127.0.0.1:{free_port()}")

    @pytest.fixture
    def silent(self, silence: str) -> PrometheusChecks:
        return PrometheusChecks(silence)

    @pytest.fixture
    def source(self, source: PrometheusChecks) -> PrometheusChecks:
        return source

    @pytest.fixture
    def lit(self) -> PrometheusCheck:
        return check("vector(2)", ">", 1)

    @pytest.fixture
    def calm(self) -> PrometheusCheck:
        return check("vector(2)", "<", 1)

    @pytest.fixture
    def dataless(self) -> PrometheusCheck:
        return check("nothing_has_this_name")

    @pytest.fixture
    def wrong(self) -> PrometheusCheck:
        return check("sum(")


def found(source: PrometheusChecks, one: PrometheusCheck) -> Reading[PrometheusCheck]:
    (reading,) = source.states(about(one))
    assert reading.alarm == one
    return reading


@pytest.mark.parametrize(
    ("asked", "state", "why"),
    [
        (('errors{side="blue"}', ">", 1), S.OK, '0.5 of errors{SHOP, side="blue"} is not > 1.'),
        (('errors{side="green"}', ">", 1), S.ALARM, '2 of errors{SHOP, side="green"} is > 1.'),
        (("sum(errors)", ">=", 2.5), S.ALARM, "2.5 is >= 2.5."),
        (("sum(errors)", "<=", 2.25), S.OK, "2.5 is not <= 2.25."),
        (("sum by (side) (errors)", "==", 2), S.ALARM, '2 of {side="green"} is == 2.'),
        (("scalar(sum(errors))", "!=", 2.5), S.OK, "2.5 is not != 2.5."),
        (("1e-7", "<", 0.001), S.ALARM, "1e-07 is < 0.001."),
        (("max(endless)", ">", 1e308), S.ALARM, "inf is > 1e+308."),
        (("up", "<", 1), S.OK, "1 of up{SHOP} is not < 1."),
    ],
)
def test_a_value_is_compared_with_the_threshold(prometheus, source, asked, state, why):
    reading = found(source, check(*asked))

    shop = f'instance="127.0.0.1:{prometheus.metrics.port}", job="shop"'
    assert (reading.state, reading.why) == (state, why.replace("SHOP", shop))


def test_of_several_series_any_one_is_an_alarm(source):
    reading = found(source, check("sum by (side) (errors)", ">", 1))
    both = found(source, check("sum by (side) (errors)", ">", 0.1))

    assert (reading.state, reading.why) == (S.ALARM, '2 of {side="green"} is > 1.')
    assert both.state is S.ALARM
    assert both.why.endswith("is > 0.1 (and 1 more series).")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("nothing_has_this_name", "The query gives no series."),
        ("sum(nothing_has_this_name)", "The query gives no series."),
        ("errors > 100", "The query gives no series."),
        ("idle", "The query gives no number."),
        ("vector(0) / vector(0)", "The query gives no number."),
        ("scalar(nothing_has_this_name)", "The query gives no number."),
    ],
)
@pytest.mark.parametrize("comparison", Comparison)
def test_no_series_and_no_number_are_no_data(source, query, why, comparison):
    reading = found(source, check(query, comparison))

    assert (reading.state, reading.why) == (S.NO_DATA, why)


def test_a_series_without_a_number_does_not_hide_the_others(source):
    assert found(source, check("idle or errors", ">", 1)).state is S.ALARM
    assert found(source, check("idle or errors", ">", 9)).state is S.OK


def test_what_is_no_longer_scraped_has_no_data(prometheus, source):
    gone = check("max(passing)")
    prometheus.show("passing 1\n")
    assert found(source, gone).state is S.ALARM

    prometheus.metrics.text = ""
    prometheus.wait_for("passing", None)

    assert found(source, gone).state is S.NO_DATA


def test_a_value_that_changes_is_found_changed(prometheus, source):
    slow = check("max(latency)", ">", 1)
    states = []
    for value in ("0.5", "1.5", "0.25"):
        prometheus.show(f"latency {value}\n")
        states.append(found(source, slow).state)

    assert states == [S.OK, S.ALARM, S.OK]


def test_one_query_is_judged_by_each_of_its_checks(source):
    checks = [check("sum(errors)", ">", threshold) for threshold in (1, 2, 3)]

    readings = source.states(about(*checks))

    assert [reading.state for reading in readings] == [S.ALARM, S.ALARM, S.OK]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("sum(", "bad_data (invalid parameter"),
        ("errors[5m]", "The query gives a matrix at"),
        ('"text"', "The query gives a string at"),
    ],
)
def test_a_query_that_can_never_be_told_is_said(prometheus, source, query, why):
    reading = found(source, check(query))

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, False)
    assert why in reading.why
    assert f"Prometheus at {prometheus.url}" in reading.why


def test_a_query_that_its_data_do_not_fit_may_pass(source):
    reading = found(source, check("errors * on (job) group_left (instance) errors"))

    assert (reading.state, reading.may_pass) == (S.UNREADABLE, True)
    assert "answered execution (found duplicate series" in reading.why


def test_texts_of_any_language_and_lines_are_asked_as_they_are(source):
    reading = found(source, check('label_replace(vector(2),\n\t"名", "ü & =+%", "", "")', ">", 1))
    plain = found(source, check('label_replace(vector(2), "to", "ü & =+% 🙈", "", "")', ">", 1))

    assert reading.state is S.UNREADABLE
    assert plain.why == '2 of {to="ü & =+% 🙈"} is > 1.'


def test_a_path_before_the_api_may_end_with_a_slash(prometheus, source):
    assert found(prometheus_checks(f"{prometheus.url}/"), check("vector(1)")).state is S.ALARM


def test_the_checks_in_the_documentation_can_be_asked(source):
    text = (Path(__file__).parents[3] / "docs/alarms.md").read_text()
    groups = [json.loads(part.partition("```")[0]) for part in text.split("```json\n")[1:]]
    [told] = [group["checks"] for group in groups if group["checks"]]
    checks = [check(one["query"], one["comparison"], one["threshold"]) for one in told]

    readings = source.states(about(*checks))

    assert [wrong_with(one) for one in checks] == [None] * len(checks)
    assert [reading.state for reading in readings] == [S.NO_DATA, S.NO_DATA, S.ALARM]


def test_a_query_may_say_that_nothing_means_well(source):
    ratio = "vector(0) / vector(0)"

    assert found(source, check(ratio)).state is S.NO_DATA
    assert found(source, check(f"({ratio}) > 0 or vector(0)")).state is S.OK
    assert found(source, check("count(up == 7) or vector(0)", "<", 1)).state is S.ALARM
