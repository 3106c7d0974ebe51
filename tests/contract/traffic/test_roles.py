"""What goes wrong at AssumeRole, whatever the role is wanted for: it is told in the name of STS."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest

from parts.aliases import Aliases
from parts.aws import REGION
from parts.between import Between, Fault, Forward, Reply
from tidegate.domain.alarms import CloudWatchAlarm, Inquiry
from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand, ServiceMove
from tidegate.drivers.alarms.cloudwatch import CloudWatchAlarms
from tidegate.drivers.traffic import Failed
from tidegate.drivers.traffic.ecs import EcsTraffic
from tidegate.drivers.traffic.hooks import Hooks
from tidegate.drivers.traffic.lambda_ import LambdaTraffic
from tidegate.testing.sentences import is_a_sentence

ROLE = "arn:aws:iam::123456789012:role/CodeDeploy"
QUICK = timedelta(seconds=1)
_PAIR = TargetGroupPair(target_groups=("blue", "green"), prod_listeners=("prod",))
SERVICE = ServiceMove(
    cluster="shop",
    service="web",
    pairs=(_PAIR,),
    task_definition="web:1",
    container_name="web",
    container_port=80,
)


def alias(errand: Errand) -> Failed:
    answer = LambdaTraffic(assume_role=True, timeout=QUICK).look(errand)
    assert isinstance(answer, Failed)
    return answer


def service(errand: Errand) -> Failed:
    answer = EcsTraffic(assume_role=True, timeout=QUICK).look(replace(errand, move=SERVICE))
    assert isinstance(answer, Failed)
    return answer


def hook(_errand: Errand) -> Failed:
    answer = Hooks(assume_role=True, timeout=QUICK).call_hook(
        "check", "d-ABCDEFGHI", "id", region=REGION, role_arn=ROLE, key="key"
    )
    assert answer is not None
    return answer


CALLERS: dict[str, Callable[[Errand], Failed]] = {
    "alias": alias,
    "service": service,
    "hook": hook,
}


@dataclass(frozen=True)
class Case:
    answer: str
    status: int
    code: ErrorCode
    may_pass: bool

    def __str__(self) -> str:
        return self.answer


CASES = [
    Case("AccessDenied", 403, ErrorCode.IAM_ROLE_PERMISSIONS, may_pass=False),
    Case("InvalidClientTokenId", 403, ErrorCode.IAM_ROLE_PERMISSIONS, may_pass=False),
    Case("Throttling", 400, ErrorCode.THROTTLED, may_pass=True),
    Case("InternalFailure", 500, ErrorCode.INTERNAL_ERROR, may_pass=True),
    Case("ServiceUnavailable", 503, ErrorCode.INTERNAL_ERROR, may_pass=True),
]


def refuses(case: Case, _: Forward) -> Reply:
    said = f"<ErrorResponse><Error><Code>{case.answer}</Code><Message>No.</Message></Error>"
    return Reply(case.status, {"Content-Type": "text/xml"}, f"{said}</ErrorResponse>".encode())


@pytest.fixture
def sts(between: Between, monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault], None]:
    """Have STS answer so, always."""
    for name in ("STS", "CLOUDWATCH", "ECS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", between.url)

    def answer(fault: Fault) -> None:
        between.always["AssumeRole"] = fault

    return answer


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", CALLERS)
def test_a_role_that_is_not_given_is_named(
    aliases: Aliases, between: Between, sts: Callable[[Fault], None], name: str, case: Case
):
    sts(partial(refuses, case))

    failed = CALLERS[name](aliases.errand(role_arn=ROLE))

    away = case.code is ErrorCode.INTERNAL_ERROR and name == "hook"
    code = ErrorCode.HOOK_EXECUTION_FAILURE if away else case.code
    assert (failed.code, failed.may_pass) == (code, case.may_pass)
    assert f"STS answered {case.answer} to AssumeRole for the role {ROLE} (No); " in failed.message
    assert is_a_sentence(failed.message)
    assert {call.operation for call in between.calls} == {"AssumeRole"}


@pytest.mark.parametrize("name", CALLERS)
def test_silence_of_sts_is_not_that_of_others(
    aliases: Aliases, between: Between, sts: Callable[[Fault], None], name: str
):
    sts(between.hangs)

    failed = CALLERS[name](aliases.errand(role_arn=ROLE))

    assert failed.may_pass
    assert f"STS cannot be reached for AssumeRole of the role {ROLE} (" in failed.message


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alarm_that_no_role_may_read_says_why(
    between: Between, sts: Callable[[Fault], None], case: Case
):
    sts(partial(refuses, case))
    wanted = Inquiry(region=REGION, role_arn=ROLE, alarms=(CloudWatchAlarm("errors"),))

    [reading] = CloudWatchAlarms(assume_role=True, timeout=QUICK).states(wanted)

    assert reading.may_pass is case.may_pass
    assert reading.why == f"STS answered {case.answer} to AssumeRole for the role {ROLE} (No)."
