"""What the review panel says of a landmark, in the language of Slicer."""

from __future__ import annotations

from ..translation import _
from .rows import Counts, Row

# Readable beside dark and light text: the colours fill a square before the word.
STATUS_COLORS = {
    "found": (26, 191, 89),
    "uncertain": (255, 140, 0),
    "missing": (220, 50, 60),
    "edited": (60, 140, 255),
    "accepted": (120, 170, 90),
}


def status_word(status: str) -> str:
    """The status for the table."""
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


def moved_word(row: Row) -> str:
    """How far a hand has moved the landmark."""
    if row.by_hand and row.moved_mm is None:
        return _("taken away") if row.status == "missing" else _("placed")
    return millimetres(row.moved_mm)


def tooltip(row: Row, placed_by: str) -> str:
    """Everything about a landmark: name, definition, status, who placed it."""
    head = f"{row.label} – {row.name}" if row.name else row.label
    lines = [head, row.definition, _status_sentence(row), _hand_sentence(row)]
    if placed_by:
        lines.append(_("First placed by {model}.").format(model=placed_by))
    if row.locked:
        lines.append(_("Locked."))
    return "\n".join(line for line in lines if line)


def counts_sentence(counts: Counts) -> str:
    """How many landmarks there are to check."""
    if counts.total == 0:
        return _("No landmarks yet.")
    if counts.uncertain + counts.missing == 0:
        text = _("Nothing to check of {total} landmarks")
    else:
        text = _("{uncertain} to check, {missing} missing of {total} landmarks")
    more = [_("{edited} edited")] * bool(counts.edited) + [_("{accepted} accepted")] * bool(counts.accepted)
    sentence = "; ".join([text, *more])
    return sentence.format(**counts.__dict__)


def _status_sentence(row: Row) -> str:
    sentence = {
        "found": _("Found."),
        "uncertain": _("Uncertain: check its position before use."),
        "missing": _("Missing: not found on this surface; place it by hand if it is there."),
        "edited": _("Placed by hand."),
        "accepted": _("Uncertain when detected; accepted since."),
    }[row.status]
    if row.expected_error_mm is None:
        return sentence
    return sentence + " " + _("Expected error {error:.1f} mm.").format(error=row.expected_error_mm)


def _hand_sentence(row: Row) -> str:
    if not row.by_hand:
        return ""
    if row.moved_mm is not None:
        return _("Moved by {distance:.2f} mm.").format(distance=row.moved_mm)
    if row.status == "missing":
        return _("The detector had placed it; a hand has taken it away.")
    return _("The detector had not found it.")
