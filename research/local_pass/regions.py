"""The regions of the second pass: what each holds, how far it reaches, and how a right side is turned into a left one.

A region's network sees left sides alone. A right side is mirrored before the network and what comes out is mirrored
back, so that nothing in a result is ever mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class LocalRegion:
    """A part of the face that a network of its own looks at.

    Attributes
    ----------
    name : str
    labels : its landmarks; of a paired region those of the left side
    opposite : the same landmarks of the right side; empty for a region on the midline
    reach : millimetres of the head frame around the mean of its landmarks
    nodes : of the graph
    """

    name: str
    labels: tuple[str, ...]
    opposite: tuple[str, ...]
    reach: float
    nodes: int

    @property
    def sides(self) -> tuple[tuple[tuple[str, ...], bool], ...]:
        """Labels of each side, and whether it is mirrored for the network."""
        left = (self.labels, False)
        return (left, (self.opposite, True)) if self.opposite else (left,)


def _paired(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(f"{name}_l" for name in names), tuple(f"{name}_r" for name in names)


def _ibug(*numbers: int) -> tuple[str, ...]:
    return tuple(f"ibug{number}" for number in numbers)


_EYE, _EAR = _paired(("en", "ex", "ps", "pi")), _paired(("t", "obi", "sa", "sba", "pra", "pa"))

REGIONS = {
    region.name: region
    for region in (
        LocalRegion("eye", _EYE[0] + _ibug(*range(42, 48)), _EYE[1] + _ibug(39, 38, 37, 36, 41, 40), 26.0, 700),
        LocalRegion(
            "nose",
            ("prn", "c", "sn", "al_l", "al_r", "ac_l", "ac_r", "sbal_l", "sbal_r", *_ibug(*range(28, 36))),
            (),
            30.0,
            1500,
        ),
        LocalRegion(
            "mouth",
            ("ls", "sts", "sti", "li", "cph_l", "cph_r", "ch_l", "ch_r", *_ibug(*range(48, 68))),
            (),
            36.0,
            1500,
        ),
        LocalRegion("ear", _EAR[0], _EAR[1], 40.0, 1500),
    )
}
