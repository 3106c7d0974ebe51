"""Tokens for GitHub."""

from tidegate_api.codedeploy.shapes.shape import Shape, Text


class ListGitHubAccountTokenNamesInput(Shape):
    next_token: Text | None = None


class ListGitHubAccountTokenNamesOutput(Shape):
    token_name_list: list[Text] | None = None
    next_token: Text | None = None


class DeleteGitHubAccountTokenInput(Shape):
    token_name: Text | None = None


class DeleteGitHubAccountTokenOutput(Shape):
    token_name: Text | None = None
