"""Answers in AWS JSON 1.1, each with the id of its request."""

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.shapes.shape import Shape

MEDIA_TYPE: Final = "application/x-amz-json-1.1"
REQUEST_ID: Final = "x-amzn-RequestId"


def answer_of(request: Request, output: Shape | None) -> Response:
    """Return what an operation gives; nothing at all where it gives nothing."""
    body = b"" if output is None else output.model_dump_json(by_alias=True, exclude_none=True)
    return _response(request, body, status=200)


def refusal_of(request: Request, error: AwsError) -> Response:
    """Return what an operation was refused with."""
    body = json.dumps({"__type": error.code, "message": error.message})
    return _response(request, body, status=error.status)


def _response(request: Request, body: bytes | str, *, status: int) -> Response:
    headers = {REQUEST_ID: request.state.request_id}
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)
