"""One command: from the wants that it carries to an answer for each of them."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from tidegate.clock import from_epoch
from tidegate.drivers.hosts import ssm_sentences as sentences
from tidegate.drivers.hosts.errand import Runner
from tidegate.drivers.hosts.ssm_acquaintances import Acquaintances
from tidegate.drivers.hosts.ssm_batches import Batch, SsmPace, next_look
from tidegate.drivers.hosts.ssm_calls import (
    NOT_VALID,
    Invocation,
    NotValid,
    Refused,
    Unanswered,
)
from tidegate.drivers.hosts.ssm_counter import Counter
from tidegate.drivers.hosts.ssm_exchange import Exchange, ExchangeTrouble
from tidegate.drivers.hosts.ssm_order import packed_parcel, script_of
from tidegate.drivers.hosts.ssm_output import (
    BY_S3,
    LARGE,
    ROOM_FOR_SUMMARY,
    is_whole,
)
from tidegate.drivers.hosts.ssm_wants import Answer, Common, Trouble, Want

log = logging.getLogger(__name__)

_CLOCKS_DIFFER: Final = 60.0
"""Seconds by which AWS's clock may be behind ours, when a command is looked for."""
_MOST_SENDS: Final = 4
_MOST_DENIED: Final = 5
"""So many rights may be missing for single instances; then they are for all."""
_MOST_FETCHES: Final = 5
_FETCHED_AT_ONCE: Final = 4
"""Outputs that are held in memory at the same time, for each command."""
_FIRST: Final = ("run", "probe")
_PLUGIN: Final = "awsrunShellScript/0.awsrunShellScript"


class _NobodyWaits(Exception):
    """All who wanted something of a command have let go."""


