"""Bodies of requests as shapes; whatever is none is a SerializationException."""

import re
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tidegate_api.codedeploy.answers import MEDIA_TYPE
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.shapes.shape import Shape

S = TypeVar("S", bound=Shape)
_JSON_1_1: Final = re.compile(re.escape(MEDIA_TYPE) + r"\s*(;.*)?", re.IGNORECASE)


def check_content_type(content_type: str) -> None:
    """Refuse what does not say that it is JSON 1.1.

    Raises:
        AwsError: It does not.
    """
    if not _JSON_1_1.fullmatch(content_type.strip()):
        raise _refused(f"The Content-Type must be {MEDIA_TYPE}.")


def parse(shape: type[S], body: bytes) -> S:
    """Return a body as a shape; an empty one is an empty object.

    Raises:
        AwsError: It is no JSON object, or a member has another type than the model says.
    """
    try:
        # By the model's names alone: fields have others for those who write shapes here.
        return shape.model_validate_json(body or b"{}", by_alias=True, by_name=False)
    except ValidationError as invalid:
        raise _refused(
            _sentence(invalid.errors(include_url=False, include_input=False)[0])
        ) from None


def _sentence(error: ErrorDetails) -> str:
    place = ".".join(str(part) for part in error["loc"])[:200]
    reason = str(error.get("ctx", {}).get("error", error["msg"])).rstrip(".")
    if not place:
        return f"The body must be a JSON object: {reason}."
    if error["type"] == "string_pattern_mismatch":
        reason = "it has a zero byte in it"
    return f"The member {place!r} cannot be taken: {reason[:1].lower()}{reason[1:]}."


def _refused(message: str) -> AwsError:
    return AwsError("SerializationException", message)
