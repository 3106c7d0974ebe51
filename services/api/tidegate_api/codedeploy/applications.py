"""Operations on applications."""

import contextlib
from typing import Final

from tidegate.domain.errors import ApplicationNotFound
from tidegate.domain.group import Application
from tidegate.engine.applications import (
    create_application,
    delete_application,
    rename_application,
)
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.names import application_name, batch
from tidegate_api.codedeploy.paging import PAGE, page_of, read_name
from tidegate_api.codedeploy.platforms import read_platform
from tidegate_api.codedeploy.resource_tags import tags_to_add
from tidegate_api.codedeploy.shapes.applications import (
    ApplicationInfo,
    BatchGetApplicationsInput,
    BatchGetApplicationsOutput,
    CreateApplicationInput,
    CreateApplicationOutput,
    DeleteApplicationInput,
    GetApplicationInput,
    GetApplicationOutput,
    ListApplicationsInput,
    ListApplicationsOutput,
    UpdateApplicationInput,
)

MOST_AT_ONCE: Final = 100
_LIST: Final = "ListApplications"


def create(call: Call, wanted: CreateApplicationInput) -> CreateApplicationOutput:
    name = application_name(wanted.application_name)
    platform = read_platform(wanted.compute_platform)
    tags = tags_to_add(wanted.tags or ())
    application = create_application(name, platform, tags=tags, uow=call.uow)
    return CreateApplicationOutput(application_id=application.id)


def get(call: Call, wanted: GetApplicationInput) -> GetApplicationOutput:
    name = application_name(wanted.application_name)
    return GetApplicationOutput(application=_info(call.uow.catalog.application(name)))


def batch_get(call: Call, wanted: BatchGetApplicationsInput) -> BatchGetApplicationsOutput:
    asked = batch(
        wanted.application_names,
        most=MOST_AT_ONCE,
        what="application names",
        required="ApplicationName",
    )
    names = [application_name(name) for name in asked]
    found = call.uow.catalog.applications_named(names)
    return BatchGetApplicationsOutput(applications_info=[_info(one) for one in found])


def list_(call: Call, wanted: ListApplicationsInput) -> ListApplicationsOutput:
    after = read_name(_LIST, wanted.next_token)
    found = call.uow.catalog.applications_page(limit=PAGE + 1, after=after)
    names, token = page_of(_LIST, [one.name for one in found])
    return ListApplicationsOutput(applications=names, next_token=token)


def update(call: Call, wanted: UpdateApplicationInput) -> None:
    name = application_name(wanted.application_name)
    if not wanted.new_application_name:
        raise AwsError("InvalidApplicationNameException", "The new name must be specified")
    new_name = application_name(wanted.new_application_name)
    rename_application(name, new_name, uow=call.uow)


def delete(call: Call, wanted: DeleteApplicationInput) -> None:
    name = application_name(wanted.application_name)
    with contextlib.suppress(ApplicationNotFound):
        delete_application(name, uow=call.uow, even_while_deploying=True)


def _info(application: Application) -> ApplicationInfo:
    return ApplicationInfo(
        application_id=application.id,
        application_name=application.name,
        create_time=application.created_at,
        linked_to_git_hub=False,
        compute_platform=application.compute_platform.value,
    )
