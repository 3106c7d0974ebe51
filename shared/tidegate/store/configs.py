"""Deployment configs in the catalog: the predefined ones and custom ones."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.configs import (
    PREDEFINED,
    DeploymentConfig,
    MinimumHealthy,
    MinimumHealthyType,
    TrafficRouting,
    TrafficType,
    Zonal,
)
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ConfigExists, ConfigNotFound
from tidegate.store.tables import ConfigRow


class Configs:
    """Writes and reads deployment configs."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def config(self, name: str) -> DeploymentConfig:
        """Return the config called *name*, predefined or custom.

        Raises:
            ConfigNotFound: There is none.
        """
        if name in PREDEFINED:
            return PREDEFINED[name]
        row = self._session.scalar(self._configs_here().where(ConfigRow.name == name))
        if row is None:
            raise ConfigNotFound(name)
        return _config(row)

    def configs(self) -> list[DeploymentConfig]:
        """Return all configs by name; custom ones are few."""
        custom = [_config(row) for row in self._session.scalars(self._configs_here())]
        return sorted([*PREDEFINED.values(), *custom], key=lambda config: config.name)

    def count_custom_configs(self) -> int:
        """Return how many custom configs there are."""
        query = select(func.count()).select_from(ConfigRow)
        return self._session.scalar(query.where(ConfigRow.region == self._region)) or 0

    def add_config(self, config: DeploymentConfig, *, at: datetime) -> None:
        """Create a custom config.

        Raises:
            ConfigExists: There is one of that name.
        """
        self._session.add(
            ConfigRow(
                id=config.id,
                region=self._region,
                name=config.name,
                compute_platform=config.compute_platform,
                settings=_settings(config),
                tags={},
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
            .where(ConfigRow.region == self._region, ConfigRow.name == name)
            .execution_options(synchronize_session=False)
        )

    def _configs_here(self) -> Select[ConfigRow]:
        return select(ConfigRow).where(ConfigRow.region == self._region)


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
        "zonal": config.zonal and _zonal_settings(config.zonal),
    }


def _zonal_settings(zonal: Zonal) -> dict[str, Any]:
    minimum = zonal.minimum_per_zone
    return {
        "monitor": _seconds(zonal.monitor),
        "first_zone_monitor": _seconds(zonal.first_zone_monitor),
        "minimum_per_zone": minimum and {"type": minimum.type, "value": minimum.value},
    }


def _zonal(settings: Mapping[str, Any] | None) -> Zonal | None:
    if settings is None:
        return None
    minimum = settings["minimum_per_zone"]
    return Zonal(
        monitor=_duration(settings["monitor"]),
        first_zone_monitor=_duration(settings["first_zone_monitor"]),
        minimum_per_zone=minimum
        and MinimumHealthy(MinimumHealthyType(minimum["type"]), minimum["value"]),
    )


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _config(row: ConfigRow) -> DeploymentConfig:
    minimum, routing = row.settings["minimum_healthy"], row.settings["traffic_routing"]
    return DeploymentConfig(
        id=row.id,
        name=row.name,
        compute_platform=ComputePlatform(row.compute_platform),
        minimum_healthy=minimum
        and MinimumHealthy(MinimumHealthyType(minimum["type"]), minimum["value"]),
        traffic_routing=routing
        and TrafficRouting(
            TrafficType(routing["type"]), routing["percentage"], routing["interval_minutes"]
        ),
        zonal=_zonal(row.settings.get("zonal")),
        created_at=row.created_at,
    )
