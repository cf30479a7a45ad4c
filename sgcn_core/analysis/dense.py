"""Dense correspondence: a statistical face fitted to a scan, its vertices as quasi-landmarks.

Every fitted face has the same vertices in the same order, and for every vertex the one on the other side. Maps between
two cases, or between both halves of one, then compare places that correspond instead of closest places.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.dense_fit import fit_model, moved_onto_skin, pose_from_landmarks
from sgcn_core.analysis.dense_model import dense_model
from sgcn_core.analysis.skin_target import SkinTarget
from sgcn_core.errors import FileFormatError, LandmarkError, SurfaceError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.io.atomic import FileState, write_bytes, write_text
from sgcn_core.io.csv_cells import table_text
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

SUFFIXES = (".npz", ".csv")
"""Of files of quasi-landmarks; .npz can be read back."""

_AROUND = 40.0  # mm around the model that is looked at of the scan
_ON_SKIN = 2.0  # mm: a vertex farther from the skin than this in the end has no skin
_KEYS = ("vertices", "faces", "mirror", "residual", "coefficients", "pose", "labels", "landmarks", "name")


@dataclass(frozen=True, eq=False, kw_only=True)
class DenseFace(ReadOnlyArrays):
    """A statistical face fitted to a scan; always millimetres and LPS.

    Attributes
    ----------
    vertices : ndarray (M, 3)
        Quasi-landmarks: vertex i is the same place in every face. Where the scan has no skin they are guessed from
        what is around; `residual` tells which.
    faces : ndarray (F, 3)
    mirror : ndarray (M,) of int64
        The vertex on the other side that corresponds to each; itself in the midline.
    residual : ndarray (M,)
        How far outside the skin the statistical face lay before its vertices were moved onto it, mm; NaN where the scan
        has no skin.
    coefficients : ndarray (K,)
        Weights of the modes of identity and expression, in standard deviations.
    pose : Similarity
        From the head frame of the statistical face (left, up, forward) to the scan.
    labels : tuple of str
        Landmarks of the statistical face.
    landmarks : ndarray (L,) of int64
        Their vertices.
    name : str
        Of the case.
    """

    vertices: FloatArray
    faces: IntArray
    mirror: IntArray
    residual: FloatArray
    coefficients: FloatArray
    pose: Similarity
    labels: tuple[str, ...]
    landmarks: IntArray
    name: str = ""

    def __repr__(self) -> str:
        return (
            f"DenseFace({self.name!r}, {len(self.vertices)} vertices, {self.fitted:.0%} on skin, "
            f"median residual {self.median_residual:.2f} mm)"
        )

    @property
    def on_skin(self) -> BoolArray:
        """Which vertices (M,) lie on skin of the scan."""
        found: BoolArray = np.isfinite(self.residual)
        return found

    @property
    def fitted(self) -> float:
        """Share of the vertices that lie on skin of the scan."""
        return float(self.on_skin.mean())

    @property
    def median_residual(self) -> float:
        """Median absolute residual, mm."""
        return float(np.nanmedian(np.abs(self.residual)))

    @property
    def surface(self) -> Surface:
        """The fitted face as a surface."""
        note = f"statistical face fitted to {self.name or 'a scan'}"
        return Surface(self.vertices, self.faces, unit="mm", frame="LPS", notes=(note,))

    def position(self, label: str) -> FloatArray:
        """Place (3,) of a landmark of the statistical face; NaN where the scan has no skin.

        Raises
        ------
        ValueError
            It has no landmark of this name.
        """
        if label not in self.labels:
            raise ValueError(f"the statistical face has no landmark {label!r}; it has {', '.join(self.labels)}")
        vertex = self.landmarks[self.labels.index(label)]
        place: FloatArray = np.where(self.on_skin[vertex], self.vertices[vertex], np.nan)
        return place

    def transformed(self, motion: Similarity) -> DenseFace:
        """The face after a motion; the residuals grow with its scale."""
        return replace(
            self,
            vertices=motion.apply(self.vertices),
            residual=self.residual * motion.scale,
            pose=motion @ self.pose,
        )

    def write(self, path: str | os.PathLike[str], *, unless_changed_since: FileState | None = None) -> Path:
        """Write the quasi-landmarks: .npz with everything, or .csv with a row for each vertex.

        The rows: vertex, its mirror vertex, label of a landmark there, x, y, z (mm, LPS), residual (mm, empty where the
        scan has no skin).

        Raises
        ------
        FileFormatError
            Another suffix.
        """
        file = Path(path)
        if checked_suffix(file) == ".npz":
            arrays = {key: getattr(self, key) for key in _KEYS}
            arrays |= {"pose": self.pose.as_matrix(), "labels": np.array(self.labels), "name": np.array(self.name)}
            stream = io.BytesIO()
            np.savez_compressed(stream, **arrays)
            write_bytes(file, stream.getvalue(), unless_changed_since=unless_changed_since)
        else:
            write_text(file, self._csv(), unless_changed_since=unless_changed_since)
        return file

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> DenseFace:
        """Read a .npz file of `write`.

        Raises
        ------
        FileNotFoundError
        FileFormatError
            It is no file of quasi-landmarks.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                data = {key: archive[key] for key in _KEYS}
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise FileFormatError(f"{path} is no .npz file of quasi-landmarks: {error}") from error
        data |= {
            "pose": Similarity.from_matrix(data["pose"]),
            "labels": tuple(data["labels"].tolist()),
            "name": str(data["name"]),
        }
        return cls(**data)

    def _csv(self) -> str:
        labels: dict[int, list[str]] = {}
        for label, vertex in zip(self.labels, self.landmarks.tolist(), strict=True):
            labels.setdefault(vertex, []).append(label)
        table: list[tuple[str | int, ...]] = [("vertex", "mirror", "landmark", "x", "y", "z", "residual_mm")]
        rows = zip(self.mirror.tolist(), self.vertices.tolist(), self.residual.tolist(), strict=True)
        for vertex, (partner, place, residual) in enumerate(rows):
            coordinates = [f"{value:.4f}" for value in place]
            known = "" if residual != residual else f"{residual:.4f}"
            table.append((vertex, partner, " ".join(labels.get(vertex, ())), *coordinates, known))
        return table_text(table)


