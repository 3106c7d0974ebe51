"""AppSpec text to values, with every problem and the line on which it stands."""

from tidegate.appspec.ecs_services import EcsAppSpec
from tidegate.appspec.errors import InvalidAppSpec
from tidegate.appspec.lambda_functions import LambdaAppSpec, LambdaFunction
from tidegate.appspec.parsing import AnyAppSpec, parse_appspec, platform_of
from tidegate.appspec.paths import Holds
from tidegate.appspec.reading import MOST_BYTES
from tidegate.appspec.values import (
    AppSpec,
    Context,
    FileMapping,
    Permission,
    Platform,
    Problem,
    Script,
    one_line,
)

__all__ = [
    "MOST_BYTES",
    "AnyAppSpec",
    "AppSpec",
    "Context",
    "EcsAppSpec",
    "FileMapping",
    "Holds",
    "InvalidAppSpec",
    "LambdaAppSpec",
    "LambdaFunction",
    "Permission",
    "Platform",
    "Problem",
    "Script",
    "one_line",
    "parse_appspec",
    "platform_of",
]
