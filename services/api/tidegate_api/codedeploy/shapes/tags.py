"""Tags and filters on tags."""

from pydantic import Field

from tidegate_api.codedeploy.shapes.shape import Shape, Text


class Tag(Shape):
    key: Text | None = Field(default=None, alias="Key")
    value: Text | None = Field(default=None, alias="Value")


class TagFilter(Shape):
    key: Text | None = Field(default=None, alias="Key")
    value: Text | None = Field(default=None, alias="Value")
    type: Text | None = Field(default=None, alias="Type")


class EC2TagFilter(Shape):
    key: Text | None = Field(default=None, alias="Key")
    value: Text | None = Field(default=None, alias="Value")
    type: Text | None = Field(default=None, alias="Type")


class EC2TagSet(Shape):
    ec2_tag_set_list: list[list[EC2TagFilter]] | None = None


class OnPremisesTagSet(Shape):
    on_premises_tag_set_list: list[list[TagFilter]] | None = None
