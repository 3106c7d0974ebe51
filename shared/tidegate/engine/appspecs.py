"""AppSpecs that a host has and no revision of ours: read for it."""

from collections.abc import Mapping

from tidegate.appspec import InvalidAppSpec, parse_appspec


def read_appspec(text: bytes) -> Mapping[str, object]:
    """Return what an AppSpec says, or the agent's words for what is wrong with it."""
    try:
        return {"appspec": parse_appspec(text).as_json()}
    except InvalidAppSpec as invalid:
        return {"error": invalid.message}
