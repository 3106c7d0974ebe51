"""On-premises instances."""

from tidegate_api.codedeploy.shapes.shape import Moment, Shape, Text
from tidegate_api.codedeploy.shapes.tags import Tag, TagFilter


class InstanceInfo(Shape):
    instance_name: Text | None = None
    iam_session_arn: Text | None = None
    iam_user_arn: Text | None = None
    instance_arn: Text | None = None
    register_time: Moment | None = None
    deregister_time: Moment | None = None
    tags: list[Tag] | None = None


class RegisterOnPremisesInstanceInput(Shape):
    instance_name: Text | None = None
    iam_session_arn: Text | None = None
    iam_user_arn: Text | None = None


class DeregisterOnPremisesInstanceInput(Shape):
    instance_name: Text | None = None


class GetOnPremisesInstanceInput(Shape):
    instance_name: Text | None = None


class GetOnPremisesInstanceOutput(Shape):
    instance_info: InstanceInfo | None = None


class BatchGetOnPremisesInstancesInput(Shape):
    instance_names: list[Text] | None = None


class BatchGetOnPremisesInstancesOutput(Shape):
    instance_infos: list[InstanceInfo] | None = None


class ListOnPremisesInstancesInput(Shape):
    registration_status: Text | None = None
    tag_filters: list[TagFilter] | None = None
    next_token: Text | None = None


class ListOnPremisesInstancesOutput(Shape):
    instance_names: list[Text] | None = None
    next_token: Text | None = None


class AddTagsToOnPremisesInstancesInput(Shape):
    tags: list[Tag] | None = None
    instance_names: list[Text] | None = None


class RemoveTagsFromOnPremisesInstancesInput(Shape):
    tags: list[Tag] | None = None
    instance_names: list[Text] | None = None
