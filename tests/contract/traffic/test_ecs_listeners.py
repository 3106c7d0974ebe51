"""Listeners that others use too: what is not of the pair stays as it is, there and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws
from moto.elbv2.responses import ELBV2Response

from contract.traffic.ecs_course import RESTORE, STEPS, Course, outcome
from parts.ecs_account import CLUSTER, SERVICE, Account, forward, make_account, weighted
from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Done, Failed
from tidegate.testing.aws.ecs import like_aws

LOGIN: dict[str, Any] = {
    "Type": "authenticate-oidc",
    "Order": 1,
    "AuthenticateOidcConfig": {
        "Issuer": "https://login",
        "AuthorizationEndpoint": "https://login/a",
        "TokenEndpoint": "https://login/t",
        "UserInfoEndpoint": "https://login/u",
        "ClientId": "shop",
        "ClientSecret": "not to be read back",
        "SessionTimeout": 600,
    },
}
PAGE = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain"},
}


@contextmanager
def paged(size: int) -> Iterator[None]:
    """Have pages of rules be so small."""
    real = ELBV2Response._get_int_param

    def small(self: Any, name: str, *args: Any) -> Any:
        return size if name == "PageSize" else real(self, name, *args)

    with patch.object(ELBV2Response, "_get_int_param", small):
        yield


class TestRules:
    def test_those_of_the_pair_move_with_the_default(self, account: Account):
        rule = account.rule(1, "/api", forward(account.blue))
        course = Course.looked(account)

        done = course.go("prepare", "shift 10")

        assert done is not None
        assert done.found.weight == 10
        assert account.weights(rule) == account.weights(account.prod) == {"blue": 90, "green": 10}

    def test_those_of_others_are_not_touched(self, account: Account):
        rules = [account.rule(1, "/a", forward(account.foreign)), account.rule(2, "/b", PAGE)]
        before = [account.actions_of(rule) for rule in rules]

        Course.looked(account).go(*STEPS)

        assert [account.actions_of(rule) for rule in rules] == before

    def test_a_default_of_others_is_not_touched(self, account: Account):
        account.elb.modify_listener(ListenerArn=account.prod, DefaultActions=[PAGE])
        rule = account.rule(1, "/shop", forward(account.blue))
        before = account.actions_of(account.prod)

        Course.looked(account).go(*STEPS)

        assert account.actions_of(account.prod) == before
        assert account.weights(rule) == {"blue": 0, "green": 100}

    def test_more_rules_than_one_page_are_all_moved(self, account: Account):
        rules = [account.rule(n, f"/{n}", forward(account.blue)) for n in range(1, 4)]
        course = Course.looked(account)
        course.go("prepare")

        with paged(2):
            course.go("shift 10")

        assert [account.weights(rule) for rule in rules] == [{"blue": 90, "green": 10}] * 3

    def test_all_else_that_an_action_says_stays(self, account: Account):
        sticky = {"Enabled": True, "DurationSeconds": 300}
        rule = account.rule(1, "/in", LOGIN, weighted({account.blue: 1}, **sticky) | {"Order": 2})
        login, _ = account.actions_of(rule)

        Course.looked(account).go("prepare", "shift 10")

        now, moved = account.actions_of(rule)
        assert now == login
        assert moved["Order"] == 2
        assert moved["ForwardConfig"]["TargetGroupStickinessConfig"] == sticky
        assert account.weights(rule) == {"blue": 90, "green": 10}

    def test_the_share_of_other_target_groups_stays(self, account: Account):
        rule = account.rule(1, "/mix", weighted({account.blue: 9, account.foreign: 1}))
        course = Course.looked(account)

        course.go("prepare", "shift 10")
        assert account.weights(rule) == {"blue": 81, "green": 9, "foreign": 10}

        course.go("shift 100")
        assert account.weights(rule) == {"blue": 0, "green": 9, "foreign": 1}

    @pytest.mark.parametrize("blue", [997, 1])
    def test_a_share_that_was_rounded_up_may_be_set_again(self, account: Account, blue: int):
        account.rule(1, "/mix", weighted({account.blue: blue, account.foreign: 999}))
        course = Course.looked(account)
        course.go("prepare")
        course.driver.shift(course.errand, 3)
        before = account.picture()

        again = course.driver.shift(course.errand, 3)

        assert isinstance(again, Done)
        assert account.picture() == before


def furnish(account: Account) -> list[str]:
    sticky = {"Enabled": True, "DurationSeconds": 300}
    account.rule(9, "/test", forward(account.green), listener=account.test)
    return [
        account.rule(1, "/api", forward(account.blue)),
        account.rule(2, "/in", LOGIN, weighted({account.blue: 1}, **sticky) | {"Order": 2}),
        account.rule(3, "/mix", weighted({account.blue: 997, account.foreign: 5})),
        account.rule(4, "/zero", weighted({account.green: 0, account.blue: 7})),
        account.rule(5, "/other", forward(account.foreign)),
        account.rule(6, "/page", PAGE),
    ]


@pytest.mark.parametrize("last", [one for one in STEPS if one != "finish"])
def test_the_way_back_is_exact_for_each_rule(account: Account, last: str):
    furnish(account)
    before = account.picture()
    course = Course.looked(account)
    course.go_before(last)
    course.go(last)

    done = course.until_done(RESTORE)

    assert account.picture() == before
    assert done.note == ""


class TestWhatSomebodyElseChanges:
    @pytest.fixture
    def course(self, account: Account) -> Course:
        self.rules = furnish(account)
        course = Course.looked(account)
        course.go("prepare", "shift 10")
        return course

    def test_an_action_that_was_put_before_is_kept_and_told(self, account: Account, course: Course):
        rule = self.rules[0]
        moved = account.actions_of(rule)[0]
        account.elb.modify_rule(RuleArn=rule, Actions=[LOGIN, moved | {"Order": 2}])

        done = course.until_done(RESTORE)

        assert [one["Type"] for one in account.actions_of(rule)] == ["authenticate-oidc", "forward"]
        assert account.weights(rule) == {"blue": 100, "green": 0}
        assert f"The rule {rule} was changed by somebody else meanwhile" in done.note

    def test_a_rule_that_forwards_elsewhere_now_is_left_there(
        self, account: Account, course: Course
    ):
        rule = self.rules[0]
        account.elb.modify_rule(RuleArn=rule, Actions=[forward(account.foreign)])

        done = course.until_done(RESTORE)

        assert account.weights(rule) == {"foreign": 1}
        assert rule in done.note

    def test_a_rule_that_is_gone_is_told(self, account: Account, course: Course):
        account.elb.delete_rule(RuleArn=self.rules[0])

        done = course.until_done(RESTORE)

        assert done.note == f"The rule {self.rules[0]} is gone; it was left out."

    def test_a_rule_that_is_new_goes_along(self, account: Account, course: Course):
        rule = account.rule(8, "/new", forward(account.green))

        answer = course.driver.restore(course.errand)

        assert f"The rule {rule} came meanwhile" in answer.note  # type: ignore[union-attr]
        course.until_done(RESTORE)
        assert account.weights(rule) == {"blue": 100, "green": 0}

    def test_a_listener_that_is_gone_is_told(self, account: Account, course: Course):
        account.elb.delete_listener(ListenerArn=account.test)

        done = course.until_done(RESTORE)

        assert done.note == f"The listener {account.test} is gone; it was left out."
        assert account.weights(account.prod) == {"blue": 1}
        assert len(account.task_sets()) == 1

    def test_another_primary_task_set_is_left_and_told(self, account: Account, course: Course):
        third = account.ecs.create_task_set(
            cluster=CLUSTER,
            service=SERVICE,
            taskDefinition=account.definitions[0],
            launchType="FARGATE",
        )["taskSet"]["taskSetArn"]
        account.ecs.update_service_primary_task_set(
            cluster=CLUSTER, service=SERVICE, primaryTaskSet=third
        )

        done = course.until_done(RESTORE)

        assert f"The task set {third} is the primary one" in done.note
        assert [one["status"] for one in account.task_sets()] == ["ACTIVE", "PRIMARY"]

    @pytest.mark.parametrize("at", ["prod", "rule"])
    def test_one_that_does_something_else_now_is_seen_beside_others_that_do_not(
        self, account: Account, course: Course, at: str
    ):
        junction = account.prod if at == "prod" else self.rules[0]
        elsewhere = [LOGIN, weighted({account.foreign: 1}) | {"Order": 2}]
        if at == "prod":
            account.elb.modify_listener(ListenerArn=junction, DefaultActions=elsewhere)
        else:
            account.elb.modify_rule(RuleArn=junction, Actions=elsewhere)
        before = account.picture()

        answers = [course.driver.shift(course.errand, share) for share in (50, 100)]

        name = "listener" if at == "prod" else "rule"
        for answer in answers:
            assert isinstance(answer, Failed)
            assert (answer.code, answer.may_pass) == (ErrorCode.ECS_UPDATE_ERROR, False)
            assert answer.message == (
                f"Somebody else changed the {name} {junction}: found is authenticate-oidc and"
                f" forward to {account.foreign}, and wanted was forward to blue and green; it was"
                " left alone. Set it right, and deploy again."
            )
        assert account.picture() == before

    def test_a_rule_that_is_gone_hinders_nobody(self, account: Account, course: Course):
        account.elb.delete_rule(RuleArn=self.rules[0])

        assert isinstance(course.driver.shift(course.errand, 50), Done)

    def test_traffic_cannot_move_where_nothing_forwards_to_the_pair_any_more(
        self, account: Account
    ):
        account.elb.modify_listener(ListenerArn=account.prod, DefaultActions=[PAGE])
        rule = account.rule(1, "/shop", forward(account.blue))
        course = Course.looked(account)
        course.go("prepare")
        account.elb.delete_rule(RuleArn=rule)

        answer = course.driver.shift(course.errand, 50)

        assert isinstance(answer, Failed)
        assert answer.code is ErrorCode.ECS_UPDATE_ERROR
        assert f"{account.prod} no longer forwards to blue or green" in answer.message


class TestANetworkLoadBalancer:
    @pytest.fixture
    def network(self) -> Iterator[Account]:
        with like_aws(), mock_aws():
            account = make_account(protocol="TCP")
            account.elb.modify_listener(
                ListenerArn=account.test, DefaultActions=[forward(account.green)]
            )
            yield account

    def test_all_its_traffic_moves_at_once_and_back(self, network: Account):
        before = network.picture()
        course = Course.looked(network)
        course.go("prepare", "test", "shift 100")
        assert network.weights(network.prod) == {"green": 1}

        course.until_done(RESTORE)

        assert network.picture() == before

    def test_a_part_of_it_cannot(self, network: Account):
        course = Course.looked(network)
        course.go("prepare")

        answer = course.driver.shift(course.errand, 10)

        assert isinstance(answer, Failed)
        assert "cannot be split at 10 %" in answer.message
        assert network.weights(network.prod) == {"blue": 1}

    def test_the_whole_course(self, network: Account):
        course = Course.looked(network)

        course.go("prepare", "test", "shift 100", "finish")

        assert outcome(network)["sets"] == [("d-ABCDEFGHI", "PRIMARY", 2, "2", "green")]


def test_without_a_test_listener_green_is_put_behind_the_production_one(account: Account):
    account.elb.delete_listener(ListenerArn=account.test)
    before = account.picture()
    pair = TargetGroupPair(target_groups=("green", "blue"), prod_listeners=(account.prod,))
    course = Course.looked(account, pairs=(pair,))
    course.go("prepare")
    assert account.weights(account.prod) == {"blue": 100, "green": 0}

    done = course.go("test")

    assert isinstance(done, Done)
    assert done.note == "There is no test listener."
    course.until_done(RESTORE)
    assert account.picture() == before


def test_a_listener_that_does_not_do_as_it_was_told_is_tried_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
):
    course = Course.looked(account)
    course.go("prepare")
    monkeypatch.setattr(course.driver._elb, "write", lambda *_: None)

    answer = course.driver.shift(course.errand, 10)

    assert isinstance(answer, Failed)
    assert answer.may_pass
    assert f"The listener {account.prod} does not forward as it was set" in answer.message
