"""What a worker says of itself."""

import pytest

from tidegate_workers.health import PATIENCE, Condition

LONG = PATIENCE + 1


def seen(*, beat: float = LONG, turned: float = LONG, took: float = LONG) -> Condition:
    return Condition(beat_at=beat, turned_at=turned, took_at=took)


def test_one_that_shows_life_and_has_nothing_to_take_is_well():
    assert seen(took=0).wrong(LONG, waiting=0, has_room=True) == ""


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (seen(beat=0), "its heartbeat has not reached the database for 16 s."),
        (seen(turned=0), "it has taken no messages for 16 s, as its event loop is stuck."),
        (seen(took=0), "it has taken none of 3 messages for 16 s."),
    ],
)
def test_one_that_does_not_is_told(condition: Condition, sentence: str):
    assert condition.wrong(LONG, waiting=3, has_room=True) == sentence


def test_one_whose_slots_are_all_taken_need_not_take_more():
    condition = seen(took=0)

    assert condition.wrong(LONG, waiting=3, has_room=False) == ""
    assert condition.wrong(2 * PATIENCE, waiting=3, has_room=True) == ""
