"""Which hosts a deployment that starts is for, registered ones and EC2 instances alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.domain.deployment import Creator, Deployment, ErrorCode
from tidegate.domain.fleet import turn_of
from tidegate.domain.host import Host
from tidegate.domain.ids import TargetId
from tidegate.domain.instances import FoundInstance
from tidegate.domain.steps import Fail
from tidegate.domain.tag_filters import describe_wanted, tags_match
from tidegate.engine.finding import await_instances
from tidegate.planning.instances import why_not
from tidegate.store.group_settings import GroupSettings
from tidegate.store.unit_of_work import UnitOfWork

NO_BLUE_GREEN: Final = (
    "Blue/green deployments to EC2 instances are not carried out yet by Tidegate; give the "
    "deployment group the deployment type IN_PLACE."
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The hosts of a deployment, in no order yet."""

    hosts: tuple[Host, ...]
    unfit: Mapping[TargetId, str]
    """Those to which nothing can be deployed, each with a sentence."""


def resolve_hosts(
    deployment: Deployment, settings: GroupSettings, uow: UnitOfWork
) -> Resolved | Fail | None:
    """Return the hosts that a deployment is for; None while AWS has not told of its instances."""
    aws = settings["aws"]
    found: tuple[FoundInstance, ...] = ()
    if aws.asks_for_ec2:
        if aws.style_on(deployment.compute_platform).is_blue_green:
            return Fail(ErrorCode.NO_INSTANCES, NO_BLUE_GREEN)
        told = await_instances(deployment, uow)
        if told is None or isinstance(told, Fail):
            return told
        found = told
    catalog = uow.catalog_of(deployment.region)
    # Whoever follows another is for those alone that were found for it.
    is_follow_up = deployment.creator is Creator.AUTO_UPDATE
    mine = [] if is_follow_up else [host for host in catalog.hosts() if _is_wanted(host, settings)]
    instances = catalog.hosts_named([one.id for one in found]) if found else []
    known = {host.id: host for host in (*mine, *instances) if host.is_registered}
    unfit = {TargetId(one.id): sentence for one in found if (sentence := why_not(one))}
    return Resolved(tuple(known.values()), unfit)


def in_turn(deployment: Deployment, hosts: Sequence[Host], uow: UnitOfWork) -> list[Host]:
    """Return the hosts to deploy to, in the order in which they are taken."""
    known = uow.installations.of(deployment.group_id)
    target = deployment.previous_revision_id

    def turn(host: Host) -> tuple[int, str]:
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


def _is_wanted(host: Host, settings: GroupSettings) -> bool:
    return host.name in settings["hosts"] or tags_match(settings["tag_set"], host.tags)


def explained(refusal: Fail, settings: GroupSettings, hosts: Sequence[Host]) -> Fail:
    """Return why a deployment cannot start; where there is no host, with what was asked for."""
    if hosts:
        return refusal
    aws, wanted = settings["aws"], []
    if settings["tag_set"] or settings["hosts"] or not aws.asks_for_ec2:
        wanted.append(describe_wanted(settings["tag_set"], settings["hosts"]))
    if aws.ec2_tags.tag_set:
        wanted.append(f"EC2 instances with {describe_wanted(aws.ec2_tags.tag_set, ())}")
    if aws.auto_scaling_groups:
        wanted.append(f"the Auto Scaling groups {', '.join(aws.auto_scaling_groups)}")
    return Fail(refusal.code, f"{refusal.reason} The group asks for {', and for '.join(wanted)}.")
