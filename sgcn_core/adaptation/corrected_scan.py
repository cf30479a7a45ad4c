"""A corrected scan: where landmarks were found and where somebody has placed them, in the head frame."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import CorrectionError
from sgcn_core.evaluation.truth import Truth
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.stages import Heatmaps
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface, compacted
from sgcn_core.types.units import in_mm
from sgcn_core.uncertainty.thresholds import MISSING

FloatArray = NDArray[np.float64]

STILL = 0.05
"""Landmarks closer to the ones found were left where they were (millimetres)."""

# How much of the surface is kept around the landmarks, millimetres of the head frame: offsets are shorter.
_AROUND = 30.0


@dataclass(frozen=True, eq=False, kw_only=True)
class CorrectedScan(ReadOnlyArrays):
    """K landmarks of one scan, in millimetres of the head frame (to the subject's left, up, out of the face).

    Attributes
    ----------
    name : str
    labels : tuple of str
        Those that were found and that the user's file holds.
    found : ndarray (K, 3)
        By the weights without any offsets.
    corrected : ndarray (K, 3)
        By the user.
    expected : ndarray (K,)
        Expected error of the detection; NaN where none is stated.
    size : float
        Millimetres of the person for one of the head frame.
    surface : SurfaceIndex
        The surface around the landmarks.
    fingerprint : str
        Of the scan's vertices.
    notes : tuple of str
        Landmarks that are not learnt from, and why.
    """

    name: str
    labels: tuple[str, ...]
    found: FloatArray
    corrected: FloatArray
    expected: FloatArray
    size: float
    surface: SurfaceIndex
    fingerprint: str = ""
    notes: tuple[str, ...] = ()

    @property
    def displacement(self) -> FloatArray:
        """From the landmark found to the user's, (K, 3)."""
        moved: FloatArray = self.corrected - self.found
        return moved

    @property
    def was_corrected(self) -> bool:
        """Whether any landmark lies elsewhere than where it was found."""
        return bool((np.linalg.norm(self.displacement, axis=1) > STILL).any())

    def errors(self, offsets: FloatArray | None = None) -> FloatArray:
        """Distance (K,) of the landmarks found from the user's; with offsets (K, 3), moved and put back on the surface.

        In millimetres of the person.
        """
        moved = self.found if offsets is None else closest_on_surface(self.found + offsets, self.surface)
        distance: FloatArray = self.size * np.linalg.norm(moved - self.corrected, axis=1)
        return distance

    def off_surface(self) -> FloatArray:
        """Distance (K,) of the user's landmarks from the surface, millimetres of the person."""
        nearest = closest_on_surface(self.corrected, self.surface)
        distance: FloatArray = self.size * np.linalg.norm(nearest - self.corrected, axis=1)
        return distance

    def only(self, kept: NDArray[np.bool_], notes: Sequence[str] = ()) -> CorrectedScan:
        """Some of the landmarks, with more notes."""
        return replace(
            self,
            labels=tuple(label for label, it in zip(self.labels, kept, strict=True) if it),
            found=self.found[kept],
            corrected=self.corrected[kept],
            expected=self.expected[kept],
            notes=(*self.notes, *notes),
        )


@dataclass(frozen=True, eq=False)
class Detected:
    """What the weights without offsets find on a scan, and the way from its coordinates into the head frame.

    Attributes
    ----------
    places : label -> (3,), head frame; missing landmarks are left out
    expected : label -> expected error, millimetres of the head frame; NaN where none is stated
    to_head : Similarity, from the frame and unit of the scan
    unit : of the scan
    size : millimetres of the person for one of the head frame
    surface : SurfaceIndex, head frame
    fingerprint : of the scan's vertices
    """

    places: Mapping[str, FloatArray]
    expected: Mapping[str, float]
    to_head: Similarity
    unit: str
    size: float
    surface: SurfaceIndex
    fingerprint: str

    def compared(self, name: str, truth: Truth) -> CorrectedScan:
        """The landmarks that were found and that the user has placed, by label without regard to case.

        Raises
        ------
        CorrectionError
            If there is none.
        """
        known = {label.casefold(): label for label in self.places}
        factor = in_mm(truth.unit or self.unit) / in_mm(self.unit)
        both = {known[label.casefold()]: at for label, at in truth.positions.items() if label.casefold() in known}
        if not both:
            raise CorrectionError(
                f"none of its landmarks ({', '.join(list(truth.positions)[:5]) or 'it holds none'}) is one that was "
                "found on the scan; name them as these weights do"
            )
        labels = tuple(both)
        return CorrectedScan(
            name=name,
            labels=labels,
            found=np.array([self.places[label] for label in labels]),
            corrected=self.to_head.apply(factor * np.array([both[label] for label in labels])),
            expected=np.array([self.expected[label] for label in labels]),
            size=self.size,
            surface=self.surface,
            fingerprint=self.fingerprint,
        )


def detected(detector: LandmarkDetector, surface: Surface, *, seed: int = 0) -> Detected:
    """Landmarks of all labels on a scan, for comparison with corrections.

    Raises
    ------
    FaceNotFoundError, SurfaceError
        If no face is found, or the surface is unusable.
    """
    seen: list[Heatmaps] = []
    result = detector.detect(surface, landmark_set="all", seed=seed, observe=seen.append)
    to_head, size = Similarity.from_matrix(result.info["pose"]), float(result.info["size_ratio"])
    rows = zip(result.labels, result.status, to_head.apply(result.positions), result.expected_error, strict=True)
    told = {label: (place, error / size) for label, status, place, error in rows if status != MISSING}
    return Detected(
        places={label: place for label, (place, _) in told.items()},
        expected={label: float(error) for label, (_, error) in told.items()},
        to_head=to_head,
        unit=result.unit,
        size=size,
        surface=_around(seen[-1], to_head, np.array([place for place, _ in told.values()])),
        fingerprint=hashlib.sha256(np.ascontiguousarray(surface.vertices, dtype=np.float32).tobytes()).hexdigest(),
    )


def _around(heatmaps: Heatmaps, to_head: Similarity, places: FloatArray) -> SurfaceIndex:
    """The cleaned surface around the landmarks, in the head frame."""
    from scipy.spatial import cKDTree

    graph = heatmaps.graph
    vertices = to_head.apply(graph.to_normalised.inverse().apply(graph.vertices) / heatmaps.factor)
    near = np.isfinite(cKDTree(places).query(vertices, distance_upper_bound=_AROUND)[0])
    return SurfaceIndex(*compacted(vertices, graph.faces[near[graph.faces].all(axis=1)]))
