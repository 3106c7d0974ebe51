"""Use cases on GitHub tokens: what opens private repositories."""

from tidegate.domain.github import GitHubAccountToken, check_secret, kept_name, names_for
from tidegate.drivers.bundles.github import GitHubToken
from tidegate.store.sealing import Seal
from tidegate.store.unit_of_work import UnitOfWork


def create_github_token(
    name: str, secret: str, *, seal: Seal, uow: UnitOfWork
) -> GitHubAccountToken:
    """Keep a token that GitHub gave, for a repository or for all of an owner's.

    Raises:
        Invalid: Nothing on GitHub is called so, or no token looks so.
        GitHubTokenExists: There is one of that name.
        NoSecretKey: There is no key to seal the secret with.
    """
    token = GitHubAccountToken(name=kept_name(name), created_at=uow.now())
    check_secret(secret)
    uow.github_tokens.add(token, seal.close(secret))
    return token


def delete_github_token(name: str, *, uow: UnitOfWork) -> None:
    """Delete a token; on GitHub it stays as it is.

    Raises:
        Invalid: No token can be called so.
        GitHubTokenNotFound: There is none of that name.
    """
    uow.github_tokens.delete(kept_name(name))


def token_for(repository: str, *, seal: Seal, uow: UnitOfWork) -> GitHubToken | None:
    """Return the token that opens `owner/repository`: its own, else its owner's, else none.

    It is looked for in the region of the unit of work, which must be a writing one: that the token
    was used is noted.

    Raises:
        NoSecretKey: There is no key to open the secret with.
        WrongSecretKey: It was sealed with another one.
    """
    found = uow.github_tokens.first(names_for(repository))
    if found is None:
        return None
    token, sealed = found
    opened = GitHubToken(token.name, seal.open(sealed))
    uow.github_tokens.touch(token, at=uow.now())
    return opened
