"""Draw what `measure_sampling.py` measured: accuracy and deviation against network calls.

    python tests/performance/plot_sampling.py docs/figures/sampling-compact.csv

writes the picture beside the table, as PNG and SVG.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

Rows = dict[str, list[dict[str, float]]]
REFERENCE = "rk45"


def read_rows(path: Path) -> Rows:
    """Return the rows of every sampler, by ascending number of calls."""
    rows: Rows = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            name = row.pop("sampler")
            rows[name].append({k: float(v) for k, v in row.items() if k != "preset"})
    return {name: sorted(found, key=lambda row: row["calls"]) for name, found in rows.items()}


def draw(rows: Rows, path: Path) -> None:
    """Draw differences with their intervals, and deviations of single hypotheses."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "genbench"
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for name, found in rows.items():
        if name == REFERENCE:
            continue
        calls = [row["calls"] for row in found]
        middle = [row["difference"] for row in found]
        below = [row["difference"] - row["low"] for row in found]
        above = [row["high"] - row["difference"] for row in found]
        left.errorbar(calls, middle, [below, above], marker="o", markersize=3, capsize=2)
        right.plot(calls, [row["turn_deg"] for row in found], "o-", markersize=3, label=name)
    left.axhline(-0.5, color="grey", linewidth=0.8, linestyle="--")
    left.set(ylim=(-8, 3), ylabel="5deg_2cm minus RK45's, points (95 %)")
    right.set(yscale="log", ylabel="median turn from RK45's poses, degrees")
    for axes in (left, right):
        axes.set_xlabel("network calls")
    right.legend(frameon=False)
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        figure.savefig(path.with_suffix(suffix), dpi=120, metadata=metadata)


if __name__ == "__main__":
    table = Path(sys.argv[1])
    draw(read_rows(table), table)
