"""Retention: logs and artifacts go after their days; what a group may need again stays."""

from dataclasses import dataclass
from datetime import timedelta

from tidegate.drivers.bundles import ArtifactStore
from tidegate.store.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class Pruned:
    log_pieces: int
    artifacts: int


def prune(*, store: Store, artifacts: ArtifactStore, keep: timedelta) -> Pruned:
    """Delete logs of deployments, the audit, dropped notices, and artifacts older than *keep*.

    EC2 instances go that nobody has found since, and what groups know of them.

    An artifact stays while a revision or a deployment that is younger has it, and while it is what
    a group's last successful deployment brought, or one that is active brings.
    """
    with store.write() as uow:
        now = uow.now()
        before = now - keep
        log_pieces = uow.logs.delete_before(before)
        uow.audit.delete_before(before)
        uow.catalog.forget_instances(before=before)
        uow.notices.delete_before(before)
        uow.heartbeats.forget_before(now - timedelta(days=2))
        needed = uow.bundles.needed(since=before)
    old = [
        artifact.sha256
        for artifact in artifacts.list()
        if artifact.sha256 not in needed and artifact.stored_at and artifact.stored_at < before
    ]
    for sha256 in old:
        artifacts.delete(sha256)
    artifacts.drop_leftovers(now=now)
    return Pruned(log_pieces=log_pieces, artifacts=len(old))
