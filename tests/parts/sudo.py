"""Users who may become root by sudo, for as long as a test lasts."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

RULES = Path("/etc/sudoers.d")


def require_sudo() -> None:
    """Skip the test that asks where nobody can be given the right to use sudo."""
    if os.geteuid() != 0:
        pytest.skip("only root may let a user use sudo")
    if shutil.which("sudo") is None or not RULES.is_dir():
        pytest.skip("no sudo here: install sudo, or run `make test` as root, which does")


@contextmanager
def sudo_for(user: str, *, tag: str = "NOPASSWD:", command: str = "ALL") -> Iterator[None]:
    """Let *user* run *command* as anybody by sudo."""
    # A name with a dot is not read; no other test has this one.
    rule = RULES / f"tidegate-test-{secrets.token_hex(6)}"
    rule.touch(mode=0o440)
    try:
        rule.write_text(f"{user} ALL=(ALL) {tag} {command}\n")
        yield
    finally:
        rule.unlink()
