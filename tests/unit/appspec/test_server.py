"""AppSpecs for servers: what is taken, what is refused, and with which words."""

import json

import pytest

from tidegate.appspec import (
    AppSpec,
    Context,
    FileMapping,
    InvalidAppSpec,
    Permission,
    Script,
    parse_appspec,
)

HEAD = "version: 0.0\nos: linux\n"
WHOLE = """\
version: 0.0
os: linux
file_exists_behavior: OVERWRITE
files:
  - source: /
    destination: /srv/app
permissions:
  - object: /srv/app
    pattern: "*.sh"
    except: [keep.sh]
    owner: bob
    group: staff
    mode: 750
    acls: ["u:eve:6", "d:o:r"]
    context: {name: system_u, type: httpd_sys_content_t, range: "s0:c1,c2,c3,c7"}
    type: [file]
hooks:
  ApplicationStop:
  AfterInstall:
    - location: scripts/a.sh
    - location: scripts/b.sh
      timeout: 300
      runas: bob
      sudo: true
"""


def refused(text: str | bytes) -> InvalidAppSpec:
    with pytest.raises(InvalidAppSpec) as refusal:
        parse_appspec(text)
    return refusal.value


def script(field: str) -> str:
    return f"{HEAD}hooks:\n  AfterInstall:\n    - location: a.sh\n      {field}\n"


def test_the_least_that_is_an_appspec():
    appspec = parse_appspec(HEAD)

    assert appspec == AppSpec()
    assert appspec.as_json() == {
        "version": 0.0,
        "os": "linux",
        "file_exists_behavior": None,
        "files": [],
        "permissions": [],
        "hooks": {},
    }


def test_everything_at_once():
    assert parse_appspec(WHOLE) == AppSpec(
        file_exists_behavior="OVERWRITE",
        files=(FileMapping(source="/", destination="/srv/app"),),
        permissions=(
            Permission(
                object="/srv/app",
                pattern="*.sh",
                except_=("keep.sh",),
                owner="bob",
                group="staff",
                mode="750",
                acls=("user:eve:rw-", "default:other::r--"),
                context=Context(type="httpd_sys_content_t", user="system_u", range="s0:c1.c3,c7"),
                type=("file",),
            ),
        ),
        hooks={
            "AfterInstall": (
                Script(location="scripts/a.sh"),
                Script(location="scripts/b.sh", timeout=300, runas="bob", sudo=True),
            )
        },
    )


def test_the_json_is_plain_and_complete():
    body = parse_appspec(WHOLE).as_json()

    assert json.loads(json.dumps(body)) == body
    assert body["permissions"] == [
        {
            "object": "/srv/app",
            "pattern": "*.sh",
            "except": ["keep.sh"],
            "type": ["file"],
            "owner": "bob",
            "group": "staff",
            "mode": "750",
            "acls": ["user:eve:rw-", "default:other::r--"],
            "context": {
                "type": "httpd_sys_content_t",
                "user": "system_u",
                "range": "s0:c1.c3,c7",
            },
        }
    ]
    assert body["hooks"]["AfterInstall"][0] == {
        "location": "scripts/a.sh",
        "timeout": 3600,
        "runas": None,
        "sudo": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 0.0, "os": "linux"}',
        "version: 0\nos: linux\n",
        "version: .0\nos: linux\n",
        "version: 0.\r\nos: linux\r\n",
        "version: -0.0\nos: 'linux'\n",
        "--- \nversion: 0.0\nos: &here linux\n",
        "version: !!float 0\nos: !!str linux\n",
        f"{HEAD}hooks:\nfiles: null\npermissions: ~\nfile_exists_behavior:\n",
        f"{HEAD}hooks: {{}}\nfiles: []\npermissions: {{}}\n",
        f"{HEAD}hooks: {{AfterInstall: [], BeforeInstall: {{}}, ApplicationStop: no}}\n",
        f"{HEAD}unknown: [1, {{2: 3}}]\n",
        f"version: 1\n{HEAD}",
        f"{HEAD}---\n: : not even yaml",
        '\ufeff{"version": 0.0, "os": "linux"}',
        HEAD.encode(),
    ],
)
def test_what_the_agent_takes_is_taken(text: str | bytes):
    appspec = parse_appspec(text)

    assert (appspec.version, appspec.os, appspec.files) == (0.0, "linux", ())


EMPTY = (
    "The deployment failed because the application specification file was empty. Make sure your "
    "AppSpec file defines at minimum the 'version' and 'os' properties."
)


@pytest.mark.parametrize("text", ["", " \n", "# nothing\n", "~", "false", "--- \n...\n" + HEAD])
def test_an_empty_file_is_refused(text: str):
    assert refused(text).message == EMPTY


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("os: linux\n", ""),
        ("version: 1.0\nos: linux\n", "1.0"),
        ("version: '0.0'\nos: linux\n", "0.0"),
        ("version: 0.0.0\nos: linux\n", "0.0.0"),
        ("version: false\nos: linux\n", "false"),
        ("version: [0.0]\nos: linux\n", "[0.0]"),
        ("version: {a: 1}\nos: linux\n", '{"a"=>1}'),
        ("version: 1.0e+20\nos: linux\n", "1.0e+20"),
        ("Version: 0.0\nos: linux\n", ""),
        ("just text", ""),
        ("version 0.0", "version"),
    ],
)
def test_another_version_is_refused(text: str, shown: str):
    refusal = refused(text)

    assert refusal.message == (
        f"The deployment failed because an invalid version value ({shown}) was entered in the "
        'application specification file. Make sure your AppSpec file specifies "0.0" as the '
        "version, and then try again."
    )
    assert refusal.problems[0].key == "version"


