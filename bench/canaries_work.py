"""Canaries in a database: the engine walks one to where it waits, and all others are its copies."""

import hashlib
import json
import random
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    TableValuedAlias,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
    true,
    update,
)

from tidegate.clock import SystemClock
from tidegate.domain.course import StepStatus
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.ids import DeploymentId, RandomIds
from tidegate.domain.revision import Source, SourceType
from tidegate.engine.advance import advance_deployment
from tidegate.engine.applications import create_application
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.engine.groups import GroupRequest, create_group
from tidegate.engine.revisions import RevisionRequest, register_revision
from tidegate.engine.step_runs import StepRuns
from tidegate.store.course_tables import ErrandRow, StepRow
from tidegate.store.database import connect
from tidegate.store.health import WORKER_KINDS
from tidegate.store.outbox import NoSender
from tidegate.store.statements import plain_table
from tidegate.store.tables import (
    DeploymentRow,
    GroupRow,
    LifecycleEventRow,
    OutboxRow,
    TargetRow,
    TransitionRow,
)
from tidegate.store.unit_of_work import Store
from tidegate.testing.fake_traffic import FakeHooks, FakeTraffic

APPLICATION = "canaries"
CONFIG = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
FAR: Final = timedelta(days=1)
"""When those are due that only wait."""
OWNER = "bench"
GROUPS, DEPLOYMENTS, STEPS = (plain_table(row) for row in (GroupRow, DeploymentRow, StepRow))
OF_A_DEPLOYMENT: Final = tuple(
    plain_table(row) for row in (TargetRow, LifecycleEventRow, StepRow, ErrandRow, TransitionRow)
)
APPSPEC: Final = json.dumps(
    {
        "version": 0.0,
        "Resources": [
            {
                "shop": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Name": "shop",
                        "Alias": "live",
                        "CurrentVersion": "1",
                        "TargetVersion": "2",
                    },
                }
            }
        ],
    }
)


class Canaries:
    """*count* canaries that have had their first share, each in a group of its own.

    The last shift of all of them is due in a day.
    """

    def __init__(self, url: str, count: int) -> None:
        self.count = count
        self.engine = connect(url)
        self.store = Store(self.engine, sender=NoSender(), clock=SystemClock(), ids=RandomIds())
        model = self._model()
        with self.engine.begin() as connection:
            connection.execute(plain_table(OutboxRow).delete())
            self.shift, self.far = _await_tomorrow(connection, model)
            _multiply(connection, model, count)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))

    def _model(self) -> DeploymentId:
        digest = hashlib.sha256(APPSPEC.encode()).hexdigest()
        source = Source(type=SourceType.APPSPEC_CONTENT, sha256=digest, content=APPSPEC)
        with self.store.write() as uow:
            create_application(APPLICATION, ComputePlatform.LAMBDA, uow=uow)
            create_group(APPLICATION, "model", GroupRequest(config_name=CONFIG), uow=uow)
            revision, _ = register_revision(APPLICATION, RevisionRequest(source=source), uow=uow)
            request = DeploymentRequest(
                application=APPLICATION, group="model", revision_id=revision.id
            )
            id_ = create_deployment(request, uow=uow, actor=OWNER).id
            uow.heartbeats.beat(OWNER, WORKER_KINDS["traffic"], uow.now())
        traffic = FakeTraffic(self.store.clock)
        runs = StepRuns(
            store=self.store,
            driver=lambda _: traffic,
            call_hook=FakeHooks(),
            attending=lambda _: nullcontext(),
            is_leaving=lambda: False,
            owner=OWNER,
        )
        self._advance(id_)
        with self.store.read() as uow:
            [target] = uow.targets.ids(id_)
        for _ in ("look", "first shift"):
            if not runs.run(id_, target):
                raise SystemExit("The canary that all others are copies of does not go on.")
            self._advance(id_)
        with self.store.write() as uow:
            uow.heartbeats.leave(OWNER)
        return id_

    def _advance(self, id_: DeploymentId) -> None:
        advance_deployment(id_, store=self.store)

    def let_come(self, count: int, *, rate: float, start: datetime) -> dict[str, datetime]:
        """Have the last shifts of *count* canaries be due from *start* on, at a *rate* a second.

        Each comes at random within its share of the time.
        """
        chance = random.Random(count)
        due = {
            deployment_id(number): start + timedelta(seconds=(number - 1 + chance.random()) / rate)
            for number in range(1, count + 1)
        }
        rows = [{"of": id_, "at": at} for id_, at in due.items()]
        shift = (STEPS.c.deployment_id == bindparam("of")) & (STEPS.c.number == self.shift)
        with self.engine.begin() as connection:
            connection.execute(update(STEPS).where(shift).values(due_at=bindparam("at")), rows)
            mine = DEPLOYMENTS.c.id == bindparam("of")
            wake = update(DEPLOYMENTS).where(mine).values(wake_at=bindparam("at"))
            connection.execute(wake, rows)
        return due

    def waiting(self, ids: Mapping[str, object]) -> int:
        """How many of these have not ended."""
        with self.engine.connect() as connection:
            return connection.execute(
                select(func.count())
                .select_from(DEPLOYMENTS)
                .where(DEPLOYMENTS.c.id.in_(list(ids)), DEPLOYMENTS.c.completed_at.is_(None))
            ).scalar_one()

    def close(self) -> None:
        self.engine.dispose()


def deployment_id(number: int) -> str:
    return f"d-{number:09d}"


def _await_tomorrow(connection: Connection, model: DeploymentId) -> tuple[int, datetime]:
    """Put off the shift that is to come; return its number, and until when."""
    far = datetime.now(UTC) + FAR
    is_next = (STEPS.c.deployment_id == model) & (STEPS.c.status == StepStatus.PENDING)
    moved = update(STEPS).where(is_next).values(due_at=far).returning(STEPS.c.number)
    number = connection.execute(moved).scalar_one()
    connection.execute(update(DEPLOYMENTS).where(DEPLOYMENTS.c.id == model).values(wake_at=far))
    return number, far


def _multiply(connection: Connection, model: DeploymentId, count: int) -> None:
    """Write *count* copies of all that there is of the model."""
    numbers = func.generate_series(1, count).table_valued("n").render_derived("numbers")
    digits = cast(numbers.c.n, String)
    deployment = "d-" + func.lpad(digits, 9, "0")
    group = func.lpad(digits, 36, "0")
    held = {"active_deployment_id": deployment, "last_attempted_id": deployment}
    named = {"id": group, "name": "group-" + digits, **held}
    _copy(connection, GROUPS, GROUPS.c.active_deployment_id == model, numbers, named)
    ids = {"id": deployment, "group_id": group, "group_name": "group-" + digits}
    _copy(connection, DEPLOYMENTS, DEPLOYMENTS.c.id == model, numbers, ids)
    for table in OF_A_DEPLOYMENT:
        is_model = table.c.deployment_id == model
        _copy(connection, table, is_model, numbers, {"deployment_id": deployment})


def _copy(
    connection: Connection,
    table: Table,
    which: ColumnElement[bool],
    numbers: TableValuedAlias,
    changes: Mapping[str, ColumnElement[Any]],
) -> None:
    columns = [changes.get(column.name, column) for column in table.c]
    copies = select(*columns).select_from(table.join(numbers, true())).where(which)
    connection.execute(insert(table).from_select([c.name for c in table.c], copies))
