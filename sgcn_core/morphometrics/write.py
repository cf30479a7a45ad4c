"""Files of an analysis: tables, exports and the page; nothing is replaced unasked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sgcn_core.io.atomic import FileState, file_state, write_text
from sgcn_core.io.csv_cells import table_text
from sgcn_core.morphometrics.alignment import Alignment
from sgcn_core.morphometrics.components import Components
from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.morphometrics.exports import export_text, format_named, safe_names
from sgcn_core.morphometrics.exports.geomorph_csv import geomorph_text
from sgcn_core.morphometrics.symmetry import ObjectSymmetry
from sgcn_core.morphometrics.tables import asymmetry_table, cases_table, components_table, scores_table
from sgcn_core.report.page import Page, render_page
from sgcn_core.report.tables import Column, Table, csv_text
from sgcn_core.types.landmark_sets import LandmarkSet

PAGE = "morphometrics.html"
COHORT_FILES = (PAGE, "cases.csv", "landmarks.csv", "aligned.csv", "mean.csv", "scores.csv", "eigenvalues.csv")
SYMMETRY_FILES = ("asymmetry.csv", "symmetric.csv", "asymmetric.csv")
COMPARISON_FILES = (PAGE, "comparison.csv", "z.csv")


class Outputs:
    """Files of one folder, checked before the work and written after it.

    Parameters
    ----------
    folder : Path
    names : iterable of str
        Of the files in it.
    also : iterable of Path
        Further files.
    overwrite : bool

    Raises
    ------
    FileExistsError
        A file exists and `overwrite` is false.
    """

    def __init__(
        self, folder: Path, names: Iterable[str], *, also: Iterable[Path] = (), overwrite: bool = False
    ) -> None:
        self.folder = folder
        self.paths = tuple([*(folder / name for name in names), *also])
        self.written: list[Path] = []
        self._before: dict[Path, FileState] = {path: file_state(path) for path in self.paths}
        there = [path for path, state in self._before.items() if state.exists]
        if there and not overwrite:
            raise FileExistsError(f"{there[0]} exists; give --overwrite to replace it, or another folder")

    def write(self, path: str | Path, text: str) -> None:
        """Write one of the files; OSError if that fails or it was changed in the meantime."""
        target = self.folder / path if isinstance(path, str) else path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text, unless_changed_since=self._before[target])
        self.written.append(target)


def export_names(formats: Sequence[str]) -> tuple[str, ...]:
    """File names of export formats; SettingsError for an unknown one."""
    return tuple(format_named(name).file for name in dict.fromkeys(formats))


def write_exports(outputs: Outputs, found: Configurations, formats: Sequence[str]) -> None:
    """Landmarks as they lie in space, millimetres, in each of the formats."""
    texts = [export_text(found, name) for name in dict.fromkeys(formats)]  # all, before any is written
    for file, text in zip(export_names(formats), texts, strict=True):
        outputs.write(file, text)


def write_cohort(
    outputs: Outputs, found: Alignment, parts: Components, page: Page, symmetry: ObjectSymmetry | None = None
) -> None:
    """Tables of an aligned cohort, and its page."""
    ids, labels = safe_names(found.names), safe_names(found.labels, kind="lm")
    outputs.write("cases.csv", csv_text(_with_ids(cases_table(found), ids)))
    outputs.write("landmarks.csv", _landmarks_text(found.labels, labels))
    outputs.write("aligned.csv", geomorph_text(Configurations(ids, labels, found.shapes)))
    outputs.write("mean.csv", geomorph_text(Configurations(("mean",), labels, found.mean[None])))
    outputs.write("scores.csv", csv_text(_with_ids(scores_table(found.names, parts.scores), ids)))
    if symmetry is not None:
        outputs.write("asymmetry.csv", csv_text(_with_ids(asymmetry_table(found, symmetry), ids)))
        outputs.write("symmetric.csv", geomorph_text(Configurations(ids, labels, symmetry.symmetric)))
        outputs.write("asymmetric.csv", geomorph_text(Configurations(ids, labels, symmetry.asymmetric)))
    outputs.write("eigenvalues.csv", csv_text(components_table(parts, found.mm, len(found.labels))))
    outputs.write(PAGE, render_page(page))


def write_comparison(outputs: Outputs, tables: Sequence[Table], page: Page) -> None:
    """Tables of a comparison, and its page."""
    for table in tables:
        outputs.write(f"{table.key}.csv", csv_text(table))
    outputs.write(PAGE, render_page(page))


def _with_ids(table: Table, ids: Sequence[str]) -> Table:
    rows = tuple((own, *row) for own, row in zip(ids, table.rows, strict=True))
    return replace(table, columns=(Column(name="ID"), *table.columns), rows=rows)


def _landmarks_text(labels: Sequence[str], exported: Sequence[str]) -> str:
    known = LandmarkSet.load("all")
    rows = [
        (number, label, other, known[label].name if label in known else "")
        for number, (label, other) in enumerate(zip(labels, exported, strict=True), start=1)
    ]
    return table_text([("number", "label", "label in files", "name"), *rows])
