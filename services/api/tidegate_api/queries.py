"""Query parameters: one that no operation knows is refused, as an unknown field of a body is."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request

from tidegate.domain.errors import Invalid

PREFIX: Final = "/v1"


def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a query parameter that the operation does not have.

    A typo in a filter would otherwise give everything instead of little.

    Raises:
        Invalid: There is one.
    """
    if not request.query_params:
        return
    # The route knows its path only below the router that this check hangs on.
    path = PREFIX + request.scope["route"].path_format
    known = _parameters(request.app.openapi(), path, request.method.lower())
    for name in request.query_params:
        if name not in known:
            can = ", ".join(sorted(known)) or "none"
            raise Invalid(f"There is no query parameter {name[:80]!r} here; there are: {can}.")


def _parameters(schema: Mapping[str, Any], path: str, method: str) -> set[str]:
    operation = schema["paths"].get(path, {}).get(method, {})
    return {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
