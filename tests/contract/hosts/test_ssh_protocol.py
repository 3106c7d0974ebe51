"""Whatever a host says or leaves unsaid, the driver `ssh` answers with a sentence."""

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contract.hosts.scripted import BEGUN, HOOK_RUNS, Conversation, Script, ScriptedHost
from tidegate.drivers.hosts import (
    Failed,
    Finished,
    HostAddress,
    HostRun,
    Outcome,
    Seen,
    Wish,
)
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.testing.host_runs import Follower

Scripted = Callable[[Script], ScriptedHost]


@pytest.fixture
def follow(hasty: SshHosts, run: HostRun, identity: str) -> Callable[..., Follower]:
    def start(host: ScriptedHost, *, run: HostRun = run, seen: Seen | None = None) -> Follower:
        address = HostAddress(name="web-1", settings=host.settings(identity))
        return Follower(hasty, address, run, seen=seen).start()

    return start


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.message.endswith("."), outcome.message
    return outcome


def test_what_a_login_shell_prints_is_no_part_of_the_talk(scripted: Scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.raw(b"Welcome!\n\xff\xfe{}\n" + b"x" * 70_000)
        await talk.open()
        await talk.fact(10, BEGUN)
        await talk.finish(20)

    follower = follow(scripted(script))

    assert follower.join() == Finished()
    assert [fact.offset for fact in follower.facts] == [10, 20]


def test_bytes_may_come_one_by_one(scripted: Scripted, follow):
    async def script(talk: Conversation) -> None:
        talk.header = await talk.next_line()
        for byte in f"hi\n\n{talk.header['marker']}\n".encode():
            await talk.raw(bytes([byte]))
        for (
            byte
        ) in b'{"t":"fact","o":9,"f":{"fact":"end","at":1,"outcome":"failed"}}\n{"t":"end"}\n':
            await talk.raw(bytes([byte]))

    follower = follow(scripted(script))

    assert follower.join() == Finished()
    assert follower.ended == "failed"


def test_a_shell_that_talks_for_ever_is_left(scripted: Scripted, follow):
    async def script(talk: Conversation) -> None:
        while True:
            await talk.raw(b"spam\n" * 10_000)

    failed = failure(follow(scripted(script)).join())

    assert failed.code == "protocol"
    assert "more than 1 MB" in failed.message


def test_a_cut_connection_is_bridged_without_a_fact_lost_or_told_twice(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        if talk.number == 1:
            await talk.fact(10, BEGUN)
            await talk.say(t="log", e="AfterInstall", at=0, b=base64.b64encode(b"abc").decode())
            await talk.say(t="fact", o=20, f=HOOK_RUNS)
            talk.cut()
        else:
            await talk.say(t="log", e="AfterInstall", at=3, b=base64.b64encode(b"def").decode())
            await talk.finish(30)

    host = scripted(script)
    follower = follow(host)

    assert follower.join() == Finished()
    assert [fact.offset for fact in follower.facts] == [10, 20, 30]
    assert follower.log("AfterInstall") == b"abcdef"
    assert host.conversations[1].header["seen"] == {"journal": 20, "logs": {"AfterInstall": 3}}


def test_a_host_that_falls_silent_is_asked_again_and_then_counts_as_lost(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        if talk.number == 1:
            await talk.fact(10, BEGUN)
        await talk.hang()

    host = scripted(script)
    begun_at = time.monotonic()
    failed = failure(follow(host).join())

    assert failed.code == "lost"
    assert failed.retryable
    assert "has not been heard from for 4 s" in failed.message
    assert len(host.conversations) >= 3
    assert 3.9 < time.monotonic() - begun_at < 8


def test_a_host_that_never_says_a_word_cannot_be_reached(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.hang()

    failed = failure(follow(scripted(script)).join())

    assert failed.code == "unreachable"
    assert failed.retryable


def test_beats_keep_a_quiet_run_alive(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.fact(10, BEGUN)
        for _ in range(15):
            await talk.say(t="beat")
            await asyncio.sleep(0.2)
        await talk.finish(20)

    host = scripted(script)

    assert follow(host).join() == Finished()
    assert len(host.conversations) == 1


def test_a_host_that_is_away_for_a_while_is_bridged(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        if talk.number == 1:
            await talk.fact(10, BEGUN)
            await talk.hang()
        await talk.finish(20)

    host = scripted(script)
    follower = follow(host)
    follower.wait_for(lambda f: f.facts, "the run begins")
    host.shut()
    time.sleep(0.8)
    host.open()

    assert follower.join() == Finished()


ENVELOPES: dict[str, bytes] = {
    "no JSON": b"Traceback (most recent call last):",
    "no object": b"[1, 2]",
    "another encoding": b'{"t":"\xff"}',
    "an unknown type": b'{"t":"dance"}',
    "a type that is a list": b'{"t":[]}',
    "nested without end": b'{"t":' + b"[" * 100_000,
    "not a number": b'{"t":"fact","o":NaN,"f":{"fact":"begun","at":1}}',
    "no offset": b'{"t":"fact","f":{"fact":"begun","at":1}}',
    "an offset that is true": b'{"t":"fact","o":true,"f":{"fact":"begun","at":1}}',
    "an offset beyond all": b'{"t":"fact","o":1%s,"f":{"fact":"begun","at":1}}' % (b"0" * 30),
    "an endless number": b'{"t":"fact","o":1%s,"f":{}}' % (b"0" * 10_000),
    "a fact seen already": b'{"t":"fact","o":10,"f":{"fact":"begun","at":1}}',
    "an unknown fact": b'{"t":"fact","o":20,"f":{"fact":"won","at":1}}',
    "a fact without time": b'{"t":"fact","o":20,"f":{"fact":"end","outcome":"failed"}}',
    "an infinite time": b'{"t":"fact","o":20,"f":{"fact":"end","outcome":"failed","at":1e999}}',
    "an event of nobody": (
        b'{"t":"fact","o":20,"f":{"fact":"event","name":"X","status":"Failed","at":1}}'
    ),
    "a log of nobody": b'{"t":"log","e":"X","at":0,"b":""}',
    "a log that is no base64": b'{"t":"log","e":"Install","at":0,"b":"?"}',
    "a log before its start": b'{"t":"log","e":"Install","at":-1,"b":""}',
    "a line without end": b'{"t":"' + b"x" * (2 << 20),
    "a line that is too long": b'{"t":"beat","x":"' + b"x" * (3 << 19) + b'"}',
    "a bundle for a run without": b'{"t":"need","what":"bundle"}',
    "the moon": b'{"t":"need","what":"moon"}',
    "an answer to no probe": b'{"t":"pong","python":"3","uid":0,"state_dir":"/"}',
    "an end without an outcome": b'{"t":"end"}',
    "an unknown way to die": b'{"t":"lost","why":"bored","event":null}',
}


@pytest.mark.parametrize("line", ENVELOPES.values(), ids=ENVELOPES)
def test_what_the_runner_never_says_ends_the_talk(line: bytes, scripted, follow, run: HostRun):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.fact(10, BEGUN)
        await talk.raw(line + b"\n")
        await talk.hang()

    failed = failure(follow(scripted(script), run=replace(run, bundle=None)).join())

    assert failed.code == "protocol"
    assert len(failed.message) < 400


def test_a_host_that_floods_is_left(scripted, follow, run: HostRun):
    spec = {**run.spec, "limits": {"log_bytes": 1000}}

    async def script(talk: Conversation) -> None:
        await talk.open()
        at = 0
        while True:
            await talk.say(t="log", e="Install", at=at, b="QUJD" * 200_000)
            at += 600_000

    failed = failure(follow(scripted(script), run=replace(run, spec=spec)).join())

    assert failed.code == "protocol"
    assert "log limits" in failed.message


def test_text_that_no_database_holds_is_made_harmless(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.raw(
            b'{"t":"fact","o":10,"f":{"fact":"event","at":1,"name":"Install","status":"Failed",'
            b'"message":"a\\ud800b\\u0000c\\ud83d\\ude00"}}\n'
        )
        await talk.finish(20)

    follower = follow(scripted(script))
    follower.join()

    assert follower.facts[0].body["message"] == "a?b\N{REPLACEMENT CHARACTER}c\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("ending", "expected", "words"),
    [
        ((127, b"sh: 1: exec: python3: not found\n"), "no_python", "install Python 3.6"),
        ((1, b"exec: python3: Command not found.\n"), "no_python", "install Python 3.6"),
        ((1, b"This account is currently not available.\n"), "permission_denied", "login shell"),
        ((1, b""), "refused", "without a word"),
        ((42, b"\x1b[31mOnly git is served here\n" * 100), "refused", "Only git is served here"),
    ],
)
def test_a_shell_that_ends_without_the_runner_says_why(
    ending: tuple[int, bytes], expected: str, words: str, scripted, follow
):
    async def script(talk: Conversation) -> None:
        await talk.next_line()
        talk.exit(*ending)

    failed = failure(follow(scripted(script)).join())

    assert failed.code == expected
    assert words in failed.message
    assert "\x1b" not in failed.message
    assert len(failed.message) < 500


@pytest.mark.parametrize(
    ("line", "expected", "words"),
    [
        ({"t": "unknown"}, "unknown_run", "does not know the run"),
        ({"t": "refused", "why": "The disk is full."}, "refused", "The disk is full."),
        (
            {"t": "refused", "why": "It has 3.4.", "code": "python_too_old"},
            "python_too_old",
            "It has 3.4.",
        ),
        ({"t": "lost", "why": "died", "event": "Install"}, "lost", "died during Install"),
        ({"t": "lost", "why": "rebooted", "event": None}, "rebooted", "was restarted"),
    ],
)
def test_an_end_that_the_host_tells_of_is_a_failure(
    line: dict[str, Any], expected: str, words: str, scripted, follow
):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.say(**line)

    failed = failure(follow(scripted(script), seen=Seen(10)).join())

    assert failed.code == expected
    assert words in failed.message


def test_a_runner_that_ends_early_each_time_is_given_up(make_driver, scripted, run, identity):
    async def script(talk: Conversation) -> None:
        await talk.open()
        talk.exit(1, b"ImportError: no module named zlib\n")

    driver = make_driver(lost_after=20)
    address = HostAddress(name="web-1", settings=scripted(script).settings(identity))
    failed = failure(Follower(driver, address, run).start().join())

    assert failed.code == "protocol"
    assert "no module named zlib" in failed.message


def test_a_wish_is_said_once_and_once_more_after_a_cut(scripted, follow):
    heard: list[object] = []

    async def script(talk: Conversation) -> None:
        await talk.open()
        if talk.number == 1:
            await talk.fact(10, BEGUN)
            heard.append(await talk.next_line())
            await talk.say(t="beat")
            talk.cut()
        else:
            await talk.say(t="beat")
            heard.append(await talk.next_line())
            await talk.finish(20)

    follower = follow(scripted(script))
    follower.wish(Wish.CANCEL)

    assert follower.join() == Finished()
    assert heard == [{"op": "cancel"}, {"op": "cancel"}]


def test_a_wish_never_mixes_with_bytes_that_the_host_asked_for(
    make_driver, scripted, run: HostRun, identity: str
):
    received: dict[str, bytes] = {}
    heard: list[object] = []

    async def script(talk: Conversation) -> None:
        await talk.open()
        await asyncio.sleep(1.3)
        for what, size in (("runner", talk.header["runner"]), ("bundle", talk.header["bundle"])):
            await talk.say(t="need", what=what)
            received[what] = await talk.receive(size["size"])
        await talk.fact(10, BEGUN)
        heard.append(await talk.next_line())
        await talk.finish(20)

    address = HostAddress(name="web-1", settings=scripted(script).settings(identity))
    follower = Follower(make_driver(), address, run)
    follower.wish(Wish.KILL)
    follower.start()

    assert follower.join() == Finished()
    assert run.bundle is not None
    assert received["bundle"] == run.bundle.path.read_bytes()
    assert heard == [{"op": "kill"}]
