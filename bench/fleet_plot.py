"""Draw what the bench found: `fleet_plot.py fleet.json fleet.png`, in the environment that can."""

import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

NAMES = {"floor": "floor", "tidegate": "Tidegate", "pyinfra": "pyinfra", "ansible": "ansible-core"}
COLOURS = {"floor": "#888888", "tidegate": "#0b6e99", "pyinfra": "#d98e04", "ansible": "#b3261e"}


def main() -> None:
    runs = json.loads(Path(sys.argv[1]).read_text())["runs"]
    seconds: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        seconds[run["tool"]][run["hosts"]].append(run["seconds"])
    figure, axes = plt.subplots(figsize=(8, 5), dpi=110)
    for tool in (name for name in NAMES if name in seconds):
        counts = sorted(seconds[tool])
        middle = [median(seconds[tool][count]) for count in counts]
        below = [m - min(seconds[tool][c]) for c, m in zip(counts, middle, strict=True)]
        above = [max(seconds[tool][c]) - m for c, m in zip(counts, middle, strict=True)]
        axes.errorbar(
            counts,
            middle,
            yerr=[below, above],
            label=NAMES[tool],
            color=COLOURS[tool],
            marker="o",
            capsize=3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    counts = sorted({run["hosts"] for run in runs})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("hosts")
    axes.set_ylabel("seconds (median; bars: least and most)")
    axes.set_title("A 1 MB bundle of 50 files and five hooks on every host")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Software": None})


if __name__ == "__main__":
    main()
