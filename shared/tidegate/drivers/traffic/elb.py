"""Listeners and target groups: how they are read from Elastic Load Balancing, and written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand
from tidegate.drivers.aws_calls import CallFailed, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.traffic.aws_failures import TRIES, Refused
from tidegate.drivers.traffic.forwards import Action, Actions, writable

_WEIGHTED: Final = ("HTTP", "HTTPS")
"""Protocols of an Application Load Balancer, the only one whose traffic is moved in parts."""

_GONE: Final = "ListenerNotFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """A place where traffic is forwarded: the default of a listener, or one of its rules."""

    listener: str
    rule: str = ""
    """Its ARN; empty for the default."""
    weighted: bool
    actions: Actions

    @property
    def key(self) -> str:
        return self.rule or self.listener

    @property
    def name(self) -> str:
        """Return what it is called in a sentence."""
        return f"rule {self.rule}" if self.rule else f"listener {self.listener}"


@dataclass(frozen=True, slots=True)
class TargetGroup:
    arn: str
    name: str
    is_attached: bool
    """Whether any listener or rule names it."""


class LoadBalancing:
    """What a driver does at load balancers; threads may share it."""

    def __init__(self, *, assume_role: bool, timeout: timedelta) -> None:
        self._clients = Clients("elbv2", read=timeout, tries=TRIES, assume_role=assume_role)

    def target_group(self, errand: Errand, name: str) -> TargetGroup:
        """Return the one of this name, or ARN.

        Raises:
            CallFailed: The call did not go well.
            Refused: There is none.
        """
        by = {"TargetGroupArns": [name]} if name.startswith("arn:") else {"Names": [name]}
        with self._calling(errand, f"the target group {name}") as elb:
            found: Any = elb.describe_target_groups(**by)["TargetGroups"]
        if not found:
            raise Refused(
                ErrorCode.ELASTIC_LOAD_BALANCING_INVALID, f"There is no target group {name}"
            )
        return TargetGroup(
            found[0]["TargetGroupArn"],
            found[0]["TargetGroupName"],
            bool(found[0].get("LoadBalancerArns")),
        )

    def junctions(
        self, errand: Errand, listeners: Sequence[str], *, missing: list[str] | None = None
    ) -> list[Junction]:
        """Return the default and the rules of each listener.

        One that is not there is added to *missing*, where that is given.

        Raises:
            CallFailed: A call did not go well.
            Refused: One of the listeners is not there.
        """
        found: list[Junction] = []
        for listener in dict.fromkeys(listeners):
            try:
                found += self._of_listener(errand, listener)
            except (CallFailed, Refused) as error:
                if missing is None or not _says_gone(error):
                    raise
                missing += [] if listener in missing else [listener]
        return found

    def _of_listener(self, errand: Errand, arn: str) -> Iterator[Junction]:
        with self._calling(errand, f"the listener {arn}") as elb:
            found: Any = elb.describe_listeners(ListenerArns=[arn])["Listeners"]
        if not found:
            raise Refused(ErrorCode.ELASTIC_LOAD_BALANCING_INVALID, f"There is no listener {arn}")
        weighted = found[0].get("Protocol") in _WEIGHTED
        actions: Actions = found[0].get("DefaultActions", [])
        yield Junction(listener=arn, weighted=weighted, actions=actions)
        # A Network Load Balancer has no rules.
        for rule in self._rules(errand, arn) if weighted else ():
            if not rule.get("IsDefault"):
                yield Junction(
                    listener=arn, rule=rule["RuleArn"], weighted=weighted, actions=rule["Actions"]
                )

    def _rules(self, errand: Errand, listener: str) -> Iterator[dict[str, Any]]:
        marker: dict[str, str] = {}
        while True:
            with self._calling(errand, f"the listener {listener}") as elb:
                page: Any = elb.describe_rules(ListenerArn=listener, PageSize=400, **marker)
            yield from page["Rules"]
            if not page.get("NextMarker"):
                return
            marker = {"Marker": page["NextMarker"]}

    def write(self, errand: Errand, junction: Junction, actions: Sequence[Action]) -> None:
        """Have a junction do as these actions say.

        Raises:
            CallFailed: The call did not go well.
        """
        told = writable(actions)
        with self._calling(errand, f"the {junction.name}") as elb:
            if junction.rule:
                elb.modify_rule(RuleArn=junction.rule, Actions=told)
            else:
                elb.modify_listener(ListenerArn=junction.listener, DefaultActions=told)

    @contextmanager
    def _calling(self, errand: Errand, target: str) -> Iterator[Any]:
        with aws_errors("Elastic Load Balancing", target, still_mine=errand.still_mine):
            yield self._clients.of(errand.region, errand.role_arn)


def _says_gone(error: CallFailed | Refused) -> bool:
    gone = ErrorCode.ELASTIC_LOAD_BALANCING_INVALID
    return error.code in (_GONE, gone)
