"""What a target on Lambda or ECS is about, and how its traffic was found."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.deployment import Deployment
from tidegate.domain.ids import TargetId
from tidegate.domain.traffic import AliasMove, Found, Move, ServiceMove, Side, TaskSet
from tidegate.store.courses import KeptErrand
from tidegate.store.unit_of_work import UnitOfWork


class AliasMoveOut(BaseModel):
    type: Literal["alias"] = "alias"
    function: str
    alias: str
    current_version: str
    target_version: str


class PairOut(BaseModel):
    target_groups: list[str]
    prod_listeners: list[str]
    test_listeners: list[str] | None

    @classmethod
    def of(cls, pair: TargetGroupPair) -> "PairOut":
        tests = pair.test_listeners
        return cls(
            target_groups=list(pair.target_groups),
            prod_listeners=list(pair.prod_listeners),
            test_listeners=None if tests is None else list(tests),
        )


class ServiceMoveOut(BaseModel):
    type: Literal["service"] = "service"
    cluster: str
    service: str
    task_definition: str
    container_name: str
    container_port: int
    target_group_pairs: list[PairOut]


class TaskSetOut(BaseModel):
    id: str
    label: Side
    status: str
    """ECS's own word: PRIMARY, ACTIVE or DRAINING."""
    desired: int
    pending: int
    running: int
    weight: float
    """Its share of the traffic in percent."""
    target_group: str

    @classmethod
    def of(cls, one: TaskSet) -> "TaskSetOut":
        return cls(
            id=one.id,
            label=one.side,
            status=one.status,
            desired=one.desired,
            pending=one.pending,
            running=one.running,
            weight=one.weight,
            target_group=one.target_group,
        )


class FoundOut(BaseModel):
    weight: float
    """The replacement's share of all traffic in percent, as it was read back."""
    read_at: datetime
    task_sets: list[TaskSetOut]

    @classmethod
    def of(cls, found: Found) -> "FoundOut":
        return cls(
            weight=found.weight,
            read_at=found.at,
            task_sets=[TaskSetOut.of(one) for one in found.task_sets],
        )


class TrafficOut(BaseModel):
    move: AliasMoveOut | ServiceMoveOut
    found: FoundOut | None
    """Null until it was looked at for the first time."""
    note: str
    """What is waited for, or what there is to know of how it stands."""

    @classmethod
    def of(cls, kept: KeptErrand) -> "TrafficOut":
        return cls(
            move=_move(kept.move),
            found=None if kept.found is None else FoundOut.of(kept.found),
            note=kept.note,
        )


def traffic_of(
    deployment: Deployment, target_ids: Sequence[TargetId], uow: UnitOfWork
) -> Mapping[TargetId, TrafficOut]:
    """Return what the named targets are about; nothing of servers."""
    if deployment.is_of_servers or not target_ids:
        return {}
    kept = uow.courses.errands(deployment.id, target_ids)
    return {one.target_id: TrafficOut.of(one) for one in kept}


def _move(move: Move) -> AliasMoveOut | ServiceMoveOut:
    match move:
        case AliasMove():
            return AliasMoveOut(
                function=move.function,
                alias=move.alias,
                current_version=move.current_version,
                target_version=move.target_version,
            )
        case ServiceMove():
            return ServiceMoveOut(
                cluster=move.cluster,
                service=move.service,
                task_definition=move.task_definition,
                container_name=move.container_name,
                container_port=move.container_port,
                target_group_pairs=[PairOut.of(pair) for pair in move.pairs],
            )
