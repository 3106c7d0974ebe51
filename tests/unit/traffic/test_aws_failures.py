"""What an error of AWS becomes."""

import pytest

from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.aws_calls import CallFailed, refusal
from tidegate.drivers.traffic.aws_failures import SERVICES, Refused, failed


@pytest.mark.parametrize(
    ("code", "status", "expected", "may_pass"),
    [
        ("AccessDenied", 403, ErrorCode.IAM_ROLE_PERMISSIONS, False),
        ("AccessDeniedException", 400, ErrorCode.IAM_ROLE_PERMISSIONS, False),
        ("UnrecognizedClientException", 400, ErrorCode.IAM_ROLE_PERMISSIONS, False),
        ("ThrottlingException", 400, ErrorCode.THROTTLED, True),
        ("Throttling", 400, ErrorCode.THROTTLED, True),
        ("429", 429, ErrorCode.THROTTLED, True),
        ("ServerException", 500, ErrorCode.INTERNAL_ERROR, True),
        ("503", 503, ErrorCode.INTERNAL_ERROR, True),
        ("ServiceNotActiveException", 400, ErrorCode.INVALID_ECS_SERVICE, False),
        ("ClusterNotFoundException", 400, ErrorCode.INVALID_ECS_SERVICE, False),
        ("ListenerNotFound", 400, ErrorCode.ELASTIC_LOAD_BALANCING_INVALID, False),
        ("TargetGroupNotFound", 400, ErrorCode.ELASTIC_LOAD_BALANCING_INVALID, False),
        ("RuleNotFound", 400, ErrorCode.ECS_UPDATE_ERROR, True),
        ("InvalidParameterException", 400, ErrorCode.ECS_UPDATE_ERROR, False),
        ("TaskSetNotFoundException", 400, ErrorCode.ECS_UPDATE_ERROR, False),
    ],
)
def test_a_refusal(code: str, status: int, expected: ErrorCode, may_pass: bool):
    answer = failed(
        refusal("ECS", "CreateTaskSet", "the service a:b", code, "why", status=status), SERVICES
    )

    assert (answer.code, answer.may_pass) == (expected, may_pass)
    assert answer.message.startswith(f"ECS answered {code} to CreateTaskSet for the service a:b")
    assert answer.message.endswith(".")


@pytest.mark.parametrize("code", ["ClusterNotFoundException", "TargetGroupNotFound"])
def test_what_is_not_there_may_be_called_otherwise(code: str):
    answer = failed(refusal("AWS", "DescribeIt", "it", code, "why"), SERVICES)

    assert answer.message.endswith("(why); see that its name and its region are right.")


def test_no_answer_may_come_later():
    answer = failed(CallFailed("ECS cannot be reached", may_pass=True), SERVICES)

    assert (answer.code, answer.may_pass) == (ErrorCode.INTERNAL_ERROR, True)


def test_without_credentials_nothing_passes():
    answer = failed(CallFailed("There are no AWS credentials"), SERVICES)

    assert (answer.code, answer.may_pass) == (ErrorCode.IAM_ROLE_PERMISSIONS, False)


def test_the_controller_s_refusal_says_what_to_do():
    said = (
        "Amazon ECS only supports it on services configured to use external deployment controllers"
    )

    answer = failed(
        refusal("ECS", "CreateTaskSet", "a:b", "InvalidParameterException", said), SERVICES
    )

    assert answer.message.endswith("recreate the service with the deployment controller EXTERNAL.")


def test_what_was_found_keeps_its_code():
    answer = failed(Refused(ErrorCode.INVALID_ECS_SERVICE, "It is so", may_pass=True), SERVICES)

    assert answer.message == "It is so."
    assert (answer.code, answer.may_pass) == (ErrorCode.INVALID_ECS_SERVICE, True)
