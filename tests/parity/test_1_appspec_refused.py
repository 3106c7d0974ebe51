"""§1: what the agent refuses in an AppSpec, with which message, and which of several first."""

import pytest

from parity.bundles import Entry, File, Folder, Kind, Link, Special, sh
from parity.machine import GROUP, Machine

EVENTS = ("DownloadBundle", "BeforeInstall", "Install")
HEAD = "version: 0.0\nos: linux\n"

EMPTY = "the application specification file was empty"
VERSION = "an invalid version value"
SYSTEM = "unsupported operating system"
LOCATION = "a script with no location value"
TIMEOUT = "an invalid timeout value was provided"
NO_SOURCE = "no source"
ONLY_SOURCE = "only a source"
BEHAVIOR = "an invalid file_exists_behavior value"
NO_OBJECT = "has no object value"
LENGTH = "the length of a permissions mode"
CHARACTER = "an invalid character"

WHOLE_FILES = {
    "nothing": ("", EMPTY),
    "blanks": (" \n\n", EMPTY),
    "a-comment": ("# version: 0.0\n", EMPTY),
    "null": ("~\n", EMPTY),
    "false": ("false\n", EMPTY),
    "an-empty-document": ("---\n", EMPTY),
    "a-list": ("- version: 0.0\n- os: linux\n", ""),
    "a-text": ("version 0.0\n", VERSION),
    "a-tab": ("version: 0.0\nos: linux\nhooks:\n\tAfterInstall:\n", ""),
    "a-byte-order-mark": ("\ufeffversion: 0.0\nos: linux\n", SYSTEM),
    "an-alias": ("version: &zero 0.0\nos: linux\nother: *zero\n", ""),
    "a-date": (f"{HEAD}released: 2026-11-25\n", ""),
    "a-tag": (f"{HEAD}x: !ruby/object:Object {{}}\n", ""),
    "no-end-of-a-quote": (f'{HEAD}x: "open\n', ""),
}

VERSIONS = {
    "version-missing": ("os: linux\n", VERSION),
    "version-null": ("version:\nos: linux\n", VERSION),
    "version-quoted": ("version: '0.0'\nos: linux\n", VERSION),
    "version-1": ("version: 1.0\nos: linux\n", VERSION),
    "version-false": ("version: false\nos: linux\n", VERSION),
    "version-list": ("version: [0.0]\nos: linux\n", VERSION),
    "last-of-two-versions": ("version: 0.0\nversion: 2\nos: linux\n", VERSION),
}

SYSTEMS = {
    "os-missing": ("version: 0.0\n", SYSTEM),
    "os-null": ("version: 0.0\nos:\n", SYSTEM),
    "os-capital": ("version: 0.0\nos: Linux\n", SYSTEM),
    "os-windows": ("version: 0.0\nos: windows\n", SYSTEM),
    "os-with-a-blank": ("version: 0.0\nos: 'linux '\n", SYSTEM),
    "os-list": ("version: 0.0\nos: [linux]\n", SYSTEM),
}

HOOKS = {
    "hooks-list": (f"{HEAD}hooks: [AfterInstall]\n", ""),
    "hooks-text": (f"{HEAD}hooks: AfterInstall\n", ""),
    "scripts-map": (f"{HEAD}hooks: {{AfterInstall: {{location: a.sh}}}}\n", ""),
    "script-text": (f"{HEAD}hooks: {{AfterInstall: [a.sh]}}\n", ""),
    "location-missing": (f"{HEAD}hooks: {{AfterInstall: [timeout: 3]}}\n", LOCATION),
    "location-null": (f"{HEAD}hooks: {{AfterInstall: [location: ~]}}\n", LOCATION),
    "location-blank": (f"{HEAD}hooks: {{AfterInstall: [location: ' \t']}}\n", LOCATION),
    "location-of-an-unknown-event": (f"{HEAD}hooks: {{What: [location: '']}}\n", LOCATION),
    "location-of-the-second": (
        f"{HEAD}hooks: {{AfterInstall: [{{location: a.sh}}, {{runas: x}}]}}\n",
        LOCATION,
    ),
}

TIMEOUTS = {
    f"timeout-{name}": (
        f"{HEAD}hooks: {{AfterInstall: [{{location: a.sh, timeout: {t}}}]}}\n",
        TIMEOUT,
    )
    for name, t in {
        "zero": "0",
        "negative": "-1",
        "text": "soon",
        "empty": "''",
        "below-one": "0.9",
        "unit-first": "s10",
    }.items()
}

