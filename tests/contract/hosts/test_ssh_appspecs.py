"""AppSpecs that only the host has are read for it, within bounds."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from contract.hosts.scripted import BEGUN, Conversation
from tidegate.drivers.hosts import Failed, Finished, HostAddress, HostRun, ReadAppSpec, Seen
from tidegate.drivers.hosts.errand import Progress
from tidegate.engine.appspecs import read_appspec
from tidegate.testing.host_runs import Follower

TEXT = b"version: 0.0\nos: linux\nhooks:\n  ApplicationStop:\n    - location: stop.sh\n"


async def ask(talk: Conversation, text: bytes = TEXT) -> Any:
    await talk.say(t="need", what="appspec", text=base64.b64encode(text).decode())
    return await talk.next_line()


@pytest.fixture
def follow(hasty, run: HostRun, identity: str):
    def start(host, reader: ReadAppSpec | None = read_appspec, **changes: Any) -> Follower:
        address = HostAddress(name="web-1", settings=host.settings(identity))
        whole = replace(run, read_appspec=reader, **changes)
        return Follower(hasty, address, whole).start()

    return start


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT, "stop.sh"),
        (b"", "the application specification file was empty"),
        (b"\xff", "The file is not UTF-8 text."),
        (b"version: 0.0 #".ljust(1 << 20, b"x"), "unsupported operating system"),
    ],
)
def test_an_appspec_is_read_before_the_run_begins(scripted, follow, text: bytes, words: str):
    answers: list[Any] = []

    async def script(talk: Conversation) -> None:
        await talk.open()
        answers.append(await ask(talk, text))
        await talk.fact(10, BEGUN)
        await talk.finish(20)

    assert follow(scripted(script)).join() == Finished()
    assert len(answers) == 1
    assert words in str(answers[0])
    assert set(answers[0]) in ({"appspec"}, {"error"})


def raising(text: bytes) -> dict[str, object]:
    raise RecursionError(text)


@pytest.mark.parametrize(
    ("reader", "words"), [(None, "Nobody here reads"), (raising, "(RecursionError)")]
)
def test_who_cannot_read_it_says_so(scripted, follow, reader: ReadAppSpec | None, words: str):
    answers: list[Any] = []

    async def script(talk: Conversation) -> None:
        await talk.open()
        answers.append(await ask(talk))
        await talk.fact(10, BEGUN)
        await talk.finish(20)

    assert follow(scripted(script), reader).join() == Finished()
    assert words in answers[0]["error"]


def test_a_host_has_few_appspecs_read(scripted, follow):
    answers: list[Any] = []

    async def script(talk: Conversation) -> None:
        await talk.open()
        while True:
            answers.append(await ask(talk))

    failed = follow(scripted(script)).join()

    assert isinstance(failed, Failed)
    assert failed.code == "protocol"
    assert "more AppSpecs" in failed.message
    assert len(answers) == 4


def test_it_has_few_read_over_many_connections_too():
    progress = Progress.since(Seen())

    assert [progress.may_ask_again() for _ in range(30)] == [True] * 20 + [False] * 10


@pytest.mark.parametrize(
    "line",
    [
        {"t": "need", "what": "appspec"},
        {"t": "need", "what": "appspec", "text": "?"},
        {"t": "need", "what": "appspec", "text": ["eA=="]},
        {"t": "need", "what": "appspec", "text": base64.b64encode(b"x" * ((1 << 20) + 1)).decode()},
    ],
)
def test_what_is_no_appspec_ends_the_talk(scripted, follow, line: dict[str, Any]):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await talk.say(**line)
        await talk.hang()

    failed = follow(scripted(script)).join()

    assert isinstance(failed, Failed)
    assert (failed.code, "malformed 'need' line" in failed.message) == ("protocol", True)


def test_who_only_looks_reads_nothing(scripted, follow):
    async def script(talk: Conversation) -> None:
        await talk.open()
        await ask(talk)

    failed = follow(scripted(script), attach_only=True, bundle=None).join()

    assert isinstance(failed, Failed)
    assert "a run that it does not start" in failed.message
