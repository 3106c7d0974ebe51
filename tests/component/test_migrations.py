"""The migrations lead to the tables that the code expects, and back."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, update

from tidegate.clock import SystemClock
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.configs import MinimumHealthy, MinimumHealthyType
from tidegate.domain.deployment import DeploymentOptions
from tidegate.domain.host import Registration
from tidegate.domain.ids import GroupId, RandomIds, RevisionId
from tidegate.domain.revision import Source, SourceType
from tidegate.engine.instances import Identity, deregister_instance, register_instance
from tidegate.engine.revisions import RevisionRequest, revision_for
from tidegate.store.database import connect
from tidegate.store.deployment_lists import Wanted
from tidegate.store.migrate import migration_config, upgrade
from tidegate.store.outbox import NoSender
from tidegate.store.row import Row
from tidegate.store.schema import HEAD, misfit
from tidegate.store.tables import GroupRow, RevisionRow
from tidegate.store.unit_of_work import Store

BOOKKEEPING = "alembic_version"
NOW = "'2026-11-01 12:00:00'"
ROWS_OF_0001 = [
    f"INSERT INTO applications VALUES ('app-1', 'shop', 'Server', {NOW})",
    (
        """INSERT INTO deployment_groups VALUES ('group-1', 'app-1', 'prod', 'careful',
    '{"tag_set": [], "hosts": ["web-1"], "auto_rollback": {"enabled": false, "events": []},
      "ssh": {}, "variables": {}}', 'r-1', NULL, 'd-AAAAAAAAA', 'd-AAAAAAAAA', """
        f"{NOW})"
    ),
    (
        """INSERT INTO deployment_configs VALUES ('careful', 'Server',
    '{"minimum_healthy": {"type": "HOST_COUNT", "value": 1}, "traffic_routing": null}', """
        f"{NOW})"
    ),
    f"INSERT INTO hosts VALUES ('host-1', 'web-1', 'ssh', '{{}}', '{{}}', '{{}}', NULL, {NOW})",
    f"""INSERT INTO revisions VALUES ('r-1', 'app-1', '{{}}', 'abc', 1, 'zip', NULL, '', {NOW},
    NULL, NULL)""",
    f"""INSERT INTO deployments (id, application_id, application, group_id, group_name,
    compute_platform, revision_id, config_name, creator, options, auto_rollback, group_settings,
    status, version, last_transition, total_targets, created_at, error_message, rollback_message)
    VALUES ('d-AAAAAAAAA', 'app-1', 'shop', 'group-1', 'prod', 'Server', 'r-1', 'careful', 'user',
    '{{}}', '{{"enabled": false, "events": []}}', '{{}}', 'Succeeded', 1, 1, 1, {NOW}, '', '')""",
    f"""INSERT INTO targets (deployment_id, target_id, host_id, position, segment, status,
    dispatched, attempt, sends, segment_done, cancel_requested, lost, journal_offset, message,
    last_updated_at) VALUES ('d-AAAAAAAAA', 'web-1', 'host-1', 0, 's', 'Succeeded', true, 1, 1,
    true, false, false, 0, '', {NOW})""",
    f"""INSERT INTO transitions VALUES ('d-AAAAAAAAA', 1, 'deployment', NULL, 'create', '',
    'Created', {NOW}, 'somebody', '')""",
    "INSERT INTO installations VALUES ('group-1', 'web-1', 'r-1', true, 'd-AAAAAAAAA')",
]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def tables_of(url: str) -> set[str]:
    with connected(url) as connection:
        return set(inspect(connection).get_table_names()) - {BOOKKEEPING}


def is_at_head(url: str) -> bool:
    engine = connect(url)
    try:
        return misfit(engine) is None
    finally:
        engine.dispose()


def differences_to_models(url: str) -> list[Any]:
    with connected(url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, Row.metadata)


def test_head_has_what_the_models_say(database_url: str):
    assert tables_of(database_url) == set(Row.metadata.tables)
    assert differences_to_models(database_url) == []


