"""An application or a group is renamed or deleted while it deploys: what runs comes to its end."""

import pytest
from sqlalchemy import text

from component.engine.system import ALL, PATIENCE
from component.engine.traffic import ALIAS, functions, lambda_appspec
from tidegate.domain.aws_group import BLUE_GREEN, AwsGroup
from tidegate.domain.configs import DEFAULT_CONFIG
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ApplicationNotFound, GroupNotFound, InUse
from tidegate.engine.applications import create_application, delete_application, rename_application
from tidegate.engine.groups import GroupRequest, delete_group, replace_group
from tidegate.messages import ADVANCE
from tidegate.testing.builders import ON_FAILURE

WEBS = ("web-1", "web-2")


def delete(system, **how) -> None:
    with system.store.write() as uow:
        delete_application("shop", uow=uow, **how)


def rows(system, table: str) -> int:
    with system.engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def test_one_that_deploys_is_not_deleted_by_the_way(system):
    shop = system.shop(*WEBS)
    shop.deploy("one")

    with pytest.raises(InUse, match="active deployment"):
        delete(system)


def test_what_has_not_started_fails_and_leaves_what_history_shows(system):
    shop = system.shop(*WEBS, auto_rollback=ON_FAILURE)
    id_ = shop.deploy("one")
    delete(system, even_while_deploying=True)
    with system.store.read() as uow, pytest.raises(ApplicationNotFound):
        uow.catalog.application("shop")

    system.settle()

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "APPLICATION_MISSING")
    assert deployment.rollback_deployment_id is None
    assert rows(system, "deployment_groups") == 0
    with system.store.read() as uow:
        assert uow.catalog.revision_by_id(deployment.revision_id) is not None


@pytest.mark.parametrize("of_its_application", [False, True])
def test_what_has_not_started_ends_with_its_group(system, of_its_application: bool):
    shop = system.shop(
        platform=ComputePlatform.LAMBDA,
        config=DEFAULT_CONFIG[ComputePlatform.LAMBDA],
        aws=AwsGroup(style=BLUE_GREEN),
    )
    id_ = shop.deploy("one")
    if of_its_application:
        delete(system, even_while_deploying=True)
    else:
        with system.store.write() as uow:
            delete_group("shop", "prod", uow=uow, even_while_deploying=True)

    system.settle()

    code = "APPLICATION_MISSING" if of_its_application else "DEPLOYMENT_GROUP_MISSING"
    assert shop.deployment(id_).error_code == code
    assert rows(system, "deployment_groups") == 0


@pytest.mark.parametrize("of_its_application", [False, True])
def test_a_rollback_brings_traffic_back_though_its_group_is_deleted(
    system, of_its_application: bool
):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()
    system.stop(id_, rollback=True)
    if of_its_application:
        delete(system, even_while_deploying=True)
    else:
        delete_prod(system, even_while_deploying=True)

    system.settle()

    rollback = shop.deployment(id_).rollback_deployment_id
    assert rollback is not None
    assert shop.deployment(rollback).status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 10, 0]
    assert rows(system, "deployment_groups") == 0


@pytest.mark.parametrize("fails", [False, True])
def test_what_runs_comes_to_its_end_and_leaves_no_group(system, fails: bool):
    shop = system.shop(*WEBS, config=ALL, auto_rollback=ON_FAILURE)
    if fails:
        system.fails = {(web, "ApplicationStart") for web in WEBS}
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    delete(system, even_while_deploying=True)
    with system.store.write() as uow:
        again = create_application("shop", ComputePlatform.LAMBDA, uow=uow)

    system.settle()

    assert shop.deployment(id_).status == ("Failed" if fails else "Succeeded")
    assert rows(system, "deployments") == 1
    assert rows(system, "deployment_groups") == 0
    with system.store.read() as uow:
        assert uow.catalog.application("shop") == again


