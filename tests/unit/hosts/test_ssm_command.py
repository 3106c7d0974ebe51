"""One command over SSM: who hears what, and when."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tidegate.drivers.aws_calls import CallFailed
from tidegate.drivers.hosts.errand import Runner
from tidegate.drivers.hosts.ssm_acquaintances import Acquaintances
from tidegate.drivers.hosts.ssm_batches import Batch, SsmPace
from tidegate.drivers.hosts.ssm_calls import (
    NOT_VALID,
    Invocation,
    NotValid,
    Page,
    Refused,
    Seen,
    Unanswered,
)
from tidegate.drivers.hosts.ssm_command import Command
from tidegate.drivers.hosts.ssm_sentences import NOTHING_SAID, UNTAKEN
from tidegate.drivers.hosts.ssm_wants import Answer, Common, Trouble, Want

HOSTS = [f"i-{number:017x}" for number in range(4)]
WHOLE = '{"done": false, "size": 4}\nAAAA\n'
CUT = '{"done": false, "size": 9999}\nAAAA'
PACE = SsmPace(poll=0.01, slowest_poll=0.01)


def want(instance: str) -> Want:
    return Want(
        id=f"of {instance}",
        instance=instance,
        common=Common(bundles="presigned"),
        header={"op": "run", "key": "k", "spec": {}},
        state_dir=None,
        asked_at=0.0,
    )


@dataclass
class Aws:
    """Stands for the counter and all that is called there; *before* each call, much may happen."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[str], object] = lambda _: None
    sent: list[Sequence[str]] = field(default_factory=list)
    refuse: Callable[[Sequence[str]], object] = lambda _: None
    look: Callable[[], object] = lambda: None
    status: str = "success"
    now: float = 0.0
    step: float = 0.0
    region: str = "us-east-1"

    @property
    def calls(self) -> "Aws":
        return self

    async def call(self, kind: str, make: Callable[[], Any]) -> Any:
        await asyncio.sleep(0)
        self.before(kind)
        return make()

    def wall(self) -> float:
        self.now += self.step
        return self.now

    async def pages(self, read: Callable[[str], Page[Any]]) -> list[Any]:
        found, _ = await self.call("read", partial(read, ""))
        return list(found)

    def seen(self, instances: Sequence[str], page: str) -> Page[tuple[str, Seen]]:
        assert not page
        return [(one, Seen(ping="Online", platform="Linux", agent="3")) for one in instances], ""

    def send(self, instances: Sequence[str], script: str, **_: object) -> str:
        assert script
        self.sent.append(list(instances))
        self.refuse(instances)
        return "command"

    def invocations(self, _: str, page: str) -> Page[Invocation]:
        assert not page
        self.look()
        return [
            Invocation(instance=one, status=self.status, code=0, output=output)
            for one, output in self.outputs.items()
        ], ""

    def output(self, _: str, instance: str) -> str:
        self.before(f"output of {instance}")
        return WHOLE


class Place:
    """Stands for the place in S3."""

    def parcel(self, data: bytes, how: str) -> tuple[dict[str, Any], str]:
        assert data
        assert how == "presigned"
        return {"url": "https://here", "sha256": ""}, "key"

    def runner(self, digest: str, _: bytes) -> dict[str, Any]:
        return {"sha256": digest, "url": "https://here"}

    def drop(self, _: str) -> None:
        return


def carried(
    aws: Aws, hosts: Sequence[str], *, told: dict[str, Answer], unwanted: Collection[str] = ()
) -> set[str]:
    """Carry out a command for hosts; *unwanted* may become so meanwhile. Return what it left."""
    left: set[str] = set()

    async def answer(answers: Mapping[str, Answer]) -> None:
        told.update(answers)

    async def release(ids: Collection[str]) -> None:
        left.update(ids)

    counter: Any = aws
    place: Any = Place()
    command = Command(
        batch=Batch([want(one) for one in hosts], ends_at=20.0),
        counter=counter,
        exchange=place,
        known=Acquaintances(counter, PACE),
        runner=Runner.ours(),
        pace=PACE,
        commands=lambda: 1,
        answer=answer,
        release=release,
        is_wanted=lambda id_: id_ not in unwanted,
    )

    async def main() -> None:
        async with asyncio.timeout(20):
            await command.carry()

    asyncio.run(main())
    return left


