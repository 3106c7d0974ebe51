"""What traffic moves between, and how it was found, as JSON and back."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tidegate.domain.traffic import (
    AliasMove,
    CapacityProvider,
    Found,
    Move,
    Network,
    ServiceMove,
    Side,
    TaskSet,
)
from tidegate.store.aws_settings import pair_from_json


def move_to_json(move: Move) -> dict[str, Any]:
    """Return a move as it is kept."""
    return asdict(move)


def move_from_json(body: Mapping[str, Any]) -> Move:
    """Return a move that was kept."""
    if "alias" in body:
        return AliasMove(**body)
    return ServiceMove(
        **{
            **body,
            "pairs": tuple(pair_from_json(pair) for pair in body["pairs"]),
            "network": Network.of(body["network"]),
            "capacity_providers": tuple(CapacityProvider(**p) for p in body["capacity_providers"]),
        }
    )


def found_to_json(found: Found) -> dict[str, Any]:
    """Return what was found as it is kept."""
    return {**asdict(found), "at": found.at.isoformat()}


def found_from_json(body: Mapping[str, Any]) -> Found:
    """Return what was found and kept."""
    return Found(
        weight=body["weight"],
        at=datetime.fromisoformat(body["at"]),
        task_sets=tuple(TaskSet(**{**one, "side": Side(one["side"])}) for one in body["task_sets"]),
    )
