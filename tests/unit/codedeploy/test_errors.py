"""Which code a refusal gets."""

import botocore.session

from tidegate_api.codedeploy.errors import THROTTLED, overtaken

MODEL = botocore.session.get_session().get_service_model("codedeploy")


def test_throttled_is_only_what_declares_it():
    assert {
        name
        for name in MODEL.operation_names
        if "ThrottlingException"
        in {shape.name for shape in MODEL.operation_model(name).error_shapes}
    } == THROTTLED


def test_what_was_overtaken_is_worth_another_try():
    declared, other = overtaken("CreateDeployment"), overtaken("StopDeployment")

    assert (declared.code, declared.status) == ("ThrottlingException", 400)
    assert (other.code, other.status) == ("ServiceUnavailable", 503)
