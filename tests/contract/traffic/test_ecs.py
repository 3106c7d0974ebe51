"""The ECS driver through its whole course, at a stand-in that settles, drains and refuses."""

from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecs.models import ecs_backends

from contract.traffic.ecs_course import RESTORE, STEPS, Course, outcome
from parts.aws import REGION
from parts.ecs_account import CLUSTER, SERVICE, Account, forward, make_account
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import AliasMove, CapacityProvider, Errand, Made, Network, Side
from tidegate.drivers.traffic import Done, Failed, Running
from tidegate.drivers.traffic.task_sets import TaskSets
from tidegate.testing.aws.ecs import like_aws


class TestTheCourse:
    def test_a_look_changes_nothing(self, account: Account):
        before = account.picture()

        Course.looked(account)

        assert account.picture() == before

    def test_a_look_finds_all_traffic_on_blue(self, course: Course):
        found = course.look().found

        assert found.weight == 0
        assert [(one.side, one.weight, one.running) for one in found.task_sets] == [
            (Side.BLUE, 100, 2)
        ]

    def test_green_is_not_ready_before_ecs_says_that_it_is_steady(self, course: Course):
        answers = [course.driver.prepare(course.errand) for _ in range(4)]

        assert [type(one) for one in answers] == [Running, Running, Running, Done]
        first = answers[1]
        assert isinstance(first, Running)
        assert "0 of 2 tasks running" in first.note
        assert [one.kind for one in first.made] == ["task set"]

    def test_counts_alone_make_nothing_steady(self, account: Account, course: Course):
        """A service that wants no task has all of them at once, and is not steady for that."""
        account.ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=0)
        course.driver.prepare(course.errand)

        answer = course.driver.prepare(course.errand)

        assert isinstance(answer, Running)
        assert "0 of 0 tasks" in answer.note

    def test_green_stands_without_traffic(self, account: Account, course: Course):
        done = course.go("prepare")

        assert account.weights(account.prod)["green"] == 0
        assert done is not None
        assert done.found.weight == 0
        assert [(one.side, one.status, one.weight) for one in done.found.task_sets] == [
            (Side.BLUE, "PRIMARY", 100),
            (Side.GREEN, "ACTIVE", 0),
        ]

    def test_tests_reach_green_alone(self, account: Account, course: Course):
        course.go("prepare", "test")

        assert account.weights(account.test) == {"blue": 0, "green": 100}
        assert account.weights(account.prod)["green"] == 0

    @pytest.mark.parametrize("weight", [1, 10, 33, 99])
    def test_a_share_moves(self, account: Account, course: Course, weight: int):
        course.go("prepare")

        done = course.driver.shift(course.errand, weight)

        assert isinstance(done, Done)
        assert done.found.weight == weight
        assert account.weights(account.prod) == {"blue": 100 - weight, "green": weight}
        assert [one["status"] for one in account.task_sets()] == ["PRIMARY", "ACTIVE"]

    def test_whoever_comes_late_takes_no_traffic_back(self, account: Account, course: Course):
        course.go("prepare", "shift 100")

        late = course.driver.shift(course.errand, 10)

        assert isinstance(late, Failed)
        assert "gives 100 % to the new task set already, so it is not set to 10 %" in late.message
        assert account.weights(account.prod) == {"blue": 0, "green": 100}

    def test_with_all_traffic_green_becomes_primary(self, account: Account, course: Course):
        done = course.go("prepare", "shift 100")

        assert done is not None
        assert [(one.side, one.status, one.weight) for one in done.found.task_sets] == [
            (Side.BLUE, "ACTIVE", 0),
            (Side.GREEN, "PRIMARY", 100),
        ]

    def test_blue_drains_and_goes(self, account: Account, course: Course):
        course.go("prepare", "shift 100")

        first, second = (course.driver.finish(course.errand) for _ in range(2))

        assert isinstance(first, Running)
        assert [one.status for one in first.found.task_sets] == ["DRAINING", "PRIMARY"]
        assert isinstance(second, Done)
        assert outcome(account)["sets"] == [("d-ABCDEFGHI", "PRIMARY", 2, "2", "green")]
        assert outcome(account)["targets"] == {"blue": 0, "green": 2, "foreign": 0}

    @pytest.mark.parametrize("steps", [["prepare"], ["prepare", "shift 10"]])
    def test_blue_is_never_removed_while_it_has_traffic(
        self, account: Account, course: Course, steps: list[str]
    ):
        course.go(*steps)

        answer = course.driver.finish(course.errand)

        assert isinstance(answer, Failed)
        assert answer.code is ErrorCode.ECS_UPDATE_ERROR
        assert "still has" in answer.message
        assert len(account.task_sets()) == 2

    def test_blue_is_never_removed_while_it_is_the_primary_one(
        self, account: Account, course: Course
    ):
        course.go("prepare")
        account.elb.modify_listener(
            ListenerArn=account.prod, DefaultActions=[forward(account.green)]
        )

        answer = course.driver.finish(course.errand)

        assert isinstance(answer, Failed)
        assert "is ACTIVE and not PRIMARY" in answer.message
        assert len(account.task_sets()) == 2

    def test_the_next_deployment_goes_the_other_way(self, account: Account, course: Course):
        course.go(*STEPS)
        back = Course(account, course.driver, account.errand("d-NEXT00000"))
        back.look()

        back.go(*STEPS)

        assert account.weights(account.prod) == {"green": 0, "blue": 100}
        assert outcome(account)["sets"] == [("d-NEXT00000", "PRIMARY", 2, "2", "blue")]

    @pytest.mark.parametrize("name", STEPS)
    def test_each_verb_may_come_twice(self, account: Account, course: Course, name: str):
        course.go_before(name)
        course.go(name)
        before = account.picture()

        answer = STEPS[name](course.driver, course.errand)

        assert isinstance(answer, Done)
        assert account.picture() == before

    def test_another_driver_goes_on_where_one_has_stopped(self, account: Account, course: Course):
        for name in STEPS:
            Course(account, type(course.driver)(assume_role=False), course.errand).go(name)

        assert outcome(account)["sets"] == [("d-ABCDEFGHI", "PRIMARY", 2, "2", "green")]

    def test_a_move_of_a_function_is_our_own_mistake(self, course: Course):
        move = AliasMove(function="f", alias="live", current_version="1", target_version="2")

        with pytest.raises(TypeError, match="no move of an ECS service"):
            course.driver.look(replace(course.errand, move=move))


