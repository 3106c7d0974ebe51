"""Everything that is wrong is said at once, with its place; what is doubtful is warned of."""

import pytest

from tidegate.appspec import InvalidAppSpec, Problem, parse_appspec

HEAD = "version: 0.0\nos: linux\n"


def refused(text: str | bytes) -> InvalidAppSpec:
    with pytest.raises(InvalidAppSpec) as refusal:
        parse_appspec(text)
    return refusal.value


def places(problems: tuple[Problem, ...]) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.key) for problem in problems]


def test_every_problem_is_found_in_one_go_in_the_order_of_the_agents_checks():
    refusal = refused(
        "file_exists_behavior: KEEP\n"
        "permissions:\n"
        "  - object: /srv\n"
        "    mode: '9'\n"
        "    acls: ['x']\n"
        "files:\n"
        "  - source: a\n"
        "  - destination: /b\n"
        "hooks:\n"
        "  AfterInstall:\n"
        "    - location: a.sh\n"
        "      timeout: 0\n"
        "    - timeout: x\n"
        "os: beos\n"
        "version: 2\n"
    )

    assert places(refusal.problems) == [
        (15, 10, "version"),
        (14, 5, "os"),
        (12, 16, "hooks.AfterInstall[0].timeout"),
        (13, 7, "hooks.AfterInstall[1].location"),
        (13, 16, "hooks.AfterInstall[1].timeout"),
        (7, 5, "files[0].destination"),
        (8, 5, "files[1].source"),
        (4, 11, "permissions[0].mode"),
        (5, 12, "permissions[0].acls[0]"),
        (1, 23, "file_exists_behavior"),
    ]
    assert refusal.message == refusal.problems[0].message
    assert str(refusal).startswith("The AppSpec is not valid: line 15, column 10, version: The ")
    assert str(refusal).endswith("(and 9 more problems)")


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        (
            f"{HEAD}hooks:\n  AfterInstall:\n   - location: a\n  - location: b\n",
            6,
            3,
            "did not find expected key while parsing a block mapping at line 4 column 3",
            "same column",
        ),
        (
            "version: 0.0\n  os: linux\n",
            2,
            5,
            "(<unknown>): mapping values are not allowed in this context at line 2 column 5",
            "indentation",
        ),
        (
            f"{HEAD}hooks:\n\tAfterInstall:\n",
            4,
            1,
            "found character that cannot start any token while scanning for the next token at",
            "tab",
        ),
        (f"{HEAD}files: [\n", 4, 1, "(<unknown>): did not find expected node content", ""),
        (f"{HEAD}files: 'a\n", 4, 1, "(<unknown>): found unexpected end of stream", "not closed"),
        (f"{HEAD}a: \x07\n", 3, 4, "(<unknown>): control characters are not allowed", "Remove"),
        (f"{HEAD}a: &x 1\nb: *x\n", 4, 4, "Alias parsing was not enabled.", "Write the value"),
        (f"{HEAD}a: 2026-11-25\n", 3, 4, "Tried to load unspecified class: Date", "quotes"),
        (
            f"{HEAD}a: 2026-11-25 10:00:00\n",
            3,
            4,
            "Tried to load unspecified class: Time",
            "quotes",
        ),
        (
            f"{HEAD}a: !ruby/object:A {{}}\n",
            3,
            4,
            "unspecified class: !ruby/object:A",
            "no YAML tags",
        ),
        (f"{HEAD}a: !Ref b\n", 3, 4, "Tried to load unspecified class: !Ref", "no YAML tags"),
        (b"version: 0.0\nos: \xff\n", 2, 5, "The file is not UTF-8 text.", "UTF-8"),
        ("version: 0.0\nos: li\ud800nux\n", 2, 7, "half of a surrogate pair", ""),
        ("a: [" * 60, 1, 101, "nested more than 50 deep", ""),
        ("[" * 500_000, 1, 1001, "exceeded maximum nesting depth", ""),
        ("- a\n" * 110_000, 100_000, 3, "more than 100,000 values", ""),
        (
            "#" * (1024 * 1024 + 1),
            1,
            1,
            "has 1,048,577 bytes; an AppSpec has at most 1,048,576",
            "",
        ),
    ],
)
def test_unreadable_text_is_refused_with_its_place(
    text: str | bytes, line: int, column: int, message: str, hint: str
):
    problem = refused(text).problems[0]

    assert message in problem.message
    assert (problem.line, problem.column) == (line, column)
    assert hint in problem.hint


def test_every_alias_tag_and_date_is_named():
    refusal = refused("a: &x 1\nb: *x\nc: 2026-11-25\nd: !Ref e\n")

    assert [problem.line for problem in refusal.problems] == [2, 3, 4]


