"""Draw loss and validation error of training runs, one after the other, from their logs.

python -m research.figures.plot_training docs/training-log.jsonl docs/training-log-continued.jsonl \\
    docs/training-log-three-populations.jsonl docs/training-log-moved-landmarks.jsonl \\
    docs/training-log-further.jsonl docs/training-log-onwards.jsonl docs/training-log-seventh.jsonl \\
    --out docs/images/training.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np


def entries_of(logs: list[Path]) -> tuple[list[dict[str, float]], list[int]]:
    """Entries of all runs with their steps counted on, and the steps at which a run began."""
    entries: list[dict[str, float]] = []
    begins = []
    for log in logs:
        before = int(entries[-1]["step"]) if entries else 0
        begins.append(before)
        run = {}  # a run that was stopped between two checkpoints repeats some steps: the last word counts
        for line in log.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            run[(entry["step"], "loss" in entry)] = {**entry, "step": entry["step"] + before}
        entries += [run[key] for key in sorted(run)]
    return entries, begins


def running_median(values: np.ndarray, width: int = 9) -> np.ndarray:
    """Median of each value and its neighbours."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.array([np.median(padded[i : i + width]) for i in range(len(values))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    entries, begins = entries_of(options.logs)
    losses = [entry for entry in entries if "loss" in entry]
    checked = [entry for entry in entries if "clean_mean_mm" in entry]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    left.semilogy([e["step"] for e in losses], running_median(np.array([e["loss"] for e in losses])))
    left.set(xlabel="step", ylabel="adaptive wing loss", title="Training loss (sigma shrinks between the stages)")
    for key, label in (("clean", "clean"), ("corrupted", "corrupted")):
        right.plot([e["step"] for e in checked], [e[f"{key}_median_mm"] for e in checked], label=f"{label}, median")
    right.set(xlabel="step", ylabel="mm", title="Error on generated faces never trained on", ylim=(0, 6))
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
        for begin in begins[1:]:
            axes.axvline(begin, color="grey", linestyle="--", linewidth=1)
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
