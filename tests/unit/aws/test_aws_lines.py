"""Who waits for an endpoint that does not answer."""

import pytest

from tidegate.drivers import aws_lines
from tidegate.drivers.aws_lines import PAUSE, Line


class Watch:
    """What the time is."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(aws_lines, "monotonic", watch)
    return watch


def calls(line: Line, count: int) -> list[float]:
    """Have so many calls begin, and return those that may."""
    return [begun for begun in (line.begin() for _ in range(count)) if begun is not None]


def silence(line: Line, watch: Watch) -> None:
    """Have a call wait in vain."""
    [begun] = calls(line, 1)
    watch.now += 10
    line.end(begun, in_vain=True)


def test_any_number_may_call_where_somebody_answers(watch: Watch):
    line = Line()
    assert len(calls(line, 50)) == 50

    line.end(watch.now, in_vain=False)

    assert len(calls(line, 50)) == 50


def test_nobody_calls_just_after_one_has_waited_in_vain(watch: Watch):
    line = Line()
    silence(line, watch)

    assert calls(line, 50) == []


def test_then_one_at_a_time_does(watch: Watch):
    line = Line()
    silence(line, watch)

    for _ in range(3):
        watch.now += PAUSE
        [begun] = calls(line, 50)
        watch.now += 10
        line.end(begun, in_vain=True)
        assert calls(line, 50) == []


def test_one_answer_is_enough_for_all(watch: Watch):
    line = Line()
    silence(line, watch)
    watch.now += PAUSE
    [begun] = calls(line, 50)

    line.end(begun, in_vain=False)

    assert len(calls(line, 50)) == 50


def test_one_call_that_others_are_answered_beside_hinders_nobody(watch: Watch):
    line = Line()
    slow, quick = calls(line, 2)
    watch.now += 5
    line.end(quick, in_vain=False)
    watch.now += 5

    line.end(slow, in_vain=True)

    assert len(calls(line, 50)) == 50


def test_all_that_wait_in_vain_together_count_once(watch: Watch):
    line = Line()
    waiting = calls(line, 8)
    watch.now += 10
    for begun in waiting:
        line.end(begun, in_vain=True)

    assert calls(line, 50) == []
    watch.now += PAUSE
    assert len(calls(line, 50)) == 1
