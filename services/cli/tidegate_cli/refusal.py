"""Why a process cannot run here, said in one sentence."""

from pydantic import ValidationError

from tidegate.settings import Settings, load_settings
from tidegate_cli.errors import Ended


class CannotStart(Ended):
    """Something on this machine is in the way; the message says what, and what can be done."""


def chosen_settings(**options: object) -> Settings:
    """Return the settings of the environment, and above them the options that were given.

    Raises:
        CannotStart: A value cannot be taken.
    """
    try:
        return load_settings(**options)
    except ValidationError as error:
        problems = [
            f"TIDEGATE_{'_'.join(map(str, problem['loc'])).upper()} cannot be"
            f" {problem['input']!r}: {problem['msg'].rstrip('.').lower()}."
            for problem in error.errors()
        ]
        raise CannotStart("\n".join(problems)) from None
