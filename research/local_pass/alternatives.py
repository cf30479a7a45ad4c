"""Two cheaper second opinions: the first network on more nodes, and the statistical face fitted to the scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research.local_pass.cases import Case
from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.dense import fit_dense
from sgcn_core.errors import SgcnError
from sgcn_core.pipeline import Pipeline
from sgcn_core.stages import PosedScan
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]

# Of each landmark that the fit starts from, millimetres along an axis.
_LANDMARK_SD = 1.5


def on_more_nodes(pipeline: Pipeline, case: Case, nodes: int) -> FloatArray:
    """Landmarks (L, 3) of the first network on so many nodes, normalised."""
    crop = PosedScan(case.vertices, case.faces, to_head=pipeline.to_crop.inverse())
    return pipeline.place(pipeline.heatmaps(pipeline.graph(crop, nodes))).positions


def of_statistical_face(case: Case) -> dict[str, FloatArray]:
    """Label -> position, normalised, of the landmarks of the fitted face; empty where it cannot be fitted."""
    positions = case.first * case.unit
    count = len(positions)
    analysed = AnalysisCase(
        labels=case.labels,
        positions=positions,
        covariance=np.tile(np.eye(3) * _LANDMARK_SD**2, (count, 1, 1)),
        status=("found",) * count,
        surface=Surface(vertices=case.vertices * case.unit, faces=case.faces, unit="mm", frame="LPS"),
    )
    try:
        face = fit_dense(analysed)
    except SgcnError:
        return {}
    return {label: face.position(label) / case.unit for label in face.labels}
