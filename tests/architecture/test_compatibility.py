"""The table of CodeDeploy's operations tells the truth."""

import re

import botocore.session

from architecture.fields import DIFFERENT, PAGE, never_given, page_with, structures, table
from architecture.tree import text_of
from tidegate_api.codedeploy.operations import OPERATIONS

MODEL = botocore.session.get_session().get_service_model("codedeploy")
ROW = re.compile(r"^\| ([A-Z]\w+) \| (works|not yet) \| (\w*) ?\| (.*)\|$", re.MULTILINE)


def test_every_operation_of_the_model_has_its_row_and_what_works_says_so():
    rows = ROW.findall(text_of("docs/codedeploy-compatibility.md"))

    assert [name for name, *_ in rows] == list(MODEL.operation_names)
    for name, state, role, _ in rows:
        operation = OPERATIONS.get(name)
        assert (state, role) == (("works", operation.role) if operation else ("not yet", "")), name


def test_no_operation_is_beyond_the_model():
    assert set(OPERATIONS) <= set(MODEL.operation_names)
    assert all(name == operation.name for name, operation in OPERATIONS.items())
    assert {name for name, one in OPERATIONS.items() if not one.changes} == {
        name for name in OPERATIONS if name.startswith(("Get", "List", "BatchGet"))
    }


def test_every_field_is_in_the_table_as_the_model_and_our_code_have_it():
    assert text_of(PAGE) == page_with(table()), "`make fields` writes the table anew"


def test_what_is_said_to_differ_is_there_and_given():
    members = {name: set(shape.members) for name, shape in structures().items()}

    unknown = {
        name for name, told in DIFFERENT.items() if not set(told) <= members.get(name, set())
    }
    never = {name for name, told in DIFFERENT.items() if set(told) & never_given().get(name, set())}

    assert (unknown, never) == (set(), set())