@dataclass(slots=True, kw_only=True)
class Command:
    """Sends one batch and looks at it until each host has answered."""

    batch: Batch
    counter: Counter
    exchange: Exchange
    known: Acquaintances
    runner: Runner
    pace: SsmPace
    commands: Callable[[], int]
    answer: Callable[[Mapping[str, Answer]], Awaitable[None]]
    release: Callable[[Collection[str]], Awaitable[None]]
    is_wanted: Callable[[str], bool]

    _open: dict[str, Want] = field(init=False)
    _sent_at: float = field(default=0.0, init=False)
    _may_be_out: bool = field(default=False, init=False)
    """Whether it was sent, as far as anybody knows."""
    _seen: dict[str, str] = field(default_factory=dict, init=False)
    """The status of each instance when it was looked at last."""
    _denied: int = field(default=0, init=False)
    _parcels: list[str] = field(default_factory=list, init=False)
    _fetches: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._open = {want.instance: want for want in self.batch.wants}

    async def carry(self) -> None:
        """Bring the batch to its end; whatever happens, each want is answered."""
        try:
            await self._settle(await self.known.troubles(self._strangers))
            if command := await self._sent():
                await self._attend(command)
        except _NobodyWaits:
            self._open.clear()
        except ExchangeTrouble as error:
            await self._settle(dict.fromkeys(self._open, error.trouble))
        except Refused as error:
            trouble = sentences.refused(error.code, str(error), sent=self._may_be_out)
            await self._settle(dict.fromkeys(self._open, trouble))
        except Exception:
            log.exception("ssm_command_failed")
            await self._settle(dict.fromkeys(self._open, sentences.OUR_FAULT))
        finally:
            await self.release([want.id for want in self._open.values()])
            for key in self._parcels:
                with suppress(RuntimeError):
                    await asyncio.to_thread(self.exchange.drop, key)

    @property
    def _strangers(self) -> list[str]:
        """Who has not answered yet; of a run that has begun, some worker has heard."""
        return [one for one, want in self._open.items() if want.header["op"] in _FIRST]

    async def _settle(self, troubles: Mapping[str, Trouble]) -> None:
        """Tell who was not heard why; what may have reached a host may have begun there."""
        if self._may_be_out:
            troubles = {one: replace(trouble, code="lost") for one, trouble in troubles.items()}
        await self._settle_as_told(troubles)

    async def _settle_as_told(self, troubles: Mapping[str, Trouble]) -> None:
        await self._tell({one: Answer(trouble=trouble) for one, trouble in troubles.items()})

    async def _tell(self, answers: Mapping[str, Answer]) -> None:
        told: dict[str, Answer] = {}
        for instance, answer in answers.items():
            want = self._open.pop(instance, None)
            if want is not None:
                began = self._sent_at or self.counter.wall()
                waited = max(0.0, began - want.asked_at)
                told[want.id] = Answer(output=answer.output, trouble=answer.trouble, waited=waited)
        await self.answer(told)

    # Sending

    async def _sent(self) -> str | None:
        """Send the command, and return its id; None when nobody is left to send it to."""
        comment = f"tg:{secrets.token_hex(8)}"
        begun_at = self.counter.wall()
        unanswered, why = 0, ""
        while self._open and unanswered < _MOST_SENDS:
            if unanswered and (found := await self._found(comment, begun_at)):
                return found
            try:
                command = await self._send(comment)
            except Unanswered as error:
                self._may_be_out |= not error.unmade
                unanswered, why = unanswered + 1, str(error)
            except NotValid as error:
                await (self._drop_denied if error.is_denial else self._drop_invalid)(error)
            else:
                self._may_be_out = True
                return command
        trouble = Trouble(code="unreachable", message=f"cannot be sent commands: {why}")
        await self._settle(dict.fromkeys(self._open, trouble))
        return None

    async def _send(self, comment: str) -> str:
        def make() -> str:
            # In the turn itself, as addresses and times in it must be fresh; and who waited for
            # it may have let go meanwhile.
            self._drop_unwanted()
            wants = list(self._open.values())
            if not wants:
                raise _NobodyWaits
            self._sent_at = self.counter.wall()
            return self.counter.calls.send(
                [want.instance for want in wants],
                self._script(wants),
                comment=comment,
                common=self._common,
            )

        return await self.counter.call("send", make)

    def _drop_unwanted(self) -> None:
        self._open = {one: want for one, want in self._open.items() if self.is_wanted(want.id)}

    def _script(self, wants: Sequence[Want]) -> str:
        common = wants[0].common
        window = max(0.0, self.batch.ends_at - self._sent_at)
        large = BY_S3 if common.output_bucket else LARGE
        data = packed_parcel(
            [self._with_way_to_bundle(want) for want in wants],
            window=0.0 if wants[0].hurry else max(window, min(self.pace.slice, 3.0)),
            sent_at=self._sent_at,
            room=large - ROOM_FOR_SUMMARY,
        )
        parcel, key = self.exchange.parcel(data, common.bundles)
        self._parcels.append(key)
        runner = self.exchange.runner(self.runner.sha256, self.runner.source)
        return script_of(wants, runner=runner, parcel=parcel)

    def _with_way_to_bundle(self, want: Want) -> Want:
        """Return a want with how its host fetches the bundle: an address must not wait here."""
        bundle: Any = want.header.get("bundle")
        if bundle is None:
            return want
        source = self.exchange.way_to(bundle["source"], want.common.bundles)
        return replace(want, header={**want.header, "bundle": {**bundle, "source": source}})

    async def _found(self, comment: str, since: float) -> str | None:
        """Look for a command whose answer was lost; that it is not found proves nothing.

        Sent twice, it runs nothing twice: the run's key decides on the host.
        """
        after = from_epoch(since - _CLOCKS_DIFFER)
        try:
            return await self.counter.call(
                "read", lambda: self.counter.calls.find(comment, since=after)
            )
        except (Unanswered, Refused):
            return None

    async def _drop_invalid(self, error: NotValid) -> None:
        """Leave out who cannot be sent anything: one of them spoils a command for all."""
        self.known.forget(self._open)
        troubles = await self.known.troubles(list(self._open))
        invalid = error.instances & self._open.keys()
        if not troubles and not invalid:
            if len(self._open) > 1:
                await self._part()
                return
            invalid = frozenset(self._open)
        trouble = (
            sentences.not_valid(self.counter.region)
            if error.code == NOT_VALID
            else sentences.refused(error.code, str(error))
        )
        await self._settle({**dict.fromkeys(invalid, trouble), **troubles})

    async def _drop_denied(self, error: NotValid) -> None:
        """Leave out who may not be sent anything; as one is named at a time, not one by one."""
        self._denied += 1
        named = error.instances & self._open.keys()
        left_out = named if self._denied <= _MOST_DENIED and named else set(self._open)
        trouble = sentences.refused(error.code, str(error))
        await self._settle(dict.fromkeys(left_out, trouble))

    async def _part(self) -> None:
        """Leave half of the hosts to another command: in the end, who spoils it is alone."""
        wants = list(self._open.values())
        left = wants[len(wants) // 2 :]
        for want in left:
            del self._open[want.instance]
        await self.release([want.id for want in left])

    # Looking

    async def _attend(self, command: str) -> None:
        last = max(self.batch.ends_at, self._sent_at) + self.pace.grace
        why = ""
        while self._open:
            self._drop_unwanted()
            now = self.counter.wall()
            if now >= last:
                await self._give_up(command, why)
                return
            at = next_look(
                now, ends_at=self.batch.ends_at, commands=self.commands(), pace=self.pace
            )
            await asyncio.sleep(at - now)
            look = partial(self.counter.calls.invocations, command)
            try:
                invocations = await self.counter.pages(look)
            except Unanswered as error:
                why = str(error)
            else:
                why = ""
                self._seen.update((one.instance, one.status) for one in invocations)
                await self._take(command, invocations)

    async def _give_up(self, command: str, why: str) -> None:
        """Say of those that have not answered what is known; *why* is there if AWS did not."""
        trouble = sentences.unheard(why) if why else sentences.SILENT
        self.known.forget(self._open)  # by the next time it may be known why
        if not self._seen and not why:
            with suppress(Unanswered, Refused):
                status = await self.counter.call("read", lambda: self.counter.calls.status(command))
                trouble = sentences.MEANINGS.get(status, trouble)
        # Nor does it begin anything when it arrives later: its parcel is gone by then.
        untaken = set() if why else {i for i, s in self._seen.items() if s in sentences.AWAITED}
        await self._settle_as_told(
            {one: sentences.UNTAKEN if one in untaken else trouble for one in self._open}
        )

    async def _take(self, command: str, invocations: Sequence[Invocation]) -> None:
        ended = [
            one
            for one in invocations
            if one.instance in self._open and one.status not in sentences.UNFINISHED
        ]
        # What is to be fetched by a call each keeps nobody else waiting.
        known = {one.instance: _answer_of(one) for one in ended}
        for one in ended:
            if one.status == sentences.SUCCESS:
                self.known.heard(one.instance, self.counter.wall())
        await self._tell({one: answer for one, answer in known.items() if answer is not None})
        cut = [one for one in ended if known[one.instance] is None]
        for at in range(0, len(cut), _FETCHED_AT_ONCE):
            few = cut[at : at + _FETCHED_AT_ONCE]
            await asyncio.gather(*(self._fetch(command, one) for one in few))

    async def _fetch(self, command: str, invocation: Invocation) -> None:
        """Fetch an output that a list of invocations has no room for, and tell it."""
        instance = invocation.instance
        try:
            found = await self._fetched(command, instance)
        except ExchangeTrouble as error:
            # The run may have begun all the same, so it does not end by that.
            await self._settle({instance: replace(error.trouble, passes=True)})
            return
        if found is not None:
            await self._tell({instance: Answer(output=found)})
            return
        fetches = self._fetches[instance] = self._fetches.get(instance, 0) + 1
        if fetches >= _MOST_FETCHES:
            cut = sentences.unfetched(self._common.output_bucket)
            trouble = cut if invocation.output else sentences.NOTHING_SAID
            await self._settle_as_told({instance: trouble})

    @property
    def _common(self) -> Common:
        return self.batch.wants[0].common

    async def _fetched(self, command: str, instance: str) -> str | None:
        """Return all that was printed: from the bucket, or as much as SSM keeps."""
        common = self._common
        if common.output_bucket:
            parts = (common.output_prefix, command, instance, _PLUGIN, "stdout")
            key = "/".join(part for part in parts if part)
            found = await asyncio.to_thread(self.exchange.output, common.output_bucket, key)
            return found if found and is_whole(found) else None
        try:
            output = self.counter.calls.output
            found = await self.counter.call("read", lambda: output(command, instance))
        except Unanswered:
            return None
        return found if is_whole(found) else None


def _answer_of(invocation: Invocation) -> Answer | None:
    """Return what an invocation that has ended comes to; None where its output is not whole."""
    if invocation.status != sentences.SUCCESS:
        return Answer(trouble=sentences.trouble_with(invocation))
    return Answer(output=invocation.output) if is_whole(invocation.output) else None
