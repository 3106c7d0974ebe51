"""A running service, spoken to over HTTP: asks, and turns refusals into sentences."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2

from tidegate_cli.connection import Connection, find_connection
from tidegate_cli.errors import Ended, Refused, Unavailable, Unreachable

PAGE: Final = 100
QUICK: Final = httpx2.Timeout(30, connect=5)
UPLOAD: Final = httpx2.Timeout(600, connect=5)
STREAM: Final = httpx2.Timeout(30, connect=5)
MAY_PASS: Final = frozenset({408, 425, 429, 502, 503, 504})
CHUNK: Final = 1 << 18

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Streamed:
    """One event of a stream, with the id to resume after it."""

    id: str
    data: Document


class Service:
    """A running Tidegate. Paths are given in parts, so that no name can lead elsewhere.

    Every method raises `Refused` for a no, and `Unavailable` if nobody answers.
    """

    def __init__(
        self, connection: Connection, *, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self.url = connection.url
        self._connection = connection
        headers = {"Accept": "application/json", "User-Agent": "tidegate-cli"}
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        try:
            self._http = httpx2.Client(
                base_url=f"{self.url}/v1/",
                headers=headers,
                params={"region": connection.region} if connection.region else {},
                timeout=QUICK,
                transport=transport,
            )
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise _no_address(self.url, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, *parts: str, **params: object) -> Document:
        return _document(self._ask("GET", parts, params=_given(params)), self.url)

    def items(self, *parts: str, limit: int | None = None, **params: object) -> Iterator[Document]:
        """Yield the entries of a list, page after page, *limit* of them at most."""
        cursor: str | None = None
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            page = self.get(*parts, **params, limit=size, cursor=cursor)
            entries = page.get("items", [])
            yield from entries
            limit = None if limit is None else limit - len(entries)
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def create(self, *parts: str, body: Mapping[str, object] | None = None) -> Document:
        return _document(self._ask("POST", parts, json=dict(body or {})), self.url)

    def change(self, *parts: str, body: Mapping[str, object]) -> Document:
        return _document(self._ask("PATCH", parts, json=dict(body)), self.url)

    def replace(self, *parts: str, body: Mapping[str, object]) -> Document:
        return _document(self._ask("PUT", parts, json=dict(body)), self.url)

    def delete(self, *parts: str) -> None:
        self._ask("DELETE", parts)

    def log(self, *parts: str, event: str, after: int) -> tuple[bytes, int]:
        """Return what an event's log has after so many bytes, and at which byte it ends."""
        accept = {"Accept": "text/plain"}
        answer = self._ask("GET", parts, params={"event": event, "after": after}, headers=accept)
        end = answer.headers.get("Tidegate-Log-End", "")
        return answer.content, int(end) if end.isdecimal() else after + len(answer.content)

    def upload(self, *parts: str, file: Path, **params: object) -> Document:
        """Send a file as it is."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(file.stat().st_size),
        }
        answer = self._ask(
            "POST",
            parts,
            params=_given(params),
            headers=headers,
            content=_chunks(file),
            timeout=UPLOAD,
        )
        return _document(answer, self.url)

    @contextmanager
    def stream(self, *parts: str, after: str) -> Iterator[Iterator[Streamed]]:
        """Open a stream of events behind the one with the id *after*."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": after}
        with (
            self._sentences(),
            self._http.stream("GET", _path(parts), headers=headers, timeout=STREAM) as answer,
        ):
            if answer.status_code >= 400:
                answer.read()
            self._check(answer)
            yield _events(answer)

    def _ask(self, method: str, parts: tuple[str, ...], **options: Any) -> httpx2.Response:
        with self._sentences():
            answer = self._http.request(method, _path(parts), **options)
        self._check(answer)
        return answer

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise _no_address(self.url, error) from None
        except UnicodeEncodeError:
            raise Refused(
                "What was given has bytes that are no UTF-8; write it in UTF-8."
            ) from None
        except httpx2.TransportError as error:
            raise _unavailable(self.url, error) from None
        except (httpx2.DecodingError, httpx2.TooManyRedirects, httpx2.SSEError):
            raise _stranger(self.url) from None

    def _check(self, answer: httpx2.Response) -> None:
        status = answer.status_code
        if status < 300:
            return
        if status == 401 and not self._connection.token:
            raise Refused(self._connection.remedy, status=status)
        sentence = _detail(answer) or f"{self.url} answered {status} {answer.reason_phrase}."
        if status in MAY_PASS:
            raise Unavailable(sentence)
        raise Refused(sentence, status=status)


def connect(profile: str | None = None) -> Service:
    """Return the service that environment and profile name."""
    return Service(find_connection(profile))


def _path(parts: tuple[str, ...]) -> str:
    if not all(parts):
        raise Refused("A name cannot be empty.")
    return "/".join(map(_quoted, parts))


def _quoted(part: str) -> str:
    return part.replace(".", "%2E") if part in {".", ".."} else quote(part, safe="")


def _given(params: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {name: _wire(value) for name, value in params.items() if value not in (None, (), [])}


def _wire(value: object) -> str | list[str]:
    if isinstance(value, (list, tuple)):
        return [str(each) for each in value]
    return str(value)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(CHUNK):
            yield chunk


def _events(answer: httpx2.Response) -> Iterator[Streamed]:
    for event in httpx2.EventSource(answer):
        if not event.data:
            continue
        try:
            data = json.loads(event.data)
        except ValueError:
            continue
        if isinstance(data, dict) and "subject" in data:
            yield Streamed(id=event.id or str(data.get("id", "")), data=data)


def _document(answer: httpx2.Response, url: str) -> Document:
    if answer.status_code == 204:
        return {}
    try:
        document = answer.json()
    except ValueError:
        raise _stranger(url) from None
    if not isinstance(document, dict):
        raise _stranger(url)
    return document


def _detail(answer: httpx2.Response) -> str:
    """Return the sentence of a problem document, or nothing if this is none."""
    try:
        problem = answer.json()
    except ValueError:
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail if isinstance(detail, str) else ""


def _unavailable(url: str, error: httpx2.TransportError) -> Unavailable:
    words = str(error).strip().rstrip(".")
    _, bracket, after = words.rpartition("] ")
    why = (after if bracket else words) or type(error).__name__
    match error:
        case httpx2.ConnectTimeout():
            return Unreachable(url, "it took too long")
        case httpx2.ConnectError():
            return Unreachable(url, why)
        case httpx2.TimeoutException():
            return Unavailable(f"{url} took too long to answer.")
        case _:
            return Unavailable(f"The connection to {url} broke ({why}).")


def _no_address(url: str, error: Exception) -> Ended:
    return Refused(f"{url!r} is no address of a service ({error}); write it as http://HOST:PORT.")


def _stranger(url: str) -> Ended:
    return Refused(f"What answers at {url} is not Tidegate; check TIDEGATE_URL.")
