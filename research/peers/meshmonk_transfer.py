"""Landmarks of an atlas, carried onto a scan by MeshMonk's registration.

J. D. White et al., "MeshMonk: Open-source large-scale intensive 3D phenotyping", Scientific Reports 9:6085, 2019. The
atlas is the mean face of the package with its own landmarks (ICT-FaceKit, MIT); it is placed by five points, then
registered rigidly and in a pyramid with the library's own settings. The five are taken from our detection, where
MeshMonk's users place them by hand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sgcn_core.analysis.dense_model import dense_model
from sgcn_core.errors import ModelError
from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.types.surface import compacted

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

POSITIONING = ("ex_r", "ex_l", "prn", "ch_r", "ch_l")
_AROUND = 20.0  # mm around the placed atlas: what of the scan is registered with, so that hair and clothes do not pull


def registered_atlas(vertices: FloatArray, faces: IntArray, placed: Mapping[str, FloatArray]) -> FloatArray:
    """Vertices (M, 3) of the atlas on a scan in millimetres; ``placed`` holds the positioning landmarks.

    Raises
    ------
    ModelError
        If the library is absent.
    ValueError
        If a positioning landmark is missing.
    """
    model = dense_model()
    if missing := [label for label in POSITIONING if label not in placed or not np.isfinite(placed[label]).all()]:
        raise ValueError(f"the positioning landmarks {', '.join(missing)} are missing")
    try:
        import meshmonk
    except ImportError as error:
        raise ModelError('meshmonk is not installed; install the extra "peers": pip install ".[peers]"') from error
    rows = [model.labels.index(label) for label in POSITIONING]
    onto = procrustes(model.mean[model.landmarks[rows]], np.array([placed[label] for label in POSITIONING]))
    atlas = onto.apply(model.mean)
    near = cKDTree(atlas).query(vertices, distance_upper_bound=_AROUND)[0] < _AROUND
    points, triangles = compacted(vertices, faces[near[faces].all(1)])
    result = meshmonk.pyramid_register(
        floating_features=_features(atlas, model.faces),
        target_features=_features(points, triangles),
        floating_faces=model.faces.astype(np.int32),
        target_faces=triangles.astype(np.int32),
        rigid_params={},
    )
    return np.asarray(result.aligned_vertices, dtype=np.float64)


def atlas_landmarks(atlas: FloatArray) -> dict[str, FloatArray]:
    """Landmarks of a registered atlas."""
    model = dense_model()
    return dict(zip(model.labels, atlas[model.landmarks], strict=True))


def _features(vertices: FloatArray, faces: IntArray) -> NDArray[np.float32]:
    """Positions and unit normals (n, 6), as the library takes them."""
    return np.ascontiguousarray(np.hstack([vertices, vertex_normals(vertices, faces)]), dtype=np.float32)
