"""The table of fields in `docs/codedeploy-compatibility.md`; `make fields` writes it anew.

Which fields there are is botocore's to say, and which of an answer are never given our code's.
What differs has to be written down here.
"""

import ast
from collections.abc import Iterator
from functools import cache
from typing import Final

import botocore.session
from botocore.model import Shape, StructureShape

from architecture.tree import ROOT, python_files, syntax_of, text_of

PAGE: Final = "docs/codedeploy-compatibility.md"
BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"
FACE: Final = "services/api/tidegate_api/codedeploy/"
MODEL: Final = botocore.session.get_session().get_service_model("codedeploy")

_STORED: Final = "stored and shown, and nothing goes by it yet"
_OF_GROUPS: Final = {
    "blueGreenDeploymentConfiguration": "as it says on ECS; of servers stored and shown",
    "deploymentStyle": "stored and shown, but servers are deployed to in place, traffic or not; "
    "blue/green deployments to EC2 instances fail and say so",
    "ec2DeploymentOptions": _STORED,
    "loadBalancerInfo": "target group pairs as they say; of servers stored and shown",
    "serviceRoleArn": "taken by its form, and used where `TIDEGATE_ASSUME_SERVICE_ROLE` is true",
    "terminationHookEnabled": _STORED,
    "triggerConfigurations": "no test message is published",
}
_UPLOADED: Final = "absent where `/v1` uploaded it"
_UNKNOWN: Final = "who is unknown, in words of ours"
_NO_HOOKS: Final = "always empty"
DIFFERENT: Final[dict[str, dict[str, str]]] = {
    "AppSpecContent": {"content": "told by GetApplicationRevision alone"},
    "ApplicationInfo": {"linkedToGitHub": "always false"},
    "BatchGetApplicationRevisionsOutput": {"errorMessage": _UNKNOWN},
    "BatchGetDeploymentGroupsOutput": {"errorMessage": _UNKNOWN},
    "BatchGetDeploymentInstancesOutput": {"errorMessage": _UNKNOWN},
    "CreateDeploymentConfigInput": {
        "zonalConfig": _STORED,
    },
    "CreateDeploymentGroupInput": _OF_GROUPS,
    "CreateDeploymentInput": {
        "ec2DeploymentOptions": _STORED,
        "targetInstances": _STORED,
    },
    "DeleteDeploymentGroupOutput": {"hooksNotCleanedUp": _NO_HOOKS},
    "DeleteResourcesByExternalIdInput": {"externalId": "finds nothing"},
    "DeploymentGroupInfo": {"targetRevision": _UPLOADED},
    "DeploymentInfo": {
        "creator": "`user`, `codeDeployRollback` or `CodeDeployAutoUpdate`",
        "errorInformation": "`MANUAL_STOP` after a stop by request",
        "externalId": "absent, as nothing is made from outside yet",
        "previousRevision": _UPLOADED,
        "revision": _UPLOADED,
        "rollbackInfo": "absent while there is no end without success",
    },
    "DeploymentOverview": {"Ready": "always 0"},
    "DeploymentTarget": {"deploymentTargetType": "never `CloudFormationTarget`"},
    "Diagnostics": {"logTail": "whole lines, fewer than 2,048 characters"},
    "ECSService": {"clusterName": "`default` where none is said"},
    "InstanceInfo": {"iamUserArn": "`…:user/tidegate/NAME` of a host that `/v1` made"},
    "InstanceSummary": {"instanceId": "the name once the host is deleted"},
    "InstanceTarget": {"targetArn": "absent once the host is deleted"},
    "ListApplicationRevisionsOutput": {"revisions": "without those that `/v1` uploaded"},
    "ListDeploymentsInput": {"externalId": "finds nothing"},
    "ListOnPremisesInstancesInput": {"tagFilters": "at most ten"},
    "ListTagsForResourceInput": {"NextToken": "passed over, as one page holds all"},
    "RawString": {"content": "told by GetApplicationRevision alone"},
    "S3Location": {
        "bundleType": "taken in any case",
        "eTag": "compared without its quotes, shown as it was sent",
    },
    "StopDeploymentOutput": {"status": "always `Succeeded`"},
    "UpdateDeploymentGroupInput": _OF_GROUPS,
    "UpdateDeploymentGroupOutput": {"hooksNotCleanedUp": _NO_HOOKS},
}


@cache
def structures() -> dict[str, StructureShape]:
    """Return what requests and answers are made of: those of the operations, then the others."""
    tops = [
        shape
        for name in MODEL.operation_names
        for shape in _shapes_of(name)
        if isinstance(shape, StructureShape)
    ]
    inner = {shape.name: shape for top in tops for shape in _within(top)}
    named = {shape.name: shape for shape in tops}
    return {**named, **{name: inner[name] for name in sorted(inner) if name not in named}}


@cache
def never_given() -> dict[str, set[str]]:
    """Return the members of answers that our code puts into none, by structure."""
    given = _given()
    asked, answered = (
        {shape.name for name in MODEL.operation_names for shape in _within(_shapes_of(name)[which])}
        for which in (0, 1)
    )
    # What is in requests, too, may be made of what was read instead of by its name.
    told = {name for name in answered if name in given or name not in asked}
    return {name: set(structures()[name].members) - given.get(name, set()) for name in told}


def table() -> str:
    """Return the table as it has to stand in the page."""
    never = never_given()
    lines = [
        "| Structure | Works | Works with a difference | Never given so far |",
        "|---|---|---|---|",
    ]
    for name, shape in structures().items():
        different, missing = DIFFERENT.get(name, {}), never.get(name, set())
        works = [one for one in shape.members if one not in different and one not in missing]
        told = "; ".join(f"`{one}`: {different[one]}" for one in shape.members if one in different)
        not_given = [one for one in shape.members if one in missing]
        lines.append(f"| {name} | {_list(works)} | {told} | {_list(not_given)} |")
    return "\n".join(lines)


def page_with(table: str) -> str:
    """Return the page with that table between its marks."""
    before, _, rest = text_of(PAGE).partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _list(members: list[str]) -> str:
    return ", ".join(f"`{one}`" for one in members)


def _shapes_of(operation: str) -> tuple[Shape | None, Shape | None]:
    model = MODEL.operation_model(operation)
    return model.input_shape, model.output_shape


def _within(shape: Shape | None) -> Iterator[StructureShape]:
    if isinstance(shape, StructureShape):
        yield shape
        for member in shape.members.values():
            yield from _within(member)
    elif shape is not None and shape.type_name == "list":
        yield from _within(shape.member)


def _given() -> dict[str, set[str]]:
    """Return by shape what it is made with anywhere in the face, as the wire calls it."""
    found: dict[str, set[str]] = {}
    for file in python_files(FACE):
        if file.startswith(f"{FACE}shapes/"):
            continue
        for node in ast.walk(syntax_of(file)):
            if isinstance(node, ast.Call):
                callee = node.func
                name = callee.attr if isinstance(callee, ast.Attribute) else ast.unparse(callee)
                found.setdefault(name, set()).update(one.arg for one in node.keywords if one.arg)
    return {name: _on_the_wire(name, found[name]) for name in structures() if name in found}


def _on_the_wire(name: str, ours: set[str]) -> set[str]:
    """Return names of ours as the model writes them."""
    plain = {one.replace("_", "").casefold() for one in ours}
    return {one for one in structures()[name].members if one.casefold() in plain}


if __name__ == "__main__":
    (ROOT / PAGE).write_text(page_with(table()))