FILES = {
    "source-missing": (f"{HEAD}files: [destination: /srv]\n", NO_SOURCE),
    "source-null": (f"{HEAD}files: [{{source: ~, destination: /srv}}]\n", NO_SOURCE),
    "destination-missing": (f"{HEAD}files: [source: /]\n", ONLY_SOURCE),
    "destination-null": (f"{HEAD}files: [{{source: /, destination: ~}}]\n", ONLY_SOURCE),
    "neither": (f"{HEAD}files: [{{}}]\n", NO_SOURCE),
    "the-second": (f"{HEAD}files: [{{source: /, destination: /a}}, {{source: /}}]\n", ONLY_SOURCE),
    "behavior-lower-case": (f"{HEAD}file_exists_behavior: overwrite\n", BEHAVIOR),
    "behavior-unknown": (f"{HEAD}file_exists_behavior: REPLACE\n", BEHAVIOR),
    "behavior-empty": (f"{HEAD}file_exists_behavior: ''\n", BEHAVIOR),
}


def permission(text: str) -> str:
    return f"{HEAD}permissions: [{{object: /srv, {text}}}]\n"


PERMISSIONS = {
    "object-missing": (f"{HEAD}permissions: [mode: '644']\n", NO_OBJECT),
    "object-null": (f"{HEAD}permissions: [object: ~]\n", NO_OBJECT),
    "object-blank": (f"{HEAD}permissions: [object: '  ']\n", NO_OBJECT),
    "permissions-map": (f"{HEAD}permissions: {{object: /srv}}\n", ""),
    "type-link": (permission("type: [file, link]"), "type not supported"),
    "type-scalar": (permission("type: file"), ""),
    "except-scalar": (permission("except: '*.sh'"), ""),
    "mode-of-five": (permission("mode: '00644'"), LENGTH),
    "mode-new-octal": (permission("mode: 0o644"), LENGTH),
    "mode-with-an-8": (permission("mode: '684'"), CHARACTER),
    "mode-with-letters": (permission("mode: rwx"), CHARACTER),
    "mode-negative": (permission("mode: -64"), CHARACTER),
}

ACLS = {
    f"acl-{name}": (permission(f"acls: ['{acl}']"), words)
    for name, (acl, words) in {
        "of-one-part": ("rwx", "acl"),
        "of-five-parts": ("d:u:x:r:w", "acl"),
        "of-unknown-kind": ("x:root:r", "acl"),
        "of-the-owner": ("u::rwx", "mode"),
        "of-the-group": ("group::r", "mode"),
        "of-others": ("o::r", "mode"),
        "mask-with-a-name": ("m:root:r", "acl"),
        "other-with-a-name": ("d:other:root:r", "acl"),
        "digit-8": ("u:root:8", "character"),
        "two-digits": ("u:root:77", "character"),
        "letter-z": ("u:root:rwz", "character"),
    }.items()
}

CONTEXTS = {
    "context-without-type": (permission("context: {name: system_u}"), "context"),
    **{
        f"range-{name}": (permission(f"context: {{type: t, range: '{range_}'}}"), words)
        for name, (range_, words) in {
            "backwards": ("s3-s0", "range"),
            "of-no-level": ("x0", "sensitivity"),
            "category-too-high": ("s0:c1024", "category"),
            "categories-backwards": ("s0:c5.c1", "range"),
            "category-twice": ("s0:c1,c1", "categories"),
            "category-missing": ("s0:", "range"),
        }.items()
    },
}

ORDER = {
    "version-before-os": ("version: 1\nos: mac\n", VERSION),
    "os-before-hooks": ("version: 0.0\nos: mac\nhooks: {A: [{}]}\n", SYSTEM),
    "hooks-before-files": (f"files: [{{}}]\nhooks: {{A: [{{}}]}}\n{HEAD}", LOCATION),
    "location-before-timeout": (f"{HEAD}hooks: {{A: [{{timeout: 0}}]}}\n", LOCATION),
    "files-before-permissions": (f"permissions: [{{}}]\nfiles: [{{}}]\n{HEAD}", NO_SOURCE),
    "permissions-before-behavior": (
        f"file_exists_behavior: x\npermissions: [{{}}]\n{HEAD}",
        NO_OBJECT,
    ),
}

