"""Plain JSON with everything a LandmarkResult holds."""

from __future__ import annotations

import json
from typing import Any

from sgcn_core.io.landmark_text import Rows
from sgcn_core.io.mrk_json import from_markups
from sgcn_core.types.landmarks import LandmarkResult

_FORMAT = "sgcn_core landmarks 1"


def json_text(result: LandmarkResult) -> str:
    """The keys format, unit, frame, landmarks and info.

    Of each landmark label, position or null, confidence, status, expected_error_mm and error_bound_mm, or null.
    """
    return json.dumps({"format": _FORMAT, **result.as_dict()}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def parse_json(text: str) -> LandmarkResult:
    """Read what :func:`json_text` writes, or a Slicer markups file that is named .json."""
    content: dict[str, Any] = json.loads(text)
    if "markups" in content:
        return from_markups(content)
    rows = Rows()
    for entry in content["landmarks"]:
        errors = (entry.get("expected_error_mm"), entry.get("error_bound_mm"))
        rows.add(entry["label"], entry["position"], entry["confidence"], entry["status"], errors)
    return rows.result(unit=str(content["unit"]), frame=str(content["frame"]), info=content.get("info"))
