"""CI leaves no test out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from architecture.tree import ROOT, text_of

SKIPPED = "import pytest\n\ndef test_it():\n    pytest.skip('no sshd here')\n"
SKIPPED_AS_A_WHOLE = "import pytest\n\npytest.skip('no sshd here', allow_module_level=True)\n"
MARKED = "import pytest\n\n@pytest.mark.skip(reason='no sshd here')\ndef test_it(): ...\n"
EXPECTED_TO_FAIL = "import pytest\n\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"


def run_pytest(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", folder, folder]
    return subprocess.run(
        [*command, "-p", "conftest", "-p", "no:valkey", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [SKIPPED, SKIPPED_AS_A_WHOLE, MARKED], ids=["in", "all", "mark"])
def test_what_is_skipped_in_ci_has_failed(tmp_path: Path, source: str):
    ended = run_pytest(tmp_path, source, TIDEGATE_FAIL_ON_SKIP="1")

    assert ended.returncode in {1, 2}, ended.stdout
    assert "no sshd here" in ended.stdout
    assert "skipped" not in ended.stdout.splitlines()[-1]


def test_what_is_expected_to_fail_is_not_skipped(tmp_path: Path):
    ended = run_pytest(tmp_path, EXPECTED_TO_FAIL, TIDEGATE_FAIL_ON_SKIP="1")

    assert ended.returncode == 0, ended.stdout


def test_elsewhere_a_test_may_be_skipped(tmp_path: Path):
    ended = run_pytest(tmp_path, SKIPPED, TIDEGATE_FAIL_ON_SKIP="0")

    assert ended.returncode == 0, ended.stdout


def test_make_check_proves_what_python_the_runner_needs():
    assert "pytest -q tests/architecture/test_runner.py" in text_of("Makefile")


def test_ci_runs_every_check_and_every_test():
    script = text_of(".ci/run")

    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert "TIDEGATE_FAIL_ON_SKIP=1" in script
    steps = (
        "make check",
        *(f"run_tests {tests}\n" for tests in ("test", "test-alone", "test-slow")),
    )
    assert all(step in script for step in steps)


def test_make_check_looks_at_the_image_and_at_every_stack():
    makefile = text_of("Makefile")
    overrides = {path.name for path in (ROOT / "deploy").glob("compose.*.yml")}
    (check,) = re.findall(r"^check: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    (stacks,) = re.findall(r"^STACKS := ((?:.*\\\n)*.*)", makefile, re.MULTILINE)

    assert "hadolint deploy/Dockerfile" in check
    assert "docker-compose --env-file .env.example config -q" in check
    assert overrides
    assert all(f"$(STACK):{name} " in stacks.replace("\\\n", " ") for name in overrides)
