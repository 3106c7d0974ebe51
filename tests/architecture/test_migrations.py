"""The code of the last release goes on while a migration is in: what it uses is left as it is."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from architecture.tree import ROOT

VERSIONS: Final = ROOT / "shared/tidegate/store/migrations/versions"
LAST_BEFORE: Final = "0009"
"""Migrations up to this one were made while nobody had to go on beside them."""
CONTRACTS: Final[Mapping[str, str]] = {}
"""Migrations that take something away, each with the release whose code no longer uses it."""
DROPS: Final = {
    "drop_table": "drops a table",
    "drop_column": "drops a column",
    "rename_table": "renames a table",
}
TAKES: Final = re.compile(r"\b(ALTER|DROP|RENAME|TRUNCATE|DELETE)\b", re.IGNORECASE)
TIGHTENS: Final = {
    "create_unique_constraint": "wants values to be unique that were not",
    "create_check_constraint": "checks values that were not checked",
    "create_foreign_key": "wants what is referred to to exist",
}
CHANGES: Final = {
    "new_column_name": "renames a column",
    "type_": "changes a type",
    "nullable": "changes whether a column may be empty",
    "server_default": "changes a default",
}


def migrations() -> list[Path]:
    return [path for path in sorted(VERSIONS.glob("v*.py")) if path.name[1:5] > LAST_BEFORE]


def takes_away(source: str) -> list[str]:
    """Say what the way up of a migration takes from code that does not know it."""
    tree = ast.parse(source)
    made = {name for call in calls(tree) if name_of(call) == "create_table" for name in text(call)}
    down = [node for node in tree.body if getattr(node, "name", "") == "downgrade"]
    back = {id(node) for one in down for node in ast.walk(one)}
    return [
        f"line {call.lineno}: {why}"
        for call in calls(tree)
        if id(call) not in back
        for why in harm(call, made)
    ]


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def text(call: ast.Call) -> list[str]:
    return [one.value for one in call.args[:1] if isinstance(one, ast.Constant)]


def harm(call: ast.Call, made: set[str]) -> Iterator[str]:
    name, words = name_of(call), {word.arg: word.value for word in call.keywords}
    if name in DROPS:
        yield DROPS[name]
    if name == "execute" and TAKES.search(ast.unparse(call)):
        yield "runs SQL that takes something away"
    if name in TIGHTENS:
        yield TIGHTENS[name]
    if name == "alter_column":
        yield from (why for word, why in CHANGES.items() if word in words)
    if name == "create_index" and is_true(words.get("unique")) and not made.intersection(on(call)):
        yield "wants values to be unique that were not"
    if name == "add_column":
        yield from (
            "adds a column that old code cannot fill"
            for column in calls(call)
            if name_of(column) == "Column" and must_be_given(column)
        )


def on(call: ast.Call) -> set[str]:
    return {one.value for one in call.args[1:2] if isinstance(one, ast.Constant)}


def is_true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def must_be_given(column: ast.Call) -> bool:
    words = {word.arg: word.value for word in column.keywords}
    may_be_empty = "nullable" not in words or is_true(words["nullable"])
    return not may_be_empty and "server_default" not in words


def test_migrations_are_numbered_so_that_newer_ones_are_greater():
    for path in sorted(VERSIONS.glob("v*.py")):
        number = path.name[1:5]
        assert number.isdecimal(), path.name
        assert f'revision: Final = "{number}"' in path.read_text(), path.name


@pytest.mark.parametrize("path", migrations(), ids=lambda path: path.stem)
def test_a_migration_takes_nothing_from_the_last_release(path: Path):
    source, number = path.read_text(), path.name[1:5]

    if number in CONTRACTS:
        assert "oldest_code: Final = " in source, "say which code no longer wants it"
    else:
        assert takes_away(source) == [], "see CONTRIBUTING.md, Migrations"


@pytest.mark.parametrize(
    "step",
    [
        'op.drop_table("x")',
        'op.drop_column("hosts", "x")',
        'op.rename_table("hosts", "machines")',
        'op.alter_column("hosts", "x", new_column_name="y")',
        'op.alter_column("hosts", "x", type_=sa.Text())',
        'op.alter_column("hosts", "x", nullable=False)',
        'op.add_column("hosts", sa.Column("x", sa.Text(), nullable=False))',
        'batch_op.add_column(sa.Column("x", sa.Text(), nullable=False))',
        'op.create_index("ix", "hosts", ["x"], unique=True)',
        'op.create_unique_constraint("uq", "hosts", ["x"])',
        'op.execute("ALTER TABLE hosts DROP COLUMN x")',
    ],
)
def test_what_takes_something_away_is_noticed(step: str):
    assert len(takes_away(f"def upgrade() -> None:\n    {step}\n")) == 1


@pytest.mark.parametrize(
    "step",
    [
        'op.create_table("x", sa.Column("y", sa.Text(), nullable=False))',
        'op.add_column("hosts", sa.Column("x", sa.Text(), nullable=True))',
        'op.add_column("hosts", sa.Column("x", sa.Text(), nullable=False, server_default=""))',
        'op.create_index("ix", "hosts", ["x"])',
        "op.execute(\"UPDATE hosts SET x = '' WHERE x IS NULL\")",
    ],
)
def test_what_only_adds_is_free(step: str):
    source = (
        f'def upgrade() -> None:\n    {step}\n\ndef downgrade() -> None:\n    op.drop_table("x")\n'
    )

    assert takes_away(source) == []
