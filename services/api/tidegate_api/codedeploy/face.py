"""`POST /`: bytes in, bytes out; in between one operation of the table."""

from typing import Final

import structlog
from anyio import to_thread
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from tidegate.domain.errors import NoSpace, Refused, Stale
from tidegate.settings import Settings
from tidegate.store.unit_of_work import Store
from tidegate_api.codedeploy.answers import answer_of, refusal_of
from tidegate_api.codedeploy.call import Call, Trail, subject_of
from tidegate_api.codedeploy.errors import AwsError, overtaken, translated
from tidegate_api.codedeploy.gate import Caller, Gate, check_role
from tidegate_api.codedeploy.operations import OPERATIONS, TARGET_PREFIX, Operation
from tidegate_api.codedeploy.parsing import check_content_type, parse
from tidegate_api.codedeploy.shapes.shape import Shape
from tidegate_api.codedeploy.signature import SignedRequest, parse_query

PATH: Final = "/"
TRIES: Final = 3
"""How many times a change is tried while others are ahead of it each time."""
log = structlog.get_logger(__name__)


class Face:
    """CodeDeploy's API over one store."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._gate = Gate(settings, store)

    async def answer(self, request: Request) -> Response:
        """Answer one request; whatever happens, in AWS's words."""
        name = _name_of_operation(request.headers.get("x-amz-target", ""))
        if name is not None:
            structlog.contextvars.bind_contextvars(operation=name)
        body = await request.body()
        return await to_thread.run_sync(self._answer, request, body)

    def _answer(self, request: Request, body: bytes) -> Response:
        try:
            return answer_of(self._perform(request, body))
        except AwsError as error:
            refusal = error
        except Refused as error:
            refusal = translated(error)
        except DataError:
            refusal = _UNHOLDABLE
        except (DBAPIError, PoolTimeout) as error:
            log.error("database_failed", why=str(getattr(error, "orig", error)))  # noqa: TRY400
            refusal = _UNAVAILABLE
        except Exception:
            log.exception("request_failed")
            refusal = _failure(request.state.request_id)
        request.state.refusal = refusal.code
        return refusal_of(refusal)

    def _perform(self, request: Request, body: bytes) -> Shape | None:
        signed = _signed(request, body)
        operation = _operation(signed.headers.get("x-amz-target", ""))
        check_content_type(signed.headers.get("content-type", ""))
        claim = self._gate.claim(signed, now=self._store.clock.now())
        trail = Trail(
            operation=operation.name,
            region=self._gate.region(signed, claim),
            account=self._settings.account_id,
            address=request.client.host if request.client else "",
            request_id=request.state.request_id,
        )
        store = self._store.in_region(trail.region)
        with store.read() as uow:
            caller = self._gate.caller(signed, claim, uow=uow)
            if not operation.changes:
                output = _carry_out(operation, Call(uow=uow, caller=caller, trail=trail), body)
        if operation.changes:
            output = self._change(operation, caller, trail, body)
        self._gate.note_use(caller)
        return output

    def _change(
        self, operation: Operation, caller: Caller, trail: Trail, body: bytes
    ) -> Shape | None:
        store, subject = self._store.in_region(trail.region), ""
        try:
            _check_role(operation, caller, trail)
            wanted = parse(operation.shape, body)
            subject = subject_of(wanted)
            output = _write(operation, wanted, store, trail=trail, caller=caller, subject=subject)
        except (AwsError, Refused) as error:
            refusal = error if isinstance(error, AwsError) else translated(error)
            if not isinstance(error, NoSpace):
                with store.write() as uow:
                    entry = trail.entry(caller, subject, uow=uow, refusal=refusal.code)
                    uow.audit.add(entry)
            raise refusal from None
        log.info("changed", caller=caller.name, subject=subject)
        return output


def _carry_out(operation: Operation, call: Call, body: bytes) -> Shape | None:
    _check_role(operation, call.caller, call.trail)
    return operation.carry_out(call, parse(operation.shape, body))


def _write(
    operation: Operation, wanted: Shape, store: Store, *, trail: Trail, caller: Caller, subject: str
) -> Shape | None:
    """Carry out an operation that changes something, and note it, in one transaction.

    All of it begins anew where somebody else was first: what it read is no longer so.

    Raises:
        AwsError: Others were first each time.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with store.write() as uow:
                output = operation.carry_out(Call(uow=uow, caller=caller, trail=trail), wanted)
                uow.audit.add(trail.entry(caller, subject, uow=uow))
        except Stale:
            log.info("change_overtaken", caller=caller.name, attempt=attempt)
        else:
            return output
    raise overtaken(operation.name)


def _check_role(operation: Operation, caller: Caller, trail: Trail) -> None:
    check_role(caller, operation.role, operation.name, region=trail.region, account=trail.account)


def _operation(target: str) -> Operation:
    name = _name_of_operation(target)
    if name is None:
        raise AwsError(
            "UnknownOperationException",
            f"The X-Amz-Target {target[:100]!r} names no operation; "
            f"it must be {TARGET_PREFIX} and the name of one.",
        )
    return OPERATIONS[name]


def _name_of_operation(target: str) -> str | None:
    name = target.removeprefix(TARGET_PREFIX)
    return name if target.startswith(TARGET_PREFIX) and name in OPERATIONS else None


def _signed(request: Request, body: bytes) -> SignedRequest:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return SignedRequest(
        method=request.method,
        path=request.url.path,
        query=parse_query(request.scope["query_string"]),
        headers=headers,
        body=body,
    )


_UNHOLDABLE: Final = AwsError(
    "SerializationException", "The request has a value that no database can hold."
)
_UNAVAILABLE: Final = AwsError(
    "ServiceUnavailable",
    "The database does not answer as it should; the service's log says why. Try again later.",
    status=503,
)


def _failure(request_id: str) -> AwsError:
    sentence = f"Something went wrong here; the service's log says what under the id {request_id}."
    return AwsError("InternalFailure", sentence, status=500)
