"""What tests of the stand-in for AWS ask for."""

from parts.run_command import aws_that_runs, run_command  # noqa: F401 - fixtures
from parts.ssm_caller import caller, place  # noqa: F401 - fixtures
