"""What CloudFormation made."""

from tidegate_api.codedeploy.shapes.shape import Shape, Text


class DeleteResourcesByExternalIdInput(Shape):
    external_id: Text | None = None


class DeleteResourcesByExternalIdOutput(Shape):
    pass
