"""EC2 instances of a deployment that starts: asked for, waited for, and found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from tidegate.domain.deployment import Deployment, ErrorCode
from tidegate.domain.ids import DeploymentId
from tidegate.domain.instances import DEPLOYABLE, FoundInstance, Instance, Place, Search
from tidegate.domain.steps import Fail
from tidegate.drivers.instances import InstanceSource, NotFound
from tidegate.messages import want_advance, want_instances
from tidegate.planning.in_place import DEPLOYMENT_LIMIT
from tidegate.planning.instances import deployable, pause_after
from tidegate.store.group_settings import GroupSettings
from tidegate.store.searches import KeptSearch, SearchFailure, Stage
from tidegate.store.unit_of_work import Store, UnitOfWork

ASK_AGAIN: Final = timedelta(seconds=10)
"""What nobody has taken by then is sent again: its message may be lost."""
SLICE: Final = 500
"""Instances that one transaction writes."""
KEEP_TRYING: Final = timedelta(minutes=5)
"""For so long AWS may be away, or busy, before a deployment fails of it."""
NO_BLUE_GREEN: Final = (
    "Blue/green deployments to EC2 instances are not carried out yet by Tidegate; give the "
    "deployment group the deployment type IN_PLACE."
)
NEVER_FOUND: Final = (
    "The deployment timed out after 12 hours: its EC2 instances were never looked for. "
    "The logs of the workers that serve the queue 'traffic' say why."
)

log = structlog.get_logger(__name__)


def await_instances(
    deployment: Deployment, uow: UnitOfWork
) -> tuple[FoundInstance, ...] | Fail | None:
    """Return the instances of a deployment; where they are not known have them looked for.

    None says that AWS has not told yet. A group that asks for no instances has none.
    """
    aws = uow.deployments.group_settings(deployment.id)["aws"]
    if not aws.asks_for_ec2:
        return ()
    if aws.style_on(deployment.compute_platform).is_blue_green:
        return Fail(ErrorCode.NO_INSTANCES, NO_BLUE_GREEN)
    now = uow.now()
    search = uow.searches.get(deployment.id)
    if search is not None and search.failure is not None:
        return Fail(search.failure.code, search.failure.message)
    if search is not None and search.stage is not Stage.ASKED:
        return search.instances
    if now - deployment.created_at > DEPLOYMENT_LIMIT:
        return Fail(ErrorCode.TIMEOUT, NEVER_FOUND)
    if search is None:
        uow.searches.ask(deployment.id, at=now)
    due_at = now if search is None or search.due_at is None else search.due_at
    if due_at <= now:
        want_instances(uow, deployment.id)
    uow.deployments.settle(deployment, wake_at=max(due_at, now + ASK_AGAIN))
    return None


def search_of(deployment: Deployment, settings: GroupSettings, *, assume_role: bool) -> Search:
    """Return which instances the group of a deployment means."""
    aws = settings["aws"]
    return Search(
        place=Place(region=deployment.region, role_arn=aws.service_role_arn if assume_role else ""),
        tag_set=aws.ec2_tags.tag_set,
        auto_scaling_groups=aws.auto_scaling_groups,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFinding:
    """Finds the instances of deployments that wait for them."""

    store: Store
    source: Callable[[], InstanceSource]
    assume_role: bool
    """Whether AWS is called by the role of each group."""

    def find(self, deployment_id: DeploymentId) -> None:
        """Find the instances of a deployment that waits for them, and have it advanced.

        Raises:
            DeploymentNotFound: There is none.
        """
        with self.store.write() as uow:
            deployment = uow.deployments.lock(deployment_id)
            if deployment.is_final or not uow.searches.claim(deployment_id, uow.now()):
                return
            settings = uow.deployments.group_settings(deployment_id)
        search = search_of(deployment, settings, assume_role=self.assume_role)
        answer = self.source().find(search)
        if not isinstance(answer, NotFound):
            self._keep_hosts(deployment.region, answer)
        with self.store.write() as uow:
            _keep(deployment_id, answer, uow)

    def _keep_hosts(self, region: str, instances: Sequence[Instance]) -> None:
        """Write instances that take part, before anybody waits for the deployment's row."""
        wanted = [one for one in instances if one.state in DEPLOYABLE]
        for begin in range(0, len(wanted), SLICE):
            with self.store.write() as uow:
                some = wanted[begin : begin + SLICE]
                uow.catalog_of(region).keep_instances(some, at=uow.now(), ids=uow.ids)


def _keep(
    deployment_id: DeploymentId, answer: tuple[Instance, ...] | NotFound, uow: UnitOfWork
) -> None:
    """Write what AWS told of the instances of a deployment, unless somebody else has."""
    deployment = uow.deployments.lock(deployment_id)
    search = uow.searches.get(deployment_id)
    if deployment.is_final or search is None or search.stage is not Stage.ASKED:
        return
    now = uow.now()
    wake_at = now
    if isinstance(answer, NotFound):
        wake_at = _not_found(search, answer, uow)
    else:
        found = deployable(answer)
        uow.searches.found(search, found, at=now)
        log.info("instances_found", deployment_id=deployment_id, instances=len(found))
    if uow.deployments.wake(deployment_id, wake_at) and wake_at == now:
        want_advance(uow, deployment_id)


def _not_found(search: KeptSearch, answer: NotFound, uow: UnitOfWork) -> datetime:
    """Write that AWS did not tell; return when the deployment is to be looked at."""
    now = uow.now()
    since = search.failing_since or now
    log.warning("instances_not_found", deployment_id=search.deployment_id, why=answer.message)
    if answer.may_pass and now - since < KEEP_TRYING:
        due_at = now + pause_after(search.tries)
        uow.searches.put_off(search, due_at=due_at, failing_since=since)
        return due_at
    uow.searches.fail(search, SearchFailure(answer.code, answer.message))
    return now
