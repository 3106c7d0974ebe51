"""`…/events`, as a list and as they happen."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from component.api import worker
from component.api.conftest import Service, detail_of
from tidegate.domain.access import Role
from tidegate.store.progress import progress_of


def path_of(deployment_id: str) -> str:
    return f"/v1/deployments/{deployment_id}/events"


def listed(service: Service, deployment_id: str, **params) -> list[dict]:
    answer = service.get(path_of(deployment_id), params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@contextmanager
def stream(live: Service, deployment_id: str, **headers: str) -> Iterator[httpx2.Response]:
    token = live.tokens[Role.VIEWER]
    sent = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream", **headers}
    with live.http.stream("GET", path_of(deployment_id), headers=sent) as answer:
        yield answer


def heard(answer: httpx2.Response) -> Iterator[dict[str, str]]:
    """Yield each message as its fields, with the time at which it came."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.removeprefix(" ")
        elif not line and fields:
            if "data" in fields:
                yield {**fields, "heard": str(time.monotonic())}
            fields = {}


def test_events_are_listed_in_their_order(service: Service):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_))

    events = listed(service, id_)

    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
    assert events[0].keys() == {
        "id", "at", "subject", "target", "name", "from", "to", "actor", "reason",
    }  # fmt: skip
    assert {one["subject"] for one in events} == {"deployment", "target", "lifecycle_event"}
    assert listed(service, id_, after=3)[0]["id"] == 4
    assert listed(service, id_, after=10_000) == []


def test_events_are_paged(service: Service):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_))

    first = service.get(path_of(id_), params={"limit": 2}).json()
    second = service.get(path_of(id_), params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [one["id"] for one in first["items"] + second["items"]] == [1, 2, 3, 4]


def test_a_stream_tells_what_was_and_what_comes_and_ends(live: Service):
    id_ = live.with_deployment()
    progress = worker.begin(live, id_)
    before = listed(live, id_)

    with stream(live, id_) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        messages = heard(answer)
        told = [next(messages) for _ in before]
        worker.finish(live, progress)
        told += list(messages)

    *events, end = told
    assert end["event"] == "end"
    assert [json.loads(one["data"]) for one in events] == listed(live, id_)
    assert [int(one["id"]) for one in events] == list(range(1, len(events) + 1))
    assert all(one["event"] == json.loads(one["data"])["subject"] for one in events)


def test_a_stream_is_resumed_behind_the_last_event(live: Service):
    id_ = live.with_deployment()
    worker.finish(live, worker.begin(live, id_))

    with stream(live, id_, **{"Last-Event-ID": "3"}) as answer:
        ids = [one.get("id") for one in heard(answer)]

    assert ids[0] == "4"
    assert ids[-1] is None


def test_an_event_is_heard_within_a_second_of_its_commit(live: Service):
    id_ = live.with_deployment()
    progress = worker.begin(live, id_)
    seen = len(listed(live, id_))
    committed: list[float] = []

    def work() -> None:
        for number in range(8):
            note = {"fact": "waiting", "at": time.time(), "for": f"d-{number:09}"}
            worker.report(live, progress, worker.Fact(offset=number + 1, body=note))
            committed.append(time.monotonic())
            time.sleep(0.13)
        worker.finish(live, progress)

    with stream(live, id_) as answer:
        messages = heard(answer)
        for _ in range(seen):
            next(messages)
        thread = threading.Thread(target=work)
        thread.start()
        came = [float(next(messages)["heard"]) for _ in range(8)]
        thread.join()

    assert max(b - a for a, b in zip(committed, came, strict=True)) < 1


def test_a_stream_of_a_stopped_deployment_waits_for_its_last_script(live: Service):
    id_ = live.with_deployment()
    progress = worker.begin(live, id_)

    with stream(live, id_) as answer:
        messages = heard(answer)
        live.post(f"/v1/deployments/{id_}/stop")
        told = [next(messages)]
        while json.loads(told[-1]["data"]).get("to") != "Stopped":
            told.append(next(messages))
        worker.finish(live, progress, failing="Install")
        told += list(messages)

    assert told[-1]["event"] == "end"
    targets = [one for one in told if one["event"] == "target"]
    assert json.loads(targets[-1]["data"])["to"] == "Failed"


def test_there_are_only_so_many_streams(live: Service):
    id_ = live.with_deployment()

    with stream(live, id_) as one, stream(live, id_) as two, stream(live, id_) as three:
        assert [one.status_code, two.status_code, three.status_code] == [200] * 3
        with stream(live, id_) as four:
            four.read()
            assert "serves 3 event streams already" in detail_of(four, 503)

    deadline = time.monotonic() + 5
    while live.parts.feeds.streams and time.monotonic() < deadline:
        time.sleep(0.05)
    with stream(live, id_) as again:
        assert again.status_code == 200


def test_streams_end_when_the_service_does(live: Service):
    id_ = live.with_deployment()

    with stream(live, id_) as answer:
        messages = heard(answer)
        next(messages)
        live.parts.feeds.close_soon()
        rest = list(messages)

    assert rest == []


@pytest.mark.parametrize("last", ["abc", "-1", "9" * 40, "9" * 5000])
def test_a_place_that_no_stream_gave_is_refused(quick: Service, last):
    id_ = quick.with_deployment()
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last}

    answer = quick.get(path_of(id_), headers=headers)

    assert "is no number that this stream gave" in detail_of(answer, 422)


@pytest.mark.parametrize("error", [PoolTimeout("no connection is free"), RuntimeError("odd")])
def test_a_stream_goes_on_after_a_look_that_failed(live: Service, monkeypatch, error):
    id_ = live.with_deployment()
    failures = [error, error]

    def look(*arguments):
        if failures:
            raise failures.pop()
        return progress_of(*arguments)

    monkeypatch.setattr("tidegate_api.feeds.progress_of", look)
    with stream(live, id_) as answer:
        told = heard(answer)
        next(told)
        worker.finish(live, worker.begin(live, id_))

        assert "Succeeded" in [json.loads(one["data"]).get("to") for one in told]


def test_a_stream_of_nothing_is_not_found(quick: Service):
    answer = quick.get(path_of("d-ABCDEFGHI"), headers={"Accept": "text/event-stream"})

    assert "no deployment" in detail_of(answer, 404)