def test_hosts_with_little_to_say_do_not_wait_for_those_with_much():
    told: dict[str, Answer] = {}
    told_by_then: dict[str, set[str]] = {}
    aws = Aws(outputs={HOSTS[0]: CUT, HOSTS[1]: WHOLE, HOSTS[2]: CUT, HOSTS[3]: WHOLE})
    aws.before = lambda what: told_by_then.setdefault(what, set(told))

    carried(aws, HOSTS, told=told)

    assert told_by_then[f"output of {HOSTS[0]}"] == {want(HOSTS[1]).id, want(HOSTS[3]).id}
    assert {id_: answer.output for id_, answer in told.items()} == {
        want(one).id: WHOLE for one in HOSTS
    }


def test_who_let_go_while_it_waited_for_its_turn_is_sent_nothing():
    told: dict[str, Answer] = {}
    unwanted: set[str] = set()
    aws = Aws(outputs={HOSTS[1]: WHOLE})
    aws.before = lambda kind: unwanted.add(want(HOSTS[0]).id) if kind == "send" else None

    carried(aws, HOSTS[:2], told=told, unwanted=unwanted)

    assert aws.sent == [[HOSTS[1]]]
    assert told.keys() == {want(HOSTS[1]).id}


def test_where_all_have_let_go_nothing_is_sent():
    told: dict[str, Answer] = {}
    aws = Aws()

    carried(aws, HOSTS, told=told, unwanted=[want(one).id for one in HOSTS])

    assert (aws.sent, told) == ([], {})


def test_instances_that_another_command_had_forgotten_meanwhile_are_asked_by_the_command_itself():
    aws: Any = Aws()
    known = Acquaintances(aws, PACE)
    known.heard(HOSTS[0], 0.0)
    aws.before = lambda _: known.forget(HOSTS[:1])

    assert asyncio.run(known.troubles(HOSTS[:2])) == {}


def test_an_instance_that_is_called_invalid_when_it_is_asked_about_is_no_fault_of_ours():
    aws: Any = Aws()

    def refuse(*_: object) -> Page[tuple[str, Seen]]:
        raise NotValid(f"{HOSTS[0]} is none")

    aws.seen = refuse

    found: dict[str, Trouble] = asyncio.run(Acquaintances(aws, PACE).troubles(HOSTS))

    assert found == {}


def not_valid_with(bad: str, sentence: str, code: str = NOT_VALID) -> Callable[..., None]:
    def refuse(instances: Sequence[str]) -> None:
        if bad in instances:
            raise NotValid(sentence, code)

    return refuse


def test_who_spoils_a_command_unnamed_is_alone_in_the_end():
    told: dict[str, Answer] = {}
    aws = Aws(outputs=dict.fromkeys(HOSTS, WHOLE), refuse=not_valid_with(HOSTS[1], "Invalid."))

    left = carried(aws, HOSTS, told=told)

    assert aws.sent == [HOSTS, HOSTS[:2], HOSTS[:1]]
    assert told == {want(HOSTS[0]).id: Answer(output=WHOLE, waited=0.0)}
    assert left == {want(one).id for one in HOSTS[1:]}
    assert carried(aws, HOSTS[1:2], told=told) == set()
    assert "InvalidInstanceId" in trouble_of(told, HOSTS[1]).message


def trouble_of(told: Mapping[str, Answer], instance: str) -> Trouble:
    trouble = told[want(instance).id].trouble
    assert trouble is not None
    return trouble