def test_an_error_of_syntax_comes_before_what_was_read_until_then():
    assert "did not find expected" in refused("a: 2026-11-25\nb: [\n").message


def test_an_alias_bomb_costs_nothing():
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert refused(f"l0: &l0 x\n{layers}").problems[0].message == "Alias parsing was not enabled."


def test_a_byte_order_mark_hides_all_but_the_first_key():
    refusal = refused(f"\ufeff{HEAD}files: 5\n")

    assert "unsupported operating system ()" in refusal.message
    assert "byte order mark" in refusal.problems[1].message
    assert refusal.problems[2].key == "files"
    assert refused(f"\ufeff{HEAD}".encode()).message == refusal.message


def test_echoes_are_cut():
    refusal = refused(f"version: {'x' * 100_000}\nos: linux\n")

    assert len(refusal.message) < 500


def test_no_more_than_a_hundred_problems_are_kept():
    refusal = refused(f"{HEAD}files:\n{'- {}' + chr(10) * 1}{('- {}' + chr(10)) * 500}")

    assert len(refusal.problems) == 100


def warnings(text: str) -> list[tuple[int, str, str]]:
    return [
        (warning.line, warning.key, f"{warning.message} {warning.hint}".strip())
        for warning in parse_appspec(text).warnings
    ]


def test_a_sound_appspec_has_no_warnings():
    assert warnings(f"{HEAD}files:\n- source: /\n  destination: /srv\n") == []


def test_an_unquoted_octal_mode_is_warned_of_with_the_fix():
    assert warnings(f"{HEAD}permissions:\n- object: /srv\n  mode: 0644\n") == [
        (
            5,
            "permissions[0].mode",
            (
                "The mode in force is 0420. Without quotes YAML takes 0644 for an octal number, "
                "which is 420; write mode: '0644' to mean those digits."
            ),
        )
    ]


@pytest.mark.parametrize("mode", ["644", "'0644'", '"0644"', "0", "7", "007"])
def test_a_mode_that_means_what_it_says_is_not_warned_of(mode: str):
    assert warnings(f"{HEAD}permissions:\n- object: /srv\n  mode: {mode}\n") == []


def test_a_refused_octal_mode_is_explained():
    refusal = refused(f"{HEAD}permissions:\n- object: /srv\n  mode: 0755\n")

    assert "write mode: '0755'" in refusal.problems[0].hint


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        (
            f"{HEAD}os: linux\n",
            3,
            "os",
            "'os' stands here for the second time; the last one counts",
        ),
        (
            f"{HEAD}Hooks: {{}}\n",
            3,
            "Hooks",
            "is no key that an AppSpec knows here; it is ignored. Is 'hooks' meant?",
        ),
        (
            f"{HEAD}hooks: {{afterInstall: []}}\n",
            3,
            "hooks.afterInstall",
            "Is 'AfterInstall' meant?",
        ),
        (f"{HEAD}hooks: {{Install: []}}\n", 3, "hooks.Install", "runs no scripts"),
        (
            f"{HEAD}hooks: {{AfterInstall: [{{location: a, run_as: b}}]}}\n",
            3,
            "hooks.AfterInstall[0].run_as",
            "Is 'runas' meant?",
        ),
        (
            f"{HEAD}hooks: {{AfterInstall: [{{location: a, timeout: 5m}}]}}\n",
            3,
            "hooks.AfterInstall[0].timeout",
            "read as 5 seconds",
        ),
        (
            f"{HEAD}hooks: {{AfterInstall: [{{location: a, runas: ''}}]}}\n",
            3,
            "hooks.AfterInstall[0].runas",
            "run as root",
        ),
        (
            f"{HEAD}hooks: {{AfterInstall: [{{location: a, sudo: 'no'}}]}}\n",
            3,
            "hooks.AfterInstall[0].sudo",
            "counts as true",
        ),
        (
            f"{HEAD}files: [{{source: 'a/*', destination: /b}}]\n",
            3,
            "files[0].source",
            "no wildcards",
        ),
        (
            f"{HEAD}files: [{{source: a, destination: b}}]\n",
            3,
            "files[0].destination",
            "is not absolute",
        ),
        (
            f"{HEAD}permissions: [{{object: /a, context: {{type: t, user: u}}}}]\n",
            3,
            "permissions[0].context.user",
            "Rename it to 'name'",
        ),
        (f"{HEAD}---\nmore: 1\n", 3, "", "only the first one counts"),
    ],
)
def test_what_is_hardly_meant_is_warned_of(text: str, line: int, key: str, said: str):
    found = warnings(text)

    assert [(at, where) for at, where, _ in found] == [(line, key)]
    assert said in found[0][2]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("mode: 0_644", "write mode: '0644' to mean those digits"),
        ("mode: 0x1ff", "takes 0x1ff for the number 511; write octal digits in quotes"),
        ("owner: 1000", "The owner is the number 1000 and no name; Install will fail on it."),
        ("group: no", "The group is the truth value false and no name; no group is set."),
    ],
)
def test_permissions_that_are_hardly_meant_are_warned_of(field: str, said: str):
    found = warnings(f"{HEAD}permissions:\n- object: /srv\n  {field}\n")

    assert [(line, key) for line, key, _ in found] == [
        (5, f"permissions[0].{field.partition(':')[0]}")
    ]
    assert said in found[0][2]


