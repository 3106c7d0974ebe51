"""The ECS driver when it dies in the middle, and when AWS does not do as it is asked."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from contract.traffic.ecs_course import LOOK, RESTORE, STEPS, Course, Verb, outcome
from parts.aws_faults import Died, Fault, counted, dies_after, dies_before, says, times_out
from parts.ecs_account import Account, make_account
from parts.moto_ecs import like_aws
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Answer, Done, Failed

MOST_CALLS = 60


@pytest.fixture
def account() -> Iterator[Account]:
    with like_aws(), mock_aws():
        yield make_account()


def each_call(name: str, verb: Verb, fault: Fault) -> Iterator[tuple[Course, int, list[Answer]]]:
    """Yield a course of its own for each call of AWS that a verb makes, met by the fault there.

    A verb that is still on its way is called again, so that no call of it is left out.
    """
    for number in range(1, MOST_CALLS):
        with like_aws(), mock_aws():
            course = Course.looked(make_account())
            if name in STEPS:
                course.go_before(name)
            elif verb is RESTORE:
                course.go("prepare", "test", "shift 100")
            answers: list[Answer] = []
            with counted(fault, at=number) as calls:
                try:
                    while not answers or not isinstance(answers[-1], (Done, Failed)):
                        answers.append(verb(course.driver, course.errand))
                except Died:
                    pass
            if len(calls.made) < number:
                return
            yield course, number, [*answers]
    raise AssertionError("it never ends")


@pytest.fixture(scope="module")
def uninterrupted() -> dict[str, object]:
    """The outcome of each step where nothing goes wrong."""
    with like_aws(), mock_aws():
        course = Course.looked(make_account())
        found: dict[str, object] = {"look": outcome(course.account)}
        for name in STEPS:
            course.go(name)
            found[name] = outcome(course.account)
        return found


@pytest.mark.parametrize("dies", [dies_before, dies_after])
@pytest.mark.parametrize("name", STEPS)
def test_whoever_dies_at_any_call_is_followed_by_another(
    name: str, dies: Fault, uninterrupted: dict[str, object]
):
    deaths = 0
    for course, number, _ in each_call(name, STEPS[name], dies):
        course.go(name)

        assert outcome(course.account) == uninterrupted[name], number
        deaths += 1

    assert deaths >= 3


@pytest.mark.parametrize("dies", [dies_before, dies_after])
@pytest.mark.parametrize("name", STEPS)
def test_the_way_back_begins_wherever_somebody_died(name: str, dies: Fault):
    """Except where blue has gone, which is as it was wanted."""
    if name == "finish":
        return
    for course, number, _ in each_call(name, STEPS[name], dies):
        course.until_done(RESTORE)

        assert outcome(course.account) == before(), number


def before() -> dict[str, object]:
    with like_aws(), mock_aws():
        return outcome(make_account())


@pytest.mark.parametrize("dies", [dies_before, dies_after])
def test_whoever_dies_on_the_way_back_is_followed_by_another(dies: Fault):
    wanted = before()
    for course, number, _ in each_call("restore", RESTORE, dies):
        done = course.until_done(RESTORE)

        assert outcome(course.account) == wanted, number
        assert done.note == "", number


FAULTS = [
    (says("ThrottlingException"), ErrorCode.THROTTLED, True),
    (says("Throttling"), ErrorCode.THROTTLED, True),
    (says("ServerException", 500), ErrorCode.INTERNAL_ERROR, True),
    (says("503", 503), ErrorCode.INTERNAL_ERROR, True),
    (times_out, ErrorCode.INTERNAL_ERROR, True),
    (says("AccessDeniedException"), ErrorCode.IAM_ROLE_PERMISSIONS, False),
    (says("ClusterNotFoundException"), ErrorCode.INVALID_ECS_SERVICE, False),
    (says("ListenerNotFound"), ErrorCode.ELASTIC_LOAD_BALANCING_INVALID, False),
    (says("InvalidParameterException"), ErrorCode.ECS_UPDATE_ERROR, False),
]


@pytest.mark.parametrize(("fault", "code", "may_pass"), FAULTS)
@pytest.mark.parametrize("name", ["look", *STEPS])
def test_an_error_at_any_call_is_told_and_overcome(
    name: str, fault: Fault, code: ErrorCode, may_pass: bool, uninterrupted: dict[str, object]
):
    verb = STEPS.get(name, LOOK)
    failures = 0
    for course, number, answers in each_call(name, verb, fault):
        told = answers[-1]
        if isinstance(told, Failed):
            assert (told.code, told.may_pass) == (code, may_pass), number
            assert told.message.endswith("."), number
            failures += 1
        course.until_done(verb)

        assert outcome(course.account) == uninterrupted[name], number

    assert failures >= 3


@pytest.mark.parametrize(("fault", "code", "may_pass"), FAULTS)
def test_an_error_on_the_way_back_is_told_and_overcome(
    fault: Fault, code: ErrorCode, may_pass: bool
):
    wanted = before()
    for course, number, answers in each_call("restore", RESTORE, fault):
        told = answers[-1]
        if isinstance(told, Failed):
            assert (told.code, told.may_pass) == (code, may_pass), number

        course.until_done(RESTORE)

        assert outcome(course.account) == wanted, number


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ("DescribeTaskSets", "the service shop:web"),
        ("DescribeListeners", "the listener arn:"),
        ("DescribeRules", "the listener arn:"),
        ("ModifyListener", "the listener arn:"),
        ("UpdateServicePrimaryTaskSet", "the task set arn:"),
    ],
)
def test_an_error_names_the_call_and_what_it_was_for(account: Account, operation: str, named: str):
    course = Course.looked(account)
    course.go("prepare")

    def denied(called: str, call: object) -> object:
        return (
            says("AccessDeniedException")(called, lambda: None) if called == operation else call()
        )  # type: ignore[operator]

    for number in range(1, MOST_CALLS):
        with counted(denied, at=number) as calls:
            answer = course.driver.shift(course.errand, 100)
        if calls.made[number - 1] == operation:
            break

    assert isinstance(answer, Failed)
    assert f"AccessDeniedException to {operation} for {named}" in answer.message
    assert "allow it to the role or the credentials" in answer.message


def test_tasks_that_cannot_be_asked_are_no_reason_to_give_up(account: Account):
    course = Course.looked(account)
    course.driver.prepare(course.errand)
    course.driver.prepare(course.errand)
    with counted() as calls:
        course.driver.prepare(course.errand)
    assert calls.made[-1] == "ListTasks"
    fresh = Course(account, course.driver, account.errand("d-OTHER0000"))
    fresh.errand = course.errand
    with counted(says("AccessDeniedException"), at=1):
        assert course.driver._ecs.stopped(course.errand, {"id": "x"}) == (
            "Whether tasks of it have stopped is not known: ECS answered AccessDeniedException to"
            " ListTasks for the tasks of the service shop:web (made up)."
        )
