"""The table of CodeDeploy's operations tells the truth."""

import re

import botocore.session

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
