"""Rows of planning's tables from what `sgcn_core.analysis` finds; an empty cell where something is not known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..messages import _, sentence
from .tables import Column

if TYPE_CHECKING:
    from sgcn_core.analysis.comparison import Change, Comparison
    from sgcn_core.analysis.observers import Agreement
    from sgcn_core.analysis.symmetry_values import Quantity, SymmetryAnalysis
    from sgcn_core.analysis.table import MeasuredValue

Row = dict[str, str]
"""Name of the column to text; a column that a row lacks is empty."""


def columns_of(*names: str) -> list[Column]:
    """Columns of a table by name."""
    known = {
        "measurement": Column("measurement", _("Measurement")),
        "value": Column("value", _("Value")),
        "before": Column("before", _("Before")),
        "after": Column("after", _("After")),
        "change": Column("change", _("Change"), _("After less before; of a landmark the length of its displacement.")),
        "first": Column("first", _("First observer")),
        "second": Column("second", _("Second observer")),
        "difference": Column("difference", _("Difference"), _("Second less first; of a landmark the distance.")),
        "unit": Column("unit", _("Unit")),
        "interval": Column("interval", _("95 % interval")),
        "detectable": Column(
            "detectable",
            _("Detectable"),
            _("Smallest change that is more than what the errors of both cases make of it."),
        ),
        "z": Column("z", _("z-score"), _("Standard deviations from the mean of the norms that were supplied.")),
        "norm": Column("norm", _("Norm"), _("Mean and standard deviation, source and population of the norm.")),
        "status": Column("status", _("Status")),
        "definition": Column("definition", _("Definition")),
    }
    return [known[name] for name in names]


def cells(rows: list[Row], columns: list[Column]) -> list[list[str]]:
    """The cells of a table node; those of values have texts too, so that what is not known is empty and not 0."""
    return [[row.get(column.name, "") for column in columns] for row in rows]


def number(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A number for a table; empty where it is not known."""
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.replace("-", "", 1) if float(text) == 0 else text


def interval(low: float, high: float, digits: int = 1) -> str:
    """Both ends of an interval; empty where they are not known."""
    ends = number(low, digits), number(high, digits)
    return _("{low} to {high}").format(low=ends[0], high=ends[1]) if all(ends) else ""


# --- measurements -------------------------------------------------------------------------------------------------

MEASUREMENT_COLUMNS = ("measurement", "value", "unit", "interval", "status", "definition")
NORM_COLUMNS = ("measurement", "value", "unit", "interval", "z", "norm", "status", "definition")


def measurement_row(found: MeasuredValue) -> Row:
    """One measurement; without a value there is no number, and the status says why."""
    measurement, known = found.measurement, found.value is not None
    digits = digits_of(measurement.unit)
    return {
        "measurement": measurement.title,
        "value": number(found.value, digits),
        "unit": unit_text(measurement.unit) if known else "",
        "interval": interval(_nan(found.low), _nan(found.high), digits),
        "z": number(found.z, 1, signed=True),
        "norm": found.norm,
        "status": measurement_status(found),
        "definition": definition_of(found),
    }


def measurement_status(found: MeasuredValue) -> str:
    """Why a value is missing or should not be relied upon; empty where nothing stands against it."""
    words = {
        "ok": "",
        "not reliable": _("not reliable"),
        "missing": _("missing: {labels}").format(labels=", ".join(found.missing)),
        "not available": _("not available"),
    }
    return words[found.status]


def definition_of(found: MeasuredValue) -> str:
    """What was measured and how, and what stands against it."""
    measurement = found.measurement
    seen = _("in space") if measurement.view == "space" else _("in the {view} plane").format(view=measurement.view)
    parts = [measurement.definition, f"{measurement.formula}, {seen}" if measurement.formula else "", found.reason]
    return " ".join(sentence(part) for part in parts if part)


def unit_text(unit: str) -> str:
    """A unit for people; a ratio has none."""
    return {"deg": "°", "degrees": "°", "ratio": ""}.get(unit, unit)


def digits_of(unit: str) -> int:
    """Decimals that are shown."""
    return 2 if unit == "ratio" else 1


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


# --- asymmetry ----------------------------------------------------------------------------------------------------


