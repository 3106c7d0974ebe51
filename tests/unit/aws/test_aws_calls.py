"""What a call of AWS raises: its errors become one of ours, and our own bugs stay as they are."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.parsers import JSONParser, ResponseParserError

from tidegate.drivers.aws_calls import CallFailed, aws_errors, refusal


def unreadable(body: bytes) -> None:
    """Have botocore read what nobody can read."""
    answer = {"body": body, "headers": {}, "status_code": 400}
    JSONParser().parse(answer, None)


@pytest.mark.parametrize("body", [b"\xff", b"null", b"[]", b"1"])
def test_an_answer_that_cannot_be_read_may_pass(body):
    with pytest.raises(CallFailed) as failure, aws_errors("ECS", "the service web"):
        unreadable(body)

    assert str(failure.value) == "ECS gave an answer for the service web that cannot be read"
    assert (failure.value.code, failure.value.may_pass) == ("", True)


@pytest.mark.parametrize(
    ("error", "unmade"),
    [
        (ResponseParserError("x"), False),
        (ReadTimeoutError(endpoint_url="http://x"), False),
        (EndpointConnectionError(endpoint_url="http://x"), True),
    ],
)
def test_what_botocore_knows_an_error_for_says_who_cannot_be_reached(error, unmade):
    with pytest.raises(CallFailed) as failure, aws_errors("ECS", "the service web"):
        raise error

    assert str(failure.value).startswith("ECS cannot be reached for the service web")
    assert failure.value.unmade is unmade


def test_a_refusal_without_words_is_one():
    answer = {"Error": {"Code": "AccessDeniedException", "Message": None}}

    with pytest.raises(CallFailed) as failure, aws_errors("Lambda", "the hook check"):
        raise ClientError(answer, "Invoke")  # type: ignore[arg-type]

    assert str(failure.value) == (
        "Lambda answered AccessDeniedException to Invoke for the hook check"
    )


@pytest.mark.parametrize("error", [TypeError, KeyError, ValueError, AttributeError])
def test_a_bug_of_ours_stays_what_it_is(error):
    with pytest.raises(error), aws_errors("ECS", "the service web"):
        raise error


def test_what_aws_says_is_quoted_in_one_line_that_can_be_kept_and_shown():
    failure = refusal("ECS", "CreateTaskSet", "the service web", "NoException", "a\x00b\n\ud800c.")

    assert str(failure) == "ECS answered NoException to CreateTaskSet for the service web (a b c)"


@pytest.mark.parametrize(
    ("code", "status", "unmade"),
    [("ExpiredToken", 400, True), ("InternalServerError", 400, False), ("Unavailable", 503, False)],
)
def test_what_aws_refuses_was_not_carried_out_and_what_it_fails_at_may_have_been(
    code, status, unmade
):
    assert refusal("SSM", "SendCommand", "the region eu", code, "", status=status).unmade is unmade
