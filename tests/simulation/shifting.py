"""Traffic that obeys like AWS: slowly, sometimes not at all, and whoever asks; it notes all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from simulation.fibers import pause
from tidegate.clock import Clock
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand, Found, Made
from tidegate.drivers.traffic import Answer, Done, Failed, Running

FIRST = "first"
"""The side that was there before any deployment."""
AWAY = Failed(code=ErrorCode.THROTTLED, message="AWS is busy.", may_pass=True)
REFUSED = Failed(code=ErrorCode.ECS_UPDATE_ERROR, message="AWS does not want that.")


class Wrong(BaseException):
    """What must never be asked for; no error of a driver, which the engine would try again."""


def insist(holds: object, sentence: str) -> None:
    if not holds:
        raise Wrong(sentence)


@dataclass
class Place:
    """What stands behind one alias or service: sides by their shares of the traffic."""

    shares: dict[str, int] = field(default_factory=lambda: {FIRST: 100})
    test: str = ""
    """Who has the test traffic."""

    def as_found(self) -> tuple[dict[str, int], str]:
        return dict(self.shares), self.test


@dataclass(frozen=True)
class Deed:
    """Something that changed out there, and for which deployment."""

    deployment_id: str
    verb: str
    identity: str
    share: int = 0


@dataclass
class Traffic:
    """A `TrafficDriver` that obeys whoever asks, and is slow or away when a test wants it."""

    clock: Clock
    places: dict[str, Place] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    """What the next verbs meet: `slow`, `away` or `refused`."""
    deeds: list[Deed] = field(default_factory=list)
    before: dict[tuple[str, str], tuple[dict[str, int], str]] = field(default_factory=dict)
    """How all stood when a deployment first looked, by deployment and identity."""
    restored: dict[tuple[str, str], tuple[dict[str, int], str]] = field(default_factory=dict)
    """How all stood when a deployment had been taken back."""
    on_finish: Callable[[str], None] = lambda _: None
    """Called before an old side is removed, with the id of the deployment."""

    def look(self, errand: Errand) -> Done | Failed:
        def look(place: Place) -> Done | Failed:
            if len(place.shares) != 1:
                return REFUSED
            key = errand.deployment_id, errand.move.identity
            self.before.setdefault(key, place.as_found())
            return Done(found=self._found(errand), before={"old": next(iter(place.shares))})

        answer = self._verb("look", errand, look)
        assert not isinstance(answer, Running)
        return answer

    def prepare(self, errand: Errand) -> Answer:
        def prepare(place: Place) -> Answer:
            if errand.deployment_id not in place.shares:
                place.shares[errand.deployment_id] = 0
                self._did("prepare", errand)
            made = (Made(kind="task set", name=errand.deployment_id),)
            return Done(found=self._found(errand), made=made)

        return self._verb("prepare", errand, prepare, may_be_slow=True)

    def test(self, errand: Errand) -> Done | Failed:
        def test(place: Place) -> Done:
            if place.test != errand.deployment_id:
                place.test = errand.deployment_id
                self._did("test", errand)
            return Done(found=self._found(errand))

        answer = self._verb("test", errand, test)
        assert not isinstance(answer, Running)
        return answer

    def shift(self, errand: Errand, weight: int) -> Done | Failed:
        def shift(place: Place) -> Done:
            new, old = errand.deployment_id, _old(errand.before)
            insist(place.shares.keys() <= {old, new}, f"{new} meets a third: {place}")
            if place.shares.get(new, 0) != weight:
                had = place.shares.get(new, 0)
                insist(had < weight, f"{new} goes back from {had} to {weight}")
                place.shares = {old: 100 - weight, new: weight}
                self._did("shift", errand, weight)
            return Done(found=self._found(errand))

        answer = self._verb("shift", errand, shift)
        assert not isinstance(answer, Running)
        return answer

    def finish(self, errand: Errand) -> Answer:
        def finish(place: Place) -> Done:
            new, old = errand.deployment_id, _old(errand.before)
            if old in place.shares:
                insist(place.shares[new] == 100, f"{old} still has traffic: {place}")
                self.on_finish(new)
                place.shares, place.test = {new: 100}, ""
                self._did("finish", errand)
            return Done(found=self._found(errand))

        return self._verb("finish", errand, finish, may_be_slow=True)

    def restore(self, errand: Errand) -> Answer:
        def restore(place: Place) -> Done:
            new, old = errand.deployment_id, _old(errand.before)
            is_there = old in place.shares or not self.did(new, "finish")
            wanted = Place({old: 100}) if is_there else Place(place.shares)
            if place != wanted:
                self.places[errand.move.identity] = wanted
                self._did("restore", errand)
            self.restored[new, errand.move.identity] = wanted.as_found()
            return Done(found=self._found(errand))

        return self._verb("restore", errand, restore, may_be_slow=True)

    def did(self, deployment_id: str, verb: str) -> list[Deed]:
        return [d for d in self.deeds if (d.deployment_id, d.verb) == (deployment_id, verb)]

    def tidy(self) -> None:
        """Do what a user does after a stop without rollback: leave one side, with all traffic."""
        for identity, place in self.places.items():
            most = max(place.shares, key=lambda side: place.shares[side])
            self.places[identity] = Place({most: 100})

    def _verb(
        self,
        verb: str,
        errand: Errand,
        act: Callable[[Place], Answer],
        *,
        may_be_slow: bool = False,
    ) -> Answer:
        pause()
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble in ("away", "refused"):
            return AWAY if trouble == "away" else REFUSED
        if verb != "look" and not errand.still_mine():
            return AWAY
        insist(verb in ("look", "restore") or errand.before, f"{verb} without a look")
        answer = act(self._place(errand))
        pause()
        if trouble == "slow" and may_be_slow and isinstance(answer, Done):
            wait = timedelta(seconds=5)
            return Running(check_in=wait, note="Soon.", found=answer.found, made=answer.made)
        return answer

    def _place(self, errand: Errand) -> Place:
        return self.places.setdefault(errand.move.identity, Place())

    def _did(self, verb: str, errand: Errand, share: int = 0) -> None:
        identity = errand.move.identity
        if verb != "restore":
            key = errand.deployment_id, identity
            insist(key not in self.restored, f"{verb} of {key} after its restore")
        self.deeds.append(Deed(errand.deployment_id, verb, identity, share))

    def _found(self, errand: Errand) -> Found:
        share = self._place(errand).shares.get(errand.deployment_id, 0)
        return Found(weight=share, at=self.clock.now())


@dataclass
class Hooks:
    """Hooks that are called, and answer when a test says so."""

    traffic: Traffic
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """Hook, deployment and execution id of each call, once each."""
    on_call: Callable[[str, str], None] = lambda _deployment, _execution: None
    """Called in the middle of each call, with the deployment and the execution id."""

    def __call__(
        self,
        hook: str,
        deployment_id: str,
        execution_id: str,
        *,
        still_mine: Callable[[], bool],
        **_where: str,
    ) -> Failed | None:
        troubles = self.traffic.troubles
        pause()
        trouble = troubles.pop(0) if troubles else ""
        if trouble in ("away", "refused"):
            return AWAY if trouble == "away" else REFUSED
        if not still_mine():
            return AWAY
        call = hook, deployment_id, execution_id
        if call not in self.calls:
            restored = {id_ for id_, _ in self.traffic.restored}
            insist(deployment_id not in restored, f"{call} after the restore")
            self.calls.append(call)
        self.on_call(deployment_id, execution_id)
        pause()
        return None


def _old(before: Mapping[str, object]) -> str:
    return str(before["old"])
