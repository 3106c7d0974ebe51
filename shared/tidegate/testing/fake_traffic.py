"""Traffic in memory that moves as it is told, fails where a test says so, and remembers all."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from tidegate.clock import Clock
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand, Found, Made
from tidegate.drivers.traffic import Answer, Done, Failed

LET_GO: Final = Failed(
    code=ErrorCode.INTERNAL_ERROR, message="It was left to another worker.", may_pass=True
)


@dataclass
class FakeTraffic:
    """A `TrafficDriver` for whatever moves; weights are kept by the identity of a move."""

    clock: Clock
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    """What a verb answers instead, once each, by its name."""
    weights: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Every share that the new side ever got, in order, from that of the first look on."""
    verbs: list[tuple[str, str]] = field(default_factory=list)
    """What was called, by verb and identity."""
    made: set[str] = field(default_factory=set)
    """Identities whose new side stands there."""
    on_call: Callable[[str], None] = lambda _: None
    """Called in the middle of each verb, with its name, before it changes anything."""
    on_sent: Callable[[str], None] = lambda _: None
    """Called in the middle of each verb, with its name, when it cannot be held back any more."""
    _lock: Lock = field(default_factory=Lock)

    def look(self, errand: Errand) -> Done | Failed:
        answer = self._called("look", errand)
        if isinstance(answer, Done | Failed):
            return answer
        name = errand.move.identity
        with self._lock:
            if not self.weights[name]:
                self.weights[name].append(0)
        return Done(found=self._found(errand), before={"weight": self.weights[name][-1]})

    def prepare(self, errand: Errand) -> Answer:
        if answer := self._called("prepare", errand):
            return answer
        name = errand.move.identity
        self.made.add(name)
        return Done(found=self._found(errand), made=(Made(kind="task set", name=name),))

    def test(self, errand: Errand) -> Done | Failed:
        answer = self._called("test", errand)
        return answer if isinstance(answer, Failed) else Done(found=self._found(errand))

    def shift(self, errand: Errand, weight: int) -> Done | Failed:
        answer = self._called("shift", errand)
        if isinstance(answer, Failed):
            return answer
        with self._lock:
            shares = self.weights[errand.move.identity]
            if shares[-1] != weight:
                shares.append(weight)
        return Done(found=self._found(errand))

    def finish(self, errand: Errand) -> Answer:
        return self._called("finish", errand) or Done(found=self._found(errand))

    def restore(self, errand: Errand) -> Answer:
        if answer := self._called("restore", errand):
            return answer
        name, before = errand.move.identity, errand.before["weight"]
        with self._lock:
            if self.weights[name][-1] != before:
                self.weights[name].append(int(str(before)))
            self.made.discard(name)
        return Done(found=self._found(errand))

    def _called(self, verb: str, errand: Errand) -> Answer | None:
        with self._lock:
            self.verbs.append((verb, errand.move.identity))
            waiting = self.answers[verb]
            answer = waiting.pop(0) if waiting else None
        self.on_call(verb)
        if verb != "look" and not errand.still_mine():
            return LET_GO
        self.on_sent(verb)
        return answer

    def _found(self, errand: Errand) -> Found:
        return Found(weight=self.weights[errand.move.identity][-1], at=self.clock.now())


@dataclass
class FakeHooks:
    """Hooks that are called and say nothing by themselves."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """Hook, deployment and execution id of every call."""
    refusals: list[Failed] = field(default_factory=list)
    """What calls meet instead, once each."""

    def __call__(
        self, hook: str, deployment_id: str, execution_id: str, **_where: object
    ) -> Failed | None:
        if self.refusals:
            return self.refusals.pop(0)
        self.calls.append((hook, deployment_id, execution_id))
        return None
