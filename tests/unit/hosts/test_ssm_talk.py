"""A talk over SSM, slice by slice: what is said to hosts, and what their answers come to."""

import asyncio
import base64
import json
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tidegate.drivers.hosts import Bundle, Failed, Finished, HostRun, LogPiece, Seen, Wish
from tidegate.drivers.hosts.errand import Errand, Progress, Runner
from tidegate.drivers.hosts.hearing import Broken, Ending, Party
from tidegate.drivers.hosts.mailbox import Mailbox
from tidegate.drivers.hosts.pace import Pace
from tidegate.drivers.hosts.ssm_talk import SsmPlace, SsmWay
from tidegate.drivers.hosts.ssm_wants import Answer, Common, Want

END = [
    {"t": "fact", "o": 100, "f": {"fact": "begun", "at": 1.0}},
    {"t": "fact", "o": 200, "f": {"fact": "end", "at": 2.0, "outcome": "succeeded"}},
    {"t": "end"},
]
BEGUN = END[:1]
UNFETCHED = json.dumps({"refused": {"why": "S3 answered 503.", "code": "unfetched"}}) + "\n"


def printed(lines: Sequence[object], *, done: bool = False) -> str:
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    text = base64.b64encode(zlib.compress(data)).decode()
    return json.dumps({"done": done, "size": len(text)}) + f"\n{text}\n"


class Wants:
    """Stands for the office: answers wants with what is told, in order, and keeps them."""

    def __init__(self, *outputs: str) -> None:
        self.outputs = list(outputs)
        self.wants: list[Want] = []

    async def ask(self, want: Want) -> Answer:
        self.wants.append(want)
        return Answer(output=self.outputs.pop(0))

    def wall(self) -> float:
        return 0.0


class Offering:
    """Stands for the place in S3; *during* an upload, something may happen."""

    def __init__(self, during: Callable[[], object] = lambda: None) -> None:
        self.during = during

    async def offer(self, _: Bundle) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.during()
        return {"bucket": "b", "key": "k"}


class Talks:
    """A way to one host, and all that there is to see of it."""

    def __init__(self, *outputs: str, seen: int = 0, log_bytes: int = 1 << 20) -> None:
        spec = {
            "deployment_id": "d-1",
            "group_id": "shop",
            "events": ["Install"],
            "limits": {"log_bytes": log_bytes},
            "environment": {"PASSWORD": "tell-nobody"},
        }
        bundle = Bundle(sha256="0" * 64, size=1, type="tgz", path=Path("/nowhere"))
        self.progress = Progress.since(Seen(journal=seen))
        self.mailbox = Mailbox(asyncio.get_running_loop())
        self.office, self.exchange = Wants(*outputs), Offering()
        self.ticks = count(1)
        place = SsmPlace("web-1", "i-0123456789abcdef0")
        self.way = SsmWay(
            Party(
                place=place,
                errand=Errand(Runner.ours(), HostRun(key="k", spec=spec, bundle=bundle)),
                progress=self.progress,
                mailbox=self.mailbox,
                pace=Pace(),
            ),
            self.office,  # type: ignore[arg-type]
            self.exchange,  # type: ignore[arg-type]
            place=place,
            common=Common(bundles="presigned"),
            state_dir=None,
            ids=partial(format, 1, "032"),
            now=lambda: float(next(self.ticks)),
        )

    async def hold(self) -> Ending:
        async with asyncio.timeout(20), AsyncExitStack() as stack:
            return await (await self.way.open(stack)).hold()


def in_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())


def test_what_is_wished_while_the_bundle_is_uploaded_is_wished_of_the_first_slice():
    async def test() -> None:
        talks = Talks(printed(END, done=True))
        talks.exchange.during = lambda: talks.progress.wish(Wish.CANCEL)

        assert await talks.hold() == Finished()
        assert [want.header["wish"] for want in talks.office.wants] == ["cancel"]

    in_a_loop(test)


def test_what_an_upload_takes_is_no_silence_of_the_host():
    async def test() -> None:
        talks = Talks(UNFETCHED)
        talks.exchange.during = lambda: [next(talks.ticks) for _ in range(1000)]

        await talks.hold()
        assert next(talks.ticks) - talks.progress.heard_at < 10

    in_a_loop(test)


def test_variables_are_told_to_the_group_alone_and_to_nobody_once_the_run_has_begun():
    async def test() -> None:
        talks = Talks(printed(BEGUN), printed(END[1:], done=True))

        assert await talks.hold() == Finished()
        first, second = talks.office.wants
        assert (first.circle, "tell-nobody" in str(first.header)) == ("shop", True)
        assert (second.circle, "tell-nobody" in str(second.header)) == ("", False)

    in_a_loop(test)


def test_a_run_that_has_begun_outlives_all_hiccups_of_s3_and_these_are_no_sign_of_life():
    async def test() -> None:
        talks = Talks(*[UNFETCHED] * 8, printed(END[1:], done=True), seen=100)
        endings = [await talks.hold()]
        heard_at = talks.progress.heard_at

        endings += [await talks.hold() for _ in range(7)]

        assert all(isinstance(ending, Broken) for ending in endings)
        assert talks.progress.heard_at == heard_at
        assert await talks.hold() == Finished()

    in_a_loop(test)


def test_a_host_that_cannot_fetch_what_starts_the_run_is_refused_after_five_in_a_row():
    async def test() -> None:
        waiting = printed([{"t": "beat"}])
        talks = Talks(*[UNFETCHED] * 4, waiting, *[UNFETCHED] * 5)

        endings = [await talks.hold() for _ in range(9)]

        assert all(isinstance(ending, Broken) for ending in endings[:-1])
        assert isinstance(endings[-1], Failed)
        assert "S3 answered 503" in endings[-1].message

    in_a_loop(test)


def test_what_swells_does_not_fill_the_memory_faster_than_it_is_read():
    async def test() -> None:
        piece = 400_000
        pieces = [
            {"t": "log", "e": "Install", "at": number * piece, "s": "x" * piece}
            for number in range(40)
        ]
        talks = Talks(printed([*BEGUN, *pieces, *END[1:]], done=True), log_bytes=20 << 20)
        task = asyncio.create_task(talks.hold())
        batches: list[int] = []
        while sum(batches) < 40 * piece:
            reports, _ = await asyncio.to_thread(talks.mailbox.take, 5.0)
            batches.append(sum(len(one.data) for one in reports if isinstance(one, LogPiece)))

        assert await task == Finished()
        assert max(batches) < 5_000_000

    in_a_loop(test)
