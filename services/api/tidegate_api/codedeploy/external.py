"""Operations on what CloudFormation made, of which there is nothing here."""

from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.shapes.external import (
    DeleteResourcesByExternalIdInput,
    DeleteResourcesByExternalIdOutput,
)


def delete_by_external_id(
    _call: Call, _wanted: DeleteResourcesByExternalIdInput
) -> DeleteResourcesByExternalIdOutput:
    """Answer as AWS does whatever the id: nobody but CloudFormation gives one to a deployment."""
    return DeleteResourcesByExternalIdOutput()
