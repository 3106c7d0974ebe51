"""Tags of applications, deployment groups and deployment configs."""

from pydantic import Field

from tidegate_api.codedeploy.shapes.shape import Shape, Text
from tidegate_api.codedeploy.shapes.tags import Tag


class TagResourceInput(Shape):
    resource_arn: Text | None = Field(default=None, alias="ResourceArn")
    tags: list[Tag] | None = Field(default=None, alias="Tags")


class TagResourceOutput(Shape):
    pass


class UntagResourceInput(Shape):
    resource_arn: Text | None = Field(default=None, alias="ResourceArn")
    tag_keys: list[Text] | None = Field(default=None, alias="TagKeys")


class UntagResourceOutput(Shape):
    pass


class ListTagsForResourceInput(Shape):
    resource_arn: Text | None = Field(default=None, alias="ResourceArn")
    next_token: Text | None = Field(default=None, alias="NextToken")


class ListTagsForResourceOutput(Shape):
    tags: list[Tag] | None = Field(default=None, alias="Tags")
    next_token: Text | None = Field(default=None, alias="NextToken")
