"""The runner works on whatever Python a host has, from 3.6 on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from architecture.tree import ROOT, syntax_of, text_of
from tidegate import hostrunner

RUNNER = "shared/tidegate/hostrunner/runner.py"
OLDEST = (3, 6)


@pytest.fixture(params=["runner", "boot"])
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each of the two texts that a host's own Python executes."""
    if request.param == "runner":
        return ROOT / RUNNER
    boot = tmp_path / "boot.py"
    boot.write_text(hostrunner.BOOT + "\n")
    return boot


def test_python_3_6_can_parse_it(shipped: Path):
    ast.parse(shipped.read_text(), feature_version=OLDEST)


def test_it_uses_nothing_that_came_after_python_3_6(shipped: Path):
    vermin = Path(sys.executable).with_name("vermin")

    judged = subprocess.run(
        [vermin, "--no-tips", "--violations", "-t=3.6-", shipped],
        capture_output=True,
        text=True,
        check=False,
    )

    assert judged.returncode == 0, judged.stdout


def test_it_imports_only_the_standard_library():
    imported = set()
    for node in ast.walk(syntax_of(RUNNER)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the runner has no neighbours on a host"
            imported.add((node.module or "").partition(".")[0])

    assert imported
    assert imported <= sys.stdlib_module_names


def test_what_travels_is_the_file_itself():
    assert hostrunner.runner_source() == text_of(RUNNER).encode()
