"""What traffic drivers are tested against."""

from contract.traffic.ecs_way import way  # noqa: F401 - a fixture
from parts.aliases import (  # noqa: F401 - fixtures
    alias_driver,
    aliases,
    between,
    clock,
    function_role,
    lambda_server,
)
