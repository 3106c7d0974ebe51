"""A state machine as a table: where each event leads from each status."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from tidegate.domain.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Machine(Generic[S, E]):
    """Where each event leads from each status. What the table lacks is refused."""

    name: str
    initial: S
    moves: Mapping[tuple[S, E], S]

    def after(self, status: S, event: E) -> S:
        """Return the status that *event* leads to.

        Raises:
            IllegalTransition: The table has no such move.
        """
        try:
            return self.moves[status, event]
        except KeyError:
            raise IllegalTransition(self.name, status, event, self.events_from(status)) from None

    def events_from(self, status: S) -> tuple[E, ...]:
        """Return what may happen in *status*."""
        return tuple(event for (source, event) in self.moves if source == status)

    def sources_of(self, event: E) -> tuple[S, ...]:
        """Return the statuses in which *event* may happen."""
        return tuple(source for (source, candidate) in self.moves if candidate == event)

    def is_final(self, status: S) -> bool:
        """Tell whether nothing more can happen in *status*."""
        return not self.events_from(status)
