"""Our shapes are those of CodeDeploy's model, as botocore knows it, in every member."""

import importlib
import pkgutil
from types import NoneType
from typing import Any, get_args, get_origin

import botocore.session
import pytest
from botocore.model import Shape as ModelShape
from pydantic import TypeAdapter, ValidationError

from tidegate_api.codedeploy import shapes
from tidegate_api.codedeploy.shapes.shape import Flag, Long, Moment, Number, Shape, Text, Whole

MODEL = botocore.session.get_session().get_service_model("codedeploy")
SCALARS = {
    "string": Text,
    "boolean": Flag,
    "integer": Whole,
    "long": Long,
    "double": Number,
    "timestamp": Moment,
}


def our_shapes() -> dict[str, type[Shape]]:
    found: dict[str, type[Shape]] = {}
    for module in pkgutil.iter_modules(shapes.__path__):
        names = vars(importlib.import_module(f"{shapes.__name__}.{module.name}"))
        for name, one in names.items():
            if isinstance(one, type) and issubclass(one, Shape) and one is not Shape:
                assert found.setdefault(name, one) is one, f"{name} is written twice"
    return found


OURS = our_shapes()
THEIRS = {
    name: MODEL.shape_for(name)
    for name in MODEL.shape_names
    if MODEL.shape_for(name).type_name == "structure"
    and not MODEL.shape_for(name).metadata.get("exception")
}


def expected(shape: ModelShape) -> Any:
    match shape.type_name:
        case "structure":
            return OURS[shape.name]
        case "list":
            return list[expected(shape.member)]
        case "map":
            return dict[expected(shape.key), expected(shape.value)]
        case kind:
            return SCALARS[kind]


def declared(shape: type[Shape]) -> dict[str, Any]:
    """The members of a shape of ours by their names on the wire, with their types."""
    hints = {name: vars(shape)["__annotations__"][name] for name in shape.model_fields}
    return {shape.model_fields[name].alias: without_none(hint) for name, hint in hints.items()}


def without_none(hint: Any) -> Any:
    (found,) = [part for part in get_args(hint) if part is not NoneType]
    return found


def test_every_structure_of_the_model_is_there_and_no_other():
    assert set(OURS) == set(THEIRS)


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_members_and_their_types_are_those_of_the_model(name: str):
    assert declared(OURS[name]) == {
        member: expected(shape) for member, shape in THEIRS[name].members.items()
    }


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_every_operation_has_the_shapes_that_its_name_says(operation: str):
    model = MODEL.operation_model(operation)

    assert model.input_shape.name == f"{operation}Input"
    assert model.output_shape is None or model.output_shape.name == f"{operation}Output"


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (Text, [1, True, None, [], {}, "a\0b", b"x"]),
        (Flag, [1, 0, "true", None]),
        (Whole, [1.0, "1", True, 2**31, -(2**31) - 1]),
        (Long, [1.5, "1", True, 2**63]),
        (Number, ["1.5", True, None]),
        (
            Moment,
            [True, None, "soon", float("nan"), float("inf"), 10**30, -(10**30), [], "0001-01-01"],
        ),
    ],
)
def test_values_of_another_kind_are_refused(kind: Any, refused: list[Any]):
    adapter = TypeAdapter(kind)
    for value in refused:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize(
    "written", [1446744188.711, "2015-11-05T17:23:08.711Z", "2015-11-05T18:23:08.711+01:00"]
)
def test_moments_come_in_either_way_and_go_out_as_seconds(written: Any):
    adapter = TypeAdapter(Moment)

    assert adapter.dump_json(adapter.validate_python(written)) == b"1446744188.711"


def test_all_shapes_were_looked_at():
    assert len(OURS) > 130
    assert get_origin(declared(OURS["BatchGetApplicationsInput"])["applicationNames"]) is list
