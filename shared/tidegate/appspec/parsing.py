"""From the text of an AppSpec to its value, or to everything that is wrong in it."""

from typing import Final

from tidegate.appspec.errors import InvalidAppSpec
from tidegate.appspec.findings import Findings
from tidegate.appspec.nodes import MOST_BYTES, Unreadable, read
from tidegate.appspec.server import read_server
from tidegate.appspec.values import AppSpec, Platform, Problem

_BOM: Final = "\ufeff"


def parse_appspec(text: str | bytes, *, platform: Platform = "Server") -> AppSpec:
    """Return what an AppSpec says, read as the CodeDeploy agent reads it.

    Raises:
        InvalidAppSpec: It is wrong; it names every problem, in the order of the agent's checks.
    """
    if platform != "Server":
        raise ValueError(platform)
    decoded = _decoded(text)
    appspec, findings = _read(decoded)
    if appspec:
        return appspec
    if decoded.startswith(_BOM):
        _explain_the_mark(decoded, findings)
    raise InvalidAppSpec(tuple(findings.problems), tuple(findings.warnings))


def _read(text: str) -> tuple[AppSpec | None, Findings]:
    try:
        document = read(text)
    except Unreadable as refusal:
        findings = Findings()
        findings.problems.extend(refusal.problems)
        return None, findings
    findings = Findings(document.notes)
    return read_server(document.root, findings), findings


def _explain_the_mark(text: str, findings: Findings) -> None:
    # The mark moves the first key by one column, so the agent sees no other key and stops at 'os'.
    message = "The file begins with a byte order mark (BOM), so the agent sees its first key only."
    hint = "Save it as UTF-8 without BOM."
    _, without = _read(text.removeprefix(_BOM))
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
        raise _refused(line, column, "The file is not UTF-8 text.", "Save it as UTF-8.") from None


def _refused(line: int, column: int, message: str, hint: str = "") -> InvalidAppSpec:
    problem = Problem(line=line, column=column, key="", message=message, hint=hint)
    return InvalidAppSpec((problem,))
