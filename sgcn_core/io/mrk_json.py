"""Slicer markups in JSON (.mrk.json), schema 1.0.3.

Written so that every Slicer since 5.0 loads it: a missing landmark has the position status "undefined" and no
position; confidence and status are per-point measurements, which Slicer keeps when it saves the node.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.io.landmark_text import CONFIDENCE_TEXT, Rows, description
from sgcn_core.types.landmarks import LandmarkResult, plain

_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
# The schema names only mm and um; other units are written as a coded entry, of UCUM or of our own.
_COORDINATE_UNITS: dict[str, Any] = {
    "um": "um",
    "mm": "mm",
    "cm": ["cm", "UCUM", "centimeter"],
    "m": ["m", "UCUM", "meter"],
    "in": ["[in_i]", "UCUM", "inch"],
}
_STATUS_CODES = {"missing": 0.0, "uncertain": 1.0, "found": 2.0}
_ERRORS = (
    ("expected_error_mm", "expected (mean) error of each landmark, millimetres"),
    ("error_bound_mm", "90 % error bound of each landmark, millimetres"),
)
_TO_CHECK = "1 where a landmark is uncertain for a reason that lies in the scan, not in its definition; the mean"
# Slicer takes only numbers in a measurement.
_UNKNOWN = -1.0
_STATUS_OF_CODE = {code: status for status, code in _STATUS_CODES.items()}
# Axes of the control points: those of the patient in RAS, as Slicer writes them.
_ORIENTATION = {
    "LPS": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
    "RAS": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
}
# Found landmarks are selected and uncertain ones are not, so that the two have different colours.
_DISPLAY = {
    "visibility": True,
    "opacity": 1.0,
    "color": [1.0, 0.55, 0.0],
    "selectedColor": [0.1, 0.75, 0.35],
    "propertiesLabelVisibility": False,
    "pointLabelsVisibility": True,
    "textScale": 2.0,
    "glyphType": "Sphere3D",
    "glyphScale": 1.0,
    "useGlyphScale": True,
}


def mrk_json_text(result: LandmarkResult) -> str:
    """One markup of type Fiducial, in the frame of `result`."""
    to_check = frozenset(result.to_check)
    markup = {
        "type": "Fiducial",
        "coordinateSystem": result.frame,
        "coordinateUnits": _COORDINATE_UNITS.get(result.unit, [result.unit, "99SGCN", "length of one unit"]),
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(result),
        "controlPoints": [_control_point(result, place, to_check) for place in range(len(result))],
        "measurements": _measurements(result, to_check),
        "display": _DISPLAY,
        "sgcn_core": {"info": plain(result.info)},
    }
    return json.dumps({"@schema": _SCHEMA, "markups": [markup]}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def parse_mrk_json(text: str) -> LandmarkResult:
    """Read the first markup of type Fiducial, of this package or of Slicer."""
    return from_markups(json.loads(text))


def from_markups(content: Any) -> LandmarkResult:
    """The landmarks in a parsed markups file."""
    if not isinstance(content, dict) or not isinstance(content.get("markups"), list):
        raise ValueError("it has no list 'markups'; it is no Slicer markups file")
    markup = next((item for item in content["markups"] if item.get("type") == "Fiducial"), None)
    if markup is None:
        types = [str(item.get("type")) for item in content["markups"]]
        raise ValueError(f"it holds no markup of type Fiducial, only {', '.join(types) or 'nothing'}")
    points = markup.get("controlPoints") or []
    confidence = _point_values(markup, "confidence", len(points))
    codes = _point_values(markup, "status", len(points))
    expected, bound = (_point_values(markup, name, len(points)) for name, _ in _ERRORS)
    to_check = _point_values(markup, "to_check", len(points))
    rows = Rows()
    for place, point in enumerate(points):
        status = _status(point, None if codes is None else codes[place])
        certain = 1.0 if confidence is None else confidence[place]
        errors = (_known(expected, place), _known(bound, place))
        doubtful = to_check is None or to_check[place] != 0.0
        rows.add(point.get("label", ""), point.get("position"), certain, status, errors, to_check=doubtful)
    info = dict(markup.get("sgcn_core", {}).get("info", {}))
    return rows.result(unit=_unit(markup), frame=markup.get("coordinateSystem") or "LPS", info=info)


def _control_point(result: LandmarkResult, place: int, to_check: frozenset[str]) -> dict[str, Any]:
    label, status = result.labels[place], result.status[place]
    told = description(label, status, to_check=label in to_check)
    point = {"id": str(place + 1), "label": label, "description": told, "associatedNodeID": ""}
    if status != "missing":
        point["position"] = result.positions[place].tolist()
    return {
        **point,
        "orientation": _ORIENTATION[result.frame],
        "selected": status == "found",
        "locked": False,
        "visibility": True,
        "positionStatus": "undefined" if status == "missing" else "defined",
    }


def _measurements(result: LandmarkResult, to_check: frozenset[str]) -> list[dict[str, Any]]:
    codes = np.array([_STATUS_CODES[status] for status in result.status])
    return [
        _measurement("confidence", f"{CONFIDENCE_TEXT}; the value is their mean", result.confidence),
        _measurement("status", "0 missing, 1 uncertain, 2 found; the value is their mean", codes),
        *_error_measurements(result),
        _measurement("to_check", _TO_CHECK, np.array([float(label in to_check) for label in result.labels])),
    ]


def _error_measurements(result: LandmarkResult) -> list[dict[str, Any]]:
    """Both errors where any is known; ``_UNKNOWN`` for the landmarks of which it is not."""
    return [
        _measurement(name, f"{text}; {_UNKNOWN:g} where not known; the value is the mean of the others", errors)
        for (name, text), errors in zip(_ERRORS, result.errors_mm.T, strict=True)
        if np.isfinite(errors).any()
    ]


def _known(values: list[float] | None, place: int) -> float | None:
    return None if values is None or values[place] < 0 else values[place]


def _measurement(name: str, text: str, values: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "name": name,
        "enabled": True,
        "value": float(np.nanmean(values)),
        "description": text,
        "printFormat": "%5.3f",
        "controlPointValues": np.nan_to_num(values, nan=_UNKNOWN).tolist(),
    }


def _point_values(markup: dict[str, Any], name: str, count: int) -> list[float] | None:
    """A per-point measurement, None if there is none or if points were added or removed since."""
    found: dict[str, Any] = next((item for item in markup.get("measurements") or () if item.get("name") == name), {})
    values = found.get("controlPointValues")
    return [float(value) for value in values] if isinstance(values, list) and len(values) == count else None


def _status(point: dict[str, Any], code: float | None) -> str:
    """What Slicer says about the position counts more than our measurement: it knows of changes by hand."""
    if point.get("positionStatus", "defined") != "defined" or point.get("position") in (None, "", []):
        return "missing"
    status = _STATUS_OF_CODE.get(2.0 if code is None else code, "found")
    return "found" if status == "missing" else status


def _unit(markup: dict[str, Any]) -> str:
    unit = markup.get("coordinateUnits") or "mm"
    return str(unit[0] if isinstance(unit, list) else unit)
