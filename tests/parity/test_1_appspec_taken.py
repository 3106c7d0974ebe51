"""§1: what the agent takes in an AppSpec, and what it makes of it."""

import json

import pytest

from parity.bundles import HardLink, Kind, Link, appspec, sh
from parity.machine import Machine

HEAD = "version: 0.0\nos: linux\n"
ACLS = ("u:root:rwx", "user:root:7", "d:u:root:rx", "default:user:root:r-x", "g:root:r", "m::rwx")
MORE_ACLS = ("mask:7", "d:o::r", "d:g::5", "default:mask::r", "d:other:rw")
RANGES = ("s0", "s0-s3", "s0:c0", "s0:c0.c3", "s0:c0,c5", "s0-s2:c0.c1023", "s0-s0:c1,c3.c5")


def permissions(lines: str) -> str:
    return f"{HEAD}permissions:\n{lines}"


TAKEN = {
    "least": HEAD,
    "integer-zero": "version: 0\nos: linux\n",
    "zero-in-hex": "version: 0x0\nos: linux\n",
    "windows-lines": HEAD.replace("\n", "\r\n"),
    "json": json.dumps({"version": 0.0, "os": "linux", "hooks": {}}),
    "the-first-of-two-documents": f"{HEAD}---\nversion: 7\nos: mac\n",
    "the-last-of-two-keys": f"version: 5\nos: mac\n{HEAD}",
    "unknown-keys": f"{HEAD}author: me\nfiles: []\nResources: [1]\n",
    "null-sections": f"{HEAD}hooks:\nfiles:\npermissions:\nfile_exists_behavior:\n",
    "null-event": f"{HEAD}hooks: {{AfterInstall: }}\n",
    "empty-event": f"{HEAD}hooks: {{AfterInstall: []}}\n",
    "unknown-event": f"{HEAD}hooks: {{WhatEver: [location: a.sh]}}\n",
    "number-as-location": f"{HEAD}hooks: {{WhatEver: [location: 5]}}\n",
    "every-behavior": f"{HEAD}file_exists_behavior: RETAIN\n",
    "acls": permissions(
        "".join(f"- {{object: /p{n}, acls: ['{a}']}}\n" for n, a in enumerate(ACLS))
    ),
    "more-acls": permissions(f"- {{object: /p, acls: {json.dumps(MORE_ACLS)}}}\n"),
    "ranges": permissions(
        "".join(
            f"- {{object: /p{n}, context: {{type: t, range: '{r}'}}}}\n"
            for n, r in enumerate(RANGES)
        )
    ),
    "context-of-a-type-alone": permissions("- {object: /p, context: {type: t}}\n"),
    "modes": permissions(
        "".join(f"- {{object: /p{m}, mode: '{m}'}}\n" for m in ("4", "64", "644", "4755"))
    ),
    "no-name-checks": permissions("- {object: /p, owner: nobody-at-all, group: 7, pattern: '['}\n"),
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_it_is_taken(machine: Machine, text: str):
    events = ("DownloadBundle", "BeforeInstall", "AfterInstall")

    done = machine.deploy({"appspec.yml": text}, events=events).succeeded()

    assert done.noops() == ["BeforeInstall", "AfterInstall"]


LINKED = {
    "directory": Link("conf/real.yml"),
    "tar": Link("./conf/real.yml"),
    "tgz": HardLink("conf/real.yml"),
    "zip": Link("conf/real.yml"),
}


@pytest.mark.parametrize("kind", LINKED)
def test_an_appspec_may_be_a_link_within_the_bundle(anybodys: Machine, kind: Kind):
    text = appspec(hooks={"AfterInstall": ["a.sh"]})
    files = {"conf/real.yml": text, "appspec.yml": LINKED[kind], "a.sh": sh("echo ran")}

    done = anybodys.deploy(files, kind=kind, events=("DownloadBundle", "AfterInstall")).succeeded()

    assert "[stdout]ran" in done.scripts_log
    assert done.warnings == []