def checked_suffix(path: Path) -> str:
    """The suffix of a file of quasi-landmarks; FileFormatError for another than .npz and .csv."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FileFormatError(f"cannot write quasi-landmarks to {path}; use the suffix {' or '.join(SUFFIXES)}")
    return suffix


def fit_dense(case: AnalysisCase) -> DenseFace:
    """Fit the statistical face of the package to the scan of a case.

    Parameters
    ----------
    case : AnalysisCase
        With its surface, and at least six landmarks of the face, detected or placed by hand.

    Raises
    ------
    LandmarkError
        The case has no surface, or too few landmarks.
    SurfaceError
        The scan shows too little of the face.

    Notes
    -----
    Pose and size by the landmarks; then pose, size, identity and expression by landmarks and skin, the landmarks
    losing their weight; then smooth displacements of a Gaussian process beside the modes; last, each vertex along its
    normal onto the skin. The modes of a person are nearly symmetric; the smooth displacements and the last step
    are not, so that an asymmetry is kept.
    """
    if case.surface is None:
        raise LandmarkError("the statistical face is fitted to a surface; give the scan the landmarks were placed on")
    model = dense_model()
    start = pose_from_landmarks(model, case.labels, case.positions)
    target = SkinTarget.of(_around(case.surface, start.apply(model.mean)))
    fit = fit_model(model, target, case.labels, case.positions, case.covariance, start)
    vertices = moved_onto_skin(model, target, fit.vertices)
    normals = vertex_normals(vertices, model.faces)
    with np.errstate(invalid="ignore"):
        on_skin = np.abs(target.signed_distance(vertices, normals)) <= _ON_SKIN
    outside = ((fit.vertices - vertices) * normals).sum(axis=1)
    return DenseFace(
        vertices=vertices,
        residual=np.where(on_skin, outside, np.nan),
        coefficients=fit.coefficients,
        pose=fit.pose,
        name=case.name,
        faces=model.faces,
        mirror=model.mirror,
        labels=model.labels,
        landmarks=model.landmarks,
    )


def _around(surface: Surface, vertices: FloatArray) -> Surface:
    """What of the scan lies around the face; its cut border is far from it."""
    low, high = vertices.min(axis=0) - _AROUND, vertices.max(axis=0) + _AROUND
    inside = ((surface.vertices > low) & (surface.vertices < high)).all(axis=1)
    faces = inside[surface.faces].all(axis=1)
    if not faces.any():
        raise SurfaceError("the scan has no skin where the landmarks place the face; check that they belong together")
    return surface if faces.all() else surface.clipped(faces).compacted()
