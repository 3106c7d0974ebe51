"""Moto's server with all of AWS that a deployment meets behaving as AWS does."""

from collections.abc import Sequence

from moto.server import main

from tidegate.testing.aws import alarms, lambda_
from tidegate.testing.aws.ecs import like_aws
from tidegate.testing.aws.ssm import wire


def serve(
    arguments: Sequence[str],
    *,
    called: lambda_.Called | None = None,
    runs_commands: bool = False,
) -> None:
    """Serve as moto's own command does, which takes the same arguments.

    *called* is told of each function that is called to run by itself, as hooks are. Where it
    *runs_commands*, whoever can reach the server can have anything run as its user: for tests.
    """
    lambda_.apply(called=called)
    alarms.apply()
    if runs_commands:
        wire.apply()
    with like_aws():
        main(list(arguments))
