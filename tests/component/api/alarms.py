"""Alarms that are found as a test wants them."""

from collections.abc import Sequence
from typing import Any

from tidegate.domain.alarms import AlarmState, Inquiry, Reading
from tidegate.engine.alarms import AlarmPolling
from tidegate.store.unit_of_work import Store


class FakeAlarms:
    """A source whose alarms are OK unless a test says otherwise."""

    def __init__(self, **states: AlarmState) -> None:
        self.found = states

    def states(self, inquiry: Inquiry[Any]) -> Sequence[Reading[Any]]:
        return [
            Reading(alarm=one, state=self.found.get(one.name, AlarmState.OK), why="Why.")
            for one in inquiry.alarms
        ]


def read_alarms(store: Store, **states: AlarmState) -> None:
    """Read the alarms of all deployments once, as the workers do every ten seconds."""
    source = FakeAlarms(**states)
    AlarmPolling(
        store=store,
        assume_role=False,
        cloudwatch=lambda: source,
        prometheus=lambda: source,
    ).poll()
