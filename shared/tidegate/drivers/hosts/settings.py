"""What a host's row says about reaching it: how it is read, whatever its driver is."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator

_LONGEST_FOLDER = 200


class InvalidSettings(ValueError):
    """A host's settings make no sense."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


def _nothing_if_empty(value: object) -> object:
    return None if value == "" else value


Text = Annotated[str | None, BeforeValidator(_nothing_if_empty)]
"""What is not set where it is empty."""


class HostSettings(BaseModel):
    """Settings of a host, each checked with a sentence that helps."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]
    """What they are of, in a sentence."""

    state_dir: Text = None
    """Where the runner keeps its folder on the host."""

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> Self:
        """Return *settings*, checked.

        Raises:
            InvalidSettings: They make no sense; every problem is a sentence.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as invalid:
            raise InvalidSettings(tuple(cls._sentences(invalid))) from None

    @classmethod
    def _sentences(cls, invalid: ValidationError) -> list[str]:
        problems = invalid.errors(include_url=False, include_input=False)
        return [cls._sentence(problem) for problem in problems]

    @classmethod
    def _sentence(cls, problem: Mapping[str, Any]) -> str:
        if problem["type"] == "value_error":
            return str(problem["ctx"]["error"])
        name = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            return f"Over {cls.kind} there is no {name!r}; take it away, or name another driver."
        return f"{cls.kind} setting {name!r}: {problem['msg']}."

    @field_validator("state_dir")
    @classmethod
    def _is_state_dir(cls, folder: str | None) -> str | None:
        if folder is None:
            return None
        if not folder.startswith(("/", "~/")) or "\0" in folder or len(folder) > _LONGEST_FOLDER:
            raise ValueError(
                f"The state folder {folder[:80]!r} does not start with '/' or with '~/', or has "
                f"more than {_LONGEST_FOLDER} characters."
            )
        return folder
