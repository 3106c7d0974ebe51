"""What all shapes have in common: member names, and values as JSON 1.1 writes them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)
from pydantic.alias_generators import to_camel

from tidegate.clock import from_epoch

_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Shape(BaseModel):
    """A structure of CodeDeploy's model.

    No member is required here: where one is missing, the operation says so with a code of its own.
    Members that are not known are passed over, and null is as good as nothing.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )


def _moment(value: object) -> object:
    """Read a moment as clients write one: seconds since 1970, or ISO 8601."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        if isinstance(value, datetime):
            return value
        raise ValueError("it is no moment")
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else from_epoch(value)
    except (ValueError, OverflowError, OSError):
        raise ValueError("it is no moment") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not _EARLIEST < found < _LATEST:
        raise ValueError("it is too far away")
    return found


def _seconds(moment: datetime) -> float:
    return round(moment.timestamp(), 3)


Text = Annotated[StrictStr, Field(pattern=r"\A[^\x00]*\z")]
"""Text without a zero byte, which no database can hold."""
Flag = StrictBool
Whole = Annotated[StrictInt, Field(ge=-(2**31), lt=2**31)]
Long = Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
Number = StrictFloat
Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(_seconds, return_type=float)]
