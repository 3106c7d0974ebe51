"""Shapes that several resources share."""

import json
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tidegate.domain.deployment import AutoRollback, RollbackEvent

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=1000, description="Most entries of one page.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before.")
]


Reason = Annotated[str, Field(max_length=1000)]


class In(BaseModel):
    """What comes in; a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, data: object) -> object:
        if _has_zero_byte(data):
            raise ValueError("it has a zero byte in it")
        try:
            json.dumps(data, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("it has half a character in it, a lone surrogate") from None
        return data


def _has_zero_byte(data: object) -> bool:
    """Tell whether there is a zero byte in what JSON said, which no database can hold as text."""
    match data:
        case str():
            return "\0" in data
        case dict():
            return any(map(_has_zero_byte, (*data, *data.values())))
        case list():
            return any(map(_has_zero_byte, data))
        case _:
            return False


class Page(BaseModel, Generic[Item]):
    """A page of a list; without `next_cursor` it is the last one."""

    items: list[Item]
    next_cursor: str | None


class RollbackIn(In):
    enabled: bool = True
    events: list[RollbackEvent] = Field(default_factory=list)

    def value(self) -> AutoRollback:
        return AutoRollback(enabled=self.enabled, events=tuple(dict.fromkeys(self.events)))


class RollbackOut(BaseModel):
    enabled: bool
    events: list[RollbackEvent]

    @classmethod
    def of(cls, rollback: AutoRollback) -> "RollbackOut":
        return cls(enabled=rollback.enabled, events=list(rollback.events))
