"""Two cheaper second opinions: the first network on more nodes, and the statistical face fitted to the scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research.local_pass.cases import Case
from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.dense import fit_dense
from sgcn_core.errors import SgcnError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.face_graph import build_face_graph
from sgcn_core.pipeline import Pipeline
from sgcn_core.stages import Heatmaps
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]

# Of each landmark that the fit starts from, millimetres along an axis.
_LANDMARK_SD = 1.5


def on_more_nodes(pipeline: Pipeline, case: Case, nodes: int) -> FloatArray:
    """Landmarks (L, 3) of the first network on so many nodes, normalised."""
    known = pipeline.checkpoint
    graph = build_face_graph(
        case.vertices,
        case.faces,
        Similarity.identity(),
        known.prototype,
        margin=known.crop_margin / known.crop_radius,
        count=nodes,
        neighbours=known.neighbours,
        seed=0,
    )
    heatmaps: Heatmaps = pipeline.heatmaps(graph)
    return pipeline.place(heatmaps).positions


def of_statistical_face(case: Case, *, sd: float = _LANDMARK_SD) -> dict[str, FloatArray]:
    """Label -> position, normalised, of the landmarks of the fitted face; empty where it cannot be fitted."""
    positions = case.first * case.unit
    count = len(positions)
    analysed = AnalysisCase(
        labels=case.labels,
        positions=positions,
        covariance=np.tile(np.eye(3) * sd**2, (count, 1, 1)),
        status=("found",) * count,
        surface=Surface(vertices=case.vertices * case.unit, faces=case.faces, unit="mm", frame="LPS"),
    )
    try:
        face = fit_dense(analysed)
    except SgcnError:
        return {}
    return {label: face.position(label) / case.unit for label in face.labels}
