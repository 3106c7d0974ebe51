"""Which names and secrets a GitHub token may have, and which repository it opens."""

import pytest

from tidegate.domain.errors import Invalid
from tidegate.domain.github import check_secret, kept_name, names_for


@pytest.mark.parametrize(
    "name",
    ["octocat", "octocat/hello-world", "a/.github", "a_corp/x.y_z-1", "a" * 100 + "/" + "b" * 100],
)
def test_owners_and_repositories_are_names(name: str):
    assert kept_name(name) == name


def test_upper_case_is_kept_as_lower_case():
    assert kept_name("OctoCat/Hello-World") == "octocat/hello-world"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "a b",
        "a\n",
        "a/b\n",
        ".",
        "..",
        "./b",
        "../b",
        "a/.",
        "a/..",
        "ü",
        "a" * 101,
        "a/" + "b" * 101,
        "https://github.com/a/b",
    ],
)
def test_what_is_none_of_both_is_no_name(name: str):
    with pytest.raises(Invalid, match="OWNER or OWNER/REPOSITORY"):
        kept_name(name)


@pytest.mark.parametrize("secret", ["x", "ghp_" + "a1B2" * 9, "x" * 4000])
def test_what_github_gives_is_taken(secret: str):
    check_secret(secret)


@pytest.mark.parametrize(
    "secret", ["", " ", "hush hush", "hush\n", "hüsh", "hush\0", "hush" * 1001]
)
def test_what_is_no_token_is_refused_and_not_repeated(secret: str):
    with pytest.raises(Invalid) as caught:
        check_secret(secret)

    assert "hush" not in str(caught.value)


def test_the_token_of_a_repository_goes_before_that_of_its_owner():
    assert names_for("OctoCat/Hello") == ("octocat/hello", "octocat")
