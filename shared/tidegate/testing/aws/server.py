"""Moto's server with all of AWS that a deployment meets behaving as AWS does."""

from collections.abc import Sequence

from moto.server import main

from tidegate.testing.aws import alarms, lambda_
from tidegate.testing.aws.ecs import like_aws


def serve(arguments: Sequence[str]) -> None:
    """Serve as moto's own command does, which takes the same arguments."""
    lambda_.apply()
    alarms.apply()
    with like_aws():
        main(list(arguments))
