"""What traffic drivers are tested against."""

from parts.aliases import (  # noqa: F401 - fixtures
    alias_driver,
    aliases,
    between,
    clock,
    function_role,
    lambda_server,
)
