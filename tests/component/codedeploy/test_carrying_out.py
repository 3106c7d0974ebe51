"""Deployments that a worker carries out, through boto3 from one end to the other."""

import pytest
from sqlalchemy import select

from component.api import worker
from component.codedeploy.conftest import Aws
from component.codedeploy.shops import ALL, OTHER, Shop
from component.codedeploy.test_deployments import ON_STOP
from component.codedeploy.test_revisions import S3
from tidegate.store.tables import GroupRow, RevisionRow

NEVER = {"revisionType": "S3", "s3Location": {**OTHER["s3Location"], "key": "shop/3.tgz"}}
"""A revision that nobody deploys."""


@pytest.fixture
def shop(aws: Aws) -> Shop:
    return Shop(aws)


@pytest.fixture
def quick_shop(quick_aws: Aws) -> Shop:
    return Shop(quick_aws)


def test_success_failure_and_rollback_from_one_end_to_the_other(shop: Shop):
    shop.with_instance()
    first = shop.carry_out(shop.deploy(fileExistsBehavior="OVERWRITE"))
    after_first = shop.groups.get()
    second = shop.carry_out(
        shop.deploy(OTHER, autoRollbackConfiguration=ON_STOP, deploymentConfigName=ALL),
        failing=worker.FAILED_AT,
    )

    failed = shop.info(second)
    third = failed["rollbackInfo"]["rollbackDeploymentId"]
    running = shop.info(third)
    shop.carry_out(third)

    assert after_first["targetRevision"] == S3
    assert after_first["lastSuccessfulDeployment"]["deploymentId"] == first
    assert (failed["status"], failed["previousRevision"]) == ("Failed", S3)
    assert running["revision"] == S3
    assert running["creator"] == "codeDeployRollback"
    assert running["deploymentConfigName"] == ALL
    assert running["fileExistsBehavior"] == "OVERWRITE"
    assert shop.info(third)["status"] == "Succeeded"
    assert shop.info(second)["status"] == "Failed"
    group = shop.groups.get()
    assert group["targetRevision"] == S3
    assert group["lastAttemptedDeployment"]["deploymentId"] == third
    assert group["lastSuccessfulDeployment"]["deploymentId"] == third
    assert shop.rows() == [third, second, first]


def test_a_restart_takes_the_revision_of_the_last_success(shop: Shop):
    shop.with_instance()
    shop.carry_out(shop.deploy())
    shop.carry_out(shop.deploy(OTHER), failing=worker.FAILED_AT)

    id_ = shop.deploy(None, deploymentMode="RESTART", updateOutdatedInstancesOnly=False)

    info = shop.info(id_)
    assert (info["deploymentMode"], info["revision"], info["previousRevision"]) == (
        "RESTART",
        S3,
        S3,
    )
    shop.refuses("InvalidRevision", deploymentMode="RESTART")


def test_a_restart_that_fails_is_rolled_back_by_a_whole_deployment(quick_shop: Shop):
    quick_shop.with_instance()
    quick_shop.carry_out(quick_shop.deploy())
    restart = quick_shop.deploy(None, deploymentMode="RESTART", autoRollbackConfiguration=ON_STOP)

    quick_shop.client.stop_deployment(deploymentId=restart)

    rollback = quick_shop.info(restart)["rollbackInfo"]["rollbackDeploymentId"]
    assert "deploymentMode" not in quick_shop.info(rollback)


def test_only_outdated_instances_get_the_revision_of_the_last_success(quick_shop: Shop):
    quick_shop.with_instance()
    quick_shop.carry_out(quick_shop.deploy())
    quick_shop.with_instance("web-2")

    id_ = quick_shop.with_bundle(quick_shop.deploy(None, updateOutdatedInstancesOnly=True))
    progress = worker.begin(quick_shop.service, id_, target="web-2")
    worker.finish(quick_shop.service, progress)

    assert quick_shop.info(id_)["revision"] == S3
    targets = quick_shop.client.list_deployment_targets(deploymentId=id_)["targetIds"]
    assert targets == ["web-2"]


def test_a_group_deleted_while_it_deploys_leaves_what_runs_to_its_end(quick_shop: Shop):
    quick_shop.with_instance()
    id_ = quick_shop.with_bundle(quick_shop.deploy())
    progress = worker.begin(quick_shop.service, id_)
    quick_shop.groups.delete()

    worker.finish(quick_shop.service, progress)

    info = quick_shop.info(id_)
    assert (info["status"], info["deploymentGroupName"]) == ("Succeeded", "prod")
    assert quick_shop.rows() == [id_]


def test_what_was_deployed_is_shown_when_its_application_is_deleted(shop: Shop):
    shop.with_instance()
    shop.carry_out(shop.deploy())
    id_ = shop.carry_out(shop.deploy(OTHER))
    shop.client.register_application_revision(applicationName="shop", revision=NEVER)
    before = shop.info(id_)

    shop.client.delete_application(applicationName="shop")

    assert shop.info(id_) == before
    assert (before["revision"], before["previousRevision"]) == (OTHER, S3)
    with shop.service.parts.store.read() as uow:
        kept = uow.session.scalars(select(RevisionRow.s3_key)).all()
        groups = uow.session.scalars(select(GroupRow.id)).all()
    assert (sorted(kept), groups) == (["shop/1.zip", "shop/2.tgz"], [])
    shop.client.create_application(applicationName="shop")
    listed = shop.client.list_application_revisions(applicationName="shop")
    assert listed["revisions"] == []
