"""Searches for EC2 instances as rows: asked for, found, watched, and what was launched after."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.ids import DeploymentId
from tidegate.domain.instances import FoundInstance, InstanceState
from tidegate.store.instance_tables import SearchRow
from tidegate.store.statements import change

ANSWER_WITHIN: Final = timedelta(seconds=60)
"""Whoever has asked AWS and has not written its answer by then counts as dead."""
LOOK_EVERY: Final = timedelta(seconds=30)
_JUST_LOOKED: Final = timedelta(seconds=15)
"""A look that comes so soon after another is a message that came twice."""


class Stage(StrEnum):
    """How far a search is."""

    ASKED = "asked"
    """The deployment waits for its instances."""
    WATCHED = "watched"
    """The instances are known, and looked at while the deployment goes on."""
    AFTER = "after"
    """The deployment has succeeded; what was launched meanwhile is looked for."""
    OVER = "over"


_LOOKED_AT: Final = (Stage.WATCHED, Stage.AFTER)


@dataclass(frozen=True, slots=True)
class SearchFailure:
    code: ErrorCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSearch:
    """The search of one deployment."""

    deployment_id: DeploymentId
    stage: Stage
    due_at: datetime | None
    tries: int
    failing_since: datetime | None
    failure: SearchFailure | None
    instances: tuple[FoundInstance, ...]
    absent: frozenset[str]
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Related:
    """The deployment that one follows, and the one that follows it."""

    root: DeploymentId | None
    follow_up: DeploymentId | None


class Searches:
    """Reads and changes searches; whoever changes one has locked its deployment, but for claims."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, deployment_id: DeploymentId) -> KeptSearch | None:
        """Return the search of a deployment, if it has one."""
        row = self._session.get(SearchRow, deployment_id, populate_existing=True)
        return None if row is None else _kept(row)

    def ask(self, deployment_id: DeploymentId, *, at: datetime) -> None:
        """Have the instances of a deployment found."""
        self._add(deployment_id, Stage.ASKED, at)

    def follow(
        self,
        deployment_id: DeploymentId,
        root_id: DeploymentId,
        instances: Sequence[FoundInstance],
        *,
        at: datetime,
    ) -> None:
        """Write the search of a deployment whose instances were found for it, after its root."""
        due = at + LOOK_EVERY
        self._add(deployment_id, Stage.WATCHED, due, root_id=root_id, instances=_json(instances))

    def _add(
        self, deployment_id: DeploymentId, stage: Stage, due_at: datetime, **more: Any
    ) -> None:
        values = {"instances": [], **more}
        row = SearchRow(
            deployment_id=deployment_id, stage=stage, due_at=due_at, tries=0, absent=[], **values
        )
        self._session.add(row)
        self._session.flush()

    def claim(self, deployment_id: DeploymentId, now: datetime) -> bool:
        """Tell whether the caller is to ask AWS now: of several copies of a message the first."""
        found = self._session.scalar(
            update(SearchRow)
            .where(
                SearchRow.deployment_id == deployment_id,
                SearchRow.stage == Stage.ASKED,
                SearchRow.due_at <= now,
            )
            .values(due_at=now + ANSWER_WITHIN)
            .returning(SearchRow.deployment_id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def put_off(self, search: KeptSearch, *, due_at: datetime, failing_since: datetime) -> None:
        """Note that AWS was asked in vain, and when it is asked again."""
        tries = search.tries + 1
        self._change(search, due_at=due_at, tries=tries, failing_since=failing_since)

    def found(
        self, search: KeptSearch, instances: Sequence[FoundInstance], *, at: datetime
    ) -> None:
        """Write which instances a deployment has, and have them looked at from now on."""
        self._change(
            search,
            stage=Stage.WATCHED,
            due_at=at + LOOK_EVERY,
            tries=0,
            failing_since=None,
            instances=_json(instances),
        )

    def fail(self, search: KeptSearch, failure: SearchFailure) -> None:
        """Write why AWS does not tell."""
        body = {"code": failure.code, "message": failure.message}
        self._change(search, stage=Stage.OVER, due_at=None, failure=body)

    def note_absent(self, search: KeptSearch, ids: Collection[str]) -> None:
        """Write which instances AWS did not know."""
        self._change(search, absent=sorted(ids))

    def end(self, deployment_id: DeploymentId, *, at: datetime, look_after: bool) -> None:
        """Look at the instances of a deployment no more, but for what was launched meanwhile."""
        stage = Stage.AFTER if look_after else Stage.OVER
        due, ended = (at, at) if look_after else (None, None)
        self._session.execute(
            update(SearchRow)
            .where(SearchRow.deployment_id == deployment_id, SearchRow.stage != Stage.OVER)
            .values(stage=stage, due_at=due, ended_at=ended, looked_at=None, tries=0)
            .execution_options(synchronize_session=False)
        )

    def close(self, search: KeptSearch, follow_up_id: DeploymentId | None = None) -> bool:
        """End a search for what was launched; tell whether it was this call that did."""
        return self._change(search, stage=Stage.OVER, due_at=None, follow_up_id=follow_up_id)

    def claim_due(self, now: datetime) -> bool:
        """Tell whether any instances are to be looked at; all of them are due again later."""
        is_due = select(SearchRow.deployment_id).where(SearchRow.due_at <= now, _is_looked_at())
        if self._session.scalar(is_due.limit(1)) is None:
            return False
        # All at once, so that those of many deployments are asked for together.
        mine = self._session.scalars(
            select(SearchRow.deployment_id)
            .where(SearchRow.due_at.is_not(None), _is_looked_at())
            .with_for_update(skip_locked=True)
        ).all()
        self._session.execute(
            update(SearchRow)
            .where(SearchRow.deployment_id.in_(mine))
            .values(due_at=now + LOOK_EVERY)
            .execution_options(synchronize_session=False)
        )
        return True

    def claim_looks(self, now: datetime) -> list[KeptSearch]:
        """Return the searches to look at that nobody else is looking at just now."""
        rows = self._session.scalars(
            select(SearchRow)
            .where(
                _is_looked_at(),
                or_(SearchRow.looked_at.is_(None), SearchRow.looked_at <= now - _JUST_LOOKED),
            )
            .order_by(SearchRow.deployment_id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
        self._session.execute(
            update(SearchRow)
            .where(SearchRow.deployment_id.in_([row.deployment_id for row in rows]))
            .values(looked_at=now)
            .execution_options(synchronize_session=False)
        )
        return [_kept(row) for row in rows]

    def related(self, ids: Sequence[DeploymentId]) -> dict[str, Related]:
        """Return which deployments follow which, of those of *ids* that are related at all."""
        rows = self._session.execute(
            select(SearchRow.deployment_id, SearchRow.root_id, SearchRow.follow_up_id).where(
                SearchRow.deployment_id.in_(ids),
                or_(SearchRow.root_id.is_not(None), SearchRow.follow_up_id.is_not(None)),
            )
        )
        return {id_: Related(_id(root), _id(follow_up)) for id_, root, follow_up in rows}

    def _change(self, search: KeptSearch, **values: Any) -> bool:
        where = {"deployment_id": search.deployment_id, "stage": search.stage}
        changed = change(
            self._session, SearchRow, where=where, values=values, returning="deployment_id"
        )
        return changed is not None


def _is_looked_at() -> Any:
    return SearchRow.stage.in_(_LOOKED_AT)


def _id(value: str | None) -> DeploymentId | None:
    return None if value is None else DeploymentId(value)


def _json(instances: Sequence[FoundInstance]) -> list[Any]:
    return [[one.id, one.state.value] for one in instances]


def _kept(row: SearchRow) -> KeptSearch:
    failure = row.failure
    return KeptSearch(
        deployment_id=DeploymentId(row.deployment_id),
        stage=Stage(row.stage),
        due_at=row.due_at,
        tries=row.tries,
        failing_since=row.failing_since,
        failure=failure and SearchFailure(ErrorCode(failure["code"]), failure["message"]),  # type: ignore[arg-type]
        instances=tuple(FoundInstance(id_, InstanceState(state)) for id_, state in row.instances),
        absent=frozenset(row.absent),
        ended_at=row.ended_at,
    )
