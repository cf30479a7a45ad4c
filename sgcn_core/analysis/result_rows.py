"""Rows of symmetry, comparison and agreement for tables and files; what is not known is an empty cell."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sgcn_core.analysis.comparison import Change, Comparison
from sgcn_core.analysis.distance_maps import VolumeBetween
from sgcn_core.analysis.midsagittal import MidsagittalPlane
from sgcn_core.analysis.observers import LandmarkAgreement
from sgcn_core.analysis.symmetry_values import WITHIN_95, Quantity, SymmetryAnalysis
from sgcn_core.errors import FileFormatError
from sgcn_core.io.atomic import FileState, write_text
from sgcn_core.io.csv_cells import table_text
from sgcn_core.types.landmarks import plain

Cell = str | int | float | None
Row = dict[str, Cell]

SUFFIXES = (".csv", ".json")

DIRECTIONS = "asymmetry by direction"
"""Group of the rows that split a pair's asymmetry into its three directions."""

_LEVELS = {"perceptible": "above what is perceived", "usual": "above what is usual"}
_COLUMNS = ("group", "name", "value", "low", "high", "unit", "reproducibility", "flag")


def symmetry_rows(analysis: SymmetryAnalysis) -> list[Row]:
    """One row for each number: midline deviations, pairs (distance and its three parts), cants, parts of the face."""
    rows = [_row("midline deviation", one, one.name) for one in analysis.midline]
    for pair in analysis.pairs:
        rows.append(_row("asymmetry", pair.distance, pair.name, pair.reproducibility))
        for part in (pair.lateral, pair.up, pair.forward):
            rows.append(_row(DIRECTIONS, part, f"{pair.name} {part.name}", pair.reproducibility))
    for cant in analysis.cants:
        rows += [_row("cant", one, one.name) for one in (cant.frontal, cant.axial, cant.angle)]
    for group, (value, count) in analysis.groups.items():
        rows.append(_plain_row("mean asymmetry", f"{group} ({_pairs(count)})", value))
    rows.append(_plain_row("mean asymmetry", f"composite index ({_pairs(analysis.index_pairs)})", analysis.index))
    return rows


def plane_record(plane: MidsagittalPlane) -> dict[str, Any]:
    """The plane as plain values for JSON; mm, LPS."""
    record = {
        "method": plane.method,
        "point": plane.point,
        "normal_to_the_left": plane.normal,
        "residual_mm": plane.residual,
        "angle_sd_degrees": plane.angle_sd,
        "position_sd_mm": plane.position_sd,
        "landmarks": plane.landmarks,
    }
    found: dict[str, Any] = plain(record)
    return found


def displacement_rows(comparison: Comparison) -> list[Row]:
    """One row for each landmark of both cases: the vector in LPS, its length with its interval, whether it moved."""
    rows: list[Row] = []
    for one in comparison.displacements:
        spread = WITHIN_95 * one.length_sd
        rows.append(
            {
                "landmark": one.label,
                **{f"d{axis}": _number(value) for axis, value in zip("LPS", one.vector, strict=True)},
                "length mm": _number(one.length),
                "low": _number(max(one.length - spread, 0.0) if math.isfinite(spread) else math.nan),
                "high": _number(one.length + spread),
                "moved": {None: None, True: "yes", False: "no"}[one.moved],
            }
        )
    return rows


def change_rows(changes: Sequence[Change]) -> list[Row]:
    """One row for each measurement of both cases."""
    return [
        {
            "measurement": change.name,
            "before": _number(change.before),
            "after": _number(change.after),
            "change": _number(change.difference),
            "detectable": _number(change.detectable),
            "unit": change.unit,
            "significant": {None: None, True: "yes", False: "no"}[change.significant],
        }
        for change in changes
    ]


def volume_rows(volumes: Mapping[str, VolumeBetween]) -> list[Row]:
    """One row for each region."""
    return [
        {
            "region": region,
            "gained cm3": volume.outside,
            "lost cm3": volume.inside,
            "net cm3": volume.net,
            "area cm2": volume.area,
            "covered %": 100.0 * volume.covered,
        }
        for region, volume in volumes.items()
    ]


def agreement_rows(agreements: Sequence[LandmarkAgreement]) -> list[Row]:
    """One row for each landmark; the ICC is the lowest of the three axes, the limits those of the first two."""
    rows: list[Row] = []
    for one in agreements:
        row: Row = {
            "landmark": one.label,
            "cases": one.cases,
            "distance mm": _number(one.distance),
            "SD": _number(one.distance_sd),
            "largest": _number(one.largest),
            "TEM mm": _number(one.tem),
            "ICC(2,1)": _number(min((axis.icc2 for axis in one.axes), default=math.nan)),
            "ICC(3,1)": _number(min((axis.icc3 for axis in one.axes), default=math.nan)),
        }
        for number, axis in enumerate("LPS"):
            limits = one.axes[number].pairs[0, 1] if one.axes else None
            row[f"bias {axis}"] = None if limits is None else _number(limits.bias)
            row[f"limits {axis}"] = None if limits is None else _limits(limits.low, limits.high)
        rows.append(row)
    return rows


def checked_suffix(path: Path) -> str:
    """The suffix of a table file; FileFormatError for another than .csv and .json."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FileFormatError(f"cannot write a table to {path}; use the suffix {' or '.join(SUFFIXES)}")
    return suffix


def write_rows(
    tables: Mapping[str, Sequence[Row]],
    path: str | os.PathLike[str],
    *,
    about: Mapping[str, Any] | None = None,
    unless_changed_since: FileState | None = None,
) -> Path:
    """Write tables by name: .json with everything, or .csv with the tables below each other and their name in front.

    Raises
    ------
    FileFormatError
        Another suffix.
    """
    file = Path(path)
    if checked_suffix(file) == ".json":
        document = {**plain(dict(about or {})), **{name: plain(list(rows)) for name, rows in tables.items()}}
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        text = _csv(tables)
    write_text(file, text, unless_changed_since=unless_changed_since)
    return file


def _csv(tables: Mapping[str, Sequence[Row]]) -> str:
    columns = list(dict.fromkeys(column for rows in tables.values() for row in rows for column in row))
    filled = ([name, *map(row.get, columns)] for name, rows in tables.items() for row in rows)
    return table_text([["table", *columns], *filled])


def _row(group: str, quantity: Quantity, name: str, reproducibility: str = "") -> Row:
    flag = ", ".join(_LEVELS[level] for level in quantity.exceeds)
    if flag:
        flag += " (clearly)" if quantity.clearly else " (within its error)"
    values = (group, name, quantity.value, quantity.low, quantity.high, quantity.unit, reproducibility, flag)
    return dict(zip(_COLUMNS, (_number(v) if isinstance(v, float) else v for v in values), strict=True))


def _plain_row(group: str, name: str, value: float) -> Row:
    return dict(zip(_COLUMNS, (group, name, _number(value), None, None, "mm", "", ""), strict=True))


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _limits(low: float, high: float) -> str | None:
    return f"{low:.2f} to {high:.2f}" if math.isfinite(low) and math.isfinite(high) else None
