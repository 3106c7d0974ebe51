"""Load on an API: several connections, each of which sends its next request when it is answered."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

import psutil

SILENCE = 60.0
"""Seconds that the last answers may take."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a series of requests took."""

    requests: int
    seconds: float
    median: float
    """Milliseconds."""
    p99: float
    cpu: float
    """Milliseconds of processor time of the server for each request."""
    load_cpu: float
    """The share of one core that the load itself took."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def measure(
    port: int, pid: int, requests: Sequence[bytes], *, connections: int, seconds: float, once: bool
) -> Took:
    """Send *requests* for so long: over and over, or each *once*."""
    server, own = psutil.Process(pid), time.process_time()
    before = _cpu(server)
    load = _Load(port, iter(requests) if once else itertools.cycle(requests), seconds)
    passed = asyncio.run(load.run(connections))
    cpu = _cpu(server) - before
    cuts = quantiles(load.latencies, n=100)
    count = len(load.latencies)
    return Took(
        requests=count,
        seconds=passed,
        median=1000 * cuts[49],
        p99=1000 * cuts[98],
        cpu=1000 * cpu / count,
        load_cpu=(time.process_time() - own) / passed,
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@dataclass(slots=True)
class _Load:
    port: int
    requests: Iterator[bytes]
    seconds: float
    latencies: list[float] = field(default_factory=list)
    end: float = 0.0

    async def run(self, connections: int) -> float:
        begun = time.perf_counter()
        self.end = begun + self.seconds
        async with asyncio.timeout(self.seconds + SILENCE), asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(self._keep_asking())
        return time.perf_counter() - begun

    async def _keep_asking(self) -> None:
        loop = asyncio.get_running_loop()
        while time.perf_counter() < self.end:
            # A server that ends its connection after an answer gets a new one.
            connection = _Connection(self, loop.create_future())
            await loop.create_connection(lambda c=connection: c, "127.0.0.1", self.port)
            if await connection.over:
                return

    def next(self) -> bytes | None:
        return None if time.perf_counter() >= self.end else next(self.requests, None)


class _Connection(asyncio.Protocol):
    """Asks, takes the time until the whole answer is there, and asks again."""

    def __init__(self, load: _Load, over: "asyncio.Future[bool]") -> None:
        self.over = over
        self._load = load
        self._answer = b""
        self._wanted = 0
        self._asked_at = 0.0
        self._is_last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._wanted:
            self._wanted = self._length()
        if self._wanted and len(self._answer) >= self._wanted:
            self._load.latencies.append(time.perf_counter() - self._asked_at)
            if self._is_last:
                self._transport.close()
            else:
                self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.over.done():
            self.over.set_result(False)

    def _length(self) -> int:
        head, end, _ = self._answer.partition(b"\r\n\r\n")
        if not end:
            return 0
        if b" 200 " not in head[:20]:
            self.over.set_exception(RuntimeError(self._answer.decode(errors="replace")))
            self._transport.close()
            return 0
        lines = head.lower().split(b"\r\n")
        self._is_last = b"connection: close" in lines
        found = (line for line in lines if line.startswith(b"content-length:"))
        return len(head) + 4 + int(next(found).split(b":")[1])

    def _ask(self) -> None:
        request = self._load.next()
        if request is None:
            self.over.set_result(True)
            self._transport.close()
            return
        self._answer, self._wanted = b"", 0
        self._asked_at = time.perf_counter()
        self._transport.write(request)
