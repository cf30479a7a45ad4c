"""Displacement fields of what brings people to a face surgeon, each for one unit of its strength."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from research.synthesis.landmark_fields import CHEEK, LandmarkFields, Vector

SIDES = ("r", "l")

# How far each landmark follows the mandible's body; the lips follow partly.
_MANDIBLE = {"pg": 1.0, "gn": 1.0, "me": 1.0, "sl": 0.9, "li": 0.65, "sti": 0.45, "sts": 0.3, "ls": 0.2, "cph": 0.15}
_MANDIBLE |= {"ch": 0.35, "jaw7": 0.9, "jaw6": 0.75, "jaw5": 0.55, "jaw4": 0.4, "jaw3": 0.2, "go": 0.25}
# How far each landmark moves with the orbit.
_ORBIT = {"en": 1.0, "ex": 0.8, "ps": 0.9, "pi": 0.9, "mf": 0.8, "scm": 0.5, "scl": 0.4, "chk": 0.2}
_DEVIATION = {"prn": 1.0, "c": 0.85, "mnd": 0.55, "al": 0.75, "ac": 0.25, "sbal": 0.25, "sn": 0.35, "spl": 0.15}
_TIP = {"prn": (0.0, 1.0, 0.1), "c": (0.0, 0.8, 0.1), "al": (0.0, 0.4, 0.0), "mnd": (0.0, 0.15, 0.1)}
# Share of the way to the centre of the skull base that a landmark of the small side goes, for a deficiency of one.
_DEFICIENT = {"go": 1.0, "jaw1": 0.7, "jaw2": 0.9, "jaw3": 1.0, "jaw4": 1.0, "jaw5": 0.9, "jaw6": 0.8, "jaw7": 0.6}
_DEFICIENT |= {"zy": 0.7, "chk": 0.7, "ch": 0.45, "al": 0.3, "ac": 0.3, "ex": 0.25, "pi": 0.15, "obi": 0.8, "t": 0.6}
_DEFICIENT |= {"sba": 0.9, "sa": 0.6, "pa": 0.7, "pra": 0.6, "obs": 0.6}
# Millimetres to the small side, and share of the way up and back, for the same in the midline.
_DRAWN = {"gn": (32.0, 0.4), "me": (32.0, 0.4), "pg": (30.0, 0.4), "sl": (26.0, 0.35), "li": (20.0, 0.25)}
_DRAWN |= {"sti": (15.0, 0.18), "sts": (12.0, 0.15), "ls": (9.0, 0.1)}
_DRAWN_BESIDE = {"jaw7": 28.0, "jaw6": 19.0, "jaw5": 9.0}


def pathology_fields(fields: LandmarkFields) -> dict[str, Tensor | None]:
    """Fields by name, ``_r`` and ``_l`` for the subject's side; None where the population lacks the landmarks.

    One unit is a millimetre at the landmark that moves most, except: ``deficient`` is the share by which the side is
    smaller, ``cleft``, ``premaxilla`` and ``palsy`` are complete at one.
    """
    found: dict[str, Tensor | None] = {
        "orbit": _along(fields, _ORBIT, (1.0, 0.0, 0.0), reach=50.0, free=("ft",)),
        "nose_side": _along(fields, _DEVIATION, (1.0, 0.0, 0.0), reach=40.0, outward=False),
        "nose_bridge": _bridge(fields),
        "nose_tip": fields.spread(_TIP, reach=40.0, free=("ac",)),
        "upper_lip": fields.bump(("ls",), (0.0, 0.2, 1.0), deviation=10.0),
        "lower_lip": fields.bump(("li",), (0.0, -0.3, 1.0), deviation=10.0),
        "premaxilla": _premaxilla(fields),
    }
    for axis, direction in (("side", (1.0, 0.0, 0.0)), ("down", (0.0, -1.0, 0.0)), ("forward", (0.0, 0.0, 1.0))):
        found["mandible_" + axis] = _along(fields, _MANDIBLE, direction, reach=75.0, outward=False, free=("obi", "sba"))
    for side in SIDES:
        out = 1.0 if side == "l" else -1.0
        found["deficient_" + side] = _deficient(fields, side, out)
        found["palsy_" + side] = _palsy(fields, side, out)
        found["cleft_" + side] = _cleft(fields, side, out)
        cheek = tuple(f"{label}_{side}" for label in CHEEK)
        found["cheek_" + side] = fields.bump(cheek, (0.75 * out, -0.1, 0.65), deviation=19.0)
        jaw = (f"jaw3_{side}", f"jaw4_{side}", f"jaw5_{side}")
        found["jaw_" + side] = fields.bump(jaw, (0.85 * out, -0.35, 0.4), deviation=18.0)
        lid = (f"ps_{side}", f"ps_{side}", f"scl_{side}", f"scm_{side}")
        found["lid_" + side] = fields.bump(lid, (0.2 * out, 0.0, 1.0), deviation=8.0)
    return found


def _along(
    fields: LandmarkFields,
    shares: dict[str, float],
    direction: Vector,
    *,
    reach: float,
    outward: bool = True,
    free: tuple[str, ...] = (),
) -> Tensor | None:
    x, y, z = direction
    moves = {label: (share * x, share * y, share * z) for label, share in shares.items()}
    return fields.spread(moves, reach=reach, outward=outward, free=free)


def _bridge(fields: LandmarkFields) -> Tensor | None:
    """Hump of the nose; a saddle where it is negative."""
    moves = {"mnd": (0.0, 0.2, 1.0), "ibug28": (0.0, 0.1, 0.7), "ibug29": (0.0, 0.2, 0.75)}
    return fields.spread(moves, reach=32.0, free=("se", "n"))


def _deficient(fields: LandmarkFields, side: str, out: float) -> Tensor | None:
    """One side of the face too small; the chin is drawn towards it."""
    if not fields.has("n", "t", "gn"):
        return None
    centre = np.array([0.0, fields.places["n"][1], np.mean([fields.places[name][2] for name in fields.sided("t")])])
    moves: dict[str, Vector] = {}
    for label, share in _DEFICIENT.items():
        name = f"{label}_{side}"
        if name in fields.places:
            x, y, z = share * (centre - fields.places[name])
            moves[name] = (float(x), float(y), float(z))
    for label, (aside, share) in _DRAWN.items():
        if label in fields.places:
            _, y, z = share * (centre - fields.places[label])
            moves[label] = (aside * out, float(y), 0.5 * float(z))
    for label, aside in _DRAWN_BESIDE.items():
        for name in fields.sided(label):
            x, y, z = moves.get(name, (0.0, 0.0, 0.0))
            moves[name] = (x + aside * out, y, z)
    free = ("sn", "spl", "cph", "c", "prn", "sbal", "ps", "scl", "ft")
    return fields.spread(moves, reach=90.0, outward=False, free=free)


def _palsy(fields: LandmarkFields, side: str, out: float) -> Tensor | None:
    """One side hangs, the mouth is drawn to the other."""
    own: dict[str, Vector] = {"ch": (-2.5, -6.0, 0.0), "scl": (0.0, -4.5, 0.0), "scm": (0.0, -2.0, 0.0)}
    own |= {"ps": (0.0, 0.6, 0.0), "pi": (0.0, -2.0, 0.0), "chk": (0.0, -3.5, -1.0), "jaw5": (0.5, -2.5, 0.0)}
    own |= {"al": (-1.0, -1.0, 0.0), "cph": (-3.0, -1.5, 0.0), "jaw4": (0.5, -2.0, 0.0)}
    moves = {f"{label}_{side}": (out * x, y, z) for label, (x, y, z) in own.items()}
    moves |= {label: (-3.0 * out, -1.0, 0.0) for label in ("ls", "sts", "sti", "li")}
    other = "l" if side == "r" else "r"
    moves |= {f"cph_{other}": (-2.5 * out, 0.0, 0.0), f"ch_{other}": (-2.5 * out, 1.5, -1.0)}
    return fields.spread(moves, reach=45.0, outward=False, free=("sl", "spl", f"sbal_{side}", f"ac_{side}"))


def _premaxilla(fields: LandmarkFields) -> Tensor | None:
    """The middle of the lip stands out between two clefts, the columella is short."""
    moves = {"ls": (0.0, 1.0, 4.0), "spl": (0.0, 0.5, 4.0), "sn": (0.0, 1.0, 3.5), "sts": (0.0, 2.0, 3.0)}
    moves |= {"prn": (0.0, -2.0, -2.0), "c": (0.0, 0.0, -1.0)}
    return fields.spread(moves, reach=26.0, free=("cph", "sbal"))


def _cleft(fields: LandmarkFields, side: str, out: float) -> Tensor | None:
    """A wedge from the nostril to the edge of the upper lip, the wing of the nose flat and wide, its tip drawn away."""
    if not fields.has("sn", "ls", "sts", "sti", "cph", "ch", "sbal"):
        return None
    nose = {f"al_{side}": (2.5 * out, -2.0, -3.0), f"ac_{side}": (2.5 * out, -1.5, -2.0)}
    nose |= {f"sbal_{side}": (2.5 * out, -0.5, -2.0), "prn": (-2.0 * out, 0.0, -0.8), "c": (-2.5 * out, 0.0, 0.0)}
    nose |= {"sn": (-1.5 * out, 0.0, 0.0)}
    free = ("ls", "sts", "spl", "cph", f"ch_{side}")
    frame = fields.spread(nose, reach=32.0, outward=False, free=free)
    return None if frame is None else frame + _wedge(fields, side, out)


def _wedge(fields: LandmarkFields, side: str, out: float) -> Tensor:
    """The edges of the cleft move apart and up; the skin between them, which the mesh keeps, falls back."""
    place = fields.places
    x, y, z = fields.neutral.T
    upper, lower = place["sts"], place["sti"]
    corner = place[f"ch_{side}"]
    line = out * place[f"cph_{side}"][0]
    beside = out * x - line
    seam = (upper[1] + lower[1]) / 2 + (corner[1] - upper[1]) * np.square(np.clip(x / corner[0], -1.2, 1.2))
    share = np.clip((place["sn"][1] - y) / (place["sn"][1] - upper[1]), 0.0, 1.0)  # 0 at the nose, 1 at the lip's edge
    lip = _step((y - seam) / 0.3) * _step((place["sn"][1] + 3.0 - y) / 1.5) * _step((z - corner[2] - 3.0) / 2.0)
    opening = lip * (0.3 + 0.7 * share)
    apart = np.tanh(beside / 1.2) * np.exp(-np.square(beside / 9.0)) * opening
    up = np.exp(-np.square(beside / 5.0)) * opening * share
    back = np.exp(-np.square(beside / 2.2)) * opening
    return torch.from_numpy(np.stack([3.5 * out * apart, 5.0 * up, -7.0 * back], 1)).float()


def _step(t: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1.0 + np.tanh(t / 2.0)))
