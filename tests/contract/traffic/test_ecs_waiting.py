"""What the ECS driver says of green that does not become steady, and why."""

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.ecs.models import ecs_backends

from contract.traffic.ecs_course import Course
from parts.aws import REGION
from parts.ecs_account import CLUSTER, SERVICE, Account
from tidegate.drivers.traffic import Failed, Running


class TestTasksThatDoNotCome:
    def test_the_note_says_why_they_stopped(self, account: Account):
        course = Course.looked(account, task_definition=account.definitions[2])
        answers = [course.driver.prepare(course.errand) for _ in range(5)]

        last = answers[-1]

        assert isinstance(last, Running)
        assert "0 of 2 tasks running" in last.note
        assert "4 of its tasks have stopped" not in last.note
        assert "of its tasks have stopped, the last one: Essential container in task" in last.note
        assert "(web: exit code 1, crash" in last.note

    def test_those_of_others_do_not_hide_them(self, account: Account):
        """More have stopped than ECS tells in one answer."""
        course = Course.looked(account, task_definition=account.definitions[2])
        stopped = [{"taskArn": f"old-{number}", "startedBy": "other"} for number in range(250)]
        running_service().task_sets[0].broken_tasks.extend(stopped)
        answers = [course.driver.prepare(course.errand) for _ in range(5)]

        last = answers[-1]

        assert isinstance(last, Running)
        assert "of its tasks have stopped, the last one: Essential container in task" in last.note

    def test_the_note_says_why_none_can_begin(self, course: Course):
        course.driver.prepare(course.errand)
        started = course.driver.prepare(course.errand)
        assert isinstance(started, Running)
        green = started.found.task_sets[1].id
        told = f"(service web, taskSet {green}) was unable to place a task: no instance has room."
        happens(told)
        happens("(service web, taskSet ecs-svc/other) has reached a steady state.")

        answer = course.driver.prepare(course.errand)

        assert isinstance(answer, Running)
        assert answer.note.endswith(f"ECS says: {told}")

    def test_green_that_somebody_removes_is_not_made_again(self, account: Account, course: Course):
        course.go("prepare")
        green = account.task_sets()[1]["taskSetArn"]
        account.ecs.delete_task_set(cluster=CLUSTER, service=SERVICE, taskSet=green, force=True)

        answers = [course.driver.prepare(course.errand), course.driver.shift(course.errand, 10)]

        for answer in answers:
            assert isinstance(answer, Failed)
            assert "removed by somebody else" in answer.message
        assert account.weights(account.prod)["green"] == 0


def happens(message: str) -> None:
    """Have the service tell of something."""
    told = {"id": message, "createdAt": utcnow(), "message": message}
    running_service().events.insert(0, told)


def running_service() -> Any:
    return ecs_backends[DEFAULT_ACCOUNT_ID][REGION].services[f"{CLUSTER}:{SERVICE}"]
