"""What a host's row may say about SSH, and what it is told when it says something else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.hosts import NoSuchDriver, host_driver
from tidegate.drivers.hosts.lines import Lines, Preface, ProtocolBroken, quoted
from tidegate.drivers.hosts.settings import InvalidSettings
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.drivers.hosts.ssh_settings import Jump, SshSettings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDCclJQO62LVBY5jIOtGOG0UmMdIYGHvrntjb8baB3kr"


def test_the_registry_knows_the_driver():
    assert host_driver("ssh") is SshHosts


def test_the_registry_names_what_there_is():
    with pytest.raises(NoSuchDriver, match="No host driver 'sssh'; installed: ssh"):
        host_driver("sssh")


def test_an_address_is_enough():
    settings = SshSettings.read({"address": "web-1"})

    assert (settings.port, settings.user, settings.trust_on_first_use) == (22, None, False)


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        f"{KEY} a comment",
        f"web-1 {KEY}",
        f"# web-1:22 SSH-2.0-OpenSSH_9.9\nweb-1 {KEY}\n",
        f"@cert-authority {KEY}",
        f"@cert-authority * {KEY}",
    ],
)
def test_a_host_key_is_read_as_known_hosts_has_it(key: str):
    trusted = SshSettings.read({"address": "a", "host_key": key}).trusted_key

    assert trusted is not None
    assert trusted.is_authority == key.startswith("@")
    assert trusted.key.export_public_key("openssh").decode().split()[:2] == KEY.split()


def test_keys_that_were_revoked_stand_beside_the_one_that_is_trusted():
    key = f"@cert-authority {KEY}\n@revoked * {KEY}\n"

    trusted = SshSettings.read({"address": "a", "host_key": key}).trusted_key

    assert trusted is not None
    assert trusted.is_authority
    assert trusted.revoked == (trusted.key,)


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("ops@bastion:2222", Jump("bastion", 2222, "ops")),
        ("bastion", Jump("bastion", 22, None)),
        ("ops@[2001:db8::1]:22", Jump("2001:db8::1", 22, "ops")),
    ],
)
def test_a_jump_host_is_read_as_ssh_reads_it(text: str, jump: Jump):
    assert SshSettings.read({"address": "a", "proxy_jump": text}).jump == jump


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "'address'"),
        ({"address": "a b"}, "The address 'a b' is neither"),
        ({"address": "-oProxyCommand=x"}, "is neither a host name nor an IP"),
        ({"address": "a", "port": 70000}, "The port 70000 is not between 1 and 65535."),
        ({"address": "a", "user": "a b"}, "The user 'a b' is no user name."),
        ({"address": "a", "identity": "~/.ssh/id"}, "the key itself is never stored"),
        ({"address": "a", "identity": "file:"}, "An identity is 'file:/path/to/key'"),
        ({"address": "a", "host_key": "SHA256:abc"}, "ssh-keyscan -t ed25519"),
        ({"address": "a", "host_key": f"{KEY}\n{KEY}"}, "one host key, and these are 2"),
        ({"address": "a", "host_key": f"@revoked {KEY}"}, "ssh-keyscan -t ed25519"),
        ({"address": "a", "host_key": f"{KEY}\n@revoked nonsense"}, "'@revoked nonsense'"),
        ({"address": "a", "host_key": "\n".join([KEY] + 101 * [f"@revoked {KEY}"])}, "At most 100"),
        ({"address": "a", "proxy_jump": "a,b"}, "is not of the form user@host:port"),
        ({"address": "a", "proxy_jump": "a:99999"}, "is not of the form user@host:port"),
        ({"address": "a", "state_dir": "state"}, "does not start with '/' or with '~/'"),
        ({"address": "a", "pasword": "x"}, "'pasword'"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(settings: dict[str, object], sentence: str):
    with pytest.raises(InvalidSettings) as caught:
        SshSettings.read(settings)

    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


def test_key_material_in_the_wrong_place_is_not_repeated():
    with pytest.raises(InvalidSettings) as caught:
        SshSettings.read({"address": "a", "identity": "-----BEGIN PRIVATE KEY----- MIIEvQ"})

    assert "MIIEvQ" not in str(caught.value)


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_no_bytes_of_a_host_raise_anything_but_a_broken_protocol(pieces: list[bytes]):
    lines = Lines(10_000)

    with suppress(ProtocolBroken):
        for piece in pieces:
            list(lines.feed(piece))


@given(st.binary(max_size=300), st.binary(max_size=50), st.integers(1, 40))
def test_the_marker_is_found_wherever_pieces_end(before: bytes, after: bytes, size: int):
    preface = Preface("0f" * 16)
    whole = before + b"\n" + b"0f" * 16 + b"\n" + after
    found = None

    for start in range(0, len(whole), size):
        piece = whole[start : start + size]
        found = preface.feed(piece) if found is None else found + piece

    assert found == after
    assert before.strip().endswith(preface.tail)


@given(st.binary())
def test_what_a_host_says_is_quoted_on_one_short_line(said: bytes):
    line = quoted(said)

    assert line.isprintable()
    assert len(line) <= 201
