"""When a notice that did not pass is tried again, and when it is given up."""

from datetime import datetime, timedelta
from typing import Final

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=15)
GIVEN_UP_AFTER: Final = timedelta(hours=24)


def next_try(*, at: datetime, attempts: int, now: datetime) -> datetime | None:
    """Return when to try once more what happened *at*, or None to give it up.

    The wait doubles with each of the *attempts* so far.
    """
    doublings = min(max(attempts - 1, 0), 30)
    again = now + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
    return None if again - at > GIVEN_UP_AFTER else again


def is_given_up(*, at: datetime, attempts: int, now: datetime) -> bool:
    """Tell whether what was tried before is too old to be tried again.

    This ends what takes its sender along each time; all else is given up when a try fails.
    """
    return attempts > 0 and now - at > GIVEN_UP_AFTER
