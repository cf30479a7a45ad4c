"""How a face differs with age: displacement fields towards the child and towards old age."""

from __future__ import annotations

from torch import Tensor

from research.synthesis.landmark_fields import CHEEK, LandmarkFields, Vector

# Proportions of a child of about three years, relative to the distance between the eyes, over those of an adult:
# width and height. Farkas, Anthropometry of the Head and Face (1994): the lower face grows most after that age.
_CHILD_SCALE: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("mnd", "prn", "c", "sn", "al", "ac", "sbal"), (0.88, 0.76)),
    **dict.fromkeys(("spl", "ls", "sts", "sti", "li", "cph", "ch"), (0.84, 0.79)),
    **dict.fromkeys(("sl", "pg", "gn", "me", "go"), (0.86, 0.80)),
    **{f"jaw{k}": (0.90, 0.80) for k in range(2, 8)},
    **dict.fromkeys(("chk", "zy"), (0.95, 0.85)),
    **dict.fromkeys(("t", "obs", "sa", "pa", "pra", "sba", "obi"), (0.96, 0.88)),
}
# Flatter bridge and tip, receding chin, fuller cheeks and brow: millimetres along z at the same age.
_CHILD_DEPTH = {"mnd": -5.0, "prn": -7.0, "c": -5.0, "al": -2.0, "sn": -2.0, "sl": -3.0, "pg": -4.0, "gn": -4.0}
_CHILD_DEPTH |= {"me": -3.0, "chk": 2.0, "ls": -1.0, "sts": -1.5, "sti": -1.5, "li": -2.0}
_CHEEK = 4.0  # millimetres of fat over the middle of the cheek

# Millimetres at about eighty years; x outward.
_OLD: dict[str, Vector] = {
    **{"scm": (0.0, -1.0, 0.0), "scl": (0.0, -3.0, 0.0), "ps": (0.0, -1.0, 0.0), "pi": (0.0, -1.2, 0.0)},
    **{"prn": (0.0, -3.0, 1.0), "c": (0.0, -1.5, 0.5), "al": (1.2, -0.8, 0.0), "mnd": (0.0, -0.5, 0.8)},
    **{"ls": (0.0, -2.0, -1.0), "cph": (0.0, -1.8, -0.8), "sts": (0.0, -0.6, -1.0), "sti": (0.0, -0.2, -1.2)},
    **{"li": (0.0, 1.2, -1.8), "ch": (-0.5, -2.0, -0.8), "chk": (0.0, -4.0, -2.5)},
    **{"go": (1.0, -3.0, 1.0), "jaw4": (1.5, -4.0, 0.5), "jaw5": (1.5, -5.5, 0.0), "jaw6": (0.5, -3.5, -0.5)},
    **{"gn": (0.0, -1.0, 0.5), "me": (0.0, -2.5, 0.0), "pg": (0.0, -0.5, 0.8)},
    **{"sa": (0.8, 2.5, 0.0), "pa": (0.8, 0.0, -2.5), "sba": (0.5, -6.0, -0.5), "obi": (0.0, -3.5, 0.0)},
}


def age_fields(fields: LandmarkFields) -> dict[str, Tensor | None]:
    """``child`` at three years and ``old`` at eighty; other ages are shares of them."""
    return {"child": _child(fields), "old": fields.spread(_OLD, reach=55.0, free=("sl", "spl"))}


def _child(fields: LandmarkFields) -> Tensor | None:
    if not fields.has("n", "t"):
        return None
    moves: dict[str, Vector] = {}
    root = fields.places["n"]
    for label, (width, height) in _CHILD_SCALE.items():
        for name in fields.sided(label):
            x, y, _ = fields.places[name] - root
            moves[name] = ((width - 1.0) * float(x), (height - 1.0) * float(y), _CHILD_DEPTH.get(label, 0.0))
    moves["g"] = (0.0, 0.0, 2.5)
    spread = fields.spread(moves, reach=110.0, outward=False, free=("ft", "scm", "scl", "mf"))
    for side, out in (("r", -1.0), ("l", 1.0)):
        middle = tuple(f"{label}_{side}" for label in CHEEK)
        round_cheek = fields.bump(middle, (0.75 * out, 0.0, 0.65), deviation=18.0)
        if spread is not None and round_cheek is not None:
            spread = spread + _CHEEK * round_cheek
    return spread
