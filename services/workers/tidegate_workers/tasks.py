"""Celery tasks: each opens what it needs, calls one function, and is done."""

from datetime import timedelta

from celery import shared_task

from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.engine.advance import advance_deployment as advance
from tidegate.engine.bundles import fetch_bundle as fetch
from tidegate.engine.retention import prune as prune_old
from tidegate.engine.sweep import sweep as sweep_once
from tidegate.engine.targets import complete_target as complete
from tidegate.messages import (
    ADVANCE,
    CARRY_OUT,
    COMPLETE,
    COMPLETE_STEP,
    FETCH_BUNDLE,
    FIND_INSTANCES,
    LOOK_AT_INSTANCES,
    LOOK_BACK,
    POLL_ALARMS,
    PRUNE,
    RUN_HOOKS,
    SEND_NOTICES,
    SWEEP,
)
from tidegate_workers.base import SafeTask, go_on_if
from tidegate_workers.runtime import runtime


@shared_task(name=ADVANCE, base=SafeTask)
def advance_deployment(*, deployment_id: str) -> None:
    advance(DeploymentId(deployment_id), store=runtime.store)


@shared_task(name=FETCH_BUNDLE, base=SafeTask)
def fetch_bundle(*, deployment_id: str) -> None:
    fetch(
        DeploymentId(deployment_id),
        store=runtime.store,
        artifacts=runtime.artifacts,
        settings=runtime.settings,
    )


@shared_task(name=FIND_INSTANCES, base=SafeTask)
def find_instances(*, deployment_id: str) -> None:
    runtime.finding.find(DeploymentId(deployment_id))


@shared_task(name=LOOK_AT_INSTANCES, base=SafeTask)
def look_at_instances() -> None:
    runtime.looks.look()


@shared_task(name=RUN_HOOKS, base=SafeTask)
def run_hooks(*, deployment_id: str, target: str, segment: str) -> None:  # noqa: ARG001 - shown in Flower
    go_on_if(runtime.runs.run(DeploymentId(deployment_id), TargetId(target)))


@shared_task(name=COMPLETE, base=SafeTask)
def complete_target(*, deployment_id: str, target: str, segment: str) -> None:  # noqa: ARG001
    runtime.together(
        lambda uow: complete(DeploymentId(deployment_id), TargetId(target), uow=uow),
        key=(deployment_id, target),
    )


@shared_task(name=CARRY_OUT, base=SafeTask)
def carry_out_step(*, deployment_id: str, target: str, segment: str) -> None:  # noqa: ARG001
    go_on_if(runtime.steps.run(DeploymentId(deployment_id), TargetId(target)))


@shared_task(name=COMPLETE_STEP, base=SafeTask)
def complete_step(*, deployment_id: str, target: str, segment: str) -> None:  # noqa: ARG001
    advance(DeploymentId(deployment_id), store=runtime.store)


@shared_task(name=LOOK_BACK, base=SafeTask)
def look_back(*, deployment_id: str, target: str, segment: str) -> None:  # noqa: ARG001
    runtime.runs.look_back(DeploymentId(deployment_id), TargetId(target))


@shared_task(name=POLL_ALARMS, base=SafeTask)
def poll_alarms() -> None:
    runtime.alarms.poll()


@shared_task(name=SEND_NOTICES, base=SafeTask)
def send_notices() -> None:
    runtime.notices.send_due()


# One a second would push everything else out of Flower's list.
@shared_task(name=SWEEP, base=SafeTask, send_events=False)
def sweep() -> None:
    sweep_once(store=runtime.store, lease=runtime.lease)


@shared_task(name=PRUNE, base=SafeTask)
def prune() -> None:
    prune_old(
        store=runtime.store,
        artifacts=runtime.artifacts,
        keep=timedelta(days=runtime.settings.retention_days),
    )
