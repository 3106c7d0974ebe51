"""Deployment configs in the catalog: the predefined ones and custom ones."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.configs import (
    PREDEFINED,
    DeploymentConfig,
    MinimumHealthy,
    MinimumHealthyType,
    TrafficRouting,
    TrafficType,
)
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ConfigExists, ConfigNotFound
from tidegate.store.tables import ConfigRow


class Configs:
    """Writes and reads deployment configs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def config(self, name: str) -> DeploymentConfig:
        """Return the config called *name*, predefined or custom.

        Raises:
            ConfigNotFound: There is none.
        """
        if name in PREDEFINED:
            return PREDEFINED[name]
        row = self._session.get(ConfigRow, name)
        if row is None:
            raise ConfigNotFound(name)
        return _config(row)

    def configs(self) -> list[DeploymentConfig]:
        """Return all configs by name; custom ones are few."""
        custom = [_config(row) for row in self._session.scalars(select(ConfigRow))]
        return sorted([*PREDEFINED.values(), *custom], key=lambda config: config.name)

    def count_custom_configs(self) -> int:
        """Return how many custom configs there are."""
        return self._session.scalar(select(func.count()).select_from(ConfigRow)) or 0

    def add_config(self, config: DeploymentConfig, *, at: datetime) -> None:
        """Create a custom config.

        Raises:
            ConfigExists: There is one of that name.
        """
        self._session.add(
            ConfigRow(
                name=config.name,
                compute_platform=config.compute_platform,
                settings=_settings(config),
                created_at=at,
            )
        )
        try:
            self._session.flush()
        except IntegrityError:
            raise ConfigExists(config.name) from None

    def delete_config(self, name: str) -> None:
        """Delete a custom config."""
        self._session.execute(
            delete(ConfigRow)
            .where(ConfigRow.name == name)
            .execution_options(synchronize_session=False)
        )


def _settings(config: DeploymentConfig) -> dict[str, Any]:
    minimum, routing = config.minimum_healthy, config.traffic_routing
    return {
        "minimum_healthy": minimum and {"type": minimum.type, "value": minimum.value},
        "traffic_routing": routing
        and {
            "type": routing.type,
            "percentage": routing.percentage,
            "interval_minutes": routing.interval_minutes,
        },
    }


def _config(row: ConfigRow) -> DeploymentConfig:
    minimum, routing = row.settings["minimum_healthy"], row.settings["traffic_routing"]
    return DeploymentConfig(
        name=row.name,
        compute_platform=ComputePlatform(row.compute_platform),
        minimum_healthy=minimum
        and MinimumHealthy(MinimumHealthyType(minimum["type"]), minimum["value"]),
        traffic_routing=routing
        and TrafficRouting(
            TrafficType(routing["type"]), routing["percentage"], routing["interval_minutes"]
        ),
        created_at=row.created_at,
    )
