"""The talk with the runner over one channel, from its marker to its last line."""

import asyncio
import secrets
from contextlib import suppress
from functools import partial
from typing import Final

from tidegate.drivers.hosts import Failed, Finished
from tidegate.drivers.hosts.ears import Ears, Hung
from tidegate.drivers.hosts.hearing import Broken, Ending, Hearing, Party
from tidegate.drivers.hosts.lines import HostLine, Lines, Need, Preface, ProtocolBroken, quoted
from tidegate.drivers.hosts.upload import Upload

MOST_APPSPECS: Final = 4
"""The current revision, the last one installed and the last one unpacked; and one to spare."""


class Talk:
    """One connection's share of an errand."""

    def __init__(self, ears: Ears, party: Party) -> None:
        self._ears = ears
        self._place = party.place
        self._errand = party.errand
        self._progress = party.progress
        self._mailbox = party.mailbox
        self._pace = party.pace
        self._now = asyncio.get_running_loop().time
        self._alive_at = self._now()
        self._preface = Preface(secrets.token_hex(16))
        self._marked = False
        self._hearing = Hearing(party)
        self._needs: set[str] = set()
        self._appspecs = 0
        self._upload = Upload(ears, self._moved)
        self._wishes_sent = 0

    def nudge(self) -> None:
        """Look at the wishes now, not when the host speaks next."""
        self._ears.nudge()

    async def hold(self) -> Ending:
        """Talk until there is an end, or the connection breaks."""
        try:
            await self._say(self._errand.header(self._preface.marker, self._progress))
            return await self._listen(await self._after_marker())
        except ProtocolBroken as broken:
            return Failed("protocol", f"{self._place} does not talk as the runner does: {broken}.")
        except TimeoutError:
            return Broken(f"nothing was heard from it for {self._pace.silence:g} s")
        except Hung:
            return await self._hung()
        finally:
            self._upload.cancel()

    async def _say(self, line: bytes) -> None:
        async with asyncio.timeout(self._pace.silence):
            await self._ears.say(line)

    async def _after_marker(self) -> bytes:
        while True:
            rest = self._preface.feed(await self._hear())
            if rest is not None:
                self._marked = True
                return rest

    async def _listen(self, data: bytes) -> Ending:
        lines = Lines(self._errand.budget)
        while True:
            for line in lines.feed(data):
                ending = self._take(line)
                if ending is not None:
                    return ending
            if self._upload.failure is not None:
                return self._upload.failure
            await self._wait_for_reader()
            await self._send_wishes()
            data = await self._hear()

    async def _hear(self) -> bytes:
        while True:
            quiet_until = self._alive_at + self._pace.silence
            lost_at = self._progress.heard_at + self._pace.lost_after
            within = min(quiet_until, lost_at) - self._now()
            if within <= 0:
                raise TimeoutError
            # An upload that moves on moves these limits while this waits.
            with suppress(TimeoutError):
                data = await self._ears.hear(within)
                if data:
                    self._alive_at = self._now()
                return data

    async def _wait_for_reader(self) -> None:
        asked_at = self._now()
        await self._mailbox.room()
        waited = self._now() - asked_at
        self._alive_at += waited
        self._progress.heard_at += waited

    async def _send_wishes(self) -> None:
        if not self._hearing.follows or self._upload.is_running:
            return
        while self._wishes_sent < len(self._progress.wishes):
            wish = self._progress.wishes[self._wishes_sent]
            self._wishes_sent += 1
            await self._say(b'{"op":"%s"}\n' % wish.encode())

    def _take(self, line: HostLine) -> Finished | Failed | None:
        match line:
            case Need("appspec", text):
                self._answer(text)
            case Need(what):
                self._begin_upload(what)
            case _:
                return self._hearing.take(line)
        return None

    def _begin_upload(self, what: str) -> None:
        bundle = self._errand.bundle
        if what in self._needs or (what == "bundle" and bundle is None):
            raise ProtocolBroken(f"it asked for a {what} that it has or that there is not")
        self._needs.add(what)
        if what == "bundle" and bundle is not None:
            self._progress.uploads += 1
            self._upload.begin(bundle)
        else:
            self._upload.begin(self._errand.runner.source)

    def _answer(self, text: bytes) -> None:
        """Have an AppSpec read that only the host has, beside all that the loop does."""
        self._appspecs += 1
        self._hearing.check_asking(self._appspecs, MOST_APPSPECS)
        self._upload.begin(partial(self._errand.read, text))

    def _moved(self, ahead: float) -> None:
        self._alive_at = self._now() + ahead
        self._progress.hear(self._alive_at)

    async def _hung(self) -> Ending:
        with suppress(TimeoutError, Hung, ProtocolBroken):
            async with asyncio.timeout(1.0):
                while True:
                    said = await self._ears.hear(1.0)
                    if not self._marked:
                        self._preface.feed(said)
        code = self._ears.exit_code
        if code is None:
            return Broken("the connection was lost")
        complaint = self._ears.complaint
        if not self._marked:
            said = self._preface.tail
            return self._place.silence(exit_code=code, said=said, complaint=complaint)
        words = quoted(complaint)
        saying = f" and said {words!r}" if words else " without a word"
        return Broken(f"the runner ended with status {code}{saying}", by_runner=True)
