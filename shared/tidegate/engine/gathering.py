"""The targets of a deployment to servers: which hosts they are, and how their rows are written.

They are registered ones that the group means, and EC2 instances that were found for it.
Ten thousand hosts have eighty thousand rows. They are written before the deployment begins, a
slice in each transaction, so that nobody waits long for the deployment's row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.domain.deployment import Creator, Deployment, DeploymentStatus
from tidegate.domain.fleet import turn_of
from tidegate.domain.host import Candidate
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import HOST_SEGMENT, events_of
from tidegate.domain.steps import Fail
from tidegate.domain.tag_filters import describe_wanted, tags_match
from tidegate.domain.target import TargetStatus
from tidegate.planning.in_place import check_start
from tidegate.planning.instances import why_not
from tidegate.store.group_settings import GroupSettings
from tidegate.store.targets import NewTarget
from tidegate.store.unit_of_work import Store, UnitOfWork

SLICE: Final = 100
"""Targets that one transaction writes, with all their events."""
MANY: Final = 500
"""After so many the database looks at them: it would go on by plans that were made for few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a deployment to servers begins with."""

    targets: Sequence[NewTarget]
    """In the order in which they are taken."""
    minimum: int
    """So many hosts have to stay healthy."""
    refusal: Fail | None
    """Why it cannot begin at all; then no target is written."""
    is_current: bool
    """Every host has the revision already, and is left out."""
    unfit: Mapping[TargetId, str]
    """Targets to which nothing can be deployed, each with a sentence."""


def gather_targets(deployment_id: DeploymentId, *, store: Store) -> Gathered | None:
    """Find the hosts of a deployment that has not begun, and write its targets.

    May be called again after it was broken off, and by several at once. None says that the
    deployment has begun or ended meanwhile.

    Raises:
        DeploymentNotFound: There is none.
    """
    with store.read() as uow:
        deployment = uow.deployments.get(deployment_id)
        gathered = _find(deployment, uow)
        known = uow.targets.written(deployment_id)
    if gathered.refusal is not None:
        return gathered
    missing = [target for target in gathered.targets if known.get(target.id) != target]
    # Hosts may have come or gone since it was broken off, or be others of the same name.
    kept = {target.id for target in gathered.targets} - {target.id for target in missing}
    stale = [target_id for target_id in known if target_id not in kept]
    if stale:
        with store.write() as uow:
            if uow.deployments.lock(deployment_id).status is not DeploymentStatus.CREATED:
                return None
            uow.targets.remove(deployment_id, stale)
    for begin in range(0, len(missing), SLICE):
        with store.write() as uow:
            if not _write(deployment_id, missing[begin : begin + SLICE], uow):
                return None
        if begin + SLICE == MANY:
            with store.write() as uow:
                uow.targets.take_stock()
    return gathered


def _find(deployment: Deployment, uow: UnitOfWork) -> Gathered:
    settings = uow.deployments.group_settings(deployment.id)
    catalog = uow.catalog_of(deployment.region)
    search = uow.searches.get(deployment.id)
    found = () if search is None else search.instances
    hosts = {host.id: host for host in _registered(deployment, settings, uow)}
    # One machine is one target, also where its host over SSM has another name than its instance.
    named = {host.instance_id: host.name for host in hosts.values() if host.instance_id}
    others = [one.id for one in found if one.id not in named]
    hosts |= {host.id: host for host in catalog.candidates_named(others)}
    outdated = _outdated(deployment, hosts.values(), uow)
    config = catalog.config(deployment.config_name)
    total = len(outdated) or len(hosts)
    minimum = config.minimum_healthy.of(total) if config.minimum_healthy else 0
    refusal = check_start(total, minimum, is_predefined=config.is_predefined)
    if refusal and not total:
        refusal = _explained(refusal, deployment, settings)
    is_current = bool(hosts) and not outdated
    return Gathered(
        targets=_targets(outdated or list(hosts.values()), skipped=is_current),
        minimum=minimum,
        refusal=None if is_current else refusal,
        is_current=is_current,
        unfit={
            TargetId(named.get(one.id, one.id)): sentence
            for one in found
            if (sentence := why_not(one))
        },
    )


def _registered(
    deployment: Deployment, settings: GroupSettings, uow: UnitOfWork
) -> list[Candidate]:
    if deployment.creator is Creator.AUTO_UPDATE:
        # Whoever follows another is for those alone that were found for it.
        return []
    candidates = uow.catalog_of(deployment.region).candidates()
    return [host for host in candidates if _is_wanted(host, settings)]


def _targets(hosts: Sequence[Candidate], *, skipped: bool) -> list[NewTarget]:
    status = TargetStatus.SKIPPED if skipped else TargetStatus.PENDING
    return [
        NewTarget(id=TargetId(host.name), host_id=host.id, position=position, status=status)
        for position, host in enumerate(hosts)
    ]


def _write(deployment_id: DeploymentId, targets: Sequence[NewTarget], uow: UnitOfWork) -> bool:
    """Write those of *targets* that nobody has written; tell whether it has still to begin."""
    deployment = uow.deployments.lock(deployment_id)
    if deployment.status is not DeploymentStatus.CREATED:
        return False
    known = uow.targets.written(deployment_id, [target.id for target in targets])
    uow.targets.add_all(
        deployment_id,
        [target for target in targets if target.id not in known],
        segment=HOST_SEGMENT,
        events=events_of(is_restart=deployment.options.is_restart),
        at=uow.now(),
    )
    return True


def _outdated(
    deployment: Deployment, hosts: Iterable[Candidate], uow: UnitOfWork
) -> list[Candidate]:
    """Return the hosts to deploy to, in the order in which they are taken."""
    known = uow.installations.of(deployment.group_id)
    target = deployment.previous_revision_id

    def turn(host: Candidate) -> tuple[int, str]:
        return turn_of(known.get(TargetId(host.name)), target), host.name

    ordered = sorted(hosts, key=turn)
    if not deployment.options.update_outdated_only:
        return ordered
    return [
        host
        for host in ordered
        if (there := known.get(TargetId(host.name))) is None
        or not there.healthy
        or there.revision_id != deployment.revision_id
    ]


def _is_wanted(host: Candidate, settings: GroupSettings) -> bool:
    return host.name in settings["hosts"] or tags_match(settings["tag_set"], host.tags)


def _explained(refusal: Fail, deployment: Deployment, settings: GroupSettings) -> Fail:
    """Return why a deployment without a host cannot start, with what was asked for, and where."""
    aws, wanted = settings["aws"], []
    if settings["tag_set"] or settings["hosts"] or not aws.asks_for_ec2:
        wanted.append(describe_wanted(settings["tag_set"], settings["hosts"]))
    if aws.ec2_tags.tag_set:
        tags = describe_wanted(aws.ec2_tags.tag_set, ())
        wanted.append(f"EC2 instances in {deployment.region} with {tags}")
    if aws.auto_scaling_groups:
        names = ", ".join(aws.auto_scaling_groups)
        wanted.append(f"the Auto Scaling groups {names} in {deployment.region}")
    return Fail(refusal.code, f"{refusal.reason} The group asks for {', and for '.join(wanted)}.")
