"""Operations on GitHub tokens: what they are called, and how they are deleted."""

from typing import Final

from tidegate.engine.github_tokens import delete_github_token
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.paging import PAGE, page_of, read_name
from tidegate_api.codedeploy.shapes.github import (
    DeleteGitHubAccountTokenInput,
    DeleteGitHubAccountTokenOutput,
    ListGitHubAccountTokenNamesInput,
    ListGitHubAccountTokenNamesOutput,
)

_LIST: Final = "ListGitHubAccountTokenNames"


def list_names(
    call: Call, wanted: ListGitHubAccountTokenNamesInput
) -> ListGitHubAccountTokenNamesOutput:
    found = call.uow.github_tokens.page(limit=PAGE + 1, after=read_name(_LIST, wanted.next_token))
    names, token = page_of(_LIST, [one.name for one in found])
    return ListGitHubAccountTokenNamesOutput(token_name_list=names, next_token=token)


def delete(call: Call, wanted: DeleteGitHubAccountTokenInput) -> DeleteGitHubAccountTokenOutput:
    name = wanted.token_name
    if not name:
        raise AwsError(
            "GitHubAccountTokenNameRequiredException", "GitHub account token name must be specified"
        )
    delete_github_token(name, uow=call.uow)
    return DeleteGitHubAccountTokenOutput(token_name=name)
