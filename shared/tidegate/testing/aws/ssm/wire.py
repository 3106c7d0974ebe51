"""Puts the service into moto's server: its six operations, and the switches of tests.

Tests speak JSON to `/stand-in/ssm/…`; `handle.RunCommand` does it for them.
"""

import atexit
import json
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from tidegate.testing.aws.ssm.host import Host
from tidegate.testing.aws.ssm.limits import Refused, check
from tidegate.testing.aws.ssm.operations import OPERATIONS
from tidegate.testing.aws.ssm.service import RunCommandService
from tidegate.testing.aws.ssm.switches import ADMIN, Call, Fault, Mishap

_TARGET: Final = "AmazonSSM."
_SIGNED: Final = re.compile(r"Credential=([^/]+)/[0-9]+/([^/]+)/")
_JSON: Final = "application/x-amz-json-1.1"
Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]
_moto: Final = DomainDispatcherApplication.__call__


def apply() -> None:
    """Have moto's servers in this process run commands; nothing of them outlives it."""
    service = RunCommandService()
    atexit.register(service.begin_anew)

    def serve(
        self: DomainDispatcherApplication, environ: Environ, start_response: Start
    ) -> Iterable[bytes]:
        path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
        if path.startswith(ADMIN):
            return _administer(service, path.removeprefix(ADMIN), environ, start_response)
        if target.startswith(_TARGET) and target.removeprefix(_TARGET) in OPERATIONS:
            return _called(service, target.removeprefix(_TARGET), environ, start_response)
        if path == "/moto-api/reset":
            with service.lock:
                service.begin_anew()
        return _moto(self, environ, start_response)  # type: ignore[no-any-return]

    DomainDispatcherApplication.__call__ = serve  # type: ignore[method-assign]


def _body(environ: Environ) -> Any:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return json.loads(environ["wsgi.input"].read(length) or b"{}")


def _answer(start: Start, status: int, answer: Any) -> list[bytes]:
    body = json.dumps(answer).encode()
    headers = [("Content-Type", _JSON), ("Content-Length", str(len(body)))]
    start(
        f"{status} {'OK' if status < 300 else 'Refused'}",
        [*headers, ("x-amzn-RequestId", str(uuid.uuid4()))],
    )
    return [body]


def _called(
    service: RunCommandService, operation: str, environ: Environ, start: Start
) -> list[bytes]:
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region = signed.groups() if signed else ("", "us-east-1")
    call = Call(
        operation=operation,
        region=region,
        access_key_id=key,
        at=time.time(),
        request=_body(environ),
    )
    status = 200
    with service.lock:
        service.heard.calls.append(call)
        try:
            call.answer = _carried_out(service, call)
        except Refused as refused:
            status, call.error = refused.status, refused.code
            call.answer = {"__type": refused.code, "message": refused.message}
    if call.error == "ConnectionReset":
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError
    return _answer(start, status, call.answer)


def _carried_out(service: RunCommandService, call: Call) -> Any:
    fault = next((one for one in service.faults if one.operation == call.operation), None)
    if fault:
        service.faults.remove(fault)
    if fault and not fault.done:
        raise Refused(fault.code or "ConnectionReset", "It was told so.", status=fault.status)
    if not service.throttle.lets_through(call.operation, service.switches, now=call.at):
        raise Refused("ThrottlingException", "Rate exceeded")
    check(call.operation, call.request)
    answer = OPERATIONS[call.operation](service, call.region, call.request)
    if fault:
        raise Refused(fault.code or "ConnectionReset", "It was done.", status=fault.status)
    return answer


def _administer(
    service: RunCommandService, verb: str, environ: Environ, start: Start
) -> list[bytes]:
    if environ["REQUEST_METHOD"] != "POST" or environ.get("CONTENT_TYPE") != "application/json":
        # A page in somebody's browser can send neither without asking first.
        return _answer(start, 405, None)
    told = _body(environ)
    with service.lock:
        answer = _SWITCHES[verb](service, told)
    service.wake()
    return _answer(start, 200, answer)


def _add_hosts(service: RunCommandService, told: Any) -> None:
    for one in told:
        folder = Path(one["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        service.hosts[one["id"]] = Host(**{**one, "folder": folder})


def _configure(service: RunCommandService, told: Any) -> None:
    service.switches = service.switches.changed(**told)


def _stop_agent(service: RunCommandService, told: Any) -> None:
    service.hosts[told["id"]].stop_agent(workers_die=told["workers_die"])


def _start_agent(service: RunCommandService, told: Any) -> None:
    service.hosts[told["id"]].start_agent()


def _add_mishap(service: RunCommandService, told: Any) -> None:
    service.mishaps.append(Mishap(**told))


def _add_fault(service: RunCommandService, told: Any) -> None:
    service.faults.append(Fault(**told))


def _heal(service: RunCommandService, _: Any) -> None:
    service.heal()


def _forget(service: RunCommandService, _: Any) -> None:
    service.heard.calls.clear()


def _tell_calls(service: RunCommandService, _: Any) -> Any:
    return [asdict(call) for call in service.heard.calls]


def _tell_counts(service: RunCommandService, _: Any) -> Any:
    return service.heard.counts()


def _begin_anew(service: RunCommandService, _: Any) -> None:
    service.begin_anew()


_SWITCHES: Final[dict[str, Callable[[RunCommandService, Any], Any]]] = {
    "hosts": _add_hosts,
    "configure": _configure,
    "stop-agent": _stop_agent,
    "start-agent": _start_agent,
    "mishap": _add_mishap,
    "fault": _add_fault,
    "heal": _heal,
    "forget": _forget,
    "calls": _tell_calls,
    "counts": _tell_counts,
    "reset": _begin_anew,
}
