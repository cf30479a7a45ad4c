"""Values that options of the command line take."""

from __future__ import annotations

from enum import Enum


class Format(str, Enum):
    """Landmark file formats."""

    MARKUPS = "mrk.json"
    FCSV = "fcsv"
    CSV = "csv"
    JSON = "json"


class LandmarkSetName(str, Enum):
    """Named selections of landmarks."""

    IBUG68 = "ibug68"
    CLINICAL = "clinical"
    ALL = "all"


class Refinement(str, Enum):
    """How a heatmap becomes a position on the surface."""

    MEAN = "mean"
    PAPER = "paper"
    AMPLITUDE = "amplitude"
    SURFACE = "surface"
    GUIDED = "guided"


class LengthUnit(str, Enum):
    """Unit of the input's coordinates."""

    MM = "mm"
    CM = "cm"
    M = "m"
    UM = "um"
