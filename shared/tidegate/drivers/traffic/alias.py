"""An alias of a Lambda function as it stands: whose traffic goes where, and who made it so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isclose
from typing import Any, Final, Self

from typing_extensions import override

from tidegate.domain.traffic import AliasMove, Json

ALL: Final = 100
"""Percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Its version, and what share other versions get."""

    version: str
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of all traffic, as fractions."""
    revision_id: str = ""
    """Another one after every update, whoever made it."""
    description: str = ""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Return it as GetAlias tells it, or as it was kept; what is empty may be left out."""
        routing = answer.get("RoutingConfig") or {}
        return cls(
            version=answer["FunctionVersion"],
            weights=dict(routing.get("AdditionalVersionWeights") or {}),
            revision_id=answer.get("RevisionId") or "",
            description=answer.get("Description") or "",
        )

    @classmethod
    def at(cls, move: AliasMove, share: int) -> Self:
        """Return how it stands when the new version has a share of so many percent."""
        if share == ALL:
            return cls(version=move.target_version)
        weights = {move.target_version: share / ALL} if share else {}
        return cls(version=move.current_version, weights=weights)

    @override
    def __str__(self) -> str:
        shares = [f"{weight * ALL:g} % to version {name}" for name, weight in self.weights.items()]
        return f"version {self.version}{' with ' if shares else ''}{' and '.join(shares)}"

    def as_json(self) -> dict[str, Json]:
        """Return what *of* reads again."""
        return {
            "FunctionVersion": self.version,
            "RoutingConfig": {"AdditionalVersionWeights": dict(self.weights)},
            "RevisionId": self.revision_id,
            "Description": self.description,
        }

    def share_of(self, version: str) -> float:
        """Return how much of all traffic a version gets, in percent."""
        if version == self.version:
            return round(ALL * (1 - sum(self.weights.values())), 6)
        return round(ALL * self.weights.get(version, 0.0), 6)

    def routes_as(self, other: "Alias") -> bool:
        """Tell whether traffic goes the same ways by both."""
        return (
            self.version == other.version
            and self.weights.keys() == other.weights.keys()
            and all(
                isclose(weight, other.weights[name], abs_tol=1e-6)
                for name, weight in self.weights.items()
            )
        )

    def is_one_of(self, move: AliasMove, shares: Iterable[int]) -> bool:
        """Tell whether a deployment that gave the new version any of these shares can have made it.

        It goes by how the alias stands: a worker may have died before it could keep the id of the
        revision that it made.
        """
        return any(self.routes_as(Alias.at(move, share)) for share in shares)