REFUSED = {
    **WHOLE_FILES,
    **VERSIONS,
    **SYSTEMS,
    **HOOKS,
    **TIMEOUTS,
    **FILES,
    **PERMISSIONS,
    **ACLS,
    **CONTEXTS,
    **ORDER,
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_it_fails_at_the_first_event_after_the_download(machine: Machine, text: str, words: str):
    done = machine.deploy({"appspec.yml": text, "a.sh": ""}, events=EVENTS)

    done.failed("BeforeInstall", words)
    assert done.statuses() == ["Succeeded", "Failed", "Skipped"]


def test_an_ordinary_user_is_told_the_same(ordinary: Machine):
    for text, words in (WHOLE_FILES["nothing"], VERSIONS["version-1"], ORDER["os-before-hooks"]):
        ordinary.deploy({"appspec.yml": text}, events=EVENTS).failed("BeforeInstall", words)


def test_a_bundle_without_an_appspec_fails_at_the_same_event(anybodys: Machine):
    for kind in ("directory", "tgz", "zip"):
        done = anybodys.deploy({"README": "no AppSpec"}, kind=kind, events=EVENTS)

        done.failed("BeforeInstall", "did not find an AppSpec file", '"appspec.yml"')


def test_events_with_scripts_look_for_the_very_name(machine: Machine):
    machine.deploy({"appspec.yaml": HEAD}, events=EVENTS).failed("BeforeInstall", "appspec.yml")
    machine.deploy({"AppSpec.yml": HEAD}, events=EVENTS).failed("BeforeInstall", "appspec.yml")

    installed = machine.deploy({"appspec.yaml": HEAD}, events=("DownloadBundle", "Install"))
    assert installed.succeeded().statuses() == ["Succeeded"] * 2
    other = machine.deploy({"b.yml": HEAD}, events=EVENTS, appspec_filename="b.yml")

    assert other.succeeded().statuses() == ["Succeeded"] * 3


NO_FILES = {
    "a-folder": {"appspec.yml": Folder()},
    "a-full-folder": {"appspec.yml/appspec.yml": HEAD, "x": ""},
    "a-dangling-link": {"appspec.yml": Link("nowhere"), "x": ""},
    "a-loop": {"appspec.yml": Link("appspec.yml"), "x": ""},
    "a-longer-loop": {"appspec.yml": Link("b.yml"), "b.yml": Link("appspec.yml")},
    "a-link-to-a-folder": {"appspec.yml": Link("sub"), "sub/x": ""},
    "a-link-that-leads-out": {"appspec.yml": Link("../secret.yml"), "x": ""},
}


@pytest.mark.parametrize("kind", ["directory", "tar", "zip"])
@pytest.mark.parametrize("files", NO_FILES.values(), ids=NO_FILES)
def test_an_appspec_that_is_no_file_of_the_bundle_fails_there_too(
    anybodys: Machine, files: dict[str, Entry | str], kind: Kind
):
    for place in ("", f"root/{GROUP}/d-1"):
        anybodys.folder(place, {"secret.yml": f"{HEAD}s3cret: [\n"})

    done = anybodys.deploy(files, kind=kind, events=EVENTS, deployment_id="d-1")

    done.failed("BeforeInstall", "appspec.yml")
    assert done.statuses() == ["Succeeded", "Failed", "Skipped"]
    assert "s3cret" not in str(done.said) + done.stderr


def test_an_appspec_that_is_a_pipe_fails_the_download(anybodys: Machine):
    for kind in ("directory", "tar", "zip"):
        done = anybodys.deploy({"appspec.yml": Special()}, kind=kind, events=EVENTS)

        done.failed("DownloadBundle", "appspec.yml")


def test_an_appspec_that_its_user_may_not_read_fails(ordinary: Machine):
    files = {"appspec.yml": File(HEAD, 0o000)}

    ordinary.deploy(files, events=EVENTS).failed("DownloadBundle", "appspec.yml")
    ordinary.deploy(files, kind="tar", events=EVENTS).failed("BeforeInstall", "appspec.yml")


@pytest.mark.parametrize("made", ["mkdir", "mkfifo", "ln -s appspec.yml", "ln -s /etc/passwd"])
def test_an_appspec_that_a_script_replaces_is_warned_of(anybodys: Machine, made: str):
    text = f"{HEAD}hooks: {{BeforeInstall: [location: a.sh]}}\n"
    script = sh("cd $DEPLOYMENT_ARCHIVE && rm appspec.yml", f"{made} appspec.yml")

    done = anybodys.deploy({"appspec.yml": text, "a.sh": script}, events=EVENTS)

    done.succeeded()
    assert any("appspec.yml was removed" in warning for warning in done.warnings)
