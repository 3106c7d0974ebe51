"""How fast CodeDeploy's API answers, beside a bare route and moto's server, in turn.

One after the other is asked the same for a while, so that what else the machine does meets all of
them alike.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from api_load import Took, measure
from api_peers import Peer, floor, moto, tidegate
from api_report import CHAPTER, goals_of, section, summary_of, table_of
from api_work import Body, Data, create_bodies, get_bodies, signed
from findings import machine

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from parts.postgres import PostgresServer
from parts.redis import RedisServer

FEW, MANY = 1_000, 100_000
DATABASES = ("sqlite", "postgresql")
OPERATIONS = ("GetDeployment", "ListDeployments", "CreateDeployment")


@dataclass(slots=True)
class Bench:
    """Everybody who is asked on one kind of database, and what was measured until now."""

    database: str
    peers: list[Peer]
    data: dict[int, Data]
    options: argparse.Namespace
    runs: list[dict[str, object]] = field(default_factory=list)

    def measure(self) -> None:
        for operation in self.options.operations:
            asked = [peer for peer in self.peers if _is_asked(peer, operation)]
            # Round 0 warms all of them up, and counts for nothing.
            for number in range(self.options.rounds + 1):
                turn = number % len(asked)
                for peer in [*asked[turn:], *asked[:turn]]:
                    self._ask(peer, operation, number)

    def _ask(self, peer: Peer, operation: str, number: int) -> None:
        once = operation == "CreateDeployment"
        if once and peer.name == "tidegate":
            self.data[peer.deployments].free()
        requests = signed(operation, _bodies(operation, peer), port=peer.port, key=peer.key)
        took = measure(
            peer.port,
            peer.pid,
            requests,
            connections=self.options.connections,
            seconds=self.options.seconds,
            once=once,
        )
        if number:
            self._note(peer, operation, number, took)

    def _note(self, peer: Peer, operation: str, number: int, took: Took) -> None:
        run = {
            "database": self.database,
            "operation": operation,
            "peer": peer.name,
            "deployments": peer.deployments,
            "round": number,
            "rate": took.rate,
            **asdict(took),
        }
        self.runs.append(run)
        print(
            f"{self.database:<10} {operation:<16} {peer.name:<8} {peer.deployments:6} "
            f"round {number}: {took.rate:6.0f}/s, median {took.median:.2f} ms, p99 {took.p99:.2f} "
            f"ms, CPU {took.cpu:.2f} ms; the load {100 * took.load_cpu:.0f} % of a core",
            flush=True,
        )


def _is_asked(peer: Peer, operation: str) -> bool:
    """Whether it is: only lists are compared over few and over many deployments."""
    if operation == "ListDeployments":
        return peer.name != "floor"
    return peer.deployments == MANY and (peer.name != "floor" or operation == "GetDeployment")


def _bodies(operation: str, peer: Peer) -> Sequence[Body]:
    match operation:
        case "GetDeployment":
            return get_bodies(500, peer.deployments)
        case "CreateDeployment":
            return create_bodies()
        case _:
            return [{}]


def run_on(database: str, options: argparse.Namespace) -> list[dict[str, object]]:
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-api-")))
        redis = RedisServer(folder / "redis").start()
        opened.callback(redis.stop)
        urls = {count: f"sqlite:///{folder}/{count}.sqlite" for count in (FEW, MANY)}
        if database == "postgresql":
            server = opened.enter_context(PostgresServer(durable=True))
            urls = {count: server.url(server.create()) for count in (FEW, MANY)}
        data: dict[int, Data] = {}
        peers: list[Peer] = []
        for count, url in urls.items():
            print(f"Writing {count} deployments to {database}", flush=True)
            data[count] = Data(url, count)
            opened.callback(data[count].close)
            peers.append(opened.enter_context(tidegate(url, data[count], redis.url, folder)))
            peers.append(opened.enter_context(moto(count, folder)))
        peers.append(opened.enter_context(floor(urls[MANY], data[MANY], folder)))
        bench = Bench(database, peers, data, options)
        bench.measure()
        return bench.runs


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", default=",".join(DATABASES))
    parser.add_argument("--operations", default=",".join(OPERATIONS))
    parser.add_argument("--rounds", type=int, default=5, help="how often each is asked (5)")
    parser.add_argument("--seconds", type=float, default=3, help="and for how long (3)")
    parser.add_argument("--connections", type=int, default=4, help="at once (4)")
    parser.add_argument("--save", action="store_true", help="write api.json and RESULTS.md")
    options = parser.parse_args(arguments)
    options.databases = options.databases.split(",")
    options.operations = options.operations.split(",")
    for given, known in ((options.databases, DATABASES), (options.operations, OPERATIONS)):
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return options


def main() -> int:
    options = options_of(sys.argv[1:])
    # So that nothing is left when it is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The bench was ended."))
    told = machine(in_memory=False)
    runs = [run for database in options.databases for run in run_on(database, options)]
    found = {"machine": told, "connections": options.connections, "runs": runs}
    if options.save:
        CHAPTER.save(found, section(found))
    print(table_of(summary_of(runs)))
    print("\n".join(goals_of(summary_of(runs))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
