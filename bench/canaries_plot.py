"""Draw what the bench found: `canaries_plot.py canaries.json canaries.png`."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {10.0: "#888888", 20.0: "#0b6e99", 50.0: "#b3261e"}
GOAL = 2.0


def main() -> None:
    runs = json.loads(Path(sys.argv[1]).read_text())["runs"]
    most = max(run["flying"] for run in runs)
    figure, axes = plt.subplots(figsize=(8, 5), dpi=110)
    for run in runs:
        axes.plot(
            range(101),
            run["late"],
            label=f"{run['flying']:,} in flight, {run['rate']:.0f} steps/s",
            color=COLOURS.get(run["rate"], "#d98e04"),
            linestyle="-" if run["flying"] == most else "--",
        )
    axes.axhline(GOAL, color="#444444", linewidth=0.8, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent of all steps")
    axes.set_ylabel("seconds late, at most")
    axes.set_title("How late the last shifts of canaries are carried out")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Software": None})


if __name__ == "__main__":
    main()
