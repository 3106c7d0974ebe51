"""How an end becomes words and an exit code."""

import pytest

from tidegate_cli.errors import ExitCode
from tidegate_cli.verdict import exit_code, expects_rollback, sentence, summary
from unit.cli.fake_service import deployment

ON_FAILURE = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}


@pytest.mark.parametrize(
    ("status", "rollback", "code"),
    [
        ("Succeeded", None, ExitCode.DONE),
        ("Failed", None, ExitCode.FAILED),
        ("Failed", "Succeeded", ExitCode.ROLLED_BACK),
        ("Failed", "Failed", ExitCode.FAILED),
        ("Failed", "Stopped", ExitCode.FAILED),
        ("Stopped", None, ExitCode.STOPPED),
        ("Stopped", "Succeeded", ExitCode.STOPPED),
        ("Stopped", "Failed", ExitCode.FAILED),
    ],
)
def test_every_end_has_its_code(status: str, rollback: str | None, code: ExitCode):
    second = deployment(status=rollback) if rollback else None

    assert exit_code(deployment(status=status), second) is code


def test_codes_are_those_of_the_manual():
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 130]


def test_a_rollback_is_expected_only_where_it_was_asked_for_and_is_not_settled():
    assert expects_rollback(deployment(status="Failed", auto_rollback=ON_FAILURE))
    assert not expects_rollback(deployment(status="Failed"))
    assert not expects_rollback(deployment(status="Stopped", auto_rollback=ON_FAILURE))
    assert not expects_rollback(
        deployment(status="Failed", auto_rollback=ON_FAILURE, creator="codeDeployRollback")
    )
    settled = {"rollback_deployment_id": None, "message": "There is no last good revision."}
    assert not expects_rollback(
        deployment(status="Failed", auto_rollback=ON_FAILURE, rollback=settled)
    )


def test_what_an_alarm_stopped_is_rolled_back_where_that_was_asked_for():
    on_alarm = {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]}
    by_alarm = {"code": "ALARM_ACTIVE", "message": "Lit."}
    by_hand = {"code": "MANUAL_STOP", "message": "Stopped."}

    assert expects_rollback(deployment(status="Stopped", auto_rollback=on_alarm, error=by_alarm))
    assert not expects_rollback(deployment(status="Stopped", auto_rollback=on_alarm, error=by_hand))
    on_request = {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_REQUEST"]}
    assert expects_rollback(deployment(status="Stopped", auto_rollback=on_request, error=by_hand))
    assert not expects_rollback(
        deployment(status="Stopped", auto_rollback=on_request, error=by_alarm)
    )


def test_the_summary_has_the_four_fields():
    failed = deployment(
        status="Failed",
        error={"code": "HEALTH_CONSTRAINTS", "message": "Too few."},
        rollback={"rollback_deployment_id": "d-222222222"},
    )

    assert summary(failed) == {
        "deployment_id": "d-111111111",
        "status": "Failed",
        "error": {"code": "HEALTH_CONSTRAINTS", "message": "Too few."},
        "rollback_deployment_id": "d-222222222",
    }
    assert sentence(failed) == "Deployment d-111111111 is Failed (HEALTH_CONSTRAINTS): Too few."
