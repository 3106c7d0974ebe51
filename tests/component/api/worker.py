"""A worker for tests: it does what workers do, with a host that says what the test wants."""

from collections.abc import Sequence
from contextlib import nullcontext

from component.api.conftest import Service
from tidegate.domain.course import CourseStep
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import HOST_EVENTS
from tidegate.drivers.hosts import Fact, LogPiece, Report
from tidegate.engine.advance import advance_deployment
from tidegate.engine.reports import Progress, record_reports
from tidegate.engine.step_runs import StepRuns
from tidegate.engine.targets import complete_target, finish_segment
from tidegate.store.health import WORKER_KINDS
from tidegate.testing.fake_traffic import FakeHooks

FAILED_AT = "AfterInstall"


def advance(service: Service, deployment_id: str) -> None:
    advance_deployment(DeploymentId(deployment_id), store=service.parts.store)


def course(service: Service, deployment_id: str) -> list[CourseStep]:
    with service.parts.store.read() as uow:
        return list(uow.courses.course(DeploymentId(deployment_id)))


def begin(service: Service, deployment_id: str, target: str = "web-1") -> Progress:
    """Start the deployment and take one of its targets."""
    advance(service, deployment_id)
    advance(service, deployment_id)
    with service.parts.store.write() as uow:
        now = uow.now()
        lease = uow.leases.take(
            DeploymentId(deployment_id), TargetId(target), owner="worker-1", at=now
        )
        assert lease is not None
        return Progress(lease=lease, taken_at=now)


def move_traffic(service: Service, deployment_id: str, target: str) -> FakeHooks:
    """Go through the steps of a deployment until it waits or has ended; return its hooks."""
    hooks, store = FakeHooks(), service.parts.store
    runs = StepRuns(
        store=store,
        driver=lambda _: service.traffic,
        call_hook=hooks,
        attending=lambda _: nullcontext(),
        is_leaving=lambda: False,
        owner="worker-1",
    )
    with store.write() as uow:
        uow.heartbeats.beat("worker-1", WORKER_KINDS["traffic"], uow.now())
    advance(service, deployment_id)
    while runs.run(DeploymentId(deployment_id), TargetId(target)):
        before = course(service, deployment_id)
        advance(service, deployment_id)
        if course(service, deployment_id) == before:
            break
    return hooks


def report(service: Service, progress: Progress, *reports: Report) -> None:
    with service.parts.store.write() as uow:
        record_reports(progress, reports, uow=uow)


def log(event: str, at: int, data: bytes) -> LogPiece:
    return LogPiece(event=event, at=at, data=data)


def finish(service: Service, progress: Progress, *, failing: str = "") -> None:
    """Have the run end, and the deployment after it."""
    now = progress.taken_at.timestamp()
    report(service, progress, *_facts(now, failing))
    deployment_id, target_id = progress.lease.deployment_id, progress.lease.target_id
    with service.parts.store.write() as uow:
        finish_segment(progress, uow=uow)
    with service.parts.store.write() as uow:
        complete_target(deployment_id, target_id, uow=uow)
    advance(service, deployment_id)


def _facts(now: float, failing: str) -> Sequence[Fact]:
    facts, ended = [], "succeeded"
    for index, name in enumerate(HOST_EVENTS):
        start = {"fact": "event", "name": name, "status": "InProgress", "at": now}
        end = {
            "fact": "event",
            "name": name,
            "status": "Skipped" if ended == "failed" else "Succeeded",
            "at": now,
            "exit_code": None,
            "error_code": None,
            "script": "",
            "message": "",
            "log_size": 0,
        }
        if name == failing:
            end |= {"status": "Failed", "exit_code": 3, "error_code": "ScriptFailed"}
            end |= {"script": "scripts/a.sh", "message": "exit 3"}
            ended = "failed"
        steps = [end] if end["status"] == "Skipped" else [start, end]
        facts += [Fact(offset=index * 10 + at, body=body) for at, body in enumerate(steps, 1)]
    last = {"fact": "end", "at": now, "outcome": ended}
    return [*facts, Fact(offset=100, body=last)]
