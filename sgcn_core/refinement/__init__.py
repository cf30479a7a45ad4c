"""Stage 2 of 2S-SGCN: from the heatmaps of stage 1 to landmark positions on the original surface (paper, section 4.2).

Only NumPy and SciPy are needed, and SciPy is imported on the first call.
"""

from __future__ import annotations

from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.refinement.landmark_estimation import Refined, refine
from sgcn_core.refinement.modes import MODES, RefinementMode, refinement_mode
from sgcn_core.refinement.top_nodes import near_centre, top_nodes
from sgcn_core.refinement.weighted_mean import weighted_mean

__all__ = [
    "MODES",
    "Refined",
    "RefinementMode",
    "SurfaceIndex",
    "near_centre",
    "refine",
    "refinement_mode",
    "top_nodes",
    "weighted_mean",
]
