"""Services and their task sets: how they are read from Amazon ECS, made, promoted and removed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand, ServiceMove
from tidegate.drivers.aws_calls import CallFailed, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.said import in_one_line
from tidegate.drivers.traffic.aws_failures import TRIES, Refused

_STEADY: Final = "STEADY_STATE"
_MOST_SAID: Final = 500
"""Characters."""
_TASKS_AT_ONCE: Final = 100
"""In one call, as the API reference says."""
_MOST_TASKS: Final = 500
"""That are asked for of a service whose tasks stop all the time."""
_GONE: Final = "TaskSetNotFoundException"

TaskSetSeen = Mapping[str, Any]
"""As ECS describes it."""


def move_of(errand: Errand) -> ServiceMove:
    """Return the move of an errand that is one of a service."""
    if not isinstance(errand.move, ServiceMove):
        raise TypeError(f"{errand.move!r} is no move of an ECS service")
    return errand.move


def is_steady(task_set: TaskSetSeen) -> bool:
    """Return whether ECS says that all of it runs and is healthy; counts alone do not say so."""
    return bool(task_set.get("stabilityStatus") == _STEADY)


def last_event(service: Mapping[str, Any], task_set: TaskSetSeen) -> str:
    """Return what a service has told last of a task set, as a sentence; empty where nothing.

    There ECS says why it cannot even begin a task.
    """
    for event in service.get("events", ()):
        if task_set["id"] in event["message"]:
            said = in_one_line(event["message"], most=_MOST_SAID).rstrip(".")
            return f"ECS says: {said}."
    return ""


class TaskSets:
    """What a driver does at ECS; threads may share it."""

    def __init__(self, *, assume_role: bool, timeout: timedelta) -> None:
        self._clients = Clients("ecs", read=timeout, tries=TRIES, assume_role=assume_role)

    def service(self, errand: Errand) -> Mapping[str, Any]:
        """Return the service as ECS describes it, with all of its task sets.

        CodeDeploy's own role may do just this, and not ask for task sets alone.

        Raises:
            CallFailed: The call did not go well.
            Refused: There is none.
        """
        move = move_of(errand)
        with self._calling(errand, _service(move)) as ecs:
            answer: Any = ecs.describe_services(cluster=move.cluster, services=[move.service])
        if not answer["services"]:
            raise Refused(
                ErrorCode.INVALID_ECS_SERVICE,
                f"There is no service {move.service} in the cluster {move.cluster}",
            )
        found: Mapping[str, Any] = answer["services"][0]
        return found

    def tags(self, errand: Errand, arn: str) -> list[dict[str, str]]:
        """Return the tags of a task set, which the service does not tell.

        Raises:
            CallFailed: The call did not go well.
        """
        move = move_of(errand)
        with self._calling(errand, f"the task set {arn}") as ecs:
            answer: Any = ecs.describe_task_sets(
                cluster=move.cluster, service=move.service, taskSets=[arn], include=["TAGS"]
            )
        return [tag for one in answer["taskSets"] for tag in one.get("tags", ())]

    def create(self, errand: Errand, request: Mapping[str, Any]) -> TaskSetSeen:
        """Create a task set and return it as ECS describes it.

        Raises:
            CallFailed: The call did not go well.
        """
        with self._calling(errand, _service(move_of(errand))) as ecs:
            created: TaskSetSeen = ecs.create_task_set(**request)["taskSet"]
        return created

    def promote(self, errand: Errand, arn: str) -> None:
        """Have the service take a task set for its primary one.

        Raises:
            CallFailed: The call did not go well.
        """
        move = move_of(errand)
        with self._calling(errand, f"the task set {arn}") as ecs:
            ecs.update_service_primary_task_set(
                cluster=move.cluster, service=move.service, primaryTaskSet=arn
            )

    def delete(self, errand: Errand, arn: str) -> None:
        """Remove a task set with all its tasks; one that is gone is as it should be.

        Raises:
            CallFailed: The call did not go well.
        """
        move = move_of(errand)
        try:
            with self._calling(errand, f"the task set {arn}") as ecs:
                # Without force ECS refuses a task set that was not scaled to nothing before.
                ecs.delete_task_set(
                    cluster=move.cluster, service=move.service, taskSet=arn, force=True
                )
        except CallFailed as error:
            if error.code != _GONE:
                raise

    def stopped(self, errand: Errand, task_set: TaskSetSeen) -> str:
        """Return why tasks of a task set have stopped, as a sentence; empty where none has.

        What cannot be asked is said there: it is no reason to give up.
        """
        try:
            return _why_stopped(self._stopped_tasks(errand, task_set))
        except CallFailed as error:
            return f"Whether tasks of it have stopped is not known: {error}."

    def _stopped_tasks(self, errand: Errand, task_set: TaskSetSeen) -> list[dict[str, Any]]:
        move = move_of(errand)
        with self._calling(errand, f"the tasks of {_service(move)}") as ecs:
            pages = ecs.get_paginator("list_tasks").paginate(
                cluster=move.cluster,
                serviceName=move.service.rpartition("/")[2],
                desiredStatus="STOPPED",
                PaginationConfig={"PageSize": _TASKS_AT_ONCE, "MaxItems": _MOST_TASKS},
            )
            return [
                task
                for page in pages
                if page["taskArns"]
                for task in ecs.describe_tasks(cluster=move.cluster, tasks=page["taskArns"])[
                    "tasks"
                ]
                if task.get("startedBy") == task_set["id"]
            ]

    @contextmanager
    def _calling(self, errand: Errand, target: str) -> Iterator[Any]:
        with aws_errors("ECS", target, still_mine=errand.still_mine):
            yield self._clients.of(errand.region, errand.role_arn)


def _service(move: ServiceMove) -> str:
    return f"the service {move.identity}"


def _why_stopped(tasks: list[dict[str, Any]]) -> str:
    if not tasks:
        return ""
    last = max(tasks, key=lambda task: str(task.get("stoppedAt") or task.get("createdAt", "")))
    why = in_one_line(str(last.get("stoppedReason") or "ECS gives no reason")).rstrip(".")
    told = "; ".join(filter(None, map(_why_ended, last.get("containers", ()))))
    count = f"{len(tasks)} of its tasks have" if len(tasks) > 1 else "One of its tasks has"
    return f"{count} stopped, the last one: {why}{f' ({told})' if told else ''}."


def _why_ended(container: Mapping[str, Any]) -> str:
    said = [
        f"exit code {container['exitCode']}" if "exitCode" in container else "",
        in_one_line(str(container.get("reason", ""))),
    ]
    told = ", ".join(filter(None, said))
    return f"{container.get('name', 'a container')}: {told}" if told else ""
