"""Which instances Systems Manager knows, as it said lately."""

from collections.abc import Iterable, Sequence
from functools import partial

from tidegate.drivers.hosts import ssm_sentences as sentences
from tidegate.drivers.hosts.ssm_batches import SsmPace
from tidegate.drivers.hosts.ssm_calls import NotValid, Seen, Unanswered
from tidegate.drivers.hosts.ssm_counter import Counter
from tidegate.drivers.hosts.ssm_wants import Trouble


class Acquaintances:
    """What Systems Manager said of instances lately, so that it is not asked again."""

    def __init__(self, counter: Counter, pace: SsmPace) -> None:
        self._counter = counter
        self._pace = pace
        self._known: dict[str, tuple[float, Seen | None]] = {}

    def heard(self, instance: str, at: float) -> None:
        """Note that an instance answered."""
        _, seen = self._known.get(instance, (at, Seen(ping="Online", platform="Linux", agent="")))
        self._known[instance] = at, seen

    def forget(self, instances: Iterable[str]) -> None:
        for instance in instances:
            self._known.pop(instance, None)

    async def troubles(self, instances: Sequence[str]) -> dict[str, Trouble]:
        """Return which of at most 50 instances cannot be sent anything, and why."""
        now = self._counter.wall()
        unsure = [one for one in instances if not self._is_fresh(one, now)]
        if unsure:
            try:
                seen = dict(await self._counter.pages(partial(self._counter.calls.seen, unsure)))
            except (Unanswered, NotValid):
                return {}  # the command itself will tell
            self._known.update((one, (self._counter.wall(), seen.get(one))) for one in unsure)
        region = self._counter.region
        # Another command may have had one forgotten meanwhile.
        known = {one: self._known[one][1] for one in instances if one in self._known}
        found = {one: sentences.unmanaged(seen, one, region) for one, seen in known.items()}
        return {one: trouble for one, trouble in found.items() if trouble is not None}

    def _is_fresh(self, instance: str, now: float) -> bool:
        if instance not in self._known:
            return False
        at, seen = self._known[instance]
        is_there = sentences.unmanaged(seen, instance, "") is None
        return now - at < (self._pace.seen_for if is_there else self._pace.unseen_for)
