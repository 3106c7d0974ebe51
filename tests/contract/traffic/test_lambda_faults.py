"""What goes wrong at each call of Lambda: tried again where that helps, else told with its name."""

import json
from collections import deque
from dataclasses import dataclass, replace

import pytest

from parts.between import Fault, Forward, Reply, answers, hangs_up, loses
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand
from tidegate.drivers.traffic import Answer, Done, Failed
from tidegate.drivers.traffic.alias import Alias
from tidegate.drivers.traffic.alias_calls import AliasCalls
from tidegate.drivers.traffic.aws_failures import TRIES
from tidegate.drivers.traffic.lambda_ import LambdaTraffic
from tidegate.testing.sentences import is_a_sentence

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/CodeDeploy"


@dataclass(frozen=True)
class Case:
    """What is answered at a call, and which error that is."""

    at: "At"
    status: int
    word: str
    code: ErrorCode

    def __str__(self) -> str:
        return f"{self.word} at {self.at}"


@dataclass(frozen=True)
class At:
    """One call in the course of a verb: the first of its operation, or the second."""

    verb: str
    operation: str
    second: bool = False

    def __str__(self) -> str:
        return f"{self.operation}{' 2' if self.second else ''} of {self.verb}"


CALLS = [
    At("look", "GetAlias"),
    At("look", "GetFunctionConfiguration"),
    At("shift", "GetAlias"),
    At("shift", "UpdateAlias"),
    At("shift", "GetAlias", second=True),
    At("restore", "GetAlias"),
    At("restore", "UpdateAlias"),
    At("restore", "GetAlias", second=True),
    At("prepare", "GetAlias"),
    At("test", "GetAlias"),
    At("finish", "GetAlias"),
]
UPDATE = At("shift", "UpdateAlias")


def each_of(*cases: "Case") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=str)


@pytest.fixture
def moved(alias_driver, aliases) -> Errand:
    """A deployment that has shifted its first share."""
    looked = alias_driver.look(aliases.errand())
    errand = aliases.errand(before=looked.before)
    assert isinstance(alias_driver.shift(errand, 10), Done)
    return errand


def ask(driver: LambdaTraffic, errand: Errand, verb: str) -> Answer:
    match verb:
        case "look":
            return driver.look(errand)
        case "shift":
            return driver.shift(errand, 20)
        case "restore":
            return driver.restore(errand)
        case "prepare":
            return driver.prepare(errand)
        case "test":
            return driver.test(errand)
        case _:
            return driver.finish(errand)


def break_at(between, at: At, fault: Fault) -> None:
    """Have all calls of an operation fail from there on."""
    if at.second:
        between.next[at.operation] = deque([lambda forward: forward()])
    between.always[at.operation] = fault


def test_every_call_of_every_verb_is_among_these(alias_driver, aliases, moved, between):
    found = set()
    for verb in ("prepare", "test", "finish", "shift", "restore", "look"):
        between.calls.clear()
        assert isinstance(ask(alias_driver, moved, verb), Done)
        made = [call.operation for call in between.calls]
        assert max(made.count(one) for one in made) <= 2
        found |= {At(verb, one, second=made[:n].count(one) > 0) for n, one in enumerate(made)}

    assert found == set(CALLS)


def begin(aliases, at: At) -> None:
    """Only an alias that has not moved can be looked at for the first time."""
    if at.verb == "look":
        aliases.set("1")


def failure(driver: LambdaTraffic, aliases, moved: Errand, at: At) -> Failed:
    answer = ask(driver, moved, at.verb)
    assert isinstance(answer, Failed), answer
    assert is_a_sentence(answer.message)
    assert at.operation in answer.message
    assert aliases.function in answer.message
    # Nobody deploys a rollback.
    assert at.verb != "restore" or "deploy again" not in answer.message
    return answer


@each_of(
    *(Case(at, 429, "TooManyRequestsException", ErrorCode.THROTTLED) for at in CALLS),
    *(Case(at, 500, "ServiceException", ErrorCode.INTERNAL_ERROR) for at in CALLS),
    Case(UPDATE, 400, "ThrottlingException", ErrorCode.THROTTLED),
    Case(UPDATE, 503, "ServiceUnavailable", ErrorCode.INTERNAL_ERROR),
    Case(UPDATE, 409, "ResourceConflictException", ErrorCode.INVALID_LAMBDA_CONFIGURATION),
)
def test_what_may_pass_is_tried_again(alias_driver, aliases, moved, between, case):
    begin(aliases, case.at)
    break_at(between, case.at, answers(case.status, case.word))
    between.calls.clear()

    failed = failure(alias_driver, aliases, moved, case.at)
    assert len(between.of(case.at.operation)) <= TRIES + case.at.second
    between.heal()
    again = ask(alias_driver, moved, case.at.verb)

    assert (failed.code, failed.may_pass) == (case.code, True)
    assert f"Lambda answered {case.word} to {case.at.operation} for " in failed.message
    assert isinstance(again, Done)
    expected = {"look": 0, "shift": 20, "restore": 0}.get(case.at.verb, 10)
    assert again.found.weight == aliases.share() == expected


