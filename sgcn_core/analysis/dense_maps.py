"""Asymmetry and change by dense correspondence: each vertex against the one that corresponds, not the closest place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sgcn_core.analysis.comparison import Registration
from sgcn_core.analysis.dense import DenseFace
from sgcn_core.analysis.distance_maps import DISTANCE, write_map
from sgcn_core.analysis.midsagittal import MidsagittalPlane
from sgcn_core.analysis.regions import region_names, region_of
from sgcn_core.analysis.result_rows import Row
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.io.atomic import FileState
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SHIFT = "shift_mm"
"""Name of the array of lengths in the files; the vectors are in `shift_L`, `shift_P` and `shift_S`."""


@dataclass(frozen=True, eq=False)
class CorrespondenceMap(ReadOnlyArrays):
    """How each vertex of a fitted face lies to the place that corresponds to it.

    Attributes
    ----------
    surface : Surface
        The fitted face, mm, LPS.
    shift : ndarray (M, 3)
        From the corresponding place to the vertex, mm, LPS; NaN where either is not on skin of its scan.
    landmarks : dict of str to int
        Vertices of the statistical face's landmarks, for the regions.
    """

    surface: Surface
    shift: FloatArray
    landmarks: dict[str, int]

    @property
    def length(self) -> FloatArray:
        """Length (M,) of each shift, mm."""
        found: FloatArray = np.linalg.norm(self.shift, axis=1)
        return found

    @property
    def distance(self) -> FloatArray:
        """The shift (M,) along the normal, mm: positive outwards, as in a map of closest places."""
        normals = vertex_normals(self.surface.vertices, self.surface.faces)
        found: FloatArray = (self.shift * normals).sum(axis=1)
        return found

    def write(self, path: str | os.PathLike[str], *, unless_changed_since: FileState | None = None) -> Path:
        """Write the fitted face with its values: .vtp (arrays) or .ply (properties).

        Raises
        ------
        FileFormatError
            Another suffix.
        """
        arrays = {DISTANCE: self.distance, SHIFT: self.length}
        arrays |= {f"shift_{axis}": self.shift[:, column].copy() for column, axis in enumerate("LPS")}
        return write_map(self.surface, arrays, path, unless_changed_since=unless_changed_since)


def dense_asymmetry(face: DenseFace, plane: MidsagittalPlane) -> CorrespondenceMap:
    """Each vertex against the mirror image of the vertex on the other side; a midline vertex against its own.

    A shift of the whole part by s to the left shows as 2 s: both the part and its mirror image moved.
    """
    partner = np.where(face.on_skin[face.mirror, None], plane.mirrored(face.vertices[face.mirror]), np.nan)
    own = np.where(face.on_skin[:, None], face.vertices, np.nan)
    return CorrespondenceMap(face.surface, own - partner, _vertices_of(face))


def dense_change(first: DenseFace, second: DenseFace, registration: Registration) -> CorrespondenceMap:
    """Each vertex of the second face, registered, against the same vertex of the first: what moved where.

    Raises
    ------
    ValueError
        The faces are not of the same statistical face.
    """
    if len(first.vertices) != len(second.vertices):
        raise ValueError(
            f"fitted faces of {len(first.vertices)} and {len(second.vertices)} vertices do not correspond; fit both "
            "with one release of this package"
        )
    moved = second.transformed(registration.motion)
    shift = moved.vertices - first.vertices
    both = first.on_skin & second.on_skin
    return CorrespondenceMap(moved.surface, np.where(both[:, None], shift, np.nan), _vertices_of(second))


def dense_rows(found: CorrespondenceMap) -> list[Row]:
    """One row for each region of the face that the scan shows: how far its skin is shifted, and how far outwards."""
    rows: list[Row] = []
    tree, length, outwards = cKDTree(found.surface.vertices), found.length, found.distance
    everything = np.arange(len(found.shift))
    regions = {"face": everything} | {name: _region(found, tree, name) for name in region_names()}
    for name, vertices in regions.items():
        seen = vertices[np.isfinite(length[vertices])]
        if len(seen):
            size, out = length[seen], outwards[seen]
            mean = found.shift[seen].mean(axis=0)
            rows.append(
                {
                    "region": name,
                    "mean shift mm": float(size.mean()),
                    "largest": float(size.max()),
                    "mean outwards mm": float(out.mean()),
                    **{f"d{axis}": float(value) for axis, value in zip("LPS", mean, strict=True)},
                    "covered %": 100.0 * len(seen) / len(vertices),
                }
            )
    return rows


def dense_record(face: DenseFace) -> dict[str, float]:
    """How well the statistical face fits, as plain values for JSON."""
    return {"vertices": len(face.vertices), "fitted_share": face.fitted, "median_residual_mm": face.median_residual}


def _vertices_of(face: DenseFace) -> dict[str, int]:
    return dict(zip(face.labels, face.landmarks.tolist(), strict=True))


def _region(found: CorrespondenceMap, tree: cKDTree, name: str) -> IntArray:
    """Vertices near the landmarks of a region; none where the statistical face does not have it, as the ears."""
    labels, reach = region_of(name)
    places = [found.surface.vertices[found.landmarks[label]] for label in labels if label in found.landmarks]
    near = tree.query_ball_point(np.array(places), reach) if places else []
    return np.unique(np.concatenate([np.zeros(0), *near])).astype(np.int64)