def test_a_right_that_is_missing_for_one_instance_is_missing_for_no_other():
    told: dict[str, Answer] = {}
    said = f"AccessDeniedException: not authorized on arn:aws:ec2:eu:1:instance/{HOSTS[2]}"
    aws = Aws(
        outputs=dict.fromkeys(HOSTS, WHOLE),
        refuse=not_valid_with(HOSTS[2], said, "AccessDeniedException"),
    )

    carried(aws, HOSTS, told=told)

    trouble = trouble_of(told, HOSTS[2])
    assert (trouble.code, trouble.passes) == ("permission_denied", False)
    assert [one for one in HOSTS if told[want(one).id].output] == [*HOSTS[:2], HOSTS[3]]


def test_rights_that_are_missing_for_all_cost_few_calls():
    told: dict[str, Answer] = {}
    hosts = [f"i-{number:017x}" for number in range(50)]

    def refuse(instances: Sequence[str]) -> None:
        raise NotValid(f"not on arn:aws:ec2:eu:1:instance/{instances[0]}", "AccessDeniedException")

    aws = Aws(refuse=refuse)
    carried(aws, hosts, told=told)

    assert len(aws.sent) == 6
    assert {trouble_of(told, one).code for one in hosts} == {"permission_denied"}


def denied(operation: str) -> Callable[[], None]:
    def look() -> None:
        code = "AccessDeniedException"
        raise Refused(CallFailed(f"{code} to {operation}", code=code, operation=operation))

    return look


def test_who_may_send_and_may_not_look_says_that_the_run_may_have_begun():
    told: dict[str, Answer] = {}
    aws = Aws(look=denied("ListCommandInvocations"))

    carried(aws, HOSTS[:1], told=told)

    trouble = trouble_of(told, HOSTS[0])
    assert (trouble.code, trouble.passes) == ("lost", False)
    assert "was sent a command, and cannot be heard" in trouble.message
    assert "docs/hosts.md" in trouble.message


def test_a_lost_answer_needs_no_right_to_list_commands():
    told: dict[str, Answer] = {}
    answers = [Unanswered("Nobody answers.")]

    def lose(_: Sequence[str]) -> None:
        if answers:
            raise answers.pop()

    aws: Any = Aws(outputs={HOSTS[0]: WHOLE}, refuse=lose)
    aws.find = lambda *_, **__: denied("ListCommands")()

    carried(aws, HOSTS[:1], told=told)

    assert len(aws.sent) == 2
    assert told[want(HOSTS[0]).id].output == WHOLE


@pytest.mark.parametrize(("unmade", "code"), [(True, "unreachable"), (False, "lost")])
def test_only_what_may_have_reached_aws_may_have_begun(unmade: bool, code: str):
    told: dict[str, Answer] = {}

    def fail(_: Sequence[str]) -> None:
        raise Unanswered("Systems Manager cannot be reached", unmade=unmade)

    aws: Any = Aws(refuse=fail)
    aws.find = lambda *_, **__: None

    carried(aws, HOSTS[:1], told=told)

    assert trouble_of(told, HOSTS[0]).code == code


def test_a_host_is_not_blamed_for_the_silence_of_aws():
    told: dict[str, Answer] = {}

    def look() -> None:
        raise Unanswered("Systems Manager cannot be reached")

    carried(Aws(look=look, step=20.0), HOSTS[:1], told=told)

    trouble = trouble_of(told, HOSTS[0])
    assert trouble.code == "lost"
    assert "amazon-ssm-agent" not in trouble.message
    assert "nobody says how it fares: Systems Manager cannot be reached" in trouble.message


def test_what_no_agent_has_taken_has_not_begun():
    told: dict[str, Answer] = {}

    carried(Aws({HOSTS[0]: ""}, status="delayed", step=20.0), HOSTS[:1], told=told)

    assert trouble_of(told, HOSTS[0]) == UNTAKEN


def test_what_prints_nothing_is_not_said_to_be_cut():
    told: dict[str, Answer] = {}
    aws: Any = Aws({HOSTS[0]: ""})
    aws.output = lambda *_: ""

    carried(aws, HOSTS[:1], told=told)

    assert trouble_of(told, HOSTS[0]) == NOTHING_SAID