@pytest.mark.parametrize("at", CALLS, ids=str)
def test_silence_names_its_call(alias_driver, aliases, moved, between, at):
    begin(aliases, at)
    break_at(between, at, between.hangs)

    failed = failure(alias_driver, aliases, moved, at)

    assert (failed.code, failed.may_pass) == (ErrorCode.INTERNAL_ERROR, True)
    assert f"Lambda cannot be reached for {at.operation} of" in failed.message


def is_needed(at: At) -> bool:
    """Tell whether a verb cannot do without a call."""
    return at.operation != "GetFunctionConfiguration"


@each_of(
    *(
        Case(at, 403, "AccessDeniedException", ErrorCode.IAM_ROLE_PERMISSIONS)
        for at in CALLS
        if is_needed(at)
    ),
    *(
        Case(at, 404, "ResourceNotFoundException", ErrorCode.INVALID_LAMBDA_FUNCTION)
        for at in CALLS
    ),
    Case(UPDATE, 403, "UnrecognizedClientException", ErrorCode.IAM_ROLE_PERMISSIONS),
    Case(
        UPDATE, 400, "InvalidParameterValueException", ErrorCode.INVALID_LAMBDA_CONFIGURATION
    ),
    Case(UPDATE, 400, "NewException", ErrorCode.INTERNAL_ERROR),
)  # fmt: skip
def test_what_does_not_pass_is_told_at_once(alias_driver, aliases, moved, between, case):
    at = case.at
    begin(aliases, at)
    break_at(between, at, answers(case.status, case.word))
    between.calls.clear()

    failed = failure(alias_driver, aliases, moved, at)

    assert (failed.code, failed.may_pass) == (case.code, False)
    assert f"Lambda answered {case.word} to {at.operation} for " in failed.message
    assert len(between.of(at.operation)) == (2 if at.second else 1)


def test_what_the_policy_of_codedeploy_lacks_is_done_without(alias_driver, aliases, between):
    between.always["GetFunctionConfiguration"] = answers(403, "AccessDeniedException")

    assert isinstance(alias_driver.look(aliases.errand()), Done)


def test_who_is_denied_is_told_what_to_allow(alias_driver, aliases, moved, between):
    said = "User: x is not authorized to perform: lambda:UpdateAlias on resource: y"
    between.always["UpdateAlias"] = answers(403, "AccessDeniedException", said)

    assert alias_driver.shift(moved, 20).message == (
        "Lambda answered AccessDeniedException to UpdateAlias for the alias live of "
        f"{aliases.function} ({said}); allow lambda:UpdateAlias on it."
    )


def test_a_lost_answer_is_made_up_for_within_the_call(alias_driver, aliases, moved, between):
    """boto3 tries again, and meets the revision that its first try has made."""
    between.next["UpdateAlias"].append(loses)

    assert isinstance(alias_driver.shift(moved, 20), Done)
    assert aliases.routes() == ("1", {"2": 0.2})


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[]", b'{"FunctionVersion":{}}'])
def test_an_answer_that_says_nothing_is_none(alias_driver, aliases, moved, between, body):
    between.always["GetAlias"] = lambda _: Reply(200, {"Content-Type": "application/json"}, body)

    failed = failure(alias_driver, aliases, moved, At("shift", "GetAlias"))

    assert (failed.code, failed.may_pass) == (ErrorCode.INTERNAL_ERROR, True)
    assert aliases.share() == 10


def test_who_loses_it_while_a_call_is_tried_again_tries_no_more(
    alias_driver, aliases, moved, between
):
    between.next["UpdateAlias"].append(hangs_up)
    mine = iter([True, False])

    answer = alias_driver.shift(replace(moved, still_mine=lambda: next(mine)), 20)

    assert answer == Failed(
        code=ErrorCode.INTERNAL_ERROR,
        message=(
            "The worker showed no life for a moment, so it did not call UpdateAlias for the alias "
            f"live of {aliases.function}."
        ),
        may_pass=True,
    )
    assert [call["RoutingConfig"] for call in aliases.updates()[1:]] == [
        {"AdditionalVersionWeights": {"2": 0.2}}
    ]
    assert aliases.share() == 10


def test_it_is_asked_when_a_role_has_been_assumed_and_not_before(
    aliases, moved, between, monkeypatch
):
    """To assume one may take as long as a lease."""
    order = []
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", between.url)

    def mine() -> bool:
        order.extend(call.operation for call in between.calls)
        between.calls.clear()
        return True

    driver = LambdaTraffic(assume_role=True)
    calls = AliasCalls(driver._clients, replace(moved, role_arn=ROLE, still_mine=mine), moved.move)
    between.calls.clear()

    calls.update(Alias.at(moved.move, 20), aliases.alias()["RevisionId"])

    assert order == ["AssumeRole"]
    assert [call.operation for call in between.calls] == ["UpdateAlias"]


