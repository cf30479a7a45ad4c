"""Tables and plots of the paper's experiments from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from research.experiments.measurements import Measurements, Setting
from research.experiments.paper_cases import VARIANTS
from research.experiments.paper_protocol import MODES, PAPER_T
from research.experiments.plots import bar_plot, line_plot
from research.experiments.summaries import cumulative_curve, group_means, summary_cells
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.evaluation.tables import Cell, Table

COLUMNS = (("neutral", "Neutral"), ("neutral", "Expressions"), ("emotions", "Emotions"), ("emotions", "Expressions"))
# Table 1 of the paper, FaceScape: mean and standard deviation in millimetres, in the order of COLUMNS.
PAPER_TABLE = {
    "2S-SGCN": ((0.371, 0.227), (1.932, 1.204), (0.477, 0.255), (1.825, 1.108)),
    "1S-SGCN": ((1.211, 0.313), (2.490, 0.959), (1.287, 0.301), (2.322, 0.848)),
    "2S-GCN": ((0.623, 0.267), (2.352, 1.656), (0.656, 0.376), (1.875, 1.208)),
    "1S-GCN": ((1.442, 0.282), (2.834, 1.308), (1.442, 0.304), (2.354, 0.925)),
}


def table_one(measured: Measurements, note: str) -> Table:
    """Table 1: a row a method and variant, and below them the paper's own numbers."""
    settings = sorted(measured.settings(), key=lambda setting: (setting.network != "SGCN", MODES.index(setting.mode)))
    rows: list[dict[str, Cell]] = []
    for variant in VARIANTS:
        for method in dict.fromkeys(setting.method for setting in settings):
            cells: dict[str, Cell] = {"method": method, "test meshes": variant}
            for training, test in COLUMNS:
                cells[_column(training, test)] = _mean_and_deviation(measured, method, training, test, variant)
            rows.append(cells)
    for method, values in PAPER_TABLE.items():
        cells = {"method": method, "test meshes": "the paper, FaceScape"}
        for (training, test), (mean, deviation) in zip(COLUMNS, values, strict=True):
            cells[_column(training, test)] = f"{mean:.2f} ± {deviation:.2f}"
        rows.append(cells)
    return Table("paper_table1", f"Mean ± SD over all landmarks of all faces, millimetres. {note}", rows)


def details(measured: Measurements, name: str, note: str) -> Table:
    """Every setting with all its statistics."""
    rows = []
    for setting in measured.settings():
        about: dict[str, Cell] = {
            "method": setting.method,
            "trained on": setting.training,
            "D": setting.depth,
            "steps": setting.steps,
            "nodes": setting.nodes,
            "t": setting.t,
            "test": setting.test,
            "meshes": setting.variant,
            "faces": len(measured.errors[setting]),
        }
        rows.append({**about, **summary_cells(summarise(measured.of(setting)))})
    return Table(name, f"All statistics, millimetres. {note}", rows)


def groups_table(measured: Measurements, note: str) -> Table:
    """Figure 10: mean error of each group of landmarks, intra-condition."""
    rows: list[dict[str, Cell]] = [
        {
            "method": setting.method,
            "test": setting.test,
            "meshes": setting.variant,
            **group_means(measured.of(setting)),
        }
        for setting in measured.settings()
        if setting.test != "Expressions"
    ]
    return Table("paper_groups", f"Mean error by group of landmarks, millimetres (Fig. 10). {note}", rows)


def expressions_table(measured: Measurements, training: str, note: str) -> Table:
    """Figures 14 and 15: mean error of each expression, a column a method, remeshed."""
    chosen = list(measured.settings(training=training, test="Expressions", variant="remeshed"))
    means = {
        setting.method: {name: float(np.nanmean(errors)) for name, errors in measured.by_condition(setting).items()}
        for setting in chosen
    }
    names = next(iter(means.values()), {})
    rows: list[dict[str, Cell]] = [
        {"expression": name, **{method: values[name] for method, values in means.items()}} for name in names
    ]
    return Table(
        f"paper_expressions_{training}", f"Mean error by expression, remeshed, mm; trained on {training}. {note}", rows
    )


