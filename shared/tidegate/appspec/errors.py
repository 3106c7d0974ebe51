"""An AppSpec that cannot be taken, with everything that is wrong in it."""

from tidegate.appspec.values import Problem
from tidegate.domain.errors import Refused


class InvalidAppSpec(Refused):
    """The text is no valid AppSpec: *message* is what the agent would say first."""

    code = "InvalidAppSpec"
    http_status = 422

    def __init__(self, problems: tuple[Problem, ...], warnings: tuple[Problem, ...] = ()) -> None:
        first = problems[0]
        super().__init__(f"The AppSpec is not valid: {first}{_others(len(problems) - 1)}")
        self.problems = problems
        """In the order of the agent's checks."""
        self.warnings = warnings
        self.message = first.message


def _others(count: int) -> str:
    if not count:
        return ""
    return f" (and {count} more problem{'s' if count > 1 else ''})"
