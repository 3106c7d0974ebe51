"""What a slice prints is read, or refused; nothing of it is trusted."""

import base64
import json
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.hosts.lines import ProtocolBroken
from tidegate.drivers.hosts.ssm_output import is_whole, read_output

MOST = 1 << 16


def printed(data: bytes, *, done: bool = False) -> str:
    text = base64.b64encode(zlib.compress(data)).decode()
    return json.dumps({"done": done, "size": len(text)}) + f"\n{text}\n"


@given(st.binary(max_size=3000), st.booleans())
def test_what_was_packed_is_read(data: bytes, done: bool):
    text = printed(data, done=done)

    output = read_output(text)

    assert is_whole(text)
    assert output is not None
    assert b"".join(output.pieces(MOST)) == data
    assert (output.done, output.refused) == (done, None)


def every_piece(text: str) -> None:
    output = read_output(text)
    assert output is not None
    list(output.pieces(MOST))


def test_what_a_shell_says_before_is_left_out():
    output = read_output("sh: warning: no locale\n" + printed(b"x"))

    assert output is not None
    assert list(output.pieces(MOST)) == [b"x"]


@given(st.integers(0, 400))
def test_what_is_cut_is_known_to_be_so(kept: int):
    text = printed(bytes(range(256)) * 4)
    cut = text[: min(kept, len(text) - 2)]

    assert not is_whole(cut) or not cut.startswith("{")


def test_a_cut_with_the_agents_mark_is_none_the_less_a_cut():
    noise = random.Random(7).randbytes(4000)
    text = printed(noise)[:2400] + "\n--output truncated--"

    assert not is_whole(text)
    with pytest.raises(ProtocolBroken):
        read_output(text)


def test_a_refusal_is_read():
    text = json.dumps({"refused": {"why": "No room.", "code": "disk_full"}}) + "\n"

    output = read_output(text)

    assert is_whole(text)
    assert output is not None
    assert output.refused is not None
    assert (output.refused.why, output.refused.code) == ("No room.", "disk_full")


@pytest.mark.parametrize("text", ["[" * 20_000, '{"done":' + '{"a":' * 20_000])
def test_what_is_nested_without_end_harms_nobody_else(text: str):
    assert is_whole(text) == text.startswith("[")


def test_nothing_of_ours_is_none():
    assert read_output("hello") is None
    assert is_whole("hello")


@pytest.mark.parametrize(
    "text",
    [
        '{"done": 1, "size": 0}\n',
        '{"done": true}\n',
        '{"done": true, "size": "4"}\nabcd',
        '{"done": true, "size": 4}\n!!!!',
        '{"done": true, "size": 4}\nAAAA',
        '{"refused": {"code": "x"}}\n',
        '{"refused": 3}\n',
    ],
)
def test_what_the_runner_never_prints_is_refused(text: str):
    with pytest.raises(ProtocolBroken):
        every_piece(text)


def test_what_swells_is_refused_before_it_is_in_memory():
    output = read_output(printed(b"\0" * (40 << 20)))
    assert output is not None
    taken: list[int] = []

    with pytest.raises(ProtocolBroken, match="more than the log limits"):
        taken.extend(len(piece) for piece in output.pieces(10 << 20))

    assert max(taken) <= 1 << 20
    assert sum(taken) == 10 << 20
