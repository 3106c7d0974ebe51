"""Checks of a Prometheus, and of whatever else speaks its API ("HTTP API", "Instant queries")."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import httpx2

from tidegate.clock import monotonic
from tidegate.domain.alarms import Inquiry, PrometheusCheck, Reading
from tidegate.drivers.alarms.prometheus_answer import NotRead, Sample, judged, samples_in, unread
from tidegate.drivers.deadlines import Deadline
from tidegate.drivers.tls import distrust_in

CONNECT: Final = timedelta(seconds=3)
READ: Final = timedelta(seconds=10)
"""For the whole answer to one query."""
_OWN_SHARE: Final = 0.8
"""Of the time for an answer, what Prometheus may take: it shall say itself which query is slow."""
LONGEST: Final = timedelta(seconds=15)
"""After which no other query of an inquiry is begun."""
AT_ONCE: Final = 8
"""Queries in flight: a slow one does not hide the rest, and Prometheus works on twenty at most."""
MOST_BYTES: Final = 5_000_000
_SECRET: Final = re.compile(r"[!-~]+")
_NO_URL: Final = "No Prometheus is set; TIDEGATE_PROMETHEUS_URL says where one is."
_UNFIT: Final = "TIDEGATE_PROMETHEUS_TOKEN is no bearer token; correct it."

_Answer: TypeAlias = tuple[Sample, ...] | NotRead


class _Away(NotRead):
    """No other query would be answered, either."""


@dataclass(slots=True)
class _Round:
    """The queries of one inquiry."""

    client: httpx2.Client
    end: float
    away: _Away | None = None
    """Set when the first one found nobody there: the rest is not asked."""


class PrometheusChecks:
    """Asks each query of an inquiry once, and judges what it gives by the checks.

    The token goes to the address of the settings and nowhere else: what leads on is not followed.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        timeout: timedelta = READ,
        longest: timedelta = LONGEST,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._seconds = timeout.total_seconds()
        self._connect = min(CONNECT.total_seconds(), self._seconds)
        self._longest = longest.total_seconds()

    def states(self, inquiry: Inquiry[PrometheusCheck]) -> tuple[Reading[PrometheusCheck], ...]:
        answers = self._answers(tuple(dict.fromkeys(check.query for check in inquiry.alarms)))
        return tuple(_reading(check, answers[check.query]) for check in inquiry.alarms)

    def _answers(self, queries: Sequence[str]) -> dict[str, _Answer]:
        """Return what each query gives."""
        if wrong := self._wrong():
            return dict.fromkeys(queries, NotRead(wrong, may_pass=False))
        with self._client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
            ask = partial(self._answer, _Round(client, monotonic() + self._longest))
            return dict(zip(queries, pool.map(ask, queries), strict=True))

    def _answer(self, asked: _Round, query: str) -> _Answer:
        if asked.away:
            return asked.away
        if monotonic() > asked.end:
            late = f"{self._where} took longer than {self._longest:g} s for all queries."
            return NotRead(late, may_pass=True)
        try:
            return self._ask(asked.client, query)
        except _Away as failure:
            asked.away = failure
            return failure
        except NotRead as failure:
            return failure

    def _wrong(self) -> str:
        """Return what is wrong with the settings."""
        if not self._url:
            return _NO_URL
        return _UNFIT if self._token and not _SECRET.fullmatch(self._token) else ""

    def _client(self) -> httpx2.Client:
        """Return a client whose every query opens a connection, so that it can be hung up on."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "tidegate"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(self._seconds, connect=self._connect),
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def _ask(self, client: httpx2.Client, query: str) -> tuple[Sample, ...]:
        form = {"query": query, "timeout": f"{self._seconds * _OWN_SHARE:g}s"}
        deadline = Deadline(timedelta(seconds=self._connect + self._seconds))
        with (
            self._http_errors(),
            deadline,
            client.stream(
                "POST",
                f"{self._url}/api/v1/query",
                data=form,
                extensions={"trace": deadline.trace},
            ) as answer,
        ):
            body = self._read(answer)
        return samples_in(answer.status_code, body, self._where)

    def _read(self, answer: httpx2.Response) -> bytes:
        """Return the answer, unless it is too large."""
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > MOST_BYTES:
                raise NotRead(
                    f"{self._where} answered more than {MOST_BYTES} bytes; aggregate the query.",
                    may_pass=False,
                )
        return bytes(body)

    @contextmanager
    def _http_errors(self) -> Iterator[None]:
        """Turn the HTTP client's exceptions into ours."""
        try:
            yield
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, UnicodeError):
            raise _Away(
                "TIDEGATE_PROMETHEUS_URL is no http or https address; correct it.", may_pass=False
            ) from None
        except httpx2.TimeoutException:
            raise _Away(f"{self._where} did not answer in time.", may_pass=True) from None
        except httpx2.HTTPError as error:
            if (distrust := distrust_in(error)) is not None:
                sentence = f"The certificate of {self._where} is not trusted ({distrust})"
                remedy = "SSL_CERT_FILE names authorities that are"
                raise _Away(f"{sentence}; {remedy}.", may_pass=False) from None
            kind = type(error).__name__
            raise _Away(f"{self._where} cannot be reached ({kind}).", may_pass=True) from None

    @property
    def _where(self) -> str:
        return f"Prometheus at {self._url}"


def _reading(check: PrometheusCheck, answer: _Answer) -> Reading[PrometheusCheck]:
    return unread(check, answer) if isinstance(answer, NotRead) else judged(check, answer)
