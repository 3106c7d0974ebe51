"""Moto's server with all of AWS that a deployment meets behaving as AWS does."""

from pathlib import Path

from parts import moto_alarms, moto_ecs, moto_lambda

PROGRAM = (
    "-P",
    "-c",
    (
        "import sys; sys.path.append(sys.argv.pop(1)); "
        "from parts.moto_aws import serve; serve(sys.argv[1:])"
    ),
    str(Path(__file__).parents[1]),
)
"""What Python runs; moto's arguments follow."""


def serve(arguments: list[str]) -> None:
    from moto.server import main

    moto_lambda.apply()
    moto_alarms.patch()
    with moto_ecs.like_aws():
        main(arguments)
