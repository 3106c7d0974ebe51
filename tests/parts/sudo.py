"""Users who may become root by sudo, for as long as a test lasts."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

RULES = Path("/etc/sudoers.d")


def require_sudo() -> None:
    """Skip the test that asks where no user can be given the right to use sudo."""
    if os.geteuid() != 0:
        pytest.skip("only root may let a user use sudo")
    if shutil.which("sudo") is None or not RULES.is_dir():
        pytest.skip("no sudo here: install sudo, or run `make test` as root, which does")


@contextmanager
def sudo_for(user: str, *, tag: str = "NOPASSWD:", defaults: str = "") -> Iterator[None]:
    """Let *user* run anything as anybody by sudo."""
    # A name with a dot is not read; no other test has this one.
    rule = RULES / f"tidegate-test-{secrets.token_hex(6)}"
    rule.touch(mode=0o440)
    try:
        options = f"Defaults:{user} {defaults}\n" if defaults else ""
        rule.write_text(f"{options}{user} ALL=(ALL) {tag} ALL\n")
        yield
    finally:
        rule.unlink()


@contextmanager
def ordinary_user() -> Iterator[str]:
    """Make a user who can log in with a key, and remove him again."""
    require_sudo()
    name = f"tidegate-{secrets.token_hex(4)}"
    # A password of '*' fits nothing, and unlike '!' it does not lock the account.
    subprocess.run(["useradd", "-M", "-s", "/bin/sh", "-p", "*", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", "--force", name], check=True, capture_output=True)