def test_history_follows_a_new_name(system):
    shop = system.shop(*WEBS)
    first = shop.deploy("one")
    system.settle()
    second = shop.deploy("two")
    system.deliver(ADVANCE)
    with system.store.write() as uow:
        rename_application("shop", "store", uow=uow)

    system.settle()

    assert {shop.deployment(id_).application for id_ in (first, second)} == {"store"}
    assert shop.deployment(second).status == "Succeeded"
    with system.store.read() as uow:
        assert uow.catalog.group("store", "prod").last_successful.deployment_id == second


def delete_prod(system, **how) -> None:
    with system.store.write() as uow:
        delete_group("shop", "prod", uow=uow, **how)


def test_a_group_that_deploys_is_not_deleted_by_the_way(system):
    shop = system.shop(*WEBS)
    shop.deploy("one")

    with pytest.raises(InUse, match="active deployment"):
        delete_prod(system)


def test_a_group_that_has_not_started_fails_and_leaves_nothing(system):
    shop = system.shop(*WEBS, auto_rollback=ON_FAILURE)
    id_ = shop.deploy("one")
    delete_prod(system, even_while_deploying=True)
    with system.store.read() as uow, pytest.raises(GroupNotFound):
        uow.catalog.group("shop", "prod")

    system.settle()

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "DEPLOYMENT_GROUP_MISSING")
    assert deployment.group == "prod"
    assert [rows(system, t) for t in ("applications", "deployment_groups")] == [1, 0]


@pytest.mark.parametrize("fails", [False, True])
def test_what_runs_in_a_deleted_group_comes_to_its_end(system, fails: bool):
    shop = system.shop(*WEBS, config=ALL, auto_rollback=ON_FAILURE)
    shop.deploy("zero")
    system.settle()
    if fails:
        system.fails = {(web, "ApplicationStart") for web in WEBS}
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    delete_prod(system, even_while_deploying=True)

    system.settle()

    deployment = shop.deployment(id_)
    assert deployment.status == ("Failed" if fails else "Succeeded")
    assert deployment.rollback_deployment_id is None
    why = "The deployment group was deleted meanwhile, so this is not rolled back."
    assert deployment.rollback_message == (why if fails else "")
    assert [rows(system, t) for t in ("deployments", "deployment_groups")] == [2, 0]
    assert rows(system, "installations") == 0


def test_an_application_goes_with_a_group_that_was_deleted_before(system):
    shop = system.shop(*WEBS)
    id_ = shop.deploy("one")
    delete_prod(system, even_while_deploying=True)
    with pytest.raises(InUse):
        delete(system)
    delete(system, even_while_deploying=True)

    system.settle()

    assert shop.deployment(id_).error_code == "APPLICATION_MISSING"
    assert rows(system, "deployment_groups") == 0


def rename_prod(system, new_name: str) -> None:
    with system.store.write() as uow:
        replace_group("shop", "prod", GroupRequest(hosts=WEBS), uow=uow, new_name=new_name)


def test_history_follows_the_new_name_of_a_group(system):
    shop = system.shop(*WEBS)
    first = shop.deploy("one")
    system.settle()
    second = shop.deploy("two")
    system.deliver(ADVANCE)

    rename_prod(system, "web")
    system.settle()

    assert {shop.deployment(id_).group for id_ in (first, second)} == {"web"}
    assert {shop.deployment(id_).status for id_ in (first, second)} == {"Succeeded"}


def test_a_group_is_renamed_while_one_of_its_deployments_ends(system):
    shop = system.shop(*WEBS)
    id_ = shop.deploy("one")

    with system.store.write() as uow:
        deployment = uow.deployments.lock(id_)
        renaming = system.in_thread(lambda: rename_prod(system, "web"))
        renaming.join(0.3)
        uow.deployments.free_slot(deployment, succeeded=False)
    renaming.join(PATIENCE)

    assert shop.deployment(id_).group == "web"
    with system.store.read() as uow:
        assert uow.catalog.group("shop", "web").active_deployment_id is None
