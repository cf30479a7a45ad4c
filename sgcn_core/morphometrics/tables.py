"""Tables of a cohort's shapes and of a comparison, for files and the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sgcn_core.morphometrics.alignment import Alignment
from sgcn_core.morphometrics.components import Components
from sgcn_core.morphometrics.reference import Comparison, Reference
from sgcn_core.morphometrics.symmetry import ObjectSymmetry
from sgcn_core.report.tables import Cell, Column, Table

FloatArray = NDArray[np.float64]

_MOST_ROWS = 20
_UNUSUAL = 2.5  # per cent from either end


def outliers(distances: FloatArray) -> NDArray[np.bool_]:
    """Distances (n,) beyond the upper fence of a box plot: 1.5 quartile ranges above the third quartile."""
    first, third = np.quantile(distances, (0.25, 0.75))
    return np.asarray(distances > third + 1.5 * (third - first))


def cases_table(found: Alignment) -> Table:
    """Size and distance of each case."""
    per_landmark = found.mm / math.sqrt(len(found.labels))
    rows = zip(found.names, found.sizes.tolist(), found.distances.tolist(), strict=True)
    return Table(
        key="cases",
        title="Cases, the furthest from the mean shape first",
        note=_rows_told(found),
        columns=(
            Column(name="Case"),
            Column(name="Centroid size", unit="mm", decimals=1),
            Column(name="Procrustes distance", unit="" if found.scaled else "mm", decimals=4 if found.scaled else 1),
            Column(name="Distance per landmark", unit="mm", decimals=2),
        ),
        rows=tuple((name, size, distance, distance * per_landmark) for name, size, distance in rows),
        flags=tuple("check" if far else "" for far in outliers(found.distances)),
        page_rows=tuple(np.argsort(-found.distances, kind="stable").tolist())[:_MOST_ROWS],
    )


def asymmetry_table(found: Alignment, symmetry: ObjectSymmetry) -> Table:
    """Asymmetry of each case."""
    per_landmark = found.mm / math.sqrt(len(found.labels))
    rows = zip(found.names, symmetry.sizes.tolist(), strict=True)
    return Table(
        key="asymmetry",
        title="Asymmetry, the largest first",
        columns=(
            Column(name="Case"),
            Column(name="Asymmetry", unit="" if found.scaled else "mm", decimals=4 if found.scaled else 1),
            Column(name="Asymmetry per landmark", unit="mm", decimals=2),
        ),
        rows=tuple((name, size, size * per_landmark) for name, size in rows),
        flags=tuple("check" if far else "" for far in outliers(symmetry.sizes)),
        page_rows=tuple(np.argsort(-symmetry.sizes, kind="stable").tolist())[:_MOST_ROWS],
        note=_rows_told(found),
    )


def components_table(parts: Components, mm: float, landmarks: int) -> Table:
    """Variance of every component."""
    deviations = np.sqrt(parts.variances)
    rows = zip(parts.variances.tolist(), parts.shares.tolist(), np.cumsum(parts.shares).tolist(), strict=True)
    return Table(
        key="eigenvalues",
        title="Components",
        columns=(
            Column(name="Component"),
            Column(name="Eigenvalue", decimals=7),
            Column(name="Variance", unit="%", decimals=1),
            Column(name="Sum", unit="%", decimals=1),
            Column(name="Standard deviation per landmark", unit="mm", decimals=2),
        ),
        rows=tuple(
            (f"PC{place}", value, 100 * share, 100 * total, float(deviations[place - 1]) * mm / math.sqrt(landmarks))
            for place, (value, share, total) in enumerate(rows, start=1)
        ),
        page_rows=tuple(range(min(10, len(parts.variances)))),
        note="The first ten; the file has all." if len(parts.variances) > 10 else "",
    )


def scores_table(names: Sequence[str], scores: FloatArray) -> Table:
    """Scores of every case."""
    return Table(
        key="scores",
        title="Scores",
        columns=(Column(name="Case"), *(Column(name=f"PC{k + 1}", decimals=4) for k in range(scores.shape[1]))),
        rows=tuple((name, *row) for name, row in zip(names, scores.tolist(), strict=True)),
    )


def comparison_table(reference: Reference, found: Sequence[Comparison]) -> Table:
    """Distances of each case, with their percentiles among the reference."""
    per_landmark = reference.mm / math.sqrt(len(reference.labels))
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        distances: tuple[Cell, ...] = (each.distance * per_landmark, each.distance, *each.percentiles["distance"])
        along: tuple[Cell, ...] = (each.mahalanobis, *each.percentiles["mahalanobis"], each.outside * per_landmark)
        size: tuple[Cell, ...] = (each.size, each.size_z, *each.percentiles["size"])
        rows.append((each.name, *distances, *along, *size))
    return Table(
        key="comparison",
        title="Distance from the reference",
        columns=(
            Column(name="Case"),
            Column(name="Distance per landmark", unit="mm", decimals=2),
            Column(name="Procrustes distance", decimals=4, on_page=False),
            *(Column(name=name, unit="%", decimals=0) for name in _interval("Percentile")),
            Column(name="Along components", unit="SD", decimals=1),
            *(Column(name=name, unit="%", decimals=0) for name in _interval("Percentile along")),
            Column(name="Beyond them", unit="mm", decimals=2),
            Column(name="Centroid size", unit="mm", decimals=1),
            Column(name="z of size", decimals=1),
            *(Column(name=name, unit="%", decimals=0) for name in _interval("Percentile of size")),
        ),
        rows=tuple(rows),
        flags=tuple("check" if _unusual(each) else "" for each in found),
    )


def _interval(name: str) -> tuple[str, str, str]:
    return name, f"{name} from", f"{name} to"


def parts_of_comparison(whole: Table) -> tuple[Table, ...]:
    """The table of the file, in parts that fit the page."""
    parts = (
        ("shape", "Distance of the shape", ("Distance per landmark", *_interval("Percentile"))),
        ("along", "Distance along the components", ("Along components", *_interval("Percentile along"), "Beyond them")),
        ("size", "Size", ("Centroid size", "z of size", *_interval("Percentile of size"))),
    )
    names = [column.name for column in whole.columns]
    found = []
    for key, title, wanted in parts:
        places = [names.index(name) for name in ("Case", *wanted)]
        columns = tuple(whole.columns[place] for place in places)
        rows = tuple(tuple(row[place] for place in places) for row in whole.rows)
        found.append(Table(key=key, title=title, columns=columns, rows=rows, flags=whole.flags))
    return tuple(found)


def scores_of_comparison(reference: Reference, found: Sequence[Comparison], components: int) -> Table:
    """Standard deviations along each component: the first on the page, all in the file."""
    count = len(reference.variances)
    return Table(
        key="z",
        title="Standard deviations along the components of the reference",
        columns=(
            Column(name="Case"),
            *(Column(name=f"PC{k + 1}", decimals=1, on_page=k < components) for k in range(count)),
        ),
        rows=tuple((each.name, *each.z.tolist()) for each in found),
    )


def _unusual(each: Comparison) -> bool:
    low, high = _UNUSUAL, 100 - _UNUSUAL
    sizes = each.percentiles["size"][0]
    return sizes < low or sizes > high or any(each.percentiles[key][0] > high for key in ("distance", "mahalanobis"))


def _rows_told(found: Alignment) -> str:
    count = len(found.names)
    return f"The first {_MOST_ROWS} of {count}; the file has all." if count > _MOST_ROWS else ""
