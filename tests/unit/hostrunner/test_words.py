"""What the runner reads and writes in other programs' notations."""

import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hostrunner import BOOT, COMMAND, RUNNER_SHA256, runner_source
from tidegate.hostrunner.parts import base, permissions, previous, session, unzip


@pytest.mark.parametrize(
    ("glob", "name", "expected"),
    [
        ("*", "anything", True),
        ("*.sh", "a.sh", True),
        ("*.sh", "a.sh.txt", False),
        ("a*c*", "abcd", True),
        ("a?", "ab", False),
        ("a?", "a?", True),
        ("[ab]", "a", False),
        ("", "a", False),
        ("aba*aba", "aba", False),
        ("a*b*b", "ab", False),
        ("*" * 60 + "x", "a" * 250, False),
    ],
)
def test_only_the_star_is_special_in_a_pattern(glob, name, expected):
    assert permissions.matches(glob, name) is expected


@pytest.mark.parametrize(
    ("acls", "expected"),
    [
        (["user:bob:rw-"], "user:bob:rw-,{base},mask::r--"),
        (["mask::rwx", "user:bob:rw-"], "mask::rwx,user:bob:rw-,{base}"),
        (["mask::r-x"], "mask::r-x,{base}"),
        (["default:user::rwx"], "default:user::rwx,{base},default:group::r--,default:other::---"),
        (
            ["default:group::rwx", "default:user:bob:rwx"],
            "default:group::rwx,default:user:bob:rwx,{base}{rest}",
        ),
    ],
)
def test_an_acl_is_completed_from_the_mode(tmp_path, acls, expected):
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(0o640)

    with path.open() as file:
        whole = permissions.whole_acl(acls, file.fileno())

    assert whole == expected.format(
        base="user::rw-,group::r--,other::---",
        rest=",default:user::rw-,default:other::---,default:mask::rwx",
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [(b"/srv/app/", b"/srv/app"), (b"//srv//app/../x", b"/srv/x"), (b"/", b"/")],
)
def test_paths_are_compared_in_one_spelling(path, expected):
    assert previous.clean(path) == expected


@given(lines=st.lists(st.binary(min_size=1).map(lambda name: b"/" + name)))
def test_a_list_of_any_names_is_read_back_and_no_line_of_it_misleads_the_agent(lines):
    text = previous.list_text(lines)

    assert previous.list_lines(text) == lines
    assert previous.list_lines(text + b"/unfinished") == lines
    read_by_the_agent = [line.strip() for line in text.split(b"\n")[:-1]]
    assert {line for line in read_by_the_agent if b"/.tidegate/" not in line} <= set(lines)


@pytest.mark.parametrize(
    ("name", "system", "flags", "expected"),
    [
        ("a/b", 3, 0, b"a/b"),
        ("a\\b", 0, 0, b"a/b"),
        ("a\\b", 3, 0, b"a\\b"),
        ("\u00e9", 3, 0x800, b"\xc3\xa9"),
        (b"\xc3\xa9".decode("cp437"), 3, 0, b"\xc3\xa9"),
        (b"\x82".decode("cp437"), 0, 0, b"\xc3\xa9"),
        (b"\x82".decode("cp437"), 3, 0, b"\x82"),
    ],
)
def test_names_in_a_zip_become_those_of_files(name, system, flags, expected):
    entry = zipfile.ZipInfo("x")
    entry.filename, entry.create_system, entry.flag_bits = name, system, flags

    assert unzip.zip_name(entry) == expected


def test_a_process_is_known_by_its_start():
    assert base.started_at(os.getpid()).isdigit()
    assert base.started_at(2**22 + 1) == ""


def test_the_command_is_one_line_that_no_login_shell_rewrites():
    assert not set(BOOT) & set("'\\!\n")
    assert f"exec python3 -I -S -E -c '{BOOT}'" == COMMAND


def test_the_digest_is_of_what_travels():
    digest = session.sha256()
    digest.update(runner_source())

    assert digest.hexdigest() == RUNNER_SHA256