class TestWhatIsCarriedOver:
    def test_nothing_is_dropped(self, account: Account, course: Course):
        course.go("prepare")

        blue, green = account.task_sets()

        own = ("id", "taskSetArn", "externalId", "createdAt", "updatedAt", "status")
        changed = {name for name in blue if name not in own and blue[name] != green[name]}
        assert changed == {"taskDefinition", "loadBalancers", "stabilityStatusAt"}
        assert set(blue) == set(green)
        assert green["externalId"] == "d-ABCDEFGHI"
        assert green["loadBalancers"] == [
            {"targetGroupArn": account.green, "containerName": "web", "containerPort": 8080}
        ]

    def test_tags_that_only_aws_sets_are_left_out(self, account: Account):
        service = ecs_backends[DEFAULT_ACCOUNT_ID][REGION].services[f"{CLUSTER}:{SERVICE}"]
        service.task_sets[0].tags.append({"key": "aws:cloudformation:stack-name", "value": "x"})

        Course.looked(account).go("prepare")

        assert account.task_sets()[1]["tags"] == [{"key": "team", "value": "shop"}]

    def test_what_the_appspec_says_comes_first(self, account: Account):
        containers = [{"name": name, "image": "i", "memory": 64} for name in ("web", "proxy")]
        account.ecs.register_task_definition(family="proxied", containerDefinitions=containers)
        course = Course.looked(
            account,
            task_definition="proxied:1",
            container_port=9090,
            container_name="proxy",
            platform_version="1.3.0",
            network=Network(
                subnets=(account.subnet,), security_groups=(), assign_public_ip="ENABLED"
            ),
            capacity_providers=(CapacityProvider(name="FARGATE_SPOT", base=2, weight=5),),
        )
        course.go("prepare")

        green = account.task_sets()[1]

        assert green["loadBalancers"][0]["containerName"] == "proxy"
        assert green["loadBalancers"][0]["containerPort"] == 9090
        assert green["platformVersion"] == "1.3.0"
        assert green["networkConfiguration"]["awsvpcConfiguration"] == {
            "subnets": [account.subnet],
            "assignPublicIp": "ENABLED",
        }
        assert green["capacityProviderStrategy"] == [
            {"capacityProvider": "FARGATE_SPOT", "base": 2, "weight": 5}
        ]

    def test_whatever_does_not_run_on_fargate_has_no_platform_version(self, account: Account):
        course = Course.looked(account, capacity_providers=(CapacityProvider(name="own-hosts"),))
        course.go("prepare")

        assert "platformVersion" not in account.task_sets()[1]


