"""Operations on GitHub tokens, through boto3; they are made under `/v1`."""

from datetime import UTC, datetime

from sqlalchemy import insert

from component.codedeploy.conftest import Aws, refused, seen
from tidegate.domain.access import Role
from tidegate.store.access_tables import GitHubTokenRow


def add(aws: Aws, *names: str, region: str = "us-east-1") -> None:
    for name in names:
        body = {"name": name, "token": "ghp_hush"}
        answer = aws.service.post("/v1/github-tokens", body, params={"region": region})
        assert answer.status_code == 201, answer.text


def with_many(aws: Aws, count: int) -> list[str]:
    """Write so many tokens as rows, and return their names."""
    names = [f"octocat/hello-{number:04}" for number in range(count)]
    rows = [
        {
            "region": "us-east-1",
            "name": name,
            "sealed_secret": b"sealed",
            "created_at": datetime.now(UTC),
            "last_used_at": None,
        }
        for name in names
    ]
    with aws.service.parts.store.write() as uow:
        uow.session.execute(insert(GitHubTokenRow), rows)
    return names


def test_what_they_are_called_is_listed(aws: Aws, codedeploy):
    none = codedeploy.list_git_hub_account_token_names()
    add(aws, "octocat/hello", "Octocat")
    add(aws, "elsewhere", region="eu-west-1")

    listed = aws.client(Role.VIEWER).list_git_hub_account_token_names()
    there = aws.client(region="eu-west-1").list_git_hub_account_token_names()

    assert none["tokenNameList"] == []
    assert listed["tokenNameList"] == ["octocat", "octocat/hello"]
    assert there["tokenNameList"] == ["elsewhere"]
    assert "nextToken" not in listed


def test_the_list_has_pages_that_insertions_do_not_move(aws: Aws, codedeploy):
    names = with_many(aws, 260)
    list_ = codedeploy.list_git_hub_account_token_names

    assert seen(list_, "tokenNameList") == names
    first = list_()
    assert len(first["tokenNameList"]) == 100
    add(aws, "octocat/hello-0000-before", "octocat/hello-0099-behind")
    second = list_(nextToken=first["nextToken"])["tokenNameList"]
    assert second[:2] == ["octocat/hello-0099-behind", "octocat/hello-0100"]


def test_a_token_of_no_list_is_refused(aws: Aws, codedeploy):
    list_ = codedeploy.list_git_hub_account_token_names
    for number in range(101):
        codedeploy.create_application(applicationName=f"app-{number}")
    of_another = codedeploy.list_applications()["nextToken"]

    for token in ("x", of_another):
        refused("InvalidNextTokenException", list_, nextToken=token)


def test_one_is_deleted_and_its_name_told_again(aws: Aws, codedeploy):
    add(aws, "octocat", "octocat/hello")
    add(aws, "octocat", region="eu-west-1")

    told = codedeploy.delete_git_hub_account_token(tokenName="Octocat/Hello")["tokenName"]

    assert told == "Octocat/Hello"
    assert codedeploy.list_git_hub_account_token_names()["tokenNameList"] == ["octocat"]
    codedeploy.delete_git_hub_account_token(tokenName="octocat")
    there = aws.client(region="eu-west-1").list_git_hub_account_token_names()
    assert there["tokenNameList"] == ["octocat"]
    with aws.service.parts.store.read() as uow:
        entry = uow.audit.page(limit=1)[0][1]
    assert (entry.operation, entry.subject) == (
        "DeleteGitHubAccountToken",
        '{"tokenName": "octocat"}',
    )


def test_what_cannot_be_deleted(aws: Aws, codedeploy):
    add(aws, "octocat")
    delete = codedeploy.delete_git_hub_account_token

    refused("GitHubAccountTokenNameRequiredException", delete)
    refused("GitHubAccountTokenNameRequiredException", delete, tokenName="")
    for name in ("a b", "a/b/c", "a" * 101):
        refused("InvalidGitHubAccountTokenNameException", delete, tokenName=name)
    sentence = refused("GitHubAccountTokenDoesNotExistException", delete, tokenName="nobody")
    assert sentence == "No GitHub account token found for name: nobody"
    for role in (Role.VIEWER, Role.DEPLOYER):
        delete = aws.client(role).delete_git_hub_account_token
        refused("AccessDeniedException", delete, tokenName="octocat")
    assert codedeploy.list_git_hub_account_token_names()["tokenNameList"] == ["octocat"]
