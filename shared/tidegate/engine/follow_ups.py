"""Follow-up deployments: to what Auto Scaling launched while its group was deployed to.

CodeDeploy's words are in its user guide, "Automatic updates to outdated instances".
"""

from collections.abc import Sequence
from typing import Final

import structlog

from tidegate.domain.configs import PREDEFINED_PREFIX
from tidegate.domain.deployment import Creator, Deployment
from tidegate.domain.group import Group
from tidegate.domain.instances import FoundInstance, Instance
from tidegate.engine.rollback import deployment_after, write_deployment
from tidegate.planning.instances import BOOT_WITHIN, launched_meanwhile, wants_follow_up
from tidegate.store.searches import KeptSearch, Stage
from tidegate.store.unit_of_work import UnitOfWork

ALL_AT_ONCE: Final = f"{PREDEFINED_PREFIX}AllAtOnce"
"""Whatever the config of the deployment before: none of these serves the revision yet, and one that
cannot be reached keeps no other from it."""
ABOUT: Final = "Brings instances up that Auto Scaling launched during the deployment {}."

log = structlog.get_logger(__name__)


def follow_up(
    search: KeptSearch, members: Sequence[Instance], *, uow: UnitOfWork
) -> Deployment | None:
    """Deploy to those *members* that were launched during a deployment, once, if there are any.

    Where the group has had another deployment since, that one finds them by itself: what was
    good then may be an older revision by now.
    """
    root = uow.deployments.lock(search.deployment_id)
    current = uow.searches.get(root.id)
    if current is None or current.stage is not Stage.AFTER:
        return None
    group = uow.catalog.group_by_id(root.group_id)
    if group is None or _is_settled(root, group):
        uow.searches.close(current)
        return None
    launched = launched_meanwhile(
        members, {one.id for one in current.instances}, _current(root, uow)
    )
    since = uow.now() - (current.ended_at or uow.now())
    if launched.is_booting and since < BOOT_WITHIN:
        return None
    if not launched.ready:
        uow.searches.close(current)
        return None
    return _begin(root, current, group, members, launched.ready, uow=uow)


def _is_settled(root: Deployment, group: Group) -> bool:
    last = group.last_attempted
    if last is not None and last.deployment_id != root.id:
        return True
    return group.is_deleted or not wants_follow_up(root, group.aws)


def _current(root: Deployment, uow: UnitOfWork) -> set[str]:
    """Return which instances have the revision already."""
    known = uow.installations.of(root.group_id)
    return {
        str(target_id)
        for target_id, there in known.items()
        if there.healthy and there.revision_id == root.revision_id
    }


def _begin(
    root: Deployment,
    search: KeptSearch,
    group: Group,
    members: Sequence[Instance],
    ready: Sequence[FoundInstance],
    *,
    uow: UnitOfWork,
) -> Deployment | None:
    follow_up_id, now = uow.ids.deployment(), uow.now()
    if uow.deployments.take_slot(group.id, follow_up_id) is not None:
        uow.searches.close(search)
        return None
    deployment = deployment_after(
        root,
        group,
        follow_up_id,
        creator=Creator.AUTO_UPDATE,
        revision_id=root.revision_id,
        config_name=ALL_AT_ONCE,
        at=now,
        description=ABOUT.format(root.id),
    )
    write_deployment(deployment, group, uow=uow, actor=Creator.AUTO_UPDATE)
    wanted = {one.id for one in ready}
    catalog = uow.catalog_of(root.region)
    catalog.keep_instances([one for one in members if one.id in wanted], at=now, ids=uow.ids)
    uow.searches.follow(follow_up_id, root.id, ready, at=now)
    uow.searches.close(search, follow_up_id)
    log.info("follow_up_created", deployment_id=follow_up_id, root=root.id, instances=len(ready))
    return deployment
