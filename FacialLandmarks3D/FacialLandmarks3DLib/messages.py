"""What the user is told of landmarks, cases and stages, in the language of Slicer. Needs NumPy at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

try:
    from slicer.i18n import tr as _
except ImportError:  # no Slicer, as in tests

    def _(text: str) -> str:
        return text


# Readable beside dark and light text: the colours fill a square before the word.
STATUS_COLORS = {
    "found": (26, 191, 89),
    "uncertain": (255, 140, 0),
    "missing": (220, 50, 60),
    "edited": (60, 140, 255),
    "accepted": (120, 170, 90),
}


def sentence(text: str) -> str:
    """With a capital letter and a full stop; errors of Python have neither."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


# --- a detection --------------------------------------------------------------------------------------------------


def stage_text(stage: str) -> str:
    """What the panel says while a stage runs; a stage that is not known is shown by its name."""
    known = {
        "preparing": _("Preparing the surface"),
        "loading the model": _("Loading the model"),
        "skin": _("Extracting the skin"),
        "read": _("Reading"),
        "pose": _("Looking for the face"),
        "alignment": _("Aligning the face"),
        "sampling": _("Sampling the surface"),
        "network": _("Computing heatmaps"),
        "refinement": _("Placing landmarks"),
        "writing": _("Writing"),
        "finishing": _("Finishing"),
    }
    return known.get(stage, stage)


# --- a landmark ---------------------------------------------------------------------------------------------------


def describe(landmark: Mapping[str, Any]) -> str:
    """Name, definition, status and expected error of a landmark of the worker's result, for people.

    A label of no landmark set, as other weights may bring, has no name and no definition.
    """
    from sgcn_core.types.landmark_sets import LandmarkSet

    known = LandmarkSet.load("all")
    label, expected = landmark["label"], landmark.get("expected_error_mm")
    parts = [] if label not in known else [f"{known[label].name}: {known[label].definition.rstrip('.')}"]
    parts.append(
        {
            "found": "found",
            "uncertain": "uncertain: check its position before use"
            if landmark.get("to_check", True)
            else "uncertain: loosely defined, on every scan",
            "missing": "missing: not found on this surface",
        }[landmark["status"]]
    )
    if expected is not None:
        parts.append(f"expected error {expected:.1f} mm")
    return "; ".join(parts)


def status_word(status: str) -> str:
    """The status of a landmark for the table."""
    return {
        "found": _("found"),
        "uncertain": _("uncertain"),
        "missing": _("missing"),
        "edited": _("edited"),
        "accepted": _("accepted"),
    }[status]


def side_word(side: str) -> str:
    """The subject's own side for the table."""
    return {"right": _("right"), "left": _("left"), "midline": _("midline"), "": ""}[side]


def millimetres(value: float | None) -> str:
    """A length for the table, empty where there is none."""
    return "" if value is None else f"{value:.1f}"


def moved_word(row: Any) -> str:
    """How far a landmark (a `Row` of the review) was moved by hand."""
    if row.by_hand and row.moved_mm is None:
        return _("taken away") if row.status == "missing" else _("placed")
    return millimetres(row.moved_mm)


def tooltip(row: Any, placed_by: str) -> str:
    """Everything about a landmark (a `Row` of the review): name, definition, status, who placed it."""
    head = f"{row.label} – {row.name}" if row.name else row.label
    lines = [head, row.definition, _status_sentence(row), _hand_sentence(row)]
    if placed_by:
        lines.append(_("First placed by {model}.").format(model=placed_by))
    if row.locked:
        lines.append(_("Locked."))
    return "\n".join(line for line in lines if line)


def details(row: Any) -> str:
    """The chosen landmark (a `Row` of the review) below the table: full name, definition, status."""
    name = f"{row.label} – {row.name}" if row.name else row.label
    head = f"{name}: {row.definition}" if row.definition else name
    return " ".join(text for text in (sentence(head), _status_sentence(row), _hand_sentence(row)) if text)


def counts_sentence(counts: Any) -> str:
    """The `Counts` of landmarks in one sentence, without a full stop."""
    if counts.total == 0:
        return _("No landmarks yet.")
    placed, to_check = counts.total - counts.missing, counts.uncertain + counts.missing
    text = _("{placed} of {total} placed").format(placed=placed, total=counts.total)
    if counts.expected_errors:
        text += _(", median expected error {error:.1f} mm").format(error=median(counts.expected_errors))
    text += "; " + (_("check {count}").format(count=to_check) if to_check else _("nothing to check"))
    if counts.loose:
        text += _(", {count} loosely defined").format(count=counts.loose)
    if counts.loose_errors:
        text += _(" ({error:.1f} mm)").format(error=median(counts.loose_errors))
    more = [_("{count} edited").format(count=counts.edited)] * bool(counts.edited)
    more += [_("{count} accepted").format(count=counts.accepted)] * bool(counts.accepted)
    return "; ".join([text, *more])