def asymmetry_rows(found: SymmetryAnalysis) -> list[Row]:
    """Midline deviations, pairs with their three components, cants, and the index."""
    rows = [_quantity(each, _("{name}: off the midline").format(name=each.name), _MIDLINE) for each in found.midline]
    for pair in found.pairs:
        rows.append(_quantity(pair.distance, _("{name}: asymmetry").format(name=pair.name), _PAIR))
        rows += [
            _quantity(part, _("{name}: asymmetry, {part}").format(name=pair.name, part=words), _COMPONENT)
            for part, words in ((pair.lateral, _("sideways")), (pair.up, _("upwards")), (pair.forward, _("forwards")))
        ]
    for cant in found.cants:
        rows += [
            _quantity(cant.frontal, _("{name}: cant from in front").format(name=cant.name), _CANT),
            _quantity(cant.axial, _("{name}: cant from above").format(name=cant.name), _CANT),
        ]
    known = found.index_pairs > 0
    rows.append(
        {
            "measurement": _("Mean asymmetry"),
            "value": number(found.index),
            "unit": "mm" if known else "",
            "definition": _("Mean over {count} pairs of landmarks.").format(count=found.index_pairs),
        }
    )
    return rows


ASYMMETRY_COLUMNS = ("measurement", "value", "unit", "interval", "status", "definition")
_MIDLINE = "Signed distance of a midline landmark from the midsagittal plane, positive on the subject's left."
_PAIR = "Distance of the left landmark from the mirror image of the right one."
_COMPONENT = "The left landmark less the mirror image of the right one: further to the side, higher, further forward."
_CANT = (
    "Tilt of the line from the right to the left landmark against the plane's normal, positive where left is higher."
)


def _quantity(found: Quantity, name: str, definition: str) -> Row:
    known = math.isfinite(found.value)
    return {
        "measurement": name,
        "value": number(found.value, signed=found.least < 0),
        "unit": unit_text(found.unit) if known else "",
        "interval": interval(found.low, found.high),
        "status": _level(found) if known else _("missing"),
        "definition": definition,
    }


def _level(found: Quantity) -> str:
    """The highest level that it exceeds; in doubt where its interval begins below."""
    words = {"perceptible": _("perceptible"), "usual": _("more than usual")}
    if not found.exceeds:
        return ""
    word = words.get(found.exceeds[-1], found.exceeds[-1])
    return word if found.clearly else _("{level}, in doubt").format(level=word)


# --- two dates, two observers -------------------------------------------------------------------------------------

CHANGE_COLUMNS = (
    "measurement", "before", "after", "change", "unit", "interval", "detectable", "status", "definition",
)  # fmt: skip


def displacement_rows(found: Comparison) -> list[Row]:
    """The length of each landmark's displacement."""
    return [
        {
            "measurement": _("{label}: displacement").format(label=each.label),
            "change": number(each.length),
            "unit": "mm" if math.isfinite(each.length) else "",
            "interval": interval(
                max(each.length - _WITHIN_95 * each.length_sd, 0.0), each.length + _WITHIN_95 * each.length_sd
            ),
            "detectable": number(_WITHIN_95 * each.length_sd),
            "status": _moved(each.moved, math.isfinite(each.length)),
            "definition": _("How far the landmark moved after the registration."),
        }
        for each in found.displacements
    ]


def change_row(found: Change, definition: str) -> Row:
    """The change of one measurement against what can be detected."""
    known = math.isfinite(found.difference)
    return {
        "measurement": found.name,
        "before": number(found.before),
        "after": number(found.after),
        "change": number(found.difference, signed=True),
        "unit": unit_text(found.unit) if known else "",
        "interval": interval(found.difference - found.detectable, found.difference + found.detectable),
        "detectable": number(found.detectable) if known else "",
        "status": _moved(found.significant, known),
        "definition": definition,
    }


_WITHIN_95 = 1.96


def _moved(significant: bool | None, known: bool) -> str:
    if not known:
        return _("missing")
    return {None: "", True: _("changed"), False: _("not detectable")}[significant]


AGREEMENT_COLUMNS = ("measurement", "first", "second", "difference", "unit", "status", "definition")


def distance_row(label: str, distance: float) -> Row:
    """How far apart two observers placed a landmark."""
    known = math.isfinite(distance)
    return {
        "measurement": label,
        "difference": number(distance),
        "unit": "mm" if known else "",
        "status": "" if known else _("missing"),
        "definition": _("Distance between the points of both observers."),
    }


def difference_row(name: str, unit: str, first: float, second: float, definition: str) -> Row:
    """What two observers measured."""
    known = math.isfinite(second - first)
    return {
        "measurement": name,
        "first": number(first),
        "second": number(second),
        "difference": number(second - first, signed=True),
        "unit": unit_text(unit) if known else "",
        "status": "" if known else _("missing"),
        "definition": definition,
    }


def agreement_sentence(found: Agreement) -> str:
    """Bias, limits of agreement and technical error of measurement of two observers, in millimetres."""
    pair = found.pairs[0, 1]
    return _(
        "{count} distances: bias {bias} mm, limits of agreement {low} to {high} mm, technical error of measurement "
        "{tem} mm."
    ).format(
        count=found.cases,
        bias=number(pair.bias, 2),
        low=number(pair.low, 2),
        high=number(pair.high, 2),
        tem=number(found.tem, 2),
    )
