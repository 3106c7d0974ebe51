"""The course of a deployment of a service, phase by phase, as whoever calls the driver goes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from parts.ecs_account import Account, kept
from tidegate.domain.traffic import Errand
from tidegate.drivers.traffic import Answer, Done, Failed, Running
from tidegate.drivers.traffic.ecs import EcsTraffic

Verb = Callable[[EcsTraffic, Errand], Answer]

STEPS: dict[str, Verb] = {
    "prepare": lambda driver, errand: driver.prepare(errand),
    "test": lambda driver, errand: driver.test(errand),
    "shift 10": lambda driver, errand: driver.shift(errand, 10),
    "shift 100": lambda driver, errand: driver.shift(errand, 100),
    "finish": lambda driver, errand: driver.finish(errand),
}
"""All that changes something, in its order."""
LOOK: Verb = lambda driver, errand: driver.look(errand)  # noqa: E731
RESTORE: Verb = lambda driver, errand: driver.restore(errand)  # noqa: E731


@cache
def driver() -> EcsTraffic:
    """One for all: it remembers nothing."""
    return EcsTraffic(assume_role=False)


@dataclass
class Course:
    account: Account
    driver: EcsTraffic
    errand: Errand

    @classmethod
    def looked(cls, account: Account, **changes: Any) -> "Course":
        """One whose first look was taken."""
        course = cls(account, driver(), account.errand(**changes))
        course.look()
        return course

    def look(self) -> Done:
        done = self.until_done(LOOK)
        assert done.before is not None
        self.errand = replace(self.errand, before=kept(done.before))
        return done

    def until_done(self, verb: Verb) -> Done:
        """Call a verb until it is no longer on its way."""
        for _ in range(20):
            match verb(self.driver, self.errand):
                case Done() as done:
                    return done
                case Failed() as failed:
                    raise AssertionError(failed)
                case Running():
                    pass
        raise AssertionError("it never ends")

    def go(self, *names: str) -> Done | None:
        done = None
        for name in names:
            done = self.until_done(STEPS[name])
        return done

    def go_before(self, name: str) -> None:
        """Go all steps before the one of this name."""
        self.go(*list(STEPS)[: list(STEPS).index(name)])


def outcome(account: Account) -> dict[str, Any]:
    """What the account looks like, with names that are the same in every account."""
    sets = account.task_sets()
    names = {account.blue: "blue", account.green: "green", account.foreign: "foreign"}
    return {
        "prod": account.weights(account.prod),
        "test": account.weights(account.test),
        "sets": sorted(
            (
                one["externalId"],
                one["status"],
                one["runningCount"],
                one["taskDefinition"].rpartition(":")[2],
                names[one["loadBalancers"][0]["targetGroupArn"]],
            )
            for one in sets
        ),
        "targets": {
            name: len(
                account.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            )
            for arn, name in names.items()
        },
    }