def test_one_hiccup_is_not_even_seen(alias_driver, aliases, moved, between):
    between.next["GetAlias"].append(answers(500, "ServiceException"))

    assert isinstance(alias_driver.shift(moved, 20), Done)


@pytest.mark.parametrize("verb", ["look", "prepare", "shift", "restore"])
def test_a_function_that_is_not_there_is_named(alias_driver, aliases, moved, verb):
    aliases.aws.delete_function(FunctionName=aliases.function)

    failed = ask(alias_driver, moved, verb)

    assert (failed.code, failed.may_pass) == (ErrorCode.INVALID_LAMBDA_FUNCTION, False)
    assert f"GetAlias for the alias live of {aliases.function} (Function not found: arn:" in (
        failed.message
    )


@pytest.mark.parametrize("verb", ["look", "shift", "restore"])
def test_an_alias_that_is_not_there_is_named(alias_driver, aliases, moved, verb):
    aliases.aws.delete_alias(FunctionName=aliases.function, Name="live")

    failed = ask(alias_driver, moved, verb)

    assert (failed.code, failed.may_pass) == (ErrorCode.INVALID_LAMBDA_FUNCTION, False)
    assert f"(Alias not found: {aliases.arn}:live); see that its name" in failed.message


def test_a_version_that_is_not_there_is_named_before_anything_moves(alias_driver, aliases):
    aliases.aws.delete_function(FunctionName=aliases.function, Qualifier="2")

    failed = alias_driver.look(aliases.errand())

    assert (failed.code, failed.may_pass) == (ErrorCode.INVALID_LAMBDA_FUNCTION, False)
    assert f"GetFunctionConfiguration for version 2 of {aliases.function}" in failed.message


def test_a_version_that_goes_in_the_middle_is_named(alias_driver, aliases):
    looked = alias_driver.look(aliases.errand())
    aliases.aws.delete_function(FunctionName=aliases.function, Qualifier="2")

    failed = alias_driver.shift(aliases.errand(before=looked.before), 10)

    assert (failed.code, failed.may_pass) == (ErrorCode.INVALID_LAMBDA_FUNCTION, False)
    assert f"UpdateAlias for the alias live of {aliases.function} (Function not found: " in (
        failed.message
    )
    assert aliases.routes() == ("1", {})


def test_what_is_read_back_late_is_waited_for(alias_driver, aliases, moved, between):
    old = aliases.alias()

    def stale(_: Forward) -> Reply:
        return Reply(200, {}, json.dumps(old).encode())

    between.next["GetAlias"].extend([lambda forward: forward(), stale])

    late = alias_driver.shift(moved, 20)

    assert isinstance(late, Failed)
    assert late.may_pass
    assert isinstance(alias_driver.shift(moved, 20), Done)


def test_without_credentials_nothing_is_begun(aliases, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    failed = LambdaTraffic().look(aliases.errand())

    assert (failed.code, failed.may_pass) == (ErrorCode.IAM_ROLE_PERMISSIONS, False)
    assert f"no AWS credentials to reach the alias live of {aliases.function}" in failed.message


def test_an_endpoint_that_is_none_is_told(aliases, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "nonsense")

    failed = LambdaTraffic().look(aliases.errand())

    assert not failed.may_pass
    assert "AWS_ENDPOINT_URL" in failed.message


def test_calls_go_by_the_role_of_the_errand(aliases, between):
    by_role = LambdaTraffic(assume_role=True).look(aliases.errand(role_arn=ROLE))
    LambdaTraffic().look(aliases.errand(role_arn=ROLE))

    assert isinstance(by_role, Done)
    signers = [call.headers["Authorization"] for call in between.of("GetAlias")]
    assert ["Credential=testing/" in signer for signer in signers] == [False, True]


def test_a_role_that_is_refused_is_named(aliases, between, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", between.url)
    between.always["AssumeRole"] = refuses_role

    failed = LambdaTraffic(assume_role=True).look(aliases.errand(role_arn=ROLE))

    assert (failed.code, failed.may_pass) == (ErrorCode.IAM_ROLE_PERMISSIONS, False)
    assert failed.message == (
        f"STS answered AccessDenied to AssumeRole for the role {ROLE} (No); let Tidegate's own "
        "credentials assume it, and have it trust them."
    )


def refuses_role(_: Forward) -> Reply:
    said = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No.</Message></Error>"
    return Reply(403, {"Content-Type": "text/xml"}, f"{said}</ErrorResponse>".encode())
