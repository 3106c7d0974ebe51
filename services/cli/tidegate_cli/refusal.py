"""Why a process cannot run here, said in one sentence."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tidegate.secret_files import secret_names
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
        raise CannotStart("\n".join(_sentence(one) for one in error.errors())) from None


def _sentence(problem: ErrorDetails) -> str:
    field = "_".join(map(str, problem["loc"]))
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    # Only the first letter: names of variables and patterns are as they are.
    reason = message[:1].lower() + message[1:]
    value = "what it is" if _is_secret(field) else repr(problem["input"])
    return f"TIDEGATE_{field.upper()} cannot be {value}: {reason}."


def _is_secret(field: str) -> bool:
    return field.endswith("_url") or field in secret_names(Settings)
