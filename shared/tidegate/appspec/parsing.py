"""From the text of an AppSpec to its value, or to everything that is wrong in it."""

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, TypeAlias, overload

from tidegate.appspec.ecs_services import EcsAppSpec, read_ecs
from tidegate.appspec.errors import InvalidAppSpec
from tidegate.appspec.findings import Findings
from tidegate.appspec.lambda_functions import LambdaAppSpec, read_lambda
from tidegate.appspec.nodes import Node
from tidegate.appspec.paths import Holds
from tidegate.appspec.reading import MOST_BYTES, Unreadable, read
from tidegate.appspec.resources import guess_platform
from tidegate.appspec.server import read_server
from tidegate.appspec.values import AppSpec, Platform, Problem

AnyAppSpec: TypeAlias = AppSpec | LambdaAppSpec | EcsAppSpec
_BOM: Final = "\ufeff"
_READERS: Final[Mapping[Platform, Callable[[Node | None, Findings], AnyAppSpec | None]]] = {
    "Server": read_server,
    "Lambda": read_lambda,
    "ECS": read_ecs,
}
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@overload
def parse_appspec(
    text: str | bytes,
    *,
    platform: Literal["Server"] = "Server",
    holds: Holds | None = None,
    custom_events: Collection[str] = (),
) -> AppSpec: ...
@overload
def parse_appspec(
    text: str | bytes, *, platform: Literal["Lambda"], holds: Holds | None = None
) -> LambdaAppSpec: ...
@overload
def parse_appspec(
    text: str | bytes, *, platform: Literal["ECS"], holds: Holds | None = None
) -> EcsAppSpec: ...
@overload
def parse_appspec(
    text: str | bytes, *, platform: Platform, holds: Holds | None = None
) -> AnyAppSpec: ...
def parse_appspec(
    text: str | bytes,
    *,
    platform: Platform = "Server",
    holds: Holds | None = None,
    custom_events: Collection[str] = (),
) -> AnyAppSpec:
    """Return what an AppSpec says; one for servers is read as the CodeDeploy agent reads it.

    With *holds*, what tells the content of the bundle, sources and scripts that are not there are
    warned of; of events that are none of a server's own, *custom_events* are not.

    Raises:
        InvalidAppSpec: It is wrong; it names every problem, in the order of the agent's checks.
    """
    decoded = _decoded(text)
    if platform != "Server":
        # Only the agent stumbles over a byte order mark.
        decoded = decoded.removeprefix(_BOM)
    appspec, findings = _read(decoded, platform, holds, custom_events)
    if appspec:
        return appspec
    if decoded.startswith(_BOM):
        _explain_the_mark(decoded, findings)
    raise InvalidAppSpec(tuple(findings.problems), tuple(findings.warnings))


def platform_of(text: str | bytes) -> Platform:
    """Return the platform that a text is plainly for, and Server for all others."""
    try:
        return guess_platform(read(_decoded(text).removeprefix(_BOM)).root)
    except (InvalidAppSpec, Unreadable):
        return "Server"


def _read(
    text: str,
    platform: Platform,
    holds: Holds | None = None,
    custom_events: Collection[str] = (),
) -> tuple[AnyAppSpec | None, Findings]:
    try:
        document = read(text)
    except Unreadable as refusal:
        findings = Findings()
        findings.problems.extend(refusal.problems)
        return None, findings
    findings = Findings(document.notes, holds=holds, custom_events=custom_events)
    return _READERS[platform](document.root, findings), findings


def _explain_the_mark(text: str, findings: Findings) -> None:
    # The mark moves the first key by one column, so the agent sees no other key and stops at 'os'.
    message = "The file begins with a byte order mark (BOM), so the agent sees its first key only."
    hint = "Save it as UTF-8 without BOM."
    _, without = _read(text.removeprefix(_BOM), "Server")
    seen = [problem for problem in without.problems if problem not in findings.problems]
    mark = Problem(line=1, column=1, key="", message=message, hint=hint)
    findings.problems[1:] = [mark, *seen]


def _decoded(text: str | bytes) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise _refused(1, 1, f"The file has {size:,} bytes; an AppSpec has at most {MOST_BYTES:,}.")
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start].decode()
        line, column = before.count("\n") + 1, error.start - before.encode().rfind(b"\n")
        seems = " but seems to be UTF-16" if text.startswith(_UTF_16) else ""
        message = f"The file is not UTF-8 text{seems}."
        raise _refused(line, column, message, "Save it as UTF-8.") from None


def _refused(line: int, column: int, message: str, hint: str = "") -> InvalidAppSpec:
    problem = Problem(line=line, column=column, key="", message=message, hint=hint)
    return InvalidAppSpec((problem,))
