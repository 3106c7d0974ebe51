"""Draw what the bench found: `scale_plot.py scale.json scale.png`."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {
    "control": "#0b6e99",
    "hosts-1": "#d98e04",
    "hosts-2": "#e8b75a",
    "postgresql": "#336791",
    "redis": "#b3261e",
    "beat": "#888888",
    "api": "#bbbbbb",
}


def main() -> None:
    runs = json.loads(Path(sys.argv[1]).read_text())["runs"]
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=110)
    bottoms = [0.0] * len(runs)
    for name, colour in COLOURS.items():
        used = [run["cpu"].get(name, 0.0) for run in runs]
        axes.bar(range(len(runs)), used, bottom=bottoms, color=colour, label=name, width=0.6)
        bottoms = [bottom + one for bottom, one in zip(bottoms, used, strict=True)]
    names = [f"{run['hosts']:,}\n{run['config']}" for run in runs]
    axes.set_xticks(range(len(runs)), names)
    axes.set_ylabel("milliseconds of processor time per target")
    axes.set_title("What one target costs in a deployment to so many hosts")
    axes.grid(visible=True, axis="y", alpha=0.3)
    # Beside the bars and in their order, from the top.
    axes.legend(reverse=True, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Software": None})


if __name__ == "__main__":
    main()
