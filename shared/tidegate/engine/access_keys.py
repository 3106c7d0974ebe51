"""Use cases on access keys: what requests to the AWS API are signed with."""

from tidegate.domain.access import AccessKey, Role
from tidegate.domain.errors import AccessKeyExists, AccessKeyNotFound
from tidegate.engine.checks import check_name
from tidegate.store.sealing import Seal
from tidegate.store.unit_of_work import UnitOfWork


def create_access_key(
    name: str, role: Role, *, seal: Seal, uow: UnitOfWork
) -> tuple[AccessKey, str]:
    """Create an access key and return it with its secret, which nobody can be told again.

    Raises:
        Invalid: The name cannot be taken.
        AccessKeyExists: There is one of that name.
        NoSecretKey: There is no key to seal the secret with.
    """
    check_name("access key", name)
    if _exists(name, uow):
        raise AccessKeyExists(name)
    key_id, secret = uow.ids.access_key()
    key = AccessKey(id=key_id, name=name, role=role, created_at=uow.now())
    uow.access_keys.add(key, seal.close(secret))
    return key, secret


def revoke_access_key(name_or_id: str, *, uow: UnitOfWork) -> AccessKey:
    """End an access key; one that has ended stays so.

    Raises:
        AccessKeyNotFound: There is none of that name or id.
    """
    key = uow.access_keys.named(name_or_id)
    uow.access_keys.revoke(key.id, at=uow.now())
    return uow.access_keys.named(name_or_id)


def _exists(name: str, uow: UnitOfWork) -> bool:
    try:
        uow.access_keys.named(name)
    except AccessKeyNotFound:
        return False
    return True
