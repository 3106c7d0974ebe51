"""The reported log is the agent's: the last whole lines, fewer than 2048 characters in all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.diagnostics import log_tail


@pytest.mark.parametrize(
    ("log", "tail"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"[stdout]a\n[stdout]b\n", "[stdout]a\n[stdout]b\n", id="all that fits"),
        pytest.param(b"a\nno end", "a\nno end", id="a line without its end"),
        pytest.param(b"x" * 2047, "x" * 2047, id="as long as can be"),
        pytest.param(b"x" * 2046 + b"\n", "x" * 2046 + "\n", id="the line's end counts"),
        pytest.param(b"x" * 2047 + b"\n", "", id="one longer line"),
        pytest.param(b"x" * 2048, "", id="one longer line without its end"),
        pytest.param(b"a\n" + b"x" * 2048 + b"\nb\n", "b\n", id="nothing from before a long line"),
        pytest.param(b"a\n" * 2000, "a\n" * 1023, id="whole lines only"),
        pytest.param(b"old\n" + b"x" * 2040 + b"\nab\n", "x" * 2040 + "\nab\n", id="to the brim"),
        pytest.param(b"\xff\xfeok\n", "\N{REPLACEMENT CHARACTER}" * 2 + "ok\n", id="no UTF-8"),
        pytest.param("ä".encode() * 2046 + b"\n", "ä" * 2046 + "\n", id="characters, not bytes"),
        pytest.param(b"a\r\nb\x0bc\x85\n", "a\r\nb\x0bc\N{REPLACEMENT CHARACTER}\n", id="only \\n"),
        pytest.param(b"\n\n", "\n\n", id="empty lines"),
        pytest.param(b"[stdout]a\nWarning - x\n", "[stdout]a\n", id="no warnings of ours"),
    ],
)
def test_the_tail_of_a_log(log: bytes, tail: str):
    assert log_tail(log) == tail


@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_a_tail_ends_the_log_and_fits(lines: list[bytes]):
    log = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)

    tail = log_tail(log)

    text = log.decode("utf-8", "replace")
    assert len(tail) < 2048
    assert text.endswith(tail)
    assert not tail or len(tail) == len(text) or text[-len(tail) - 1] == "\n"
