"""Few commands carry all that is wanted over SSM, and none of it waits for long."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.hosts.ssm_batches import MOST_INSTANCES, SsmPace, due, next_look
from tidegate.drivers.hosts.ssm_order import LONGEST_COMMAND, script_of
from tidegate.drivers.hosts.ssm_wants import Common, View, Want

PACE = SsmPace()
NOW = 1_000_000.0
COMMON = Common(bundles="presigned")


def want(number: int, *, age: float = 0.0, **more: Any) -> Want:
    return Want(
        id=f"{number:03}",
        instance=more.pop("instance", f"i-{number:017x}"),
        common=more.pop("common", COMMON),
        header={},
        state_dir=more.pop("state_dir", None),
        asked_at=NOW - age,
        **more,
    )


def view(*wants: Want, ends: tuple[float, ...] = ()) -> View:
    return View(waiting=wants, ends=ends)


def test_the_first_waits_a_moment_for_others():
    young = view(want(1, age=0.5))
    old = view(want(1, age=1.1))

    assert due(young, PACE, now=NOW) == []
    assert [len(batch.wants) for batch in due(old, PACE, now=NOW)] == [1]


def test_groups_share_no_command_while_they_are_told_what_is_theirs():
    mixed = view(
        want(1, age=4, circle="shop"),
        want(2, age=4),
        want(3, age=4, circle="bank"),
        want(4, age=4, circle="shop"),
        want(5, age=4),
    )

    found = [[one.id for one in batch.wants] for batch in due(mixed, PACE, now=NOW)]

    assert found == [["001", "002", "004", "005"], ["003"]]


def test_it_waits_on_while_others_come_but_not_for_ever():
    coming = view(want(1, age=2.0), want(2, age=0.1))
    long = view(want(1, age=PACE.hold + 0.1), want(2, age=0.1))

    assert due(coming, PACE, now=NOW) == []
    assert [len(batch.wants) for batch in due(long, PACE, now=NOW)] == [2]


def test_it_waits_for_hosts_whose_slices_are_just_ending():
    ending = view(want(1, age=1.5), ends=(NOW - 1.0,))

    assert due(ending, PACE, now=NOW) == []


def test_fifty_go_at_once_and_the_rest_when_it_is_time():
    wants = [want(number, age=0.1) for number in range(120)]

    sizes = [len(batch.wants) for batch in due(view(*wants), PACE, now=NOW)]

    assert sizes == [50, 50]


def test_a_host_is_in_a_command_once():
    twice = [want(1, age=2.0), want(2, age=2.0, instance=want(1).instance)]

    batches = due(view(*twice), PACE, now=NOW)

    assert [[w.id for w in batch.wants] for batch in batches] == [["001"], ["002"]]


def test_hosts_with_long_state_folders_of_their_own_share_commands_that_are_short():
    chance = Random(7)
    folders = [f"/{chance.randbytes(99).hex()}" for _ in range(50)]
    wants = [want(number, age=6.0, state_dir=folder) for number, folder in enumerate(folders)]
    alike = [want(number, age=6.0, state_dir=f"/srv/{number}/state") for number in range(50)]
    batches = due(view(*wants), PACE, now=NOW)

    assert [len(batch.wants) for batch in due(view(*alike), PACE, now=NOW)] == [50]
    assert 2 <= len(batches) <= 4
    assert sum(len(batch.wants) for batch in batches) == 50
    url = "https://bucket.s3.eu-central-1.amazonaws.com/" + chance.randbytes(600).hex()
    way = {"sha256": chance.randbytes(32).hex(), "url": url}
    for batch in batches:
        assert len(script_of(batch.wants, runner=way, parcel=way)) < LONGEST_COMMAND


def test_what_differs_for_all_hosts_of_a_command_goes_apart():
    other = replace(COMMON, output_bucket="logs")
    batches = due(view(want(1, age=2), want(2, age=2, common=other)), PACE, now=NOW)

    assert [batch.wants[0].common for batch in batches] == [COMMON, other]


def test_a_wish_is_passed_on_at_once():
    batches = due(view(want(1, hurry=True), want(2)), PACE, now=NOW)

    assert [[w.id for w in batch.wants] for batch in batches] == [["001"]]
    assert batches[0].ends_at == NOW


@pytest.mark.parametrize(("left", "joins"), [(5.0, False), (6.5, True), (17.0, True)])
def test_a_slice_ends_with_those_under_way_if_that_is_not_too_soon(left: float, joins: bool):
    (batch,) = due(view(want(1, age=1.5), ends=(NOW + left,)), PACE, now=NOW)

    assert batch.ends_at == (NOW + left if joins else NOW + PACE.slice)


@given(
    st.lists(st.tuples(st.integers(0, 80), st.floats(0, 4), st.booleans()), max_size=150),
    st.lists(st.floats(NOW - 30, NOW + 30), max_size=4),
)
def test_nothing_is_late_twice_or_too_much(ones: list[tuple[int, float, bool]], ends: list[float]):
    wants = [
        want(number, age=age, instance=f"i-{instance:017x}", hurry=hurry)
        for number, (instance, age, hurry) in enumerate(sorted(ones, key=lambda one: -one[1]))
    ]

    batches = due(view(*wants, ends=tuple(ends)), PACE, now=NOW)

    gone = [w.id for batch in batches for w in batch.wants]
    assert len(gone) == len(set(gone))
    late = {w.id for w in wants if w.hurry or NOW - w.asked_at >= PACE.hold}
    assert late <= set(gone)
    for batch in batches:
        instances = {w.instance for w in batch.wants}
        assert len(instances) == len(batch.wants) <= MOST_INSTANCES
        assert NOW <= batch.ends_at <= NOW + PACE.slice


def test_an_end_is_seen_within_ten_seconds_and_few_looks_are_taken():
    now, looks, ends_at = 0.0, 0, PACE.slice
    gaps: list[float] = []
    while now < ends_at + 1:
        then = next_look(now, ends_at=ends_at, commands=2, pace=PACE)
        gaps.append(then - now)
        now, looks = then, looks + 1

    assert max(gaps) <= 8.0
    assert looks <= 5
