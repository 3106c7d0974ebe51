"""A look at the EC2 instances of all deployments that go on: who went, and who was launched."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from tidegate.domain.deployment import Deployment, DeploymentStatus
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.instances import Instance, Place, Search
from tidegate.domain.target import TargetStatus
from tidegate.drivers.instances import InstanceSource, NotFound
from tidegate.engine.finding import search_of
from tidegate.engine.follow_ups import follow_up
from tidegate.engine.targets import take_out
from tidegate.messages import advance_once
from tidegate.planning.instances import changes_among
from tidegate.store.searches import KeptSearch, Stage
from tidegate.store.unit_of_work import Store, UnitOfWork

SEEK_FOR: Final = timedelta(minutes=15)
"""For so long after a deployment AWS may be away, or refuse, before nobody follows it."""
NOT_SOUGHT: Final = "Instances that were launched meanwhile could not be looked for: {}"
SLICE: Final = 100
"""Targets that one transaction ends, for nobody else has their deployment's row meanwhile."""
_OPEN: Final = (TargetStatus.PENDING, TargetStatus.IN_PROGRESS)
_MOST: Final = 100_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A search, and what is still open of it."""

    search: KeptSearch
    after: Search
    """How its Auto Scaling groups are asked for what they launched."""
    open_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLooks:
    """Looks at the instances of deployments."""

    store: Store
    source: Callable[[], InstanceSource]
    assume_role: bool
    """Whether AWS is called by the role of each group."""

    def look(self) -> None:
        """Look once: those of one region and role are asked for together."""
        with self.store.write() as uow:
            kept = uow.searches.claim_looks(uow.now())
        if not kept:
            return
        with self.store.read() as uow:
            watched = [self._watched(search, uow) for search in kept]
        self._look_at([one for one in watched if one.search.stage is Stage.WATCHED])
        for one in watched:
            if one.search.stage is Stage.AFTER:
                self._look_after(one)

    def _watched(self, search: KeptSearch, uow: UnitOfWork) -> _Watched:
        id_ = search.deployment_id
        deployment = uow.deployments.get(id_)
        settings = uow.deployments.group_settings(id_)
        whole = search_of(deployment, settings, assume_role=self.assume_role)
        after = Search(place=whole.place)
        open_ids: frozenset[str] = frozenset()
        if search.stage is Stage.AFTER and (group := uow.catalog.group_by_id(deployment.group_id)):
            # What was taken out of the group since is nobody's to deploy to.
            kept = [n for n in whole.auto_scaling_groups if n in group.aws.auto_scaling_groups]
            after = replace(after, auto_scaling_groups=tuple(kept))
        if search.stage is Stage.WATCHED:
            names = uow.targets.names(id_, statuses=_OPEN, limit=_MOST)
            ids = {one.id for one in search.instances}
            open_ids = frozenset(str(name) for _, name in names if name in ids)
        return _Watched(search, after, open_ids)

    def _look_at(self, watched: Iterable[_Watched]) -> None:
        at: dict[Place, list[_Watched]] = defaultdict(list)
        for one in watched:
            if one.open_ids:
                at[one.after.place].append(one)
        for place, those in at.items():
            answer = self.source().look(place, frozenset().union(*(t.open_ids for t in those)))
            if isinstance(answer, NotFound):
                # Nobody is taken for gone because AWS does not answer; it is asked again soon.
                log.warning("instances_not_looked_at", region=place.region, why=answer.message)
                continue
            seen = {one.id: one for one in answer}
            for one in those:
                self._note(one, seen)

    def _note(self, watched: _Watched, seen: Mapping[str, Instance]) -> None:
        search = watched.search
        changes = changes_among(sorted(watched.open_ids), seen, search.absent)
        if not changes.gone and changes.absent == search.absent:
            return
        gone = list(changes.gone.items())
        with self.store.write() as uow:
            if _goes_on(search, uow):
                uow.searches.note_absent(search, changes.absent)
        for begin in range(0, len(gone), SLICE):
            with self.store.write() as uow:
                deployment = _goes_on(search, uow)
                if deployment is None:
                    return
                for id_, sentence in gone[begin : begin + SLICE]:
                    _go(deployment, TargetId(id_), sentence, uow)

    def _look_after(self, watched: _Watched) -> None:
        answer = self.source().find(watched.after)
        id_ = watched.search.deployment_id
        with self.store.write() as uow:
            if not isinstance(answer, NotFound):
                follow_up(watched.search, answer, uow=uow)
            else:
                log.warning("launched_not_found", deployment_id=id_, why=answer.message)
                _give_up_late(id_, answer, uow)


def _goes_on(search: KeptSearch, uow: UnitOfWork) -> Deployment | None:
    """Return the deployment of a search, locked, if it has begun and not ended.

    Before it begins its targets may yet be written anew; the next look sees them.
    """
    deployment = uow.deployments.lock(search.deployment_id)
    is_over = deployment.is_final or deployment.status is DeploymentStatus.CREATED
    return None if is_over else deployment


def _go(deployment: Deployment, target_id: TargetId, sentence: str, uow: UnitOfWork) -> None:
    """End the target of an instance that is gone: Skipped if it had not begun, else Failed."""
    now = uow.now()
    log.info("instance_gone", deployment_id=deployment.id, target=target_id, why=sentence)
    skipped = uow.targets.skip(
        deployment.id, [target_id], at=now, actor="tidegate", reason=sentence
    )
    if not skipped:
        take_out(deployment, target_id, sentence, uow=uow)
    advance_once(uow, deployment.id)


def _give_up_late(deployment_id: DeploymentId, answer: NotFound, uow: UnitOfWork) -> None:
    """Look for what was launched no more once AWS has not told for long, and say so."""
    deployment = uow.deployments.lock(deployment_id)
    search = uow.searches.get(deployment_id)
    if search is None or search.stage is not Stage.AFTER:
        return
    since = uow.now() - (search.ended_at or uow.now())
    if since > SEEK_FOR or not answer.may_pass:
        uow.searches.close(search)
        said = NOT_SOUGHT.format(answer.message)
        uow.deployments.say(deployment, (*deployment.status_messages, said))