@pytest.mark.parametrize(
    ("os", "shown", "hint"),
    [
        ("windows", "windows", "Linux hosts only"),
        ("Linux", "Linux", "lower-case"),
        ("", "", ""),
        (":linux", "linux", ""),
        ("[linux]", '["linux"]', ""),
    ],
)
def test_another_os_is_refused(os: str, shown: str, hint: str):
    refusal = refused(f"version: 0.0\nos: {os}\n")

    assert refusal.message == (
        "The deployment failed because the application specification file specifies an "
        f'unsupported operating system ({shown}). Specify either "linux" or "windows" in the os '
        "section of the AppSpec file, and then try again."
    )
    assert hint in refusal.problems[0].hint


@pytest.mark.parametrize("value", ["overwrite", "KEEP", "no", "[RETAIN]", "'RETAIN '"])
def test_another_file_exists_behavior_is_refused(value: str):
    refusal = refused(f"{HEAD}file_exists_behavior: {value}\n")

    assert "an invalid file_exists_behavior value (" in refusal.message
    assert "one of DISALLOW,OVERWRITE,RETAIN as" in refusal.message


NO_LOCATION = "specifies a script with no location value."


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ("[a]", "hooks in the application specification file is a list, and must be a map"),
        ("text", 'hooks in the application specification file is the text "text"'),
        ("5", "is the number 5"),
        ("{E: text}", 'hooks.E in the application specification file is the text "text"'),
        ("{E: {location: a}}", "hooks.E in the application specification file is a map"),
        ("{E: [text]}", "hooks.E[0] in the application specification file is the text"),
        ("{E: [null]}", "hooks.E[0] in the application specification file is empty"),
        ("{E: [{}]}", NO_LOCATION),
        ("{E: [{location: }]}", NO_LOCATION),
        ("{E: [{location: '  '}]}", NO_LOCATION),
        ("{E: [{location: a}, {timeout: 5}]}", NO_LOCATION),
    ],
)
def test_wrong_hooks_are_refused(hooks: str, message: str):
    assert message in refused(f"{HEAD}hooks: {hooks}\n").message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1", 1),
        ("'300'", 300),
        ("10s", 10),
        ("1.9", 1),
        ("'1_000'", 1000),
        ("1_000", 1000),
        ("0x10", 16),
        ("010", 8),
        ("1:30", 5400),
        ("", 3600),
        ("false", 3600),
        ("'+7'", 7),
        ("99999999999999999999", 2**31 - 1),
        (f"'{'9' * 5000}'", 2**31 - 1),
    ],
)
def test_timeouts_are_read_as_ruby_reads_numbers(value: str, seconds: int):
    assert parse_appspec(script(f"timeout: {value}")).hooks["AfterInstall"][0].timeout == seconds


@pytest.mark.parametrize(
    "value", ["0", "-1", "soon", "''", "true", "[5]", "{a: 1}", ".inf", ".nan", ":five", "0.9"]
)
def test_wrong_timeouts_are_refused(value: str):
    refusal = refused(script(f"timeout: {value}"))

    assert "an invalid timeout value was provided for a script" in refusal.message
    assert refusal.problems[0].key == "hooks.AfterInstall[0].timeout"


@pytest.mark.parametrize(
    ("field", "runas", "sudo"),
    [
        ("runas: ' bob '", "bob", False),
        ("runas: 1000", "1000", False),
        ("runas: ''", "", False),
        ("runas: ~", None, False),
        ("sudo: 'false'", None, True),
        ("sudo: 0", None, True),
        ("sudo: no", None, False),
    ],
)
def test_who_runs_a_script(field: str, runas: str | None, sudo: bool):
    found = parse_appspec(script(field)).hooks["AfterInstall"][0]

    assert (found.runas, found.sudo) == (runas, sudo)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("text", 'files in the application specification file is the text "text"'),
        ("{source: a}", "files in the application specification file is a map"),
        ("[{}]", "specifies a destination file, but no source file."),
        ("[{destination: /a}]", "specifies a destination file, but no source file."),
        ("[{source: null, destination: /a}]", "but no source file."),
        ("[{source: a}]", "specifies only a source file (a)."),
        ("[{source: 5, destination: ~}]", "specifies only a source file (5)."),
        ("[text]", "but no source file."),
        ("[5]", "files[0] in the application specification file is the number 5"),
        ("[[a]]", "files[0] in the application specification file is a list"),
    ],
)
def test_wrong_files_are_refused(files: str, message: str):
    assert message in refused(f"{HEAD}files: {files}\n").message


def test_a_source_that_is_no_text_passes_with_a_warning():
    appspec = parse_appspec(f"{HEAD}files:\n- source: 5\n  destination: /a\n")

    assert appspec.files == (FileMapping(source=5, destination="/a"),)
    assert "the number 5 and no text; Install will fail" in appspec.warnings[0].message
