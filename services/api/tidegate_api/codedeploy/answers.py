"""Answers in AWS JSON 1.1; the edge puts the id of its request on each."""

import json
from typing import Final

from starlette.responses import Response

from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.shapes.shape import Shape

MEDIA_TYPE: Final = "application/x-amz-json-1.1"


def answer_of(output: Shape | None) -> Response:
    """Return what an operation gives; nothing at all where it gives nothing."""
    body = b"" if output is None else output.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, media_type=MEDIA_TYPE)


def refusal_of(error: AwsError) -> Response:
    """Return what an operation was refused with."""
    body = json.dumps({"__type": error.code, "message": error.message})
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE)
