"""AppSpec text to values, with every problem and the line on which it stands."""

from tidegate.appspec.errors import InvalidAppSpec
from tidegate.appspec.parsing import parse_appspec
from tidegate.appspec.values import (
    AppSpec,
    Context,
    FileMapping,
    Permission,
    Platform,
    Problem,
    Script,
)

__all__ = [
    "AppSpec",
    "Context",
    "FileMapping",
    "InvalidAppSpec",
    "Permission",
    "Platform",
    "Problem",
    "Script",
    "parse_appspec",
]
