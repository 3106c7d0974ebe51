"""The course of a deployment of a service, whose every call of AWS may meet something."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from moto import mock_aws

from contract.traffic.ecs_course import LOOK, RESTORE, STEPS, Course, Verb, outcome
from parts.aws_faults import Died, Fault, counted
from parts.ecs_account import Saved, forward, make_account
from tidegate.domain.traffic import Errand
from tidegate.drivers.traffic import Answer, Done, Running
from tidegate.testing.aws.ecs import like_aws

MOST_CALLS = 80
READS = ("Describe", "List")
VERBS: dict[str, Verb] = {"look": LOOK, **STEPS, "restore": RESTORE}


@dataclass
class Way:
    """One course, that every phase of it can be gone from any number of times."""

    course: Course
    untouched: dict[str, Any]
    starts: dict[str, Saved]
    """How the account stands before each verb."""
    ends: dict[str, dict[str, Any]]
    """What it looks like after it, where nothing went wrong."""

    def each_call(self, name: str, fault: Fault) -> Iterator[tuple[int, Answer | None, str]]:
        """Yield for each call of AWS that a verb makes what came of the fault that met it there.

        A verb that is still on its way is called again, so that no call of it is left out.
        """
        for number in range(1, MOST_CALLS):
            self.starts[name].again()
            with counted(fault, at=number) as calls:
                answer = self._answer(VERBS[name])
            if len(calls.made) < number:
                assert number > 3
                return
            yield number, answer, calls.made[number - 1]
        raise AssertionError("it never ends")

    def each_change(self, name: str) -> Iterator[tuple[Answer, list[str]]]:
        """Yield for each change that a verb makes what came of losing the errand just before it.

        With it come the changes that were made.
        """
        for number in range(MOST_CALLS):
            self.starts[name].again()
            mine = iter([True] * number)
            errand = replace(self.course.errand, still_mine=lambda mine=mine: next(mine, False))
            with counted() as calls:
                answer = self._answer(VERBS[name], errand)
            if isinstance(answer, Done):
                assert number > 0
                return
            assert answer is not None
            yield answer, [one for one in calls.answered if not one.startswith(READS)]
        raise AssertionError("it never ends")

    def _answer(self, verb: Verb, errand: Errand | None = None) -> Answer | None:
        try:
            while True:
                answer = verb(self.course.driver, errand or self.course.errand)
                if not isinstance(answer, Running):
                    return answer
        except Died:
            return None


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    """Whose production listener has a rule of the pair, too."""
    with like_aws(), mock_aws():
        account = make_account()
        account.rule(1, "/api", forward(account.blue))
        untouched = outcome(account)
        course = Course.looked(account)
        starts, ends = {}, {}
        for name, verb in VERBS.items():
            if name == "restore":
                starts["finish"].again()
            starts[name] = Saved()
            course.until_done(verb)
            ends[name] = outcome(account)
        yield Way(course, untouched, starts, ends)
