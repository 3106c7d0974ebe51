"""Permissions in AppSpecs for servers: what is taken, what is refused, and with which words."""

import pytest

from tidegate.appspec import Context, InvalidAppSpec, parse_appspec

HEAD = "version: 0.0\nos: linux\n"


def refused(text: str) -> InvalidAppSpec:
    with pytest.raises(InvalidAppSpec) as refusal:
        parse_appspec(text)
    return refusal.value


def permission(field: str) -> str:
    return f"{HEAD}permissions:\n  - object: /srv\n    {field}\n"


@pytest.mark.parametrize(
    ("permissions", "message"),
    [
        ("text", 'permissions in the application specification file is the text "text"'),
        ("[text]", "permissions[0] in the application specification file is the text"),
        ("[{}]", "has no object value."),
        ("[{object: }]", "has no object value."),
        ("[{object: ' '}]", "has no object value."),
    ],
)
def test_wrong_permissions_are_refused(permissions: str, message: str):
    assert message in refused(f"{HEAD}permissions: {permissions}\n").message


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("except: a", "must be a list of patterns"),
        ("type: file", "must be a list of file and directory"),
        ("type: [file, socket]", "filespecifies a permission for an object type not supported "),
        ("type: [~]", "not supported for permissions ()."),
        (
            "mode: 0755",
            "the permissions mode (493) in the application specification file contains ",
        ),
        ("mode: '0o7'", "contains an invalid character (o)."),
        ("mode: u+x", "contains an invalid character (u)."),
        ("mode: 12345", "the length of a permissions mode (12345)"),
        ("mode: 0o644", "the length of a permissions mode (0o644)"),
        ("mode: true", "contains an invalid character (t)."),
        ("mode: false", "the length of a permissions mode (false)"),
        ("acls: text", "must be a list of entries"),
        ("acls: [5]", "must be a text such as u:bob:rw"),
        ("acls: [rw]", "Invalid acl entry (rw)."),
        ("acls: ['a:b:c:d:e']", "Invalid acl entry (a:b:c:d:e)."),
        ("acls: ['x:bob:rw']", "Invalid acl entry (x:bob:rw)."),
        ("acls: ['d:d:bob:rw']", "Invalid acl entry (d:d:bob:rw)."),
        ("acls: ['m:bob:rw']", "Invalid acl entry (m:bob:rw)."),
        ("acls: ['u::rw']", "Use mode to set the base acl entry (u::rw)."),
        ("acls: ['o::r']", "Use mode to set the base acl entry (o::r)."),
        ("acls: ['u:bob:8']", "(ACL) named u:bob:8 in the application specification file "),
        ("acls: ['u:bob:rq']", "contains an invalid character (q)."),
        ("context: text", 'an invalid context type ("text")'),
        ("context: {name: u}", 'an invalid context type ({"name"=>"u"})'),
        ("context: [a]", "must be a map with a type"),
        ("context: {type: t, range: 5}", "must be a text such as"),
        ("context: {type: t, range: s1-s0}", "a problem with the SELinux range specified (s1-s0)"),
        ("context: {type: t, range: 's0:c1024'}", "invalid category c1024"),
        ("context: {type: t, range: 's0:c2.c1'}", "invalid category range c2.c1"),
        ("context: {type: t, range: 's0:c1,c1'}", "duplicate categories"),
        ("context: {type: t, range: 'x0'}", "invalid sensitivity x0"),
        ("context: {type: t, range: ''}", "invalid range part "),
    ],
)
def test_wrong_fields_of_permissions_are_refused(field: str, message: str):
    assert message in refused(permission(field)).message


@pytest.mark.parametrize(
    ("value", "mode"),
    [("644", "644"), ("'0644'", "0644"), ("7", "007"), ("'4755'", "4755"), ("0644", "420")],
)
def test_modes_are_octal_digits(value: str, mode: str):
    assert parse_appspec(permission(f"mode: {value}")).permissions[0].mode == mode


@pytest.mark.parametrize(
    ("entry", "normal"),
    [
        ("bob:rw", "user:bob:rw-"),
        ("u:bob:7", "user:bob:rwx"),
        ("group:staff:-x", "group:staff:--x"),
        ("m:rw", "mask::rw-"),
        ("mask::r", "mask::r--"),
        ("d:u::rw", "default:user::rw-"),
        ("default:other::", "default:other::---"),
        ("d:bob:r", "default:user:bob:r--"),
        ("u:mask:r", "user:mask:r--"),
    ],
)
def test_acl_entries_are_written_out(entry: str, normal: str):
    assert parse_appspec(permission(f"acls: ['{entry}']")).permissions[0].acls == (normal,)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("s0", "s0"),
        ("s0-s0", "s0"),
        ("s0-s15:c0.c1023", "s0-s15:c0.c1023"),
        ("s00:c7,c3,c4", "s0:c3.c4,c7"),
    ],
)
def test_selinux_ranges_are_written_short(text: str, normal: str):
    context = parse_appspec(permission(f"context: {{type: t, range: '{text}'}}"))

    assert context.permissions[0].context == Context(type="t", range=normal)
