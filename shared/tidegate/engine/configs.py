"""Use cases on deployment configs."""

from dataclasses import replace

from tidegate.domain.configs import (
    MAX_CUSTOM_CONFIGS,
    DeploymentConfig,
    check_config,
)
from tidegate.domain.errors import ConfigInUse, ConfigPredefined, Invalid
from tidegate.engine.checks import check_name
from tidegate.store.unit_of_work import UnitOfWork


def create_config(config: DeploymentConfig, *, uow: UnitOfWork) -> DeploymentConfig:
    """Create a custom config.

    Raises:
        Invalid: It breaks CreateDeploymentConfig's rules, or there are too many.
        ConfigExists: There is one of that name.
    """
    check_name("deployment config", config.name)
    check_config(config)
    if uow.catalog.count_custom_configs() >= MAX_CUSTOM_CONFIGS:
        raise Invalid(
            f"There are {MAX_CUSTOM_CONFIGS} custom deployment configs already, which is the "
            "limit; delete one first with `tidegate config delete`.",
            code="DeploymentConfigLimitExceededException",
        )
    created = replace(config, id=uow.ids.unique(), created_at=uow.now())
    uow.catalog.add_config(created, at=uow.now())
    return created


def delete_config(name: str, *, uow: UnitOfWork) -> None:
    """Delete a custom config.

    Raises:
        ConfigNotFound: There is none.
        ConfigPredefined: It is CodeDeploy's own.
        ConfigInUse: A group or an active deployment goes by it.
    """
    config = uow.catalog.config(name)
    if config.is_predefined:
        raise ConfigPredefined(name)
    user = uow.catalog.group_with_config(name)
    if user is not None:
        application, group = user
        raise ConfigInUse(
            f"The deployment config {name!r} is used by the deployment group {group!r} of the "
            f"application {application!r}; give that group another one first."
        )
    active = uow.catalog.active_deployment_with_config(name)
    if active is not None:
        raise ConfigInUse(
            f"The deployment config {name!r} is used by the active deployment {active}."
        )
    uow.catalog.delete_config(name)
