"""YAML is read as the agent's library, Ruby's Psych 4, reads it; each row was run through that."""

import math
import re

import pytest

from tidegate.appspec import InvalidAppSpec, parse_appspec
from tidegate.appspec.nodes import Mapping, Scalar, Sequence
from tidegate.appspec.reading import Unreadable, read
from tidegate.appspec.scalars import NotLoadable, Symbol, typed

HEAD = "version: 0.0\nos: linux\n"


def plain(node: Mapping | Sequence | Scalar | None) -> object:
    if isinstance(node, Mapping):
        return {plain(key): plain(value) for key, value in node.entries()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value if node else None


def loaded(text: str) -> object:
    return plain(read(text).root)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0644", 420),
        ("0_644", 420),
        ("06_44_", 420),
        ("-0644", -420),
        ("00", 0),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0b1_0", 2),
        ("1_000", 1000),
        ("1,000", 1000),
        ("+1", 1),
        ("1:30", 5400),
        ("-1:30", -1800),
        ("01:30", 5400),
        ("1:30:30", 5430),
        ("190:20:30", 685230),
        ("96_83_:2", 34858920),
        ("0__:7", 420),
        ("0", 0),
        ("-0", 0),
    ],
)
def test_whole_numbers(text: str, number: int):
    assert (typed(text), type(typed(text))) == (number, int)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.", 0.0),
        (".0", 0.0),
        ("-0.0", -0.0),
        ("0.0", 0.0),
        ("1.5", 1.5),
        ("1_000.5", 1000.5),
        ("1.0e+3", 1000.0),
        (".5e+1", 5.0),
        ("1:30:15.5", 5415.5),
        ("1:30.5_", 5430.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
    ],
)
def test_numbers_with_a_fraction(text: str, number: float):
    assert (typed(text), type(typed(text))) == (number, float)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "0o644",
            "08",
            "0789",
            "1e3",
            "1E3",
            "1.5e",
            "1.2.3",
            ".",
            "-.",
            "+-1",
            "1:60",
            "1:2:3:4",
        ),
        *("y", "n", "Y", "N", "nil", "None", "~~", "-.nan", "=", "<<", "a:b", "1-2", "2026-13-01"),
        *("٣", "10s", "0644 x", "+", "--", ":"),
    ],
)
def test_what_looks_like_a_number_or_a_word_and_stays_a_text(text: str):
    assert typed(text) == text


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (("yes", "Yes", "YES", "true", "True", "on", "On", "ON"), True),
        (("no", "No", "NO", "false", "False", "off", "Off", "OFF"), False),
        (("", "~", "null", "Null", "NULL"), None),
    ],
)
def test_words_for_truth_and_nothing(texts: tuple[str, ...], value: object):
    assert [typed(text) for text in texts] == [value] * len(texts)


def test_symbols_are_no_texts():
    assert typed(":linux") == Symbol("linux")
    assert typed(":'a b'") == Symbol("a b")
    assert typed(":linux") != "linux"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-25", "Tried to load unspecified class: Date"),
        ("2026-11-25 10:00:00", "Tried to load unspecified class: Time"),
        ("2026-11-25T10:00:00Z", "Tried to load unspecified class: Time"),
        ("0x_", 'invalid value for Integer(): "0x"'),
        (".e+1", 'invalid value for Float(): ".e+1"'),
    ],
)
def test_what_the_agent_cannot_load(text: str, message: str):
    with pytest.raises(NotLoadable, match=re.escape(message)):
        typed(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 5", "5"),
        ("!!str", ""),
        ("! 5", 5),
        ("! '5'", 5),
        ("!!int '5'", 5),
        ("!!int abc", "abc"),
        ("!!float 5", 5.0),
        ("!!float 1:30", 5400.0),
        ("!!bool 'yes'", True),
        ("!!null ''", None),
        ("!!seq [a]", ["a"]),
        ("!!map {a: b}", {"a": "b"}),
        ("'0644'", "0644"),
        ('"yes"', "yes"),
        ("yes: no", {True: False}),
        ("~: 1", {None: 1}),
        ("1: a\n1.0: b", {1: "b"}),
        ("a: 1\nb: 2\na: 3", {"a": 3, "b": 2}),
        ("a: &here 1", {"a": 1}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ('{"a": [1, 2.0, true, null, "x\\u00e9\\/"]}', {"a": [1, 2.0, True, None, "xé/"]}),
        ('{\n\t"a":\t1\n}', {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("a: 1\rb: 2\r", {"a": 1, "b": 2}),
        ("%YAML 1.1\n---\na: 1\n...\n", {"a": 1}),
        ("--- 1\n--- 2\n", 1),
        ("# nothing", None),
    ],
)
def test_documents(text: str, value: object):
    assert loaded(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\n<<: {a: 2, b: 3}\nb: 4", {"a": 2, "b": 4}),
        ("'<<': {a: 1}", {"a": 1}),
        ("<<: [{a: 1}, {a: 2, b: 3}]", {"a": 1, "b": 3}),
        ("<<: []", {}),
        ("<<: x", {"<<": "x"}),
        ("<<: [x]", {"<<": ["x"]}),
        ("<<: ~", {"<<": None}),
        ("!!str <<: {a: 1}", {"<<": {"a": 1}}),
        ("<<: {<<: {a: 1}}", {"a": 1}),
    ],
)
def test_maps_are_merged_as_the_agent_merges_them(text: str, value: object):
    assert loaded(text) == value


def test_merged_hooks_count():
    appspec = parse_appspec(f"{HEAD}hooks:\n  <<: {{AfterInstall: [{{location: a.sh}}]}}\n")

    assert [script.location for script in appspec.hooks["AfterInstall"]] == ["a.sh"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!float abc", 'invalid value for Float(): "abc"'),
        ("!!float yes", 'invalid value for Float(): "yes"'),
        ("!!binary aGk=", "Tried to load unspecified class: tag:yaml.org,2002:binary"),
        ("!!set {a, b}", "Tried to load unspecified class: tag:yaml.org,2002:set"),
        ("!Sub [a]", "Tried to load unspecified class: !Sub"),
        ("a: *b", "Alias parsing was not enabled."),
        ("a: *b\n<<: *c", "Alias parsing was not enabled."),
        ("a: \x00", "control characters are not allowed"),
        ("a: @b", "found character that cannot start any token"),
        ("a: %b", "found character that cannot start any token"),
        ("a: [b", "did not find expected ',' or ']'"),
        ("a: b: c", "mapping values are not allowed in this context"),
        ("a:\n\t- b", "found character that cannot start any token"),
        ('"\\x"', "did not find expected hexdecimal number"),
    ],
)
def test_documents_that_cannot_be_read(text: str, message: str):
    with pytest.raises(Unreadable) as refusal:
        read(text)

    assert message in refusal.value.problems[0].message


def test_the_place_of_a_problem_counts_characters_and_not_bytes():
    with pytest.raises(InvalidAppSpec) as refusal:
        parse_appspec("# 日本語 🎉\nversion: 0.0\nos: linux\nfiles: ['🎉', 5]\n")

    assert [(one.line, one.column) for one in refusal.value.problems] == [(4, 9), (4, 14)]


def test_other_encodings_are_named():
    with pytest.raises(InvalidAppSpec, match="not UTF-8 text but seems to be UTF-16"):
        parse_appspec(HEAD.encode("utf-16"))


def test_no_number_is_too_large_for_json():
    appspec = parse_appspec(f"{HEAD}files:\n- source: .inf\n  destination: .nan\n")

    assert appspec.as_json()["files"] == [{"source": "Infinity", "destination": "NaN"}]
