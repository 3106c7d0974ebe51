"""Scripts for the runner's hosts, and what they wrote."""

import os
from pathlib import Path

import pytest

from contract.hostrunner.client import Host, Told, appspec_of, bundle_of

SH = "#!/bin/sh\n"
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def run_script(host: Host, script: str | bytes, **values) -> Told:
    """Run one script as AfterInstall."""
    hook = {"location": "hook.sh"} | values.pop("hook", {})
    return host.run(
        bundle=bundle_of({"hook.sh": script}),
        appspec=appspec_of(hooks={"AfterInstall": [hook]}),
        **values,
    )


def output_of(told: Told, event: str = "AfterInstall") -> list[str]:
    lines = told.logs[event].decode().splitlines()
    return [line.partition("]")[2] for line in lines if line.startswith("[std")]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
