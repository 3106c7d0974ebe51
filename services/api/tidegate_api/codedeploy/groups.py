"""Operations on deployment groups."""

import contextlib
from collections.abc import Sequence
from typing import Final

from tidegate.domain.errors import ApplicationNotFound, GroupNotFound
from tidegate.domain.group import Group
from tidegate.engine.aws_groups import create_aws_group, update_aws_group
from tidegate.engine.groups import delete_group
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.group_reading import read_group
from tidegate_api.codedeploy.group_showing import group_info
from tidegate_api.codedeploy.locations import location_of
from tidegate_api.codedeploy.names import application_name, batch, group_name
from tidegate_api.codedeploy.paging import PAGE, page_of, read_name
from tidegate_api.codedeploy.resource_tags import tags_to_add
from tidegate_api.codedeploy.shapes.groups import (
    BatchGetDeploymentGroupsInput,
    BatchGetDeploymentGroupsOutput,
    CreateDeploymentGroupInput,
    CreateDeploymentGroupOutput,
    DeleteDeploymentGroupInput,
    DeleteDeploymentGroupOutput,
    DeploymentGroupInfo,
    GetDeploymentGroupInput,
    GetDeploymentGroupOutput,
    ListDeploymentGroupsInput,
    ListDeploymentGroupsOutput,
    UpdateDeploymentGroupInput,
    UpdateDeploymentGroupOutput,
)

MOST_AT_ONCE: Final = 100
_LIST: Final = "ListDeploymentGroups"


def create(call: Call, wanted: CreateDeploymentGroupInput) -> CreateDeploymentGroupOutput:
    application = application_name(wanted.application_name)
    name = group_name(wanted.deployment_group_name)
    request, tags = read_group(wanted), tags_to_add(wanted.tags or ())
    group = create_aws_group(application, name, request, tags=tags, uow=call.uow)
    return CreateDeploymentGroupOutput(deployment_group_id=group.id)


def get(call: Call, wanted: GetDeploymentGroupInput) -> GetDeploymentGroupOutput:
    application = application_name(wanted.application_name)
    name = group_name(wanted.deployment_group_name)
    call.uow.catalog.application(application)
    group = call.uow.catalog.group(application, name)
    return GetDeploymentGroupOutput(deployment_group_info=_infos(call, [group])[0])


def batch_get(call: Call, wanted: BatchGetDeploymentGroupsInput) -> BatchGetDeploymentGroupsOutput:
    application = application_name(wanted.application_name)
    asked = batch(
        wanted.deployment_group_names,
        most=MOST_AT_ONCE,
        what="deployment group names",
        required="DeploymentGroupName",
    )
    names = [group_name(name) for name in asked]
    owner = call.uow.catalog.application(application)
    found = call.uow.catalog.groups_named(owner.id, names)
    known = {group.name for group in found}
    unknown = ", ".join(dict.fromkeys(name for name in names if name not in known))
    return BatchGetDeploymentGroupsOutput(
        deployment_groups_info=_infos(call, found),
        error_message=f"No Deployment Group found for name: {unknown}" if unknown else "",
    )


def list_(call: Call, wanted: ListDeploymentGroupsInput) -> ListDeploymentGroupsOutput:
    application = application_name(wanted.application_name)
    after = read_name(_LIST, wanted.next_token)
    owner = call.uow.catalog.application(application)
    names = call.uow.catalog.group_names(owner.id, limit=PAGE + 1, after=after)
    shown, token = page_of(_LIST, names)
    return ListDeploymentGroupsOutput(
        application_name=application, deployment_groups=shown, next_token=token
    )


def update(call: Call, wanted: UpdateDeploymentGroupInput) -> UpdateDeploymentGroupOutput:
    application = application_name(wanted.application_name)
    name = group_name(wanted.current_deployment_group_name)
    new_name = wanted.new_deployment_group_name
    update_aws_group(
        application,
        name,
        read_group(wanted),
        new_name=None if new_name is None else group_name(new_name),
        uow=call.uow,
    )
    return UpdateDeploymentGroupOutput(hooks_not_cleaned_up=[])


def delete(call: Call, wanted: DeleteDeploymentGroupInput) -> DeleteDeploymentGroupOutput:
    application = application_name(wanted.application_name)
    name = group_name(wanted.deployment_group_name)
    with contextlib.suppress(ApplicationNotFound, GroupNotFound):
        delete_group(application, name, uow=call.uow, even_while_deploying=True)
    return DeleteDeploymentGroupOutput(hooks_not_cleaned_up=[])


def _infos(call: Call, groups: Sequence[Group]) -> list[DeploymentGroupInfo]:
    wanted = {group.target_revision_id for group in groups if group.target_revision_id}
    found = {one.id: one for one in call.uow.catalog.revisions_by_id(wanted)}
    infos = []
    for group in groups:
        revision = group.target_revision_id and found.get(group.target_revision_id)
        infos.append(group_info(group, location_of(revision) if revision else None))
    return infos