def table_headers() -> tuple[tuple[str, str], ...]:
    """Headers of the table of landmarks, short, and their tooltips."""
    return (
        (_("Landmark"), _("Abbreviation of the landmark; its full name is shown below the table.")),
        (_("Side"), _("The subject's own side.")),
        (_("Status"), _("Found, uncertain, missing; edited or accepted by hand.")),
        (_("Error"), _("Expected error of the detected position, mm.")),
        (_("Moved"), _("Distance by which the landmark was moved by hand, mm.")),
    )


def review_menu() -> tuple[tuple[str, str, str], ...]:
    """The entries of the menu More of the review: name, text, tooltip."""
    return (
        ("placeByHandAction", _("Place by hand"), _("Place the chosen missing landmark with a click on the model.")),
        ("acceptAllAction", _("Accept all"), _("Accept all uncertain landmarks, once you have checked them.")),
        ("lockAction", _("Lock"), _("Lock or unlock the chosen landmark; a locked one cannot be moved.")),
        ("lockAllAction", _("Lock all"), _("Lock or unlock all landmarks.")),
        ("redoAction", _("Redo"), _("Redo the last change that was undone.")),
        (
            "allLabelsAction",
            _("Labels of all landmarks"),
            _("Show the labels of all landmarks in the views, not only of the chosen one and of those to check."),
        ),
    )


def _status_sentence(row: Any) -> str:
    sentence = {
        "found": _("Found."),
        "uncertain": _("Uncertain on every scan: the point is loosely defined.")
        if row.loose
        else _("Uncertain: check its position before use."),
        "missing": _("Missing: not found on this surface. If it is visible: More > Place by hand."),
        "edited": _("Placed by hand."),
        "accepted": _("Uncertain when detected; accepted since."),
    }[row.status]
    if row.expected_error_mm is None:
        return sentence
    return sentence + " " + _("Expected error {error:.1f} mm.").format(error=row.expected_error_mm)


def _hand_sentence(row: Any) -> str:
    if not row.by_hand:
        return ""
    if row.moved_mm is not None:
        return _("Moved by {distance:.2f} mm.").format(distance=row.moved_mm)
    if row.status == "missing":
        return _("Detected, then removed by hand.")
    return _("Not detected.")


# --- a case of a batch --------------------------------------------------------------------------------------------


def case_status(case: Any) -> str:
    """The status of a `Case` for the list."""
    return {
        "waiting": _("waiting"),
        "running": _("running"),
        "ok": _("done"),
        "refused": _("refused"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
    }[case.status]


def to_check(case: Any) -> int | None:
    """How many landmarks of a `Case` have to be checked; None where that is not known."""
    if not case.counts:
        return None
    return int(case.counts.get("to_check", case.counts.get("uncertain", 0)) + case.counts.get("missing", 0))


def batch_sentence(cases: Sequence[Any]) -> str:
    """The state of a batch."""
    statuses = [case.status for case in cases]
    parts = [_("{done} of {total} cases done").format(done=statuses.count("ok"), total=len(cases))]
    for status, text in (
        ("refused", _("{count} refused")),
        ("failed", _("{count} failed")),
        ("cancelled", _("{count} cancelled")),
    ):
        if count := statuses.count(status):
            parts.append(text.format(count=count))
    return ", ".join(parts) + "."


# --- planning -----------------------------------------------------------------------------------------------------


def planning_headers() -> tuple[tuple[str, str], ...]:
    """Columns of planning's tables that the panel shows, those that a table has, and their short headers."""
    return (
        ("measurement", _("Measurement")),
        ("value", _("Value")),
        ("change", _("Change")),
        ("difference", _("Difference")),
        ("unit", _("Unit")),
        ("interval", _("95 %")),
        ("detectable", _("Detectable")),
        ("z", _("z")),
        ("status", _("Status")),
    )


def stable_regions() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What may be stable between two dates: text, and regions of sgcn_core."""
    return (
        (_("Forehead and nasal root"), ("forehead", "nasal root")),
        (_("Forehead"), ("forehead",)),
        (_("Eyes and nasal root"), ("right eye", "left eye", "nasal root")),
        (_("Ears"), ("right ear", "left ear")),
        (_("Upper face"), ("forehead", "nasal root", "right eye", "left eye")),
    )