def test_a_column_that_no_migration_makes_is_noticed(database_url: str):
    with connected(database_url) as connection:
        connection.exec_driver_sql("ALTER TABLE tokens DROP COLUMN role")
        connection.commit()

    differences = differences_to_models(database_url)

    assert [(kind, table) for kind, _, table, _ in differences] == [("add_column", "tokens")]


def test_upgrading_what_is_at_head_changes_nothing(database_url: str):
    upgrade(database_url)

    assert differences_to_models(database_url) == []


def test_a_database_is_current_only_at_head(empty_database_url: str):
    before = is_at_head(empty_database_url)
    upgrade(empty_database_url)

    assert not before
    assert is_at_head(empty_database_url)


def test_the_code_knows_the_newest_migration():
    config = migration_config("sqlite://")

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_what_was_there_before_regions_is_in_the_region_of_the_system(empty_database_url: str):
    config = migration_config(empty_database_url, region="eu-central-1")
    command.upgrade(config, "0001")
    with connected(empty_database_url) as connection:
        for statement in ROWS_OF_0001:
            connection.exec_driver_sql(statement)
        connection.commit()

    command.upgrade(config, "head")

    with connected(empty_database_url) as connection:
        for table in ("applications", "deployment_configs", "hosts", "deployments"):
            rows = connection.exec_driver_sql(f"SELECT region FROM {table}").all()
            assert [tuple(row) for row in rows] == [("eu-central-1",)], table
        for table in ("deployment_groups", "revisions", "installations", "targets", "transitions"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1, table
    store = Store(
        connect(empty_database_url), sender=NoSender(), clock=SystemClock(), ids=RandomIds()
    )
    with store.in_region("eu-central-1").read() as uow:
        assert uow.catalog.group("shop", "prod").hosts == ("web-1",)
        assert uow.catalog.group("shop", "prod").aws == AwsGroup()
        assert uow.catalog.config("careful").minimum_healthy == MinimumHealthy(
            MinimumHealthyType.HOST_COUNT, 1
        )
        assert len(uow.catalog.config("careful").id) == 36
        (deployment,) = uow.deployments.page(Wanted(group_ids=[GroupId("group-1")]))
        assert (deployment.options, deployment.status_messages) == (DeploymentOptions(), ())
        host = uow.catalog.host("web-1")
        assert host.registration.registered_at == host.created_at
        assert len(host.registration.suffix) == 10
        assert host.is_registered
    store.engine.dispose()

    command.downgrade(config, "0001")
    with connected(empty_database_url) as connection:
        for table in ("applications", "deployment_configs", "hosts", "deployments", "targets"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1, table


HOST = """INSERT INTO hosts (id, region, name, driver, settings, tags, variables, created_at)
    VALUES ('{id}', 'us-east-1', '{name}', 'ssh', '{{"address": "h"}}', '{{"a": "b"}}', '{{}}',
    '2026-11-01 12:00:00')"""


def test_hosts_of_before_are_registered_and_what_was_none_goes_on_the_way_back(
    empty_database_url: str,
):
    config = migration_config(empty_database_url)
    command.upgrade(config, "0002")
    with connected(empty_database_url) as connection:
        for id_, name in (("id-1", "web-1"), ("id-2", "web-2")):
            connection.exec_driver_sql(HOST.format(id=id_, name=name))
        connection.commit()

    command.upgrade(config, "head")

    store = Store(
        connect(empty_database_url), sender=NoSender(), clock=SystemClock(), ids=RandomIds()
    )
    with store.write() as uow:
        old, other = uow.catalog.hosts_page(limit=100)
        deregister_instance("web-2", uow=uow)
        register_instance("web-3", Identity(iam_user_arn="arn:aws:iam::1:user/x"), uow=uow)
        assert [host.name for host in uow.catalog.candidates()] == ["web-1", "web-3"]
    store.engine.dispose()
    assert old.registration == Registration(
        suffix=old.registration.suffix, registered_at=old.created_at
    )
    assert old.registration.suffix != other.registration.suffix
    assert (old.driver, old.settings, old.tags) == ("ssh", {"address": "h"}, {"a": "b"})

    command.downgrade(config, "0002")
    with connected(empty_database_url) as connection:
        left = connection.exec_driver_sql("SELECT name, driver FROM hosts").all()
    assert [tuple(row) for row in left] == [("web-1", "ssh")]


def test_groups_that_are_deleted_while_they_deploy_are_not_taken_back(empty_database_url: str):
    config = migration_config(empty_database_url)
    command.upgrade(config, "0001")
    with connected(empty_database_url) as connection:
        for statement in ROWS_OF_0001:
            connection.exec_driver_sql(statement)
        connection.commit()
    command.upgrade(config, "0004")
    with connected(empty_database_url) as connection:
        connection.exec_driver_sql("UPDATE deployment_groups SET name = NULL")
        connection.commit()

    command.downgrade(config, "0003")

    with connected(empty_database_url) as connection:
        for table, left in (("deployment_groups", 0), ("installations", 0), ("deployments", 1)):
            found = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert found == left, table


S3_OF_0004 = """{"type": "s3", "sha256": "abc", "bucket": "bbb", "key": "k.zip", "version": "v",
    "url": ""}"""


NEW_KINDS = (
    Source(type=SourceType.S3, bucket="bbb", key="k.zip", bundle_type="zip"),
    Source(type=SourceType.GITHUB, repository="acme/shop", commit="ab" * 20),
)


def of_0001_with_s3(url: str) -> Config:
    config = migration_config(url)
    command.upgrade(config, "0001")
    with connected(url) as connection:
        for statement in ROWS_OF_0001:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            f"INSERT INTO revisions VALUES ('r-2', 'app-1', '{S3_OF_0004}', 'abc', NULL, NULL, "
            f"NULL, 'from CI', {NOW}, NULL, NULL)"
        )
        connection.commit()
    return config


def test_revisions_of_before_keep_their_place_and_new_kinds_are_not_taken_back(
    empty_database_url: str,
):
    config = of_0001_with_s3(empty_database_url)

    command.upgrade(config, "head")

    store = Store(
        connect(empty_database_url), sender=NoSender(), clock=SystemClock(), ids=RandomIds()
    )
    with store.write() as uow:
        old = uow.catalog.revision_by_id(RevisionId("r-2"))
        application = uow.catalog.application("shop")
        for source in NEW_KINDS:
            new, _ = revision_for(application, RevisionRequest(source=source), uow=uow)
        in_bucket = select(RevisionRow.id).where(RevisionRow.s3_bucket == "bbb")
        assert set(uow.session.scalars(in_bucket.where(RevisionRow.s3_key == "k.zip"))) > {"r-2"}
        uow.session.execute(update(GroupRow).values(target_revision_id=new.id))
    store.engine.dispose()
    assert old is not None
    assert old.description == "from CI"
    assert old.source == Source(
        type=SourceType.S3, sha256="abc", bucket="bbb", key="k.zip", version="v"
    )

    command.downgrade(config, "0004")
    with connected(empty_database_url) as connection:
        left = connection.exec_driver_sql("SELECT id FROM revisions ORDER BY id").scalars().all()
        target = connection.exec_driver_sql("SELECT target_revision_id FROM deployment_groups")
        assert left == ["r-1", "r-2"]
        assert target.scalar_one() is None


def test_going_back_leaves_nothing_and_the_way_up_stays_open(database_url: str):
    command.downgrade(migration_config(database_url), "base")
    left = tables_of(database_url)
    upgrade(database_url)

    assert left == set()
    assert differences_to_models(database_url) == []


def test_each_step_can_be_taken_back_and_again(empty_database_url: str):
    config = migration_config(empty_database_url)
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]

    for revision in reversed(steps):
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)

    assert differences_to_models(empty_database_url) == []


def test_processes_that_start_together_migrate_once(empty_database_url: str):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=upgrade, args=(empty_database_url,)) for _ in range(3)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert is_at_head(empty_database_url)
