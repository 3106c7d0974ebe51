"""Alarms of deployment groups and of deployments: what is watched, and how it was found."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from tidegate.domain.alarms import Alarm, Alarms, AlarmState, Comparison, PrometheusCheck, Seen
from tidegate.domain.deployment import Deployment
from tidegate.store.unit_of_work import UnitOfWork
from tidegate_api.rest.shapes import In


class CheckIn(In):
    """A query of Prometheus, and the values at which it is an alarm: `query > threshold`."""

    name: str
    query: str
    """PromQL that gives a vector or a scalar, also when all is well."""
    comparison: Comparison = Comparison.ABOVE
    threshold: Annotated[float, Field(strict=True)]

    def value(self) -> PrometheusCheck:
        return PrometheusCheck(**self.model_dump())


class AlarmsIn(In):
    """What stops a deployment while it runs; all of it, and not what is added."""

    enabled: StrictBool = True
    """False keeps the list, and nothing is looked at."""
    ignore_poll_failure: StrictBool = False
    """Go on where an alarm cannot be read."""
    names: list[str] = Field(default_factory=list)
    """CloudWatch alarms, in the deployment's region."""
    checks: list[CheckIn] = Field(default_factory=list)
    """Queries of Prometheus."""

    def value(self) -> Alarms:
        return Alarms(
            enabled=self.enabled,
            ignore_poll_failure=self.ignore_poll_failure,
            names=tuple(self.names),
            checks=tuple(check.value() for check in self.checks),
        )


class CheckOut(BaseModel):
    name: str
    query: str
    comparison: Comparison
    threshold: float

    @classmethod
    def of(cls, check: PrometheusCheck) -> "CheckOut":
        return cls(
            name=check.name,
            query=check.query,
            comparison=check.comparison,
            threshold=check.threshold,
        )


class AlarmsOut(BaseModel):
    enabled: bool
    ignore_poll_failure: bool
    names: list[str]
    checks: list[CheckOut]

    @classmethod
    def of(cls, alarms: Alarms) -> "AlarmsOut":
        return cls(
            enabled=alarms.enabled,
            ignore_poll_failure=alarms.ignore_poll_failure,
            names=list(alarms.names),
            checks=[CheckOut.of(check) for check in alarms.checks],
        )


class AlarmOut(BaseModel):
    """One alarm of a deployment, as it was found the last time."""

    name: str
    kind: Literal["cloudwatch", "prometheus"]
    state: AlarmState | None
    """Null until it was read for the first time."""
    why: str
    """What there is to say of it: the reason of a state, or why it cannot be read."""
    since: datetime | None
    """Since when it has been found so."""

    @classmethod
    def of(cls, alarm: Alarm, seen: Seen | None) -> "AlarmOut":
        return cls(
            name=alarm.name,
            kind="prometheus" if isinstance(alarm, PrometheusCheck) else "cloudwatch",
            state=seen and seen.reading.state,
            why=seen.reading.why if seen else "",
            since=seen and seen.since,
        )


def alarms_of(deployment: Deployment, uow: UnitOfWork) -> list[AlarmOut]:
    """Return the alarms of a deployment, also after its end; none where none are looked at."""
    watch = uow.watches.get(deployment.id) if deployment.watches_alarms else None
    if watch is None:
        return []
    found = {one.reading.alarm: one for one in watch.seen}
    return [AlarmOut.of(alarm, found.get(alarm)) for alarm in watch.alarms.watched]
