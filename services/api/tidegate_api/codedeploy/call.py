"""One call of an operation: who calls it, where, and the unit of work that it happens in."""

import json
from dataclasses import dataclass
from typing import Final

from tidegate.domain.arn import Arn, parse_arn
from tidegate.domain.audit import AuditEntry
from tidegate.store.unit_of_work import UnitOfWork
from tidegate_api.codedeploy.gate import Caller
from tidegate_api.codedeploy.shapes.shape import Shape

_LONGEST_SUBJECT: Final = 1000
_LONGEST_ADDRESS: Final = 100
"""A proxy on this machine says for whom it asks, in words of its own."""
_TELLING: Final = ("Name", "Names", "Id", "Ids", "Arn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What the audit keeps of a call, whatever becomes of it."""

    operation: str
    region: str
    account: str
    address: str
    request_id: str

    def entry(
        self, caller: Caller, subject: str, *, uow: UnitOfWork, refusal: str = ""
    ) -> AuditEntry:
        """Return the row that a call leaves."""
        return AuditEntry(
            at=uow.now(),
            actor=caller.name,
            access_key_id=caller.access_key_id,
            address=self.address[:_LONGEST_ADDRESS],
            region=self.region,
            operation=self.operation,
            subject=subject,
            request_id=self.request_id,
            refusal=refusal,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What an operation works with."""

    uow: UnitOfWork
    """A reading one, or for an operation that changes something a writing one."""
    caller: Caller
    trail: Trail

    def arn(self, text: str) -> Arn:
        """Return what an ARN names.

        Raises:
            Invalid: It is none of this region and account, or of nothing that has tags.
        """
        return parse_arn(text, region=self.trail.region, account=self.trail.account)


def subject_of(wanted: Shape) -> str:
    """Return the names and ids in a request, for the audit."""
    told = wanted.model_dump(by_alias=True, exclude_none=True)
    telling = {name: value for name, value in told.items() if name.endswith(_TELLING)}
    return json.dumps(telling, ensure_ascii=False)[:_LONGEST_SUBJECT]
