"""What the routes stand on: settings, store, artifacts, broker and event feeds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Query, Request

from tidegate.clock import SystemClock
from tidegate.domain.ids import RandomIds
from tidegate.domain.region import check_region
from tidegate.drivers.bundles import ArtifactStore, artifact_store
from tidegate.engine.store_watch import StoreWatch
from tidegate.messages import CelerySender, make_celery
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.unit_of_work import Store
from tidegate_api.feeds import Feeds

MOST_UPLOADS_AT_ONCE = 16
"""Further ones wait for their turn; each holds a thread for as long as it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a route may need, made once per process."""

    settings: Settings
    store: Store
    artifacts: ArtifactStore
    watch: StoreWatch
    ping_broker: Callable[[], str | None]
    feeds: Feeds
    uploads: CapacityLimiter


def make_parts(settings: Settings) -> Parts:
    """Connect to what the settings name; nothing is opened before its first use."""
    sender = CelerySender(make_celery(settings))
    store = Store(
        connect(settings.database),
        sender=sender,
        clock=SystemClock(),
        ids=RandomIds(),
        region=settings.region,
        notices=settings.notices,
        minute=settings.minute,
        pause_limit=settings.pause_limit,
    )
    artifacts = artifact_store(settings.artifacts, reserve=settings.disk_reserve_bytes)
    return Parts(
        settings=settings,
        store=store,
        artifacts=artifacts,
        watch=StoreWatch(artifacts.check),
        ping_broker=sender.ping,
        feeds=Feeds(store, most_streams=settings.max_streams),
        uploads=CapacityLimiter(MOST_UPLOADS_AT_ONCE),
    )


Region = Annotated[
    str | None,
    Query(
        max_length=32,
        description="Where names are looked for; TIDEGATE_REGION if nothing is said.",
    ),
]


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def _parts_there(request: Request, region: Region = None) -> Parts:
    parts: Parts = request.app.state.parts
    if region is None:
        return parts
    return replace(parts, store=parts.store.in_region(check_region(region)))


PartsOfNoRegion = Annotated[Parts, Depends(_parts)]
TheParts = Annotated[Parts, Depends(_parts_there)]
"""With the store as it is seen in the region that the request names."""
