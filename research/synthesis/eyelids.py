"""Narrow and short palpebral fissures: ptosis, squinting, an epicanthus, lids that a scan leaves narrow."""

from __future__ import annotations

from torch import Tensor

from research.synthesis.landmark_fields import LandmarkFields, Vector

# Share of a millimetre by which each point of the lid margins moves; iBUG points of the right eye, then the left.
_UPPER = {"ps": 1.0, "ibug37": 0.75, "ibug38": 0.75, "ibug43": 0.75, "ibug44": 0.75}
_LOWER = {"pi": 0.5, "ibug40": 0.4, "ibug41": 0.4, "ibug46": 0.4, "ibug47": 0.4}
# A lid that comes down slides forward over the eyeball.
_FORWARD = 0.3
_REACH, _REACH_OF_CORNERS = 9.0, 12.0


def eyelid_fields(fields: LandmarkFields) -> dict[str, Tensor | None]:
    """Fields of one millimetre each: ``fissure_narrow``, upper lids down and lower ones up by half of it;
    ``fissure_short``, both corners of the eye towards its middle."""
    narrow: dict[str, Vector] = {label: (0.0, -share, _FORWARD * share) for label, share in _UPPER.items()}
    narrow |= {label: (0.0, share, 0.0) for label, share in _LOWER.items()}
    short: dict[str, Vector] = {"en": (1.0, 0.0, 0.0), "ex": (-1.0, 0.0, 0.3)}
    # iBUG labels name no side, so x is the subject's left.
    short |= {"ibug36": (1.0, 0.0, 0.3), "ibug39": (-1.0, 0.0, 0.0)}
    short |= {"ibug42": (1.0, 0.0, 0.0), "ibug45": (-1.0, 0.0, 0.3)}
    return {
        "fissure_narrow": fields.spread(narrow, reach=_REACH),
        "fissure_short": fields.spread(short, reach=_REACH_OF_CORNERS),
    }
