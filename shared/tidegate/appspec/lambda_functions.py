"""An AppSpec for Lambda: which aliases move from which version to which."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from tidegate.appspec.fields import Fields
from tidegate.appspec.findings import Findings
from tidegate.appspec.nodes import Node
from tidegate.appspec.resources import FUNCTION, Kind, read_hooks, read_resources, read_top
from tidegate.appspec.ruby import cut
from tidegate.appspec.values import Json, Problem, warnings_of

_KIND: Final = Kind(
    platform="Lambda",
    properties=("Name", "Alias", "CurrentVersion", "TargetVersion"),
    events=("BeforeAllowTraffic", "AfterAllowTraffic"),
)
_ALIAS: Final = re.compile(r"(?![0-9]+$)[A-Za-z0-9_-]{1,128}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaFunction:
    """An alias that moves from one version of a function to another."""

    name: str
    """Or its ARN."""
    alias: str
    current_version: str
    target_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaAppSpec:
    """An AppSpec for Lambda, checked."""

    functions: tuple[LambdaFunction, ...]
    """At least one; CodeDeploy takes one only."""
    hooks: Mapping[str, str] = field(default_factory=dict)
    """The name or ARN of a function, or an http(s) URL, for each event that has a hook."""
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def as_json(self) -> dict[str, Json]:
        return {
            "version": 0.0,
            "functions": [asdict(function) for function in self.functions],
            "hooks": dict(self.hooks),
            **warnings_of(self.warnings),
        }


def read_lambda(root: Node | None, findings: Findings) -> LambdaAppSpec | None:
    """Return the AppSpec that *root* says, or None after a problem was found."""
    top = read_top(root, findings)
    if top is None:
        return None
    functions: dict[tuple[str, str], LambdaFunction] = {}
    for at, properties in enumerate(read_resources(top, _KIND)):
        function = _read_function(properties)
        if at == 1:
            message = "CodeDeploy takes one function; several are an addition of Tidegate's own."
            findings.warn(properties.node, properties.path, message)
        # A target goes by the bare name, so an ARN does not make it another one.
        key = (function.name.rpartition(":")[2], function.alias)
        if key in functions:
            message = f"The alias '{cut(function.alias)}' of this function is in Resources already."
            properties.refuse("Alias", message)
        functions[key] = function
    hooks = read_hooks(top, _KIND)
    if findings.problems:
        return None
    return LambdaAppSpec(
        functions=tuple(functions.values()), hooks=hooks, warnings=tuple(findings.warnings)
    )


def _read_function(properties: Fields) -> LambdaFunction:
    name = properties.text("Name")
    match = FUNCTION.fullmatch(name) if name else None
    if name and (match is None or match["qualifier"]):
        message = f"'{cut(name)}' is neither the name nor the ARN of a Lambda function."
        hint = "The alias stands under Alias alone." if match else ""
        properties.refuse("Name", message, hint)
    alias = properties.text("Alias")
    if alias and not _ALIAS.fullmatch(alias):
        message = f"'{cut(alias)}' is no alias: it has letters, digits, '-' and '_',"
        properties.refuse("Alias", f"{message} and not only digits.")
    current = _read_version("CurrentVersion", properties)
    target = _read_version("TargetVersion", properties)
    if current and current == target:
        # CodeDeploy takes it, and fails the deployment with INVALID_LAMBDA_CONFIGURATION.
        message = f"CurrentVersion and TargetVersion are both {current}, so no traffic would move"
        properties.warn("TargetVersion", f"{message}: a deployment fails.")
    return LambdaFunction(
        name=name or "", alias=alias or "", current_version=current, target_version=target
    )


def _read_version(name: str, properties: Fields) -> str:
    text = properties.text(name)
    if text is None or _VERSION.fullmatch(text):
        return text or ""
    hint = "Publish a version, and write its number." if text == "$LATEST" else ""
    properties.refuse(name, f"{name} is '{cut(text)}', and must be a positive whole number.", hint)
    return ""
