"""What tests of the stand-in for AWS ask for."""

from parts.ssm_caller import (  # noqa: F401 - fixtures
    caller,
    like_aws,
    place,
    run_command,
)
