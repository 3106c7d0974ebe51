"""What alarms mean for a deployment, and how few calls read those of many."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.alarms import (
    Alarms,
    AlarmState,
    CloudWatchAlarm,
    PrometheusCheck,
    Reading,
    Seen,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.ids import DeploymentId
from tidegate.planning.alarms import (
    PATIENCE,
    STALE,
    GoOn,
    Pause,
    Stop,
    Wait,
    Watch,
    collected,
    noted,
    plan_inquiries,
    readings_for,
    turned,
    verdict,
)

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)
HOT, COLD = CloudWatchAlarm("hot"), CloudWatchAlarm("cold")
ERRORS = PrometheusCheck(name="errors", query="errors", threshold=5)
BOTH = Alarms(enabled=True, names=("hot", "cold"), checks=(ERRORS,))
S = AlarmState

CLOUDWATCH_STATES = st.sampled_from([S.OK, S.ALARM, S.INSUFFICIENT_DATA, S.UNREADABLE])
PROMETHEUS_STATES = st.sampled_from([S.OK, S.ALARM, S.NO_DATA, S.UNREADABLE])
ages = st.timedeltas(timedelta(0), timedelta(hours=1))
names = st.sampled_from(["a", "b", "c", "d"])
checks = st.builds(
    PrometheusCheck,
    name=names,
    query=st.sampled_from(["x", "y"]),
    threshold=st.sampled_from([1.0, 2.0]),
)
alarm_sets = st.builds(
    Alarms,
    enabled=st.booleans(),
    ignore_poll_failure=st.booleans(),
    names=st.lists(names, max_size=4).map(tuple),
    checks=st.lists(checks, max_size=4).map(tuple),
)


def seen(alarm, state, *, may_pass=False, ago=timedelta(0), why="Why."):
    reading = Reading(alarm=alarm, state=state, may_pass=may_pass, why=why)
    return Seen(reading, NOW - ago)


def judge(*found, alarms=BOTH, **more):
    """The verdict where all is well but for what was *found*."""
    known = {alarm: seen(alarm, S.OK) for alarm in (HOT, COLD, ERRORS)}
    known |= {one.reading.alarm: one for one in found}
    return verdict(alarms, known.values(), NOW, **more)


@st.composite
def situations(draw):
    """A set of alarms, and how all of them or some were seen."""
    alarms = draw(alarm_sets)
    found = [
        seen(
            alarm,
            draw(PROMETHEUS_STATES if isinstance(alarm, PrometheusCheck) else CLOUDWATCH_STATES),
            may_pass=draw(st.booleans()),
            ago=draw(ages),
        )
        for alarm in alarms.watched
        if draw(st.integers(0, 9))
    ]
    return alarms, found


@given(situations())
def test_safety_alarms_that_are_switched_off_mean_nothing(situation):
    alarms, found = situation

    assert verdict(replace(alarms, enabled=False), found, NOW) == GoOn()


@given(situations())
def test_safety_a_lit_alarm_stops_whatever_else_is_found(situation):
    alarms, found = situation
    is_lit = any(one.reading.state is S.ALARM for one in found)

    decided = verdict(alarms, found, NOW)

    if is_lit:
        assert isinstance(decided, Stop)
        assert decided.code is ErrorCode.ALARM_ACTIVE


@given(situations())
def test_safety_nothing_but_a_lit_or_lost_alarm_stops(situation):
    alarms, found = situation
    quiet = [
        one
        for one in found
        if one.reading.state not in (S.ALARM, S.UNREADABLE)
        or (one.reading.state is S.UNREADABLE and alarms.ignore_poll_failure)
    ]

    assert not isinstance(verdict(alarms, quiet, NOW), Stop)


@given(situations())
def test_safety_it_goes_on_only_where_every_alarm_was_read_or_may_be_ignored(situation):
    alarms, found = situation

    if verdict(alarms, found, NOW) == GoOn():
        states = {one.reading.alarm: one.reading.state for one in found}
        assert set(states) == set(alarms.watched)
        fine = {S.OK, S.INSUFFICIENT_DATA} | ({S.UNREADABLE} & {*states.values()})
        assert set(states.values()) <= fine
        assert alarms.ignore_poll_failure or S.UNREADABLE not in states.values()


@given(situations())
def test_progress_what_holds_up_ends_with_time_unless_data_are_missing(situation):
    alarms, found = situation
    later = verdict(alarms, found, NOW + PATIENCE)
    has_all = len(found) == len(alarms.watched)

    assert not (isinstance(later, Wait) and has_all)


@given(situations(), st.randoms(use_true_random=False))
def test_safety_the_order_in_which_alarms_were_seen_decides_nothing(situation, random):
    alarms, found = situation
    mixed = random.sample(found, len(found))

    assert type(verdict(alarms, found, NOW)) is type(verdict(alarms, mixed, NOW))


def test_where_all_is_well_it_goes_on():
    assert judge() == GoOn()
    assert verdict(Alarms(), (), NOW) == GoOn()


def test_alarms_that_are_lit_are_named_in_codedeploys_own_words():
    assert judge(seen(HOT, S.ALARM), seen(COLD, S.ALARM)) == Stop(
        ErrorCode.ALARM_ACTIVE,
        "One or more alarms have been activated according to the Amazon CloudWatch metrics you "
        "selected, and the affected deployments have been stopped. Activated alarms: <hot> <cold>",
    )


def test_a_check_is_no_metric_of_cloudwatch():
    only, mixed = judge(seen(ERRORS, S.ALARM)), judge(seen(ERRORS, S.ALARM), seen(HOT, S.ALARM))

    assert isinstance(only, Stop)
    assert only.reason == (
        "One or more alarms have been activated according to the Prometheus checks you selected, "
        "and the affected deployments have been stopped. Activated alarms: <errors>"
    )
    assert isinstance(mixed, Stop)
    assert "the Amazon CloudWatch metrics and Prometheus checks you selected" in mixed.reason


def test_cloudwatch_without_data_goes_on():
    assert judge(seen(HOT, S.INSUFFICIENT_DATA)) == GoOn()


@pytest.mark.parametrize("ignores", [False, True])
def test_prometheus_without_data_pauses(ignores):
    decided = judge(
        seen(ERRORS, S.NO_DATA, ago=timedelta(days=1)),
        alarms=replace(BOTH, ignore_poll_failure=ignores),
    )

    assert isinstance(decided, Pause)
    assert decided.reason.startswith("Prometheus has no data for <errors>, so nobody can tell")


def test_a_pause_without_data_comes_to_an_end_and_is_not_rolled_back():
    limit = timedelta(hours=48)

    def after(ago: timedelta):
        return judge(seen(ERRORS, S.NO_DATA, ago=ago), pause_limit=limit)

    assert isinstance(after(limit - timedelta(seconds=1)), Pause)
    assert after(limit) == Stop(
        ErrorCode.TIMEOUT,
        "Prometheus has had no data for <errors>, and the deployment that paused for it was "
        "stopped after 48 hours.",
        rollback=False,
    )
    assert judge(seen(COLD, S.ALARM), seen(ERRORS, S.NO_DATA, ago=limit), pause_limit=limit) == (
        judge(seen(COLD, S.ALARM))
    )


@pytest.mark.parametrize("alarm", [HOT, ERRORS])
def test_what_cannot_be_read_stops_and_says_why(alarm):
    decided = judge(seen(alarm, S.UNREADABLE, why="There is no such alarm."))

    assert decided == Stop(
        ErrorCode.ALARM_ACTIVE,
        "The state of one or more alarms you selected cannot be read, and the affected deployments "
        f"have been stopped. Alarms: <{alarm.name}>. There is no such alarm.",
    )


@pytest.mark.parametrize("alarm", [HOT, ERRORS])
def test_what_cannot_be_read_may_be_ignored(alarm):
    lenient = replace(BOTH, ignore_poll_failure=True)

    assert judge(seen(alarm, S.UNREADABLE), alarms=lenient) == GoOn()
    assert isinstance(judge(seen(alarm, S.UNREADABLE), seen(COLD, S.ALARM), alarms=lenient), Stop)


def test_what_may_be_read_again_is_waited_for_and_then_given_up():
    def after(ago):
        return judge(seen(HOT, S.UNREADABLE, may_pass=True, ago=ago, why="It is busy."))

    almost = after(PATIENCE - timedelta(seconds=1))

    assert almost == Wait(
        "The state of <hot> cannot be read just now, and is asked for again. It is busy."
    )
    assert isinstance(after(PATIENCE), Stop)


def test_nothing_begins_before_every_alarm_was_read():
    assert verdict(BOTH, [seen(HOT, S.OK)], NOW) == Wait(
        "The state of <cold> <errors> has not been read yet."
    )


def test_nothing_begins_on_what_was_read_long_ago():
    assert judge(read_at=NOW - STALE + timedelta(seconds=1)) == GoOn()
    assert judge(read_at=NOW - STALE) == Wait(
        "The state of <hot> <cold> <errors> has not been read for 30 s or more, and is asked for "
        "again."
    )
    assert isinstance(judge(seen(HOT, S.ALARM), read_at=NOW - STALE), Stop)
    assert isinstance(judge(seen(ERRORS, S.NO_DATA), read_at=NOW - STALE), Pause)


def test_what_was_seen_of_other_alarms_does_not_count():
    assert judge(seen(CloudWatchAlarm("other"), S.ALARM)) == GoOn()


def test_an_alarm_is_so_since_it_was_first_found_so():
    later, latest = NOW + timedelta(seconds=10), NOW + timedelta(seconds=20)
    lost = Reading(alarm=HOT, state=S.UNREADABLE, why="Busy.")

    first = noted((), [lost, Reading(alarm=COLD, state=S.OK)], NOW)
    second = noted(first, [replace(lost, why="Away."), Reading(alarm=COLD, state=S.ALARM)], later)
    third = noted(second, [Reading(alarm=HOT, state=S.OK)], latest)

    assert [one.since for one in first] == [NOW, NOW]
    assert [one.since for one in second] == [NOW, later]
    assert second[0].reading.why == "Away."
    assert [one.since for one in third] == [latest]


places = st.tuples(st.sampled_from(["eu-central-1", "us-east-1"]), st.sampled_from(["", "role"]))


@st.composite
def watch_lists(draw):
    found = draw(st.lists(st.tuples(places, alarm_sets), max_size=8))
    return [
        Watch(
            deployment_id=DeploymentId(f"d-{number}"),
            region=region,
            role_arn=role,
            alarms=alarms.watched,
        )
        for number, ((region, role), alarms) in enumerate(found)
    ]


def answered(inquiries):
    """Every alarm is lit, and says where it was read."""
    return collected(
        (
            inquiry,
            [
                Reading(alarm=alarm, state=S.ALARM, why=f"{inquiry.region} {inquiry.role_arn}")
                for alarm in inquiry.alarms
            ],
        )
        for inquiry in (*inquiries.cloudwatch, *inquiries.prometheus)
    )


@given(watch_lists())
def test_progress_every_deployment_is_told_of_all_its_alarms_where_it_is(watches):
    answers = answered(plan_inquiries(watches))

    for watch in watches:
        readings = readings_for(watch, answers)
        assert [reading.alarm for reading in readings] == list(watch.alarms)
        for reading in readings:
            of_prometheus = isinstance(reading.alarm, PrometheusCheck)
            assert reading.why == (" " if of_prometheus else f"{watch.region} {watch.role_arn}")


@given(watch_lists())
def test_safety_nothing_is_asked_twice(watches):
    inquiries = plan_inquiries(watches)
    asked = [
        (one.region, one.role_arn, alarm)
        for one in (*inquiries.cloudwatch, *inquiries.prometheus)
        for alarm in one.alarms
    ]

    assert len(asked) == len(set(asked))
    # Fewer alarms than fit into one call: as many calls as there are places.
    has = {
        (watch.region, watch.role_arn)
        for watch in watches
        if any(isinstance(alarm, CloudWatchAlarm) for alarm in watch.alarms)
    }
    assert len(inquiries.cloudwatch) == len(has)


def test_only_what_is_found_otherwise_has_turned():
    before = [seen(HOT, S.OK, ago=timedelta(minutes=1)), seen(COLD, S.OK)]
    after = [seen(HOT, S.OK, ago=timedelta(minutes=1)), seen(COLD, S.ALARM), seen(ERRORS, S.OK)]

    told = [(one.name, one.source, one.to, one.at, one.reason) for one in turned(before, after)]

    assert told == [("cold", "OK", "ALARM", NOW, "Why."), ("errors", "", "OK", NOW, "Why.")]


def test_a_name_that_history_has_no_place_for_is_cut():
    [told] = turned((), [seen(CloudWatchAlarm("x" * 255), S.OK)])

    assert told.name == "x" * 99 + "…"


def watches_of(count, alarms_of):
    return [
        Watch(deployment_id=DeploymentId(f"d-{n}"), region="eu-central-1", alarms=alarms_of(n))
        for n in range(count)
    ]


def test_a_thousand_deployments_with_the_same_alarms_are_one_call():
    inquiries = plan_inquiries(watches_of(1000, lambda _: (HOT, COLD)))

    assert [one.alarms for one in inquiries.cloudwatch] == [(HOT, COLD)]
    assert inquiries.prometheus == ()


def test_more_names_than_fit_go_into_as_few_calls_as_can_be():
    inquiries = plan_inquiries(watches_of(201, lambda n: (CloudWatchAlarm(str(n)),)))

    assert [len(one.alarms) for one in inquiries.cloudwatch] == [100, 100, 1]


def test_checks_with_the_same_query_stay_together():
    def checks_of(n):
        return tuple(replace(ERRORS, query=str(n), threshold=float(t)) for t in range(3))

    inquiries = plan_inquiries(watches_of(150, checks_of))
    asked = [{check.query for check in one.alarms} for one in inquiries.prometheus]

    assert [len(queries) for queries in asked] == [100, 50]
    assert all(not left & right for left, right in itertools.combinations(asked, 2))


def test_who_watches_nothing_asks_nothing():
    inquiries = plan_inquiries(watches_of(3, lambda _: ()))

    assert (inquiries.cloudwatch, inquiries.prometheus) == ((), ())
