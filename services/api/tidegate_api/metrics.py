"""Metrics for Prometheus, counted in the database when they are asked for."""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from typing_extensions import override

from tidegate.domain.access import Role
from tidegate.domain.deployment import DeploymentStatus
from tidegate.engine.health import Metrics, metrics
from tidegate_api.auth import needs
from tidegate_api.parts import PartsOfNoRegion

router: Final = APIRouter(tags=["service"])


class _Counted(Collector):
    """What was counted, in the words of Prometheus."""

    def __init__(self, counted: Metrics) -> None:
        self._counted = counted

    @override
    def collect(self) -> Iterator[Metric]:
        deployments = GaugeMetricFamily(
            "tidegate_deployments", "Deployments by status.", labels=["status"]
        )
        # Those that none has, too: what was never 0 cannot be seen to rise.
        for status in DeploymentStatus:
            count = self._counted.deployments_by_status.get(status, 0)
            deployments.add_metric([status], count)
        yield deployments
        hooks = SummaryMetricFamily(
            "tidegate_hook_seconds", "How long lifecycle events took.", labels=["event"]
        )
        for hook in self._counted.hook_seconds:
            hooks.add_metric([hook.event], hook.count, hook.total)
        yield hooks
        yield GaugeMetricFamily(
            "tidegate_outbox_age_seconds",
            "How long the oldest message has waited for the broker.",
            value=self._counted.outbox_age,
        )
        yield GaugeMetricFamily(
            "tidegate_lease_age_seconds",
            "How long a target has waited at most for a worker to take it.",
            value=self._counted.lease_age,
        )
        yield GaugeMetricFamily(
            "tidegate_sweep_lag_seconds",
            "How long ago the last sweep was.",
            value=self._counted.sweep_lag,
        )
        yield from self._workers()
        yield from self._notices()

    def _workers(self) -> Iterator[Metric]:
        workers = GaugeMetricFamily(
            "tidegate_workers", "Workers that show life, by the queue they serve.", labels=["queue"]
        )
        for queue, count in self._counted.workers.items():
            workers.add_metric([queue], count)
        yield workers
        yield CounterMetricFamily(
            "tidegate_leases_lost",
            "Targets that were taken from a worker which showed no life.",
            value=self._counted.leases_lost,
        )

    def _notices(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "tidegate_notice_age_seconds",
            "How long ago the oldest thing happened that a topic or bus is still to be told.",
            value=self._counted.notice_age,
        )
        notices = CounterMetricFamily(
            "tidegate_notices",
            "Messages and events that were sent or given up.",
            labels=["channel", "outcome"],
        )
        for labels, count in self._counted.notices.items():
            notices.add_metric(labels, count)
        yield notices


@router.get(
    "/metrics",
    summary="Metrics in the text format of Prometheus",
    response_class=PlainTextResponse,
    dependencies=[Depends(needs(Role.VIEWER))],
)
def get_metrics(parts: PartsOfNoRegion) -> PlainTextResponse:
    with parts.store.read() as uow:
        counted = metrics(uow)
    registry = CollectorRegistry()
    registry.register(_Counted(counted))
    return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
