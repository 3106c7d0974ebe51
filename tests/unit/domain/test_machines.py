"""State machines: whatever happens in whatever order, what is finished stays finished."""

from itertools import groupby

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tidegate.domain.course import STEP_MACHINE
from tidegate.domain.deployment import DEPLOYMENT_MACHINE, DeploymentStatus
from tidegate.domain.errors import IllegalTransition
from tidegate.domain.lifecycle import (
    EVENT_MACHINE,
    FINAL_EVENT_STATUSES,
    OPEN_EVENT_STATUSES,
    EventStatus,
)
from tidegate.domain.target import FINAL_TARGET_STATUSES, TARGET_MACHINE, TargetStatus

MACHINES = [DEPLOYMENT_MACHINE, TARGET_MACHINE, EVENT_MACHINE, STEP_MACHINE]


def events_of(machine):
    return list(dict.fromkeys(event for _, event in machine.moves))


class AnyLife(RuleBasedStateMachine):
    """One thing with a status, and events that come as they like."""

    @initialize(machine=st.sampled_from(MACHINES))
    def begin(self, machine):
        self.machine = machine
        self.status = machine.initial
        self.seen = [machine.initial]

    @rule(choice=st.integers(0, 100))
    def something_happens(self, choice):
        events = events_of(self.machine)
        event, before = events[choice % len(events)], self.status
        try:
            self.status = self.machine.after(before, event)
        except IllegalTransition:
            assert event not in self.machine.events_from(before)
        else:
            assert not self.machine.is_final(before)
            self.seen.append(self.status)

    @invariant()
    def nothing_comes_after_the_end(self):
        assert not any(self.machine.is_final(status) for status in self.seen[:-1])

    @invariant()
    def no_status_comes_back_but_from_a_wait(self):
        lasting = [status for status in self.seen if status is not DeploymentStatus.READY]
        went = [status for status, _ in groupby(lasting)]
        assert len(set(went)) == len(went)


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=60, stateful_step_count=15)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_status_that_is_reached_leads_to_an_end(machine):
    reached = {machine.initial, *machine.moves.values()}

    def ends_from(status, path=()):
        if machine.is_final(status):
            return True
        return status not in path and any(
            ends_from(machine.after(status, event), (*path, status))
            for event in machine.events_from(status)
        )

    assert all(ends_from(status) for status in reached)


def test_what_codedeploy_calls_final_is_final():
    final = {DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.STOPPED}

    assert {s for s in DEPLOYMENT_MACHINE.moves.values() if DEPLOYMENT_MACHINE.is_final(s)} == final


def test_the_named_sets_of_statuses_agree_with_the_tables():
    assert all(EVENT_MACHINE.is_final(status) for status in FINAL_EVENT_STATUSES)
    assert not any(EVENT_MACHINE.is_final(status) for status in OPEN_EVENT_STATUSES)
    assert {EventStatus.SUCCEEDED, EventStatus.FAILED, EventStatus.SKIPPED} == set(
        FINAL_EVENT_STATUSES
    )
    done = {TargetStatus.SUCCEEDED, TargetStatus.FAILED, TargetStatus.SKIPPED}
    assert done <= set(FINAL_TARGET_STATUSES)
    assert not {TargetStatus.PENDING, TargetStatus.IN_PROGRESS} & set(FINAL_TARGET_STATUSES)


def test_a_refusal_says_what_can_be_done():
    with pytest.raises(IllegalTransition, match="it can: nothing, it is final") as refused:
        DEPLOYMENT_MACHINE.after(DeploymentStatus.STOPPED, events_of(DEPLOYMENT_MACHINE)[0])

    assert refused.value.http_status == 409
