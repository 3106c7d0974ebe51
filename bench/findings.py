"""What every bench makes of what it found: tables, goals, and its chapter of RESULTS.md."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
from fleet_peers import program

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The files of one bench, and its part of RESULTS.md."""

    name: str

    @property
    def picture(self) -> Path:
        return HERE / f"{self.name}.png"

    def load(self) -> dict[str, Any]:
        """Return what was found before, or nothing."""
        file = self._json
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def save(self, found: Found, section: str) -> None:
        """Write and draw what was *found*, and put *section* into RESULTS.md."""
        self._json.write_text(json.dumps(found, indent=1) + "\n")
        plot = HERE / f"{self.name}_plot.py"
        if plot.exists():
            subprocess.run([program("tools", "python"), plot, self._json, self.picture], check=True)
        begin, end = f"<!-- {self.name}: begin -->", f"<!-- {self.name}: end -->"
        before, _, rest = RESULTS.read_text().partition(begin)
        _, _, after = rest.partition(end)
        RESULTS.write_text(f"{before}{begin}\n{section}\n{end}{after}")

    @property
    def _json(self) -> Path:
        return HERE / f"{self.name}.json"


def machine(*, in_memory: bool) -> dict[str, object]:
    """The machine in neutral words."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()}, {platform.machine()}, Python {platform.python_version()}",
        "hosts_files": "in memory" if in_memory else "on one disk",
        "load_before": round(os.getloadavg()[1], 1),
    }


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rows = [head, ["---" for _ in head], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def listed(goals: Sequence[str]) -> str:
    """Return a Markdown list."""
    return "\n".join(f"- {goal}" for goal in goals)


def verdict(
    what: str, value: float, *, least: float | None = None, most: float | None = None
) -> str:
    """Say whether a goal is met: *value* is at least or at most so much."""
    met = (least is None or value >= least) and (most is None or value <= most)
    bound = f"at least {least:g}" if most is None else f"at most {most:g}"
    return f"{'met' if met else 'NOT met'}: {what} ({value:.2f}; {bound})"


def shares(run: Found) -> str:
    """Say which process took how much processor time."""
    return ", ".join(f"{name} {used:.1f}" for name, used in run["cpu"].items())


def percentiles(values: Sequence[float]) -> list[float]:
    """Return the percentiles 0 to 100."""
    known = sorted(values)
    if len(known) < 2:
        return known * 101
    middle = quantiles(known, n=100, method="inclusive")
    return [round(value, 3) for value in (known[0], *middle, known[-1])]
