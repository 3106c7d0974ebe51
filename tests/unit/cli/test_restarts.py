"""How long a supervisor waits before it starts a program again."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate_cli.supervisor import LONGEST_DELAY, STABLE_AFTER, next_delay


def delays(lives: list[float]) -> list[float]:
    waited: list[float] = []
    for lived in lives:
        waited.append(next_delay(waited[-1] if waited else 0, lived=lived))
    return waited


def test_each_wait_is_twice_the_one_before_up_to_ten_seconds():
    assert delays([0.1] * 7) == [1, 2, 4, 8, 10, 10, 10]


def test_a_stable_life_forgives_everything():
    assert delays([0, 0, 0, 20, 0]) == [1, 2, 4, 1, 2]


@given(st.lists(st.floats(0, 1000)))
def test_no_wait_is_too_long_and_none_is_missing(lives: list[float]):
    for lived, delay in zip(lives, delays(lives), strict=True):
        assert 1 <= delay <= LONGEST_DELAY
        assert delay == 1 or lived < STABLE_AFTER