def plot_table(measured: Measurements, folder: Path, note: str) -> list[Path]:
    """The plots of Table 1's measurements: cumulative curves, groups, expressions."""
    written = []
    for variant in VARIANTS:
        curves = {
            f"{setting.method}, {setting.test}": cumulative_curve(measured.of(setting))
            for training, test in (("neutral", "Neutral"), ("emotions", "Emotions"))
            for setting in measured.settings(training=training, test=test, variant=variant)
            if _plotted(setting)
        }
        written.append(folder / f"paper_cumulative_{variant}.png")
        line_plot(
            written[-1],
            curves,
            x="error, mm",
            y="share of landmarks",
            title=f"{variant}. {note}",
            marker="",
            limits=(0, 1),
        )
    chosen = filter(_plotted, measured.settings(training="neutral", test="Neutral", variant="remeshed"))
    groups = {setting.method: group_means(measured.of(setting)) for setting in chosen}
    if groups:
        written.append(folder / "paper_groups.png")
        names = list(next(iter(groups.values())))
        bars = {method: list(values.values()) for method, values in groups.items()}
        bar_plot(written[-1], names, bars, y="mean error, mm", title=f"Neutral, remeshed. {note}")
    for training in ("neutral", "emotions"):
        table = expressions_table(measured, training, note)
        if table.rows:
            names = [str(row["expression"]) for row in table.rows]
            shown = {setting.method for setting in measured.settings(test="Expressions") if _plotted(setting)}
            methods = [key for key in table.rows[0] if key in shown]
            bars = {method: [float(row[method]) for row in table.rows] for method in methods}  # type: ignore[arg-type]
            written.append(folder / f"paper_expressions_{training}.png")
            bar_plot(written[-1], names, bars, y="mean error, mm", title=f"Trained on {training}, remeshed. {note}")
    return written


def plot_sweeps(sweeps: Measurements, depths: Measurements, folder: Path, note: str) -> list[Path]:
    """Figures 8, 9 and 11: the mean error over the nodes, t and the depth."""
    settings = list(sweeps.settings())
    own = [setting for setting in settings if setting.nodes == settings[0].nodes]
    plans: tuple[tuple[str, str, Measurements, list[Setting], Callable[[Setting], int]], ...] = (
        ("t", "t", sweeps, own, lambda setting: setting.t),
        ("nodes", "|V|", sweeps, list(sweeps.settings(t=PAPER_T)), lambda setting: setting.nodes),
        ("depth", "D", depths, list(depths.settings()), lambda setting: setting.depth),
    )
    written = []
    for name, text, measured, chosen, place in plans:
        series = _series(measured, filter(_plotted, chosen), place)
        if any(len(places) > 1 for places, _ in series.values()):
            written.append(folder / f"paper_over_{name}.png")
            line_plot(written[-1], series, x=text, y="mean error, mm", title=f"Test Neutral. {note}")
    return written


def _series(
    measured: Measurements, settings: Iterable[Setting], place: Callable[[Setting], int]
) -> dict[str, tuple[list[int], list[float]]]:
    """Mean error over one of the parameters for each method and variant."""
    points: dict[str, list[tuple[int, float]]] = {}
    for setting in settings:
        error = float(np.nanmean(measured.of(setting)))
        points.setdefault(f"{setting.method}, {setting.variant}", []).append((place(setting), error))
    return {name: ([x for x, _ in sorted(pairs)], [y for _, y in sorted(pairs)]) for name, pairs in points.items()}


def _plotted(setting: Setting) -> bool:
    """The paper's four methods and the product's; more would hide each other."""
    return setting.mode in ("paper", "mean") or (setting.mode == "guided" and setting.network == "SGCN")


def _column(training: str, test: str) -> str:
    return f"train {training}, test {test}"


def _mean_and_deviation(measured: Measurements, method: str, training: str, test: str, variant: str) -> str:
    for setting in measured.settings(training=training, test=test, variant=variant, t=PAPER_T):
        if setting.method == method:
            summary = summarise(measured.of(setting))
            return f"{summary.mean:.2f} ± {summary.deviation:.2f}"
    return "-"
