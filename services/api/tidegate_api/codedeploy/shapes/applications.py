"""Applications."""

from tidegate_api.codedeploy.shapes.shape import Flag, Moment, Shape, Text
from tidegate_api.codedeploy.shapes.tags import Tag


class ApplicationInfo(Shape):
    application_id: Text | None = None
    application_name: Text | None = None
    create_time: Moment | None = None
    linked_to_git_hub: Flag | None = None
    git_hub_account_name: Text | None = None
    compute_platform: Text | None = None


class CreateApplicationInput(Shape):
    application_name: Text | None = None
    compute_platform: Text | None = None
    tags: list[Tag] | None = None


class CreateApplicationOutput(Shape):
    application_id: Text | None = None


class GetApplicationInput(Shape):
    application_name: Text | None = None


class GetApplicationOutput(Shape):
    application: ApplicationInfo | None = None


class BatchGetApplicationsInput(Shape):
    application_names: list[Text] | None = None


class BatchGetApplicationsOutput(Shape):
    applications_info: list[ApplicationInfo] | None = None


class ListApplicationsInput(Shape):
    next_token: Text | None = None


class ListApplicationsOutput(Shape):
    applications: list[Text] | None = None
    next_token: Text | None = None


class UpdateApplicationInput(Shape):
    application_name: Text | None = None
    new_application_name: Text | None = None


class DeleteApplicationInput(Shape):
    application_name: Text | None = None
