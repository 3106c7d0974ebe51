"""`tidegate validate`: every problem at its place, whatever holds the AppSpec."""

import io
import json
import os
import pty
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from unit.cli.conftest import APPSPEC

WRONG = """\
version: 0.0
os: windows
Hooks: 1
hooks:
  AfterInstall:
    - location: a.sh
      timeout: soon
permissions:
  - object: /srv
    mode: 0644
"""
LAMBDA = """\
version: 0.0
Resources:
  - web:
      Type: AWS::Lambda::Function
      Properties: {Name: shop, Alias: live, CurrentVersion: 1, TargetVersion: 2}
"""
ECS = """\
version: 0.0
Resources:
  - web:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: shop:3
        LoadBalancerInfo: {ContainerName: app, ContainerPort: 80}
Hooks:
  - BeforeInstall: f
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str | bytes, name: str = "appspec.yml") -> str:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def tarred(members: dict[str, str], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:
        for name, text in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def zipped(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_every_problem_and_warning_is_a_line_and_their_number_the_last(cli):
    done = cli("validate", written(WRONG))

    *lines, last = done.err.splitlines()
    assert (done.code, done.out) == (1, "")
    assert [line.partition(": ")[0] for line in lines] == [
        "appspec.yml:2:5",
        "appspec.yml:7:16",
        "appspec.yml:3:1",
        "appspec.yml:10:11",
    ]
    assert "an unsupported operating system (windows)." in lines[0]
    assert lines[0].endswith(" Tidegate deploys to Linux hosts only, so it must be linux.")
    assert lines[2].startswith("appspec.yml:3:1: warning: 'Hooks' is no key")
    assert lines[3].endswith("write mode: '0644' to mean those digits.")
    assert last == "2 problems, 2 warnings in appspec.yml."


def test_for_machines_each_is_an_object(cli):
    done = cli("validate", written(WRONG), "--json")

    found = json.loads(done.out)
    assert (done.code, found["valid"], found["file"]) == (1, False, "appspec.yml")
    assert found["platform"] == "Server"
    assert [(each["line"], each["column"], each["key"]) for each in found["problems"]] == [
        (2, 5, "os"),
        (7, 16, "hooks.AfterInstall[0].timeout"),
    ]
    assert found["problems"][0]["hint"].startswith("Tidegate deploys to Linux hosts only")
    assert [set(each) for each in found["problems"] + found["warnings"]] == [
        {"line", "column", "key", "message", "hint"}
    ] * 4


def test_a_sound_one_is_valid_in_one_sentence(cli):
    written(APPSPEC)

    assert cli("validate").out == "appspec.yml is valid: 1 copy of files, no hooks.\n"
    assert json.loads(cli("validate", "--json").out) == {
        "valid": True,
        "problems": [],
        "warnings": [],
        "file": "appspec.yml",
        "platform": "Server",
    }


def test_warnings_alone_make_it_no_less_valid(cli):
    done = cli("validate", written(f"{APPSPEC}Hooks: 1\n"))

    assert (done.code, done.err.count("\n")) == (0, 1)
    assert done.out == "appspec.yml is valid, with 1 warning: 1 copy of files, no hooks.\n"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (
            LAMBDA,
            (),
            "(taken for Lambda, because it has Resources): shop:live from version 1 to 2, no hooks",
        ),
        (LAMBDA, ("--platform", "lambda"), "(taken for Lambda): shop:live"),
        (
            ECS,
            (),
            "(taken for ECS, because it has Resources): shop:3 with app:80, hooks for BeforeInst",
        ),
        (ECS, ("--platform", "ECS"), "is valid (taken for ECS)"),
        (APPSPEC, ("--platform", "EC2"), "appspec.yml is valid: 1 copy"),
        (APPSPEC, ("--platform", "SERVER"), "appspec.yml is valid: 1 copy"),
    ],
)
def test_the_platform_is_told_or_guessed(cli, text: str, arguments: tuple[str, ...], said: str):
    done = cli("validate", written(text), *arguments)

    assert (done.code, done.err) == (0, "")
    assert said in done.out


def test_the_guess_is_said_with_problems_too(cli):
    done = cli("validate", written(ECS.replace("shop:3", "<TASK_DEFINITION>")))

    assert (done.code, done.out) == (1, "")
    assert "appspec.yml:6:25: '<TASK_DEFINITION>' is a placeholder." in done.err
    assert done.err.endswith(
        "1 problem in appspec.yml (taken for ECS, because it has Resources).\n"
    )


def test_an_unknown_platform_is_wrong_usage(cli):
    done = cli("validate", written(APPSPEC), "--platform", "k8s")

    assert done.code == 2
    assert "'k8s' is none of Server (or EC2), Lambda and ECS" in done.err


HOOK = f"{APPSPEC}hooks: {{AfterInstall: [{{location: a.sh}}, {{location: gone.sh}}]}}\n"


@pytest.mark.parametrize(
    "bundle",
    [
        tarred({"appspec.yml": HOOK, "a.sh": ""}),
        tarred({"appspec.yml": HOOK, "a.sh": ""}, "w"),
        zipped({"appspec.yml": HOOK, "a.sh": ""}),
        zipped({"top/appspec.yml": HOOK, "top/a.sh": ""}),
    ],
    ids=["tgz", "tar", "zip", "top-folder"],
)
def test_archives_are_looked_into(cli, bundle: bytes):
    done = cli("validate", written(bundle, "bundle"))

    assert done.code == 0
    assert done.err == (
        "bundle/appspec.yml:6:53: warning: The bundle holds no 'gone.sh'; the event will fail, "
        "unless an earlier script makes it.\n"
    )


def test_what_a_link_leads_to_may_be_there(cli):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        text = f"{APPSPEC}hooks: {{AfterInstall: [{{location: link/bin/a.sh}}]}}\n".encode()
        entry = tarfile.TarInfo("appspec.yml")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "elsewhere"
        tar.addfile(entry)

    assert cli("validate", written(packed.getvalue(), "bundle")).err == ""


def test_folders_are_looked_into(cli, here: Path):
    (here / "bundle").mkdir()
    (here / "bundle" / "a.sh").symlink_to("/nowhere")
    written(HOOK, "bundle/appspec.yml")

    assert cli("validate", "bundle").err.startswith("bundle/appspec.yml:6:53: warning: The bundle")
    assert cli("validate", "bundle/appspec.yml").err == ""


def test_another_name_than_appspec_yml_is_warned_of_where_it_matters(cli, here: Path):
    (here / "bundle").mkdir()
    written(APPSPEC, "bundle/appspec.yaml")
    written(zipped({"appspec.json": LAMBDA}), "lambda.zip")

    assert "look for appspec.yml and no other name. Rename" in cli("validate", "bundle").err
    assert cli("validate", "lambda.zip").err == ""
    assert cli("validate", "bundle/appspec.yaml").err == ""


@pytest.mark.parametrize("text", [APPSPEC.encode(), tarred({"appspec.yml": APPSPEC})])
def test_stdin_is_read(cli, text: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))

    done = cli("validate", "-")

    assert done.code == 0
    assert done.out.startswith("<stdin>")


def test_a_pipe_is_read_to_its_end(cli, here: Path):
    os.mkfifo(here / "pipe")
    writer = subprocess.Popen(["sh", "-c", "(printf 'version: 0.0\\n'; echo 'os: linux') > pipe"])

    assert cli("validate", "pipe").code == 0
    writer.wait(10)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "1 problem in appspec.yml."),
        (b"\xff\xfev\x00", "not UTF-8 text but seems to be UTF-16"),
        (bytes(1024), "control characters are not allowed"),
        (b"#" * (1 << 21), "The file has 1,048,577 bytes; an AppSpec has at most 1,048,576."),
        (b"\x1f\x8b\x08broken", "appspec.yml: Error extracting tar archive"),
        (b"PK\x03\x04broken", "appspec.yml: Error extracting zip archive"),
        (b"\xfd7zXZ\x00", "The bundle is no zip, tar or tgz archive; it seems to be xz."),
        (zipped({"readme": ""}), 'at revision-relative path "appspec.yml". At the top'),
        (tarred({"../appspec.yml": APPSPEC}), "would be written outside the folder"),
        (b'"\\e[31m\\n": 1\nversion: 0.0\nos: linux\n', "'\\x1b[31m\\n' is no key"),
    ],
)
def test_hostile_input_is_a_sentence(cli, content: bytes, said: str):
    done = cli("validate", written(content))

    assert said in done.err
    assert "should not happen" not in done.err
    assert "\x1b" not in done.err


@pytest.mark.parametrize("name", ["gone.yml", "gone/appspec.yml", "n" * 5000, "loop"])
def test_what_cannot_be_read_is_a_sentence_and_an_object(cli, here: Path, name: str):
    (here / "loop").symlink_to("loop")

    done = cli("validate", name, "--json")

    assert done.code == 1
    assert done.err.startswith(f"{name} cannot be read: ")
    assert json.loads(done.out)["problems"][0]["message"] == done.err.rstrip("\n")


def test_a_folder_without_an_appspec_is_a_sentence(cli):
    assert cli("validate", ".").err == (
        ". holds no appspec.yml; every revision needs one at its top.\n"
    )


def test_a_name_that_is_no_text_is_shown_with_escapes(cli, here: Path):
    name = os.fsdecode(b"\xff\n.yml")
    (here / name).write_text(APPSPEC)

    assert cli("validate", name, "--json").out.startswith('{"valid": true')
    assert cli("validate", name).out.startswith("\\xff\\n.yml is valid")


def test_a_terminal_shows_the_line_and_a_mark_below_the_place(here: Path):
    written("version: 0.0\nos:\t\u65e5\u672c\nfiles: ['\u65e5\u672c', 5, " + "x" * 300 + "]\n")
    main, other = pty.openpty()
    command = [Path(sys.executable).with_name("tidegate"), "validate"]

    subprocess.run(command, stderr=other, check=False, env={**os.environ, "TERM": "xterm"})
    os.close(other)
    shown = ""
    try:
        while piece := os.read(main, 1 << 16):
            shown += piece.decode()
    except OSError:
        os.close(main)

    plain = [part.partition("m")[2] if n else part for n, part in enumerate(shown.split("\x1b["))]
    lines = "".join(plain).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("appspec.yml:3:15"))
    assert lines[at + 1].startswith("  files: ['\u65e5\u672c', 5, xxx")
    assert lines[at + 2] == "  " + " " * 16 + "^"
    assert len(lines[at + 1]) < 200
    assert "problem: " in lines[at]
