"""Situations that end a command: one sentence for the person, one exit code for the machine."""

from datetime import timedelta
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    FAILED = 3
    ROLLED_BACK = 4
    STOPPED = 5
    DEADLINE = 6
    INTERRUPTED = 130


class Ended(Exception):
    """A command could not do what it was asked to; the text is the sentence to print."""

    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED


class Refused(Ended):
    """The service answered, and the answer is no."""

    def __init__(self, sentence: str, *, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class Unavailable(Ended):
    """The service does not answer now; it may do so later."""


class Unreachable(Unavailable):
    """Nothing answers at the address."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"Nothing answers at {url} ({why}); start the service with `tidegate up`, "
            "or set TIDEGATE_URL to where it runs."
        )


class OutOfTouch(Ended):
    """The service stayed away for too long while something was waited for."""

    def __init__(self, url: str, deployment_id: str, patience: timedelta) -> None:
        minutes = round(patience.total_seconds() / 60)
        super().__init__(
            f"{url} has not answered for {minutes} minutes; the deployment may go on there: "
            f"`tidegate watch {deployment_id}` looks again."
        )


class BadFolder(Ended):
    """What should be packed or checked cannot be."""


class BadAppSpec(Ended):
    """An AppSpec has problems; every one of them was said before."""


class BadProfile(Ended):
    """A profile is not there or cannot be used."""


class BadToken(Ended):
    """The token that was given cannot be used."""
