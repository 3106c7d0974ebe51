"""When a notice is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.planning.delivery import (
    FIRST_WAIT,
    GIVEN_UP_AFTER,
    LONGEST_WAIT,
    is_given_up,
    next_try,
)

AT = datetime(2026, 11, 3, tzinfo=UTC)
ages = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3))


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (10_000, 900)]
)
def test_waits_double_up_to_a_quarter_of_an_hour(attempts, seconds):
    assert next_try(at=AT, attempts=attempts, now=AT) == AT + timedelta(seconds=seconds)


@given(age=ages, attempts=st.integers(min_value=1, max_value=10_000))
def test_whatever_is_tried_again_is_tried_within_the_day(age, attempts):
    again = next_try(at=AT, attempts=attempts, now=AT + age)

    if again is None:
        assert age > GIVEN_UP_AFTER - LONGEST_WAIT
    else:
        assert FIRST_WAIT <= again - (AT + age) <= LONGEST_WAIT
        assert again <= AT + GIVEN_UP_AFTER


@given(age=ages, attempts=st.integers(min_value=0, max_value=10))
def test_only_what_was_tried_and_is_too_old_is_given_up_untried(age, attempts):
    given_up = is_given_up(at=AT, attempts=attempts, now=AT + age)

    assert given_up == (attempts > 0 and age > GIVEN_UP_AFTER)
