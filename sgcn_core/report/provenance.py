"""What a report was made from, and how its intervals were made."""

from __future__ import annotations

from typing import Any

from sgcn_core import __version__
from sgcn_core.io.landmark_text import ASSUMED
from sgcn_core.report.page import Section
from sgcn_core.types.landmarks import LandmarkResult

HOW_INTERVALS = (
    "Error of a landmark: expected (mean) error and the bound that 9 of 10 errors stay below, calibrated on generated "
    "and real faces; confidence is the probability of an error below 4 mm.",
    "Covariance of a landmark: normal and equal in all directions, so wide that the bound holds 90 %, plus what "
    "trained observers disagree by where the bound does not hold it. Landmarks placed by hand have the observers' part "
    "alone.",
    "Interval of a measurement: 1.96 standard deviations from the covariance of its landmarks, whose errors are taken "
    "as independent. It does not hold the error of the scanner, nor facial expression.",
)


def provenance_section(results: tuple[tuple[str, LandmarkResult], ...], *, show_name: bool) -> Section:
    """Version, weights, settings and input of each case.

    Parameters
    ----------
    results : tuple of (str, LandmarkResult)
        What each case is called, and its landmarks.
    show_name : bool
        Whether names of input files are shown: they may tell who the person is.
    """
    facts = [("Report", f"sgcn_core {__version__}")]
    for name, result in results:
        prefix = f"{name}: " if len(results) > 1 else ""
        facts += [(prefix + key, value) for key, value in _facts(result, show_name=show_name)]
    return Section(key="provenance", title="Provenance and method", facts=tuple(facts), notes=HOW_INTERVALS)


def _facts(result: LandmarkResult, *, show_name: bool) -> list[tuple[str, str]]:
    info = result.info
    source = info.get("input") if isinstance(info.get("input"), dict) else {}
    assert isinstance(source, dict)
    made = [
        ("Detected by", _joined([info.get("model"), info.get("version")])),
        ("Weights, SHA-256", _text(info.get("weights_sha256"))),
        ("Definitions", _definitions(info)),
        ("Settings", _settings(info)),
        ("Input, SHA-256", _text(source.get("sha256"))),
        ("Input", _text(source.get("name")) if show_name else ""),
        ("Unit and frame", f"{result.unit}, {result.frame}{_assumed(info)}"),
        ("Notes", _notes(info, _text(source.get("name")), show_name=show_name)),
    ]
    if not info.get("model"):
        made[0] = ("Detected by", "not known: the landmarks' file holds no record of a detection")
    return [(key, value) for key, value in made if value]


def _definitions(info: dict[str, Any]) -> str:
    """Whose definitions adapted weights place landmarks by; empty where these are our own."""
    adapted = info.get("adapted")
    if not isinstance(adapted, dict):
        return ""
    counts = f"{adapted.get('landmarks')} landmarks by {adapted.get('scans')} scans"
    return f"learnt from corrections: {counts} ({adapted.get('date')})"


def _assumed(info: dict[str, Any]) -> str:
    """What of them the landmark file does not state."""
    names = info.get(ASSUMED)
    return f" ({' and '.join(map(str, names))} not stated, assumed)" if isinstance(names, list) and names else ""


def _settings(info: dict[str, Any]) -> str:
    named = (("preset", "preset"), ("refine", "refinement"), ("seed", "seed"), ("unit_source", "unit from"))
    return ", ".join(f"{word} {info[key]}" for key, word in named if info.get(key) is not None)


def _notes(info: dict[str, Any], name: str, *, show_name: bool) -> str:
    notes = info.get("notes")
    text = "; ".join(str(note) for note in notes) if isinstance(notes, list) else ""
    return text if show_name or not name else text.replace(name, "the input")


def _joined(values: list[Any]) -> str:
    return " ".join(str(value) for value in values if value)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
