"""Those who are asked in the bench: Tidegate's API, the floor below it, and moto's server."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from api_work import SECRET_KEY, Data

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from parts.ports import free_port
from parts.processes import end, ending_with_us, wait_until

HERE = Path(__file__).parent
ANYBODY = ("AKIAANYBODY", "anything")
"""moto takes every signature."""
WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that answers, and the access key that it is asked with."""

    name: str
    deployments: int
    port: int
    pid: int
    key: tuple[str, str]


@contextmanager
def tidegate(url: str, data: Data, broker: str, folder: Path) -> Iterator[Peer]:
    """The API as it is in production: one process of its own, which logs each request."""
    port = free_port()
    foreign = {name for name in os.environ if name.startswith("TIDEGATE_")}
    environment = {
        **{name: value for name, value in os.environ.items() if name not in foreign},
        "TIDEGATE_DATA_DIR": str(folder / f"data-{data.deployments}"),
        "TIDEGATE_DATABASE_URL": url,
        "TIDEGATE_BROKER_URL": broker,
        "TIDEGATE_PORT": str(port),
        "TIDEGATE_SECRET_KEY": SECRET_KEY,
    }
    arguments = ["-m", "tidegate_api"]
    with _serving("tidegate", arguments, port, folder, environment=environment) as pid:
        yield Peer("tidegate", data.deployments, port, pid, data.key)


@contextmanager
def floor(url: str, data: Data, folder: Path) -> Iterator[Peer]:
    """A bare route on the same database."""
    port = free_port()
    arguments = [str(HERE / "api_floor.py"), url, str(port)]
    with _serving("floor", arguments, port, folder) as pid:
        yield Peer("floor", data.deployments, port, pid, ANYBODY)


@contextmanager
def moto(deployments: int, folder: Path) -> Iterator[Peer]:
    """moto's server, which keeps everything in its memory."""
    port = free_port()
    arguments = [str(HERE / "api_moto.py"), str(deployments), str(port)]
    with _serving("moto", arguments, port, folder) as pid:
        yield Peer("moto", deployments, port, pid, ANYBODY)


@contextmanager
def _serving(
    name: str,
    arguments: list[str],
    port: int,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    output = folder / f"{name}-{port}.log"
    with ExitStack() as opened:
        log = opened.enter_context(output.open("wb"))
        process = subprocess.Popen(
            ending_with_us([sys.executable, *arguments]),
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        opened.callback(end, process)

        def answers() -> bool:
            if process.poll() is not None:
                raise SystemExit(f"{name} ended: {output.read_text(errors='replace')}")
            try:
                httpx2.get(f"http://127.0.0.1:{port}/")
            except httpx2.TransportError:
                return False
            return True

        wait_until(answers, within=WITHIN, what=f"{name} answers")
        yield process.pid
