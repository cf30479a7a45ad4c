"""The named ways of turning heatmaps into positions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefinementMode:
    """One way of estimating a landmark from its heatmap.

    Parameters
    ----------
    name : str
        Name of the mode.
    candidates : {"none", "vertices", "triangles"}
        Where the landmark may lie: anywhere (the weighted mean of Eq. 6), on a vertex of the surface (Eq. 8), or
        anywhere on the surface's triangles.
    free_amplitude : bool
        Fit the height of the Gaussian of Eq. 8 instead of assuming that heatmaps reach exactly 1 at the landmark.
    robust : bool
        Ignore top nodes far from the others, and bound the radius of Eq. 7. False: the equations as printed.
    guided : bool
        Combine the result with a prediction from the other landmarks (`guidance`), if the
        weights hold a shape model.
    """

    name: str
    candidates: str
    free_amplitude: bool
    robust: bool
    guided: bool = False

    def __post_init__(self) -> None:
        allowed = ("none", "vertices", "triangles")
        if self.candidates not in allowed:
            raise ValueError(f"candidates must be one of {', '.join(allowed)}; received {self.candidates!r}")


MODES: dict[str, RefinementMode] = {
    mode.name: mode
    for mode in (
        RefinementMode("mean", candidates="none", free_amplitude=False, robust=True),
        RefinementMode("paper", candidates="vertices", free_amplitude=False, robust=False),
        RefinementMode("amplitude", candidates="vertices", free_amplitude=True, robust=True),
        RefinementMode("surface", candidates="triangles", free_amplitude=True, robust=True),
        RefinementMode("guided", candidates="triangles", free_amplitude=True, robust=True, guided=True),
    )
}


def refinement_mode(mode: str | RefinementMode) -> RefinementMode:
    """The mode of that name; a `RefinementMode` is returned as it is.

    Raises
    ------
    ValueError
        If no mode has that name.
    """
    if isinstance(mode, RefinementMode):
        return mode
    try:
        return MODES[mode]
    except KeyError:
        raise ValueError(f"unknown refinement mode {mode!r}; choose one of {', '.join(MODES)}") from None
