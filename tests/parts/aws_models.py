"""What botocore's models say that AWS takes and tells."""

from functools import cache
from itertools import count
from typing import Any

import botocore.session


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def members(service: str, shape: str) -> set[str]:
    return set(model(service).shape_for(shape).members)


def sample(service: str, shape: str, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A structure all of whose members are there, to the last one, each with a value of its own."""
    numbers = count(1)

    def made(one: Any, name: str) -> Any:
        match one.type_name:
            case "structure":
                return {key: made(of, key) for key, of in one.members.items() if key not in without}
            case "list":
                return [made(one.member, name)]
            case "map":
                return {made(one.key, name): made(one.value, name)}
            case "string":
                return one.enum[-1] if one.enum else f"{name}-{next(numbers)}"
            case "boolean":
                return True
            case _:
                return next(numbers)

    found: dict[str, Any] = made(model(service).shape_for(shape), shape)
    return found