@pytest.mark.parametrize(
    ("destination", "object_", "is_idle"),
    [
        ("/srv/app", "/srv/app", False),
        ("/srv/app/", "/srv/app/bin/x", False),
        ("/srv/app", "//srv", False),
        ("/", "/srv", False),
        ("/srv/app", "/", False),
        ("/srv/app", "/srv/apple", True),
        ("/srv/app", "/srv/app/../other", True),
    ],
)
def test_permissions_that_can_meet_nothing_are_warned_of(destination, object_, is_idle):
    found = warnings(
        f"{HEAD}files: [{{source: a, destination: {destination}}}]\n"
        f"permissions: [{{object: {object_}}}]\n"
    )

    assert ["No destination of files lies in or above" in text for _, _, text in found] == (
        [True] * is_idle
    )


@pytest.mark.parametrize(
    ("part", "key", "said"),
    [
        ("files: [{source: ../a, destination: /b}]", "files[0].source", "leads out of the bundle"),
        ("files: [{source: gone, destination: /b}]", "files[0].source", "holds no 'gone'"),
        ("files: [{source: /a/./b, destination: /b}]", None, ""),
        ("files: [{source: /, destination: /b}]", None, ""),
        ("hooks: {AfterInstall: [{location: a/../../b}]}", "location", "the event will fail."),
        ("hooks: {AfterInstall: [{location: gone.sh}]}", "location", "holds no 'gone.sh'"),
        ("hooks: {AfterInstall: [{location: a/../a/b}]}", None, ""),
    ],
)
def test_what_the_bundle_does_not_hold_is_warned_of(part: str, key: str | None, said: str):
    found = parse_appspec(f"{HEAD}{part}\n", holds={"a", "a/b"}.__contains__).warnings

    assert [warning.key.endswith(key or "") for warning in found] == [True] * bool(key)
    assert all(said in warning.message for warning in found)


def test_warnings_are_kept_as_lines_of_text():
    body = parse_appspec(
        f'{HEAD}"a\\nb\\e": 1\npermissions:\n- object: /\n  mode: 0644\n'
    ).as_json()

    assert body["warnings"] == [
        (
            "line 3, column 1, a\\nb\\x1b: 'a\\nb\\x1b' is no key that an AppSpec knows here; "
            "it is ignored."
        ),
        (
            "line 6, column 9, permissions[0].mode: The mode in force is 0420. Without quotes YAML "
            "takes 0644 for an octal number, which is 420; write mode: '0644' to mean those digits."
        ),
    ]


def test_an_appspec_without_warnings_keeps_none():
    assert "warnings" not in parse_appspec(HEAD).as_json()


def test_an_appspec_for_another_platform_is_recognised():
    assert "for Lambda or ECS" in refused("version: 0.0\nresources: []\n").problems[0].hint


def test_warnings_come_with_problems_too():
    refusal = refused("version: 1\nos: linux\nHooks: 1\n")

    assert [warning.key for warning in refusal.warnings] == ["Hooks"]


@pytest.mark.parametrize(
    "text",
    [
        f"permissions: [{{object: a, context: {{type: t, range: 's0:{'c0.c9,' * 150_000}'}}}}]",
        f"{HEAD}hooks: {{{', '.join(f'AfterInstal{number}: []' for number in range(30_000))}}}",
        f"version: {'9' * 1_000_000}",
        f"{HEAD}a: [{'&a b, ' * 140_000}]",
        (
            f"{HEAD}files: [{'{source: a, destination: /b}, ' * 16_000}]\n"
            f"permissions: [{'{object: /c}, ' * 30_000}]"
        ),
    ],
)
@pytest.mark.timeout(20)
def test_no_text_of_a_megabyte_takes_long(text: str):
    try:
        assert len(parse_appspec(text).warnings) <= 100
    except InvalidAppSpec as refusal:
        assert len(refusal.problems) <= 100  # noqa: PT017 - both outcomes are fine
