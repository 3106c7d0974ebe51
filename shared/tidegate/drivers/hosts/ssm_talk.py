"""The talk with a runner that no channel leads to: slice after slice, each asked for anew."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Self

from typing_extensions import override

from tidegate.drivers.hosts import Failed, FailureCode
from tidegate.drivers.hosts.follow import Way
from tidegate.drivers.hosts.hearing import Broken, Conversation, Ending, Hearing, Party
from tidegate.drivers.hosts.lines import HostLine, Lines, Need, ProtocolBroken, Refused, quoted
from tidegate.drivers.hosts.ssm_exchange import Exchange, ExchangeTrouble
from tidegate.drivers.hosts.ssm_office import Office
from tidegate.drivers.hosts.ssm_output import Output, read_output
from tidegate.drivers.hosts.ssm_sentences import NOTHING_SAID
from tidegate.drivers.hosts.ssm_wants import Answer, Common, Trouble, Want
from tidegate.drivers.hosts.talk import MOST_APPSPECS

_KEPT: Final = ("deployment_id", "group_id", "limits", "events")
"""What a run that has begun needs of its spec: nothing of it is a secret."""
_MOST_UNFETCHED: Final = 5
_MAY_HAVE_RUN: Final = ("lost", "protocol")
_PERHAPS: Final = "The run may have begun there, and goes on if the host lives."
_UNFETCHED: Final = "unfetched"
"""The word of the runner for what S3 did not give it."""


@dataclass(frozen=True, slots=True)
class SsmPlace:
    """What sentences call a host."""

    name: str
    instance: str

    @override
    def __str__(self) -> str:
        return f"{self.name} ({self.instance})"

    def silence(self, *, exit_code: int, said: bytes, complaint: bytes) -> Failed:
        """Say that the runner did not begin; over SSM, sentences come from the statuses."""
        del said, complaint
        return Failed("refused", f"{self} ended the command with status {exit_code}.")


class SsmWay(Way):
    """The slices of one errand."""

    def __init__(
        self,
        party: Party,
        office: Office,
        exchange: Exchange,
        *,
        place: SsmPlace,
        common: Common,
        state_dir: str | None,
        ids: Callable[[], str],
        now: Callable[[], float],
    ) -> None:
        self.party = party
        self.office = office
        self.exchange = exchange
        self.place = place
        self.common = common
        self.state_dir = state_dir
        self.ids = ids
        self.now = now
        self.answers: dict[str, Any] = {}
        """What AppSpecs of the host say, by their digest."""
        self.appspecs = 0
        self.unfetched = 0
        """How often in a row the host could not have what it was to fetch."""
        self.may_have_begun = False
        """Whether some slice that starts the run was, or may have been, carried out."""

    @override
    async def open(self, stack: AsyncExitStack) -> Conversation:
        progress = self.party.progress
        if progress.heard_at == 0.0:
            progress.heard_at = self.now()
        return await stack.enter_async_context(SliceTalk(self))


class SliceTalk:
    """Slices in a row, for as long as each is answered."""

    def __init__(self, way: SsmWay) -> None:
        self._way = way
        self._party = way.party
        self._progress = way.party.progress
        self._errand = way.party.errand
        self._hearing = Hearing(way.party)
        self._passing_on: set[asyncio.Task[Answer]] = set()
        self._under_way = False
        self._passed_on = len(self._progress.wishes)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._passing_on:
            task.cancel()

    def nudge(self) -> None:
        """Pass on a wish now, while the slice that is under way goes on."""
        if not self._under_way or self._passed_on >= len(self._progress.wishes):
            return
        self._passed_on = len(self._progress.wishes)
        # It may arrive before the slice that starts the run, which then begins nothing.
        begins = not self._errand.attaches_only
        header = {**self._header(), "op": "wish", "begins": begins, "spec": {}, "bundle": None}
        task = asyncio.create_task(self._way.office.ask(self._want(header, hurry=True)))
        self._passing_on.add(task)
        task.add_done_callback(self._passing_on.discard)

    async def hold(self) -> Ending:
        """Ask for slices until there is an end, or one is not answered."""
        try:
            while True:
                ending = await self._slice()
                if ending is not None:
                    return ending
        except ProtocolBroken as broken:
            place = self._party.place
            return Failed("protocol", f"{place} does not talk as the runner does: {broken}.")
        except ExchangeTrouble as error:
            return self._broken(error.trouble)

    async def _slice(self) -> Ending | None:
        source = await self._source()
        # Only now, as what is wished while the bundle is put into S3 is wished of this slice, too.
        header = self._header_with(source)
        self._passed_on = len(self._progress.wishes)
        self._under_way = True
        try:
            answer = await self._way.office.ask(self._want(header))
        finally:
            self._under_way = False
        self._progress.heard_at += answer.waited
        if answer.trouble is not None:
            self._note_beginning(header, happened=answer.trouble.code in _MAY_HAVE_RUN)
            return self._broken(answer.trouble)
        output = read_output(answer.output)
        if output is None:
            return self._broken(NOTHING_SAID)
        if output.refused is not None:
            return self._refused(output.refused)
        self._note_beginning(header, happened=True)
        self._way.unfetched = 0
        self._progress.hear(self._way.now())
        return await self._taken(output)

    def _note_beginning(self, header: Mapping[str, Any], *, happened: bool) -> None:
        self._way.may_have_begun |= happened and header["op"] == "run"

    async def _taken(self, output: Output) -> Ending | None:
        most = self._errand.budget
        lines = Lines(most)
        for piece in output.pieces(most):
            for line in lines.feed(piece):
                ending = await self._take(line)
                if ending is not None:
                    return ending
            await self._wait_for_reader()
        if output.done:
            raise ProtocolBroken("its slice is the last one, and does not say how the run ended")
        return None

    async def _wait_for_reader(self) -> None:
        asked_at = self._way.now()
        await self._party.mailbox.room()
        self._progress.heard_at += self._way.now() - asked_at

    async def _take(self, line: HostLine) -> Ending | None:
        match line:
            case Need("appspec", text):
                await self._read(text)
                return None
            case Need():
                raise ProtocolBroken("it asked for what it has to fetch itself")
            case Refused():
                return self._refused(line)
            case _:
                return self._hearing.take(line)

    def _refused(self, refused: Refused) -> Ending:
        """Return what a refusal means; of a run that has begun, only time tells that it is lost."""
        if refused.code != _UNFETCHED:
            return self._hearing.refused(refused)
        self._way.unfetched += 1
        passes = self._progress.has_begun or self._way.unfetched < _MOST_UNFETCHED
        if not passes and not self._way.may_have_begun:
            return self._hearing.refused(refused)
        said = quoted(refused.why, 500).rstrip(".")
        return self._broken(Trouble(code="unreachable", message=f"says: {said}", passes=passes))

    async def _read(self, text: bytes) -> None:
        """Have an AppSpec read that only the host has; the next slice tells it what it says."""
        self._way.appspecs += 1
        self._hearing.check_asking(self._way.appspecs, MOST_APPSPECS)
        said = await asyncio.to_thread(self._errand.read, text)
        self._way.answers[hashlib.sha256(text).hexdigest()] = json.loads(said)

    def _broken(self, trouble: Trouble) -> Ending:
        if self._progress.has_begun:
            return Broken(f"it {trouble.message}")
        sentence = f"{self._party.place} {trouble.message}."
        failure = Failed(_code_of(trouble), sentence, retryable=trouble.passes)
        if self._way.may_have_begun:
            failure = Failed("lost", f"{sentence} {_PERHAPS}", retryable=True)
        if not trouble.passes:
            return failure
        if trouble.code != "protocol":
            return Broken(f"it {trouble.message}", failure=failure)
        known = failure if self._way.may_have_begun else None
        return Broken(f"it {trouble.message}", by_runner=True, failure=known)

    def _header(self) -> dict[str, Any]:
        """Return what the host is asked; once the run has begun, no more than to follow it."""
        header: dict[str, Any] = json.loads(self._errand.header("", self._progress))
        for left_out in ("marker", "runner", "state_dir"):
            del header[left_out]
        if self._progress.has_begun:
            header["op"] = "attach"
            header["bundle"] = None
            header["spec"] = {k: v for k, v in header["spec"].items() if k in _KEPT}
        return header

    async def _source(self) -> dict[str, Any] | None:
        """Return where the host finds the bundle; once the run has begun, it has it."""
        bundle = self._errand.bundle
        if bundle is None or self._progress.has_begun:
            return None
        asked_at = self._way.now()
        source = await self._way.exchange.offer(bundle)
        # It is not the host that was slow.
        self._progress.heard_at += self._way.now() - asked_at
        return source

    def _header_with(self, source: Mapping[str, Any] | None) -> dict[str, Any]:
        header = self._header()
        if header["bundle"] is not None:
            header["bundle"]["source"] = source
        if self._way.answers and header["op"] == "run":
            header["answers"] = dict(self._way.answers)
        return header

    def _want(self, header: dict[str, Any], *, hurry: bool = False) -> Want:
        return Want(
            id=self._way.ids(),
            instance=self._way.place.instance,
            common=self._way.common,
            header=header,
            state_dir=self._way.state_dir,
            asked_at=self._way.office.wall(),
            hurry=hurry,
            circle=_circle_of(header),
        )


def _code_of(trouble: Trouble) -> FailureCode:
    """Return the code where no run can have begun: neither a look back nor a probe begins one."""
    return "unreachable" if trouble.code == "lost" else trouble.code


def _circle_of(header: Mapping[str, Any]) -> str:
    """Return the group whose hosts may read this: variables and bundle are for no others.

    Of a run that has begun, nothing is said that others may not read.
    """
    return str(header["spec"].get("group_id", "")) if header["op"] == "run" else ""
