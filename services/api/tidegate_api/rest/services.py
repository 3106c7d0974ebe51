"""ECS services of deployment groups: target groups, listeners and waits."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tidegate.domain.aws_group import (
    AwsGroup,
    EcsService,
    InstanceAction,
    ReadyAction,
    TargetGroupPair,
    TerminateBlue,
    WhenReady,
)
from tidegate.engine.service_groups import ServiceRequest
from tidegate_api.rest.moves import PairOut
from tidegate_api.rest.shapes import In

Minutes = Annotated[int, Field(ge=-1_000_000, le=1_000_000, strict=True)]


class EcsServiceIn(In):
    """Both by name or ARN."""

    cluster: str
    service: str

    def value(self) -> EcsService:
        return EcsService(cluster=self.cluster, service=self.service)


class PairIn(In):
    """Two target groups between which traffic moves, and the listeners that forward to them."""

    target_groups: list[str]
    """Two names."""
    prod_listeners: list[str]
    """One ARN."""
    test_listeners: list[str] | None = None
    """One ARN, or none."""

    def value(self) -> TargetGroupPair:
        tests = self.test_listeners
        return TargetGroupPair(
            target_groups=tuple(self.target_groups),
            prod_listeners=tuple(self.prod_listeners),
            test_listeners=None if tests is None else tuple(tests),
        )


class ReadyWaitIn(In):
    """What happens when the replacement stands: go on, or wait for a word, and stop without one."""

    action: ReadyAction = ReadyAction.CONTINUE_DEPLOYMENT
    wait_minutes: Minutes = 0

    def value(self) -> WhenReady:
        return WhenReady(self.action, self.wait_minutes)


class TerminationWaitIn(In):
    """What becomes of the original when all traffic has moved, and after how long."""

    action: InstanceAction = InstanceAction.TERMINATE
    wait_minutes: Minutes = 0

    def value(self) -> TerminateBlue:
        return TerminateBlue(self.action, self.wait_minutes)


class ServiceFieldsIn(In):
    """What a group for ECS has more; what is left out of it stays as it is."""

    ecs_service: EcsServiceIn | None = None
    target_group_pairs: list[PairIn] | None = None
    """Between which its traffic moves: one, or several that move together."""
    ready_wait: ReadyWaitIn | None = None
    termination_wait: TerminationWaitIn | None = None

    def service_request(self) -> ServiceRequest:
        ready, termination = self.ready_wait, self.termination_wait
        return ServiceRequest(
            service=None if self.ecs_service is None else self.ecs_service.value(),
            pairs=tuple(pair.value() for pair in self.target_group_pairs or ()) or None,
            ready=None if ready is None else ready.value(),
            terminate=None if termination is None else termination.value(),
        )


class EcsServiceOut(BaseModel):
    cluster: str
    service: str


class ReadyWaitOut(BaseModel):
    action: ReadyAction
    wait_minutes: int


class TerminationWaitOut(BaseModel):
    action: InstanceAction
    wait_minutes: int


def service_fields(aws: AwsGroup) -> dict[str, Any]:
    """Return what a group says of its service; nothing where it has none."""
    service = next(iter(aws.ecs_services), None)
    ready = aws.blue_green.ready if service and aws.blue_green else None
    terminate = aws.blue_green.terminate if service and aws.blue_green else None
    pairs = aws.load_balancers.pairs if aws.load_balancers else None
    return {
        "ecs_service": service and EcsServiceOut(cluster=service.cluster, service=service.service),
        "target_group_pairs": [PairOut.of(pair) for pair in pairs or ()],
        "ready_wait": ready and ReadyWaitOut(action=ready.action, wait_minutes=ready.wait_minutes),
        "termination_wait": terminate
        and TerminationWaitOut(action=terminate.action, wait_minutes=terminate.wait_minutes),
    }
