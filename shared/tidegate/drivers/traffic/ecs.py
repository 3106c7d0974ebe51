"""Traffic of an ECS service: from its primary task set to a new one, by weights of listeners."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from tidegate.clock import Clock, SystemClock
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import DRAINING, PRIMARY, Errand, Found
from tidegate.drivers.aws_calls import READ, CallFailed
from tidegate.drivers.traffic import Answer, Done, Failed, Running
from tidegate.drivers.traffic.aws_failures import SERVICES, Refused, Words, failed, is_denied
from tidegate.drivers.traffic.carried_over import new_task_set
from tidegate.drivers.traffic.elb import LoadBalancing
from tidegate.drivers.traffic.first_look import first_look
from tidegate.drivers.traffic.forwards import says_the_same
from tidegate.drivers.traffic.service_before import Before, read_before
from tidegate.drivers.traffic.standing import Change, Standing
from tidegate.drivers.traffic.task_sets import TaskSets, TaskSetSeen, is_steady, last_event, move_of
from tidegate.drivers.traffic.way_back import Back, way_back

CHECK_IN: Final = timedelta(seconds=5)
_ALL: Final = 100
"""Percent."""

A = TypeVar("A")


class EcsTraffic:
    """Moves the traffic of ECS services whose task sets are managed from outside."""

    def __init__(
        self, *, assume_role: bool = False, timeout: timedelta = READ, clock: Clock | None = None
    ) -> None:
        self._ecs = TaskSets(assume_role=assume_role, timeout=timeout)
        self._elb = LoadBalancing(assume_role=assume_role, timeout=timeout)
        self._clock = clock or SystemClock()

    def look(self, errand: Errand) -> Done | Failed:
        return _answer(lambda: self._look(errand))

    def prepare(self, errand: Errand) -> Answer:
        return _answer(lambda: self._prepare(errand))

    def test(self, errand: Errand) -> Done | Failed:
        return _answer(lambda: self._test(errand))

    def shift(self, errand: Errand, weight: int) -> Done | Failed:
        return _answer(lambda: self._shift(errand, weight))

    def finish(self, errand: Errand) -> Answer:
        return _answer(lambda: self._finish(errand))

    def restore(self, errand: Errand) -> Answer:
        return _answer(lambda: self._restore(errand), SERVICES.on_the_way_back())

    def _look(self, errand: Errand) -> Done:
        seen = first_look(errand, self._ecs, self._elb)
        return self._done(seen, before=seen.before)

    def _prepare(self, errand: Errand) -> Done | Running:
        seen, note = self._standing(errand), ""
        if not seen.greens:
            if self._attaches(errand, seen):
                return self._running(seen, "The new target group is being put behind a listener.")
            seen, note = self._with_green(errand, seen)
        green = seen.whole_green()
        if is_steady(green):
            return self._done(seen, note=note)
        waited_for = (
            f"ECS reports {green.get('runningCount', 0)} of"
            f" {green.get('computedDesiredCount', 0)} tasks running in the new task set, and not"
            " yet that it is steady."
        )
        why = self._ecs.stopped(errand, green) or last_event(seen.service, green)
        return self._running(seen, " ".join(filter(None, (waited_for, why, note))))

    def _attaches(self, errand: Errand, seen: Standing) -> bool:
        """Have green's target groups behind a listener, without traffic; return whether that waits.

        ECS refuses a target group that no load balancer knows, and nobody checks its health.
        """
        groups = [route.groups.green for route in seen.before.routes]
        if all(self._elb.target_group(errand, arn).is_attached for arn in groups):
            return False
        changes = [one for one in seen.changes(0) if one.junction.weighted]
        self._write(errand, changes)
        return bool(changes)

    def _with_green(self, errand: Errand, seen: Standing) -> tuple[Standing, str]:
        """Create green, and return with it what could not be carried over."""
        blue, note = seen.whole_blue(), ""
        try:
            blue = {**blue, "tags": self._ecs.tags(errand, blue["taskSetArn"])}
        except CallFailed as error:
            if not is_denied(error):
                raise
            note = f"The new task set has none of the original one's tags: {error}."
        request = new_task_set(
            errand,
            move_of(errand),
            service=seen.service,
            primary=blue,
            pairs=[route.groups for route in seen.before.routes],
        )
        created = self._ecs.create(errand, request)
        service = {**seen.service, "taskSets": [*seen.task_sets, created]}
        return replace(seen, service=service), note

    def _test(self, errand: Errand) -> Done:
        seen = self._standing(errand)
        if not any(route.test for route in seen.before.routes):
            return self._done(seen, note="There is no test listener.")
        seen.whole_green()
        return self._done(self._changed(errand, seen, seen.changes(_ALL, test=True)))

    def _shift(self, errand: Errand, weight: int) -> Done:
        seen = self._standing(errand)
        green = seen.whole_green()
        _see_that_it_goes_on(seen, weight)
        seen = self._changed(errand, seen, seen.changes(weight))
        if weight == _ALL:
            seen = self._promoted(errand, seen, green)
        return self._done(seen)

    def _promoted(self, errand: Errand, seen: Standing, wanted: TaskSetSeen) -> Standing:
        """Have a task set be the primary one, and read that back."""
        arn = wanted["taskSetArn"]
        if wanted["status"] == PRIMARY:
            return seen
        self._ecs.promote(errand, arn)
        seen = self._with_task_sets(errand, seen)
        if seen.primary is None or seen.primary["taskSetArn"] != arn:
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"ECS was asked to have {arn} as the primary task set, and it does not say so yet",
                may_pass=True,
            )
        return seen

    def _finish(self, errand: Errand) -> Done | Running:
        seen = self._standing(errand)
        green = seen.whole_green()
        for junction, share in seen.shares():
            if share != _ALL:
                raise Refused(
                    ErrorCode.ECS_UPDATE_ERROR,
                    f"The original task set still has {_ALL - share:g} % of the traffic of"
                    f" the {junction.name}, so it is not removed; move the traffic first",
                )
        if green["status"] != PRIMARY:
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"The new task set {green['taskSetArn']} is {green['status']} and not PRIMARY, so"
                " the original one is not removed; move all traffic first",
            )
        if seen.blue and seen.blue["status"] != DRAINING:
            seen = self._without(errand, seen, [seen.blue["taskSetArn"]])
        if seen.blue:
            return self._running(seen, "ECS is removing the original task set.")
        return self._done(seen)

    def _restore(self, errand: Errand) -> Done | Running:
        if not errand.before:
            found = Found(weight=0, at=self._clock.now())
            return Done(found=found, note="Nothing had been changed.")
        missing: list[str] = []
        seen = self._standing(errand, missing=missing)
        blue = seen.whole_blue()
        back = way_back(seen, missing)
        seen = self._changed(errand, seen, back.changes, missing=missing)
        if back.promotes:
            seen = self._promoted(errand, seen, blue)
        going = [one["taskSetArn"] for one in seen.greens if one["status"] != DRAINING]
        seen = self._without(errand, seen, going + seen.unlisted(errand.made))
        if seen.greens:
            return self._running(seen, _noted("ECS is removing the new task set.", back))
        return self._done(seen, note=_noted("", back))

    def _without(self, errand: Errand, seen: Standing, arns: Sequence[str]) -> Standing:
        """Have task sets go."""
        for arn in arns:
            self._ecs.delete(errand, arn)
        return self._with_task_sets(errand, seen) if arns else seen

    def _changed(
        self,
        errand: Errand,
        seen: Standing,
        changes: Iterable[Change],
        *,
        missing: list[str] | None = None,
    ) -> Standing:
        """Have junctions do what they are to do, and read that back."""
        wanted = list(changes)
        if not self._write(errand, wanted):
            return seen
        seen = self._standing(errand, missing=missing)
        now = {one.key: one for one in seen.junctions}
        for one in wanted:
            read = now.get(one.junction.key)
            if read is None or not says_the_same(read.actions, one.actions):
                raise Refused(
                    ErrorCode.ECS_UPDATE_ERROR,
                    f"The {one.junction.name} does not forward as it was set; somebody"
                    " else may be changing it",
                    may_pass=True,
                )
        return seen

    def _write(self, errand: Errand, changes: Iterable[Change]) -> bool:
        """Write what is not so already; return whether anything was."""
        pending = [one for one in changes if not says_the_same(one.junction.actions, one.actions)]
        for one in pending:
            self._elb.write(errand, one.junction, one.actions)
        return bool(pending)

    def _standing(self, errand: Errand, *, missing: list[str] | None = None) -> Standing:
        before = read_before(errand.before)
        return Standing(
            before=before,
            service=self._ecs.service(errand),
            junctions=self._elb.junctions(errand, before.listeners, missing=missing),
        )

    def _with_task_sets(self, errand: Errand, seen: Standing) -> Standing:
        return replace(seen, service=self._ecs.service(errand))

    def _found(self, seen: Standing) -> Found:
        return seen.found(self._clock.now())

    def _done(self, seen: Standing, *, before: Before | None = None, note: str = "") -> Done:
        written = before.written() if before else None
        return Done(found=self._found(seen), before=written, made=seen.made, note=note)

    def _running(self, seen: Standing, note: str) -> Running:
        return Running(check_in=CHECK_IN, note=note, found=self._found(seen), made=seen.made)


def _see_that_it_goes_on(seen: Standing, weight: int) -> None:
    """See that nobody who comes late takes traffic back."""
    for junction, share in seen.ahead_of(weight):
        raise Refused(
            ErrorCode.ECS_UPDATE_ERROR,
            f"The {junction.name} gives {share:g} % to the new task set already, so it is not set"
            f" to {weight} %",
        )


def _noted(first: str, back: Back) -> str:
    return " ".join(filter(None, (first, *back.notes)))


def _answer(act: Callable[[], A], words: Words = SERVICES) -> A | Failed:
    try:
        return act()
    except (CallFailed, Refused) as error:
        return failed(error, words)
