"""The runner works on whatever Python a host has, from 3.6 on; `make check` runs this too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from architecture.tree import python_files, syntax_of
from tidegate import hostrunner

PARTS = "shared/tidegate/hostrunner/parts/"
OLDEST = (3, 6)


@pytest.fixture(params=["runner", "boot"])
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each of the two texts that a host's own Python executes."""
    text = hostrunner.runner_source() if request.param == "runner" else hostrunner.BOOT.encode()
    path = tmp_path / f"{request.param}.py"
    path.write_bytes(text + b"\n")
    return path


def test_python_3_6_can_parse_it(shipped: Path):
    ast.parse(shipped.read_text(), feature_version=OLDEST)


def test_it_uses_nothing_that_came_after_python_3_6(shipped: Path):
    judged = vermin(shipped)

    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize(
    "newer",
    [
        "import contextvars",
        "import subprocess\nsubprocess.run('x', capture_output=True)",
        "a = 1_0\nb = f'{a=}'",
    ],
)
def test_the_proof_would_find_what_is_newer(newer: str, tmp_path: Path):
    path = tmp_path / "newer.py"
    path.write_text(f"{newer}\n")

    assert vermin(path).returncode == 1


def vermin(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("vermin"), "--no-tips", "--violations", "-t=3.6-", path],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_imports_only_the_standard_library():
    imported = set()
    for node in ast.walk(ast.parse(hostrunner.runner_source())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the runner has no neighbours on a host"
            imported.add((node.module or "").partition(".")[0])

    assert imported
    assert imported <= sys.stdlib_module_names


def test_no_name_of_one_part_hides_that_of_another():
    """As modules they would not notice; on a host they share one."""
    body = ast.parse(hostrunner.runner_source()).body
    names = [
        name
        for node in body
        for name in (
            [node.name]
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
            else [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    ]

    assert names
    assert sorted(names) == sorted(set(names))


def test_every_part_travels():
    parts = {name for name in python_files(PARTS) if not name.endswith("__init__.py")}

    travelling = hostrunner.runner_source().decode()

    for name in parts:
        for node in syntax_of(name).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                assert (
                    f"\n{'class' if isinstance(node, ast.ClassDef) else 'def'} {node.name}"
                    in travelling
                )
