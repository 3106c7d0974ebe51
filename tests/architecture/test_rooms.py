"""Each room keeps to its own business: imports go down, and one door leads to a status."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.tree import PRODUCT, ROOT, python_files, syntax_of, text_of

# The machines in the domain say what a status may become; the store writes down what they said.
# The CLI reaches no row: it only draws what the service told it. The stand-in has AWS's statuses.
MAY_SET_STATUS = (
    "shared/tidegate/domain/",
    "shared/tidegate/store/",
    "shared/tidegate/testing/aws/",
    "services/cli/",
)
WRITERS = {"values", "replace", "setattr", "update", "evolve"}


def test_imports_go_down():
    lint_imports = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["tidegate", "tidegate_api", "tidegate_cli", "tidegate_workers"])
def test_a_contract_watches_each_package(folder: str):
    assert f'"{folder}"' in text_of("pyproject.toml").partition("[tool.importlinter]")[2]


def test_only_the_store_sets_a_status():
    doors = [
        f"{name}:{line}"
        for name in python_files(*PRODUCT)
        if not name.startswith(MAY_SET_STATUS)
        for line in lines_that_set_status(syntax_of(name))
    ]

    assert doors == []


@pytest.mark.parametrize(
    "source",
    [
        "target.status = Status.FAILED",
        "target.status, x = Status.FAILED, 1",
        "target.status: Status = Status.FAILED",
        'row["status"] = "Failed"',
        "update(targets).where(x).values(status='Failed')",
        "update(targets).values({'status': 'Failed'})",
        "update(targets).values({targets.c.status: 'Failed'})",
        "dataclasses.replace(target, status=Status.FAILED)",
        "setattr(target, 'status', Status.FAILED)",
    ],
)
def test_every_way_to_set_a_status_is_seen(source: str):
    assert list(lines_that_set_status(ast.parse(source))) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "print(target.status)",
        "DeploymentOut(status=row.status)",
        "Response(status=404)",
        "self.status = 404",  # an object's own field: no row has its methods outside the store
        "query.where(targets.c.status == 'Failed')",
    ],
)
def test_reading_a_status_is_free(source: str):
    assert list(lines_that_set_status(ast.parse(source))) == []


def lines_that_set_status(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            sets = called(node) in WRITERS and hands_over_status(node)
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            sets = isinstance(node.ctx, ast.Store) and names_status(node)
        else:
            sets = False
        if sets:
            yield node.lineno


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def hands_over_status(call: ast.Call) -> bool:
    keys = [key for arg in call.args if isinstance(arg, ast.Dict) for key in arg.keys if key]
    named = any(keyword.arg == "status" for keyword in call.keywords)
    return named or any(names_status(part) for part in [*keys, *call.args[1:2]])


def names_status(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return names_status(node.slice)
    if isinstance(node, ast.Constant):
        return node.value == "status"
    return isinstance(node, ast.Attribute) and node.attr == "status" and not is_own(node)


def is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"