class TestTheWayBack:
    @pytest.mark.parametrize("calls", range(5))
    def test_from_the_middle_of_the_preparation(self, account: Account, calls: int):
        before = account.picture()
        course = Course.looked(account)
        for _ in range(calls):
            course.driver.prepare(course.errand)

        done = course.until_done(RESTORE)

        assert account.picture() == before
        assert (done.note, done.made, done.found.weight) == ("", (), 0)

    @pytest.mark.parametrize("last", ["prepare", "test", "shift 10", "shift 100"])
    @pytest.mark.parametrize("times", [1, 2])
    def test_from_every_phase_it_leads_to_how_all_was(
        self, account: Account, last: str, times: int
    ):
        before = account.picture()
        course = Course.looked(account)
        course.go_before(last)
        course.go(last)
        assert account.picture() != before

        for _ in range(times):
            done = course.until_done(RESTORE)

        assert account.picture() == before
        assert (done.note, done.made, done.found.weight) == ("", (), 0)

    def test_green_that_ecs_does_not_list_yet_is_removed(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ):
        before = account.picture()
        course = Course.looked(account)
        made: tuple[Made, ...] = ()
        while not made:
            answer = course.driver.prepare(course.errand)
            assert isinstance(answer, Running)
            made = answer.made
        course.errand = replace(course.errand, made=made)
        service = TaskSets.service

        def without_green(self: TaskSets, errand: Errand) -> dict[str, Any]:
            seen = service(self, errand)
            listed = [one for one in seen["taskSets"] if one["taskSetArn"] == account.primary]
            return {**seen, "taskSets": listed}

        monkeypatch.setattr(TaskSets, "service", without_green)
        course.until_done(RESTORE)

        for _ in range(3):
            account.task_sets()
        assert account.picture() == before

    def test_green_is_removed_only_when_it_has_no_traffic(self, account: Account, course: Course):
        course.go("prepare", "test", "shift 100")

        answer = course.driver.restore(course.errand)

        assert isinstance(answer, Running)
        assert account.weights(account.prod) == {"blue": 1}
        assert [one.status for one in answer.found.task_sets] == ["PRIMARY", "DRAINING"]

    def test_before_the_first_look_there_is_nothing_to_take_back(self, account: Account):
        course = Course.looked(account)
        course.errand = replace(course.errand, before={})

        assert course.until_done(RESTORE).note == "Nothing had been changed."

    def test_without_blue_there_is_no_way_back(self, account: Account, course: Course):
        course.go(*STEPS)
        before = account.picture()

        answer = course.driver.restore(course.errand)

        assert isinstance(answer, Failed)
        assert answer.code is ErrorCode.ECS_UPDATE_ERROR
        assert account.primary in answer.message
        assert account.picture() == before

    def test_where_somebody_removed_blue_green_can_be_kept_by_hand(
        self, account: Account, course: Course
    ):
        course.go("prepare", "test")
        green = account.task_sets()[1]["taskSetArn"]
        account.ecs.delete_task_set(
            cluster=CLUSTER, service=SERVICE, taskSet=account.primary, force=True
        )

        answer = course.driver.restore(course.errand)

        assert isinstance(answer, Failed)
        assert answer.message.endswith(
            f"have its listeners forward to green, and make {green} the primary one."
        )


def test_a_container_that_the_definition_lacks_fails_in_ecs_s_words(account: Account):
    before = account.picture()
    course = Course.looked(account, container_name="wbe")
    course.driver.prepare(course.errand)

    answer = course.driver.prepare(course.errand)

    assert isinstance(answer, Failed)
    assert answer.code is ErrorCode.ECS_UPDATE_ERROR
    assert "The container wbe does not exist in the task definition" in answer.message
    course.until_done(RESTORE)
    assert account.picture() == before


@pytest.mark.parametrize("controller", ["EXTERNAL", "CODE_DEPLOY"])
def test_both_controllers_go_the_same_way(controller: str):
    with like_aws(), mock_aws():
        account = make_account(controller)
        before = account.picture()
        course = Course.looked(account)
        course.go(*list(STEPS)[:-1])

        course.until_done(RESTORE)

        assert account.picture() == before


def test_a_controller_that_keeps_its_task_sets_to_itself_is_told_of():
    with like_aws() as behaviour, mock_aws():
        course = Course.looked(make_account("CODE_DEPLOY"))
        behaviour.controllers.remove("CODE_DEPLOY")
        course.driver.prepare(course.errand)

        answer = course.driver.prepare(course.errand)

        assert isinstance(answer, Failed)
        assert answer.code is ErrorCode.ECS_UPDATE_ERROR
        assert not answer.may_pass
        assert "CreateTaskSet for the service shop:web" in answer.message
        assert answer.message.endswith(
            "recreate the service with the deployment controller EXTERNAL."
        )
