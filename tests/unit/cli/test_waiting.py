"""Waiting goes on through whatever happens to the service, and ends with the right code."""

import io
from datetime import timedelta

import httpx2
import pytest

from tidegate_cli import feed, waiting
from tidegate_cli.errors import ExitCode, OutOfTouch, Refused, Unreachable
from tidegate_cli.plain import PlainView
from tidegate_cli.waiting import Ending, Wait
from unit.cli.fake_service import FakeService, deployment, event, page, problem, stream, target

ID, ROLLBACK = "d-111111111", "d-222222222"
GONE = httpx2.ConnectError("Connection refused")
ON_FAILURE = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
LINK = {"rollback_deployment_id": ROLLBACK}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (waiting, "TICK", 0.005),
        (waiting, "POLL", 0.02),
        (waiting, "FIRST_PAUSE", 0.005),
        (waiting, "LONGEST_PAUSE", 0.01),
        (waiting, "LINK_WITHIN", 0.1),
        (feed, "FIRST_PAUSE", 0.005),
        (feed, "LONGEST_PAUSE", 0.01),
    ):
        monkeypatch.setattr(module, name, value)


class Told:
    """What a wait ended with, and the lines that it printed."""

    def __init__(self, fake: FakeService, **options: object) -> None:
        out = io.StringIO()
        known = options.pop("known", None)
        with fake.service() as service:
            wait = Wait(service, PlainView(out), **options)
            self.ending: Ending = wait.for_end_of(ID, known=known)
        self.lines = out.getvalue().splitlines()


def serve(fake: FakeService, id_: str, *statuses: object, events: object = None) -> None:
    """Have the service tell of a deployment with one target."""
    answers = [deployment(id_, s) if isinstance(s, str) else s for s in statuses]
    fake.on("GET", f"deployments/{id_}", *answers)
    fake.on("GET", f"deployments/{id_}/targets", page(target("web-1")))
    fake.on("GET", f"deployments/{id_}/events", page())
    fake.on("SSE", f"deployments/{id_}/events", *(events or [stream()]))


def test_every_transition_is_a_line(fake: FakeService):
    serve(
        fake,
        ID,
        "InProgress",
        "Succeeded",
        events=[
            stream(event(1, "InProgress"), event(2, "InProgress", target="web-1")),
            stream(event(3, "Succeeded", target="web-1"), event(4, "Succeeded")),
            stream(),
        ],
    )

    missed = [event(3, "Succeeded", target="web-1"), event(4, "Succeeded")]
    fake.on("GET", f"deployments/{ID}/events", page(*missed))

    told = Told(fake)

    assert told.ending.code is ExitCode.DONE
    assert told.lines == [
        f"Deployment {ID}: r-1 to shop/prod, CodeDeployDefault.OneAtATime",
        f"12:00:01  {ID}  InProgress",
        "12:00:02  web-1  InProgress",
        "12:00:03  web-1  Succeeded",
        f"12:00:04  {ID}  Succeeded",
        f"Deployment {ID} is Succeeded.",
    ]


def test_what_the_stream_missed_is_asked_for(fake: FakeService):
    serve(fake, ID, "InProgress", "Succeeded", events=[problem(503, "200 streams already.")])
    fake.on("GET", f"deployments/{ID}/events", page(event(1, "Succeeded")))

    assert f"12:00:01  {ID}  Succeeded" in Told(fake).lines


def test_a_repeated_event_is_told_once(fake: FakeService):
    again = stream(event(1, "InProgress"))
    serve(fake, ID, *["InProgress"] * 4, "Succeeded", events=[again, again, again])

    assert sum("InProgress" in text for text in Told(fake).lines) == 1


def test_a_restart_of_the_service_does_not_end_the_wait(fake: FakeService):
    serve(
        fake,
        ID,
        "InProgress",
        GONE,
        problem(503, "Starting."),
        httpx2.ReadError("cut"),
        "Succeeded",
        events=[stream(event(1, "InProgress")), GONE, GONE, stream()],
    )

    told = Told(fake)

    assert told.ending.code is ExitCode.DONE
    assert sum("Trying again" in text for text in told.lines) == 1
    assert "The service answers again." in told.lines


def test_after_deploy_even_the_first_question_may_go_unanswered(fake: FakeService):
    serve(fake, ID, GONE, GONE, "Succeeded")

    assert Told(fake, known=deployment()).ending.code is ExitCode.DONE


def test_a_service_that_never_answered_is_not_waited_for(fake: FakeService):
    serve(fake, ID, GONE)

    with pytest.raises(Unreachable):
        Told(fake)


def test_a_service_that_stays_away_ends_the_wait(
    fake: FakeService, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "PATIENCE", timedelta(seconds=0.1))
    serve(fake, ID, "InProgress", GONE, events=[GONE])

    with pytest.raises(OutOfTouch, match=f"tidegate watch {ID}"):
        Told(fake)


def test_with_a_deadline_the_deadline_decides(fake: FakeService, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "PATIENCE", timedelta(seconds=0.01))
    serve(fake, ID, "InProgress", GONE, events=[GONE])

    told = Told(fake, deadline=timedelta(seconds=0.15))

    assert told.ending.code is ExitCode.DEADLINE
    assert told.ending.deployment["status"] == "InProgress"


def test_a_refusal_ends_the_wait_at_once(fake: FakeService):
    serve(fake, ID, "InProgress", problem(403, "This token was revoked."))

    with pytest.raises(Refused, match="revoked"):
        Told(fake)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("Succeeded", ExitCode.ROLLED_BACK),
        ("Failed", ExitCode.FAILED),
        ("Stopped", ExitCode.FAILED),
    ],
)
def test_the_rollback_is_waited_for(fake: FakeService, status: str, code: ExitCode):
    serve(fake, ID, "InProgress", deployment(ID, "Failed", rollback=LINK, auto_rollback=ON_FAILURE))
    serve(fake, ROLLBACK, "InProgress", GONE, "InProgress", status)

    told = Told(fake)

    assert told.ending.code is code
    assert told.ending.rollback
    assert told.ending.rollback["id"] == ROLLBACK
    assert f"Deployment {ROLLBACK} is {status}." in told.lines


def test_a_rollback_that_is_linked_a_moment_later_is_found(fake: FakeService):
    failed = deployment(ID, "Failed", auto_rollback=ON_FAILURE)
    serve(fake, ID, "InProgress", failed, failed, {**failed, "rollback": LINK})
    serve(fake, ROLLBACK, "Succeeded")

    assert Told(fake).ending.code is ExitCode.ROLLED_BACK


def test_a_rollback_that_never_comes_is_not_waited_for(fake: FakeService):
    serve(fake, ID, "InProgress", deployment(ID, "Failed", auto_rollback=ON_FAILURE))

    assert Told(fake).ending.code is ExitCode.FAILED


def test_a_deadline_during_the_rollback_tells_of_the_deployment(fake: FakeService):
    serve(fake, ID, "InProgress", deployment(ID, "Failed", rollback=LINK))
    serve(fake, ROLLBACK, "InProgress")

    ending = Told(fake, deadline=timedelta(seconds=0.2)).ending

    assert (ending.code, ending.deployment["id"]) == (ExitCode.DEADLINE, ID)
