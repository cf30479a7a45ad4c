"""Trimmed fits of a surface to another: a rigid motion, and the plane that mirrors a face onto itself.

Both move samples of one surface towards the tangent planes of the other (point to plane) and leave out the part of them
that fits worst: what differs between the surfaces shall not pull them together.

References
----------
Y. Chen, G. Medioni, "Object modelling by registration of multiple range images", Image and Vision
Computing 10(3), 1992.
D. Chetverikov, D. Stepanov, P. Krsek, "Robust Euclidean alignment of 3D point sets: the trimmed iterative closest point
algorithm", Image and Vision Computing 23(3), 2005.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sgcn_core.analysis.midsagittal import MidsagittalPlane, tilt_axes
from sgcn_core.analysis.skin_target import SkinTarget
from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.area_sampling import sample_by_area
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.triangles import interpolate, triangle_areas, triangle_normals
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

KEPT = 0.7
"""Share of the samples that a fit keeps: those with the smallest distances."""

_SAMPLES = 4000
_ROUNDS, _EXACT_ROUNDS = 60, 3  # with the closest vertices, then with the closest places of the triangles
_STILL = 2e-3  # mm: a step that moves what is 100 mm from the middle less than this is the last
_PATCH = 100.0  # mm^2; the distances within a patch of this size are taken as one observation
_FEWEST = 100
_SEED = 0


@dataclass(frozen=True, eq=False)
class SurfaceMotion(ReadOnlyArrays):
    """A rigid motion found from two surfaces.

    Attributes
    ----------
    motion : Similarity, scale 1
    residual : float
        Root mean square distance of the samples kept, millimetres.
    covariance : ndarray (6, 6)
        Of a rotation vector about `centre` (radians) and a shift (mm).
    centre : ndarray (3,)
    """

    motion: Similarity
    residual: float
    covariance: FloatArray
    centre: FloatArray


@dataclass(frozen=True, eq=False)
class _Samples:
    points: FloatArray
    normals: FloatArray
    area: float


@dataclass(frozen=True, eq=False)
class _Step:
    change: FloatArray
    residual: float
    covariance: FloatArray


def part_of(surface: Surface, vertices: BoolArray) -> Surface:
    """The triangles all of whose corners are among the vertices (P,), with a border where it was cut.

    Raises
    ------
    SurfaceError
        There is no such triangle.
    """
    faces = vertices[surface.faces].all(axis=1)
    if not faces.any():
        raise SurfaceError("no skin is left of the region; choose a larger one, or leave out less")
    return surface.clipped(faces).compacted()


def fit_motion(moving: Surface, fixed: Surface, start: Similarity, *, kept: float = KEPT) -> SurfaceMotion:
    """The rigid motion that brings one surface onto another, from a good start.

    Parameters
    ----------
    moving, fixed : Surface
        The regions that shall coincide, both in millimetres; the fixed one may be larger.
    start : Similarity
        As of the landmarks, within about 10 mm and 15 degrees.
    kept : float
        Share of the samples that is used.

    Raises
    ------
    SurfaceError
        The surfaces hardly overlap at the start.
    """
    samples, target = _samples(moving), SkinTarget.of(fixed)
    motion, centre = start, start.apply(samples.points).mean(axis=0)

    def advance(exact: bool) -> _Step:
        nonlocal motion
        points, normals = motion.apply(samples.points), motion.apply_to_normals(samples.normals)
        from_centre = points - centre

        def rows(used: BoolArray, n: FloatArray) -> FloatArray:
            return np.concatenate([np.cross(from_centre[used], n), n], axis=1)

        step = _step(points, normals, target, samples.area, rows, kept, exact=exact)
        turn = Rotation.from_rotvec(step.change[:3]).as_matrix()
        motion = Similarity(1.0, turn, centre - turn @ centre + step.change[3:]) @ motion
        return step

    step = _settled(advance)
    return SurfaceMotion(motion, step.residual, step.covariance, centre)


def fit_mirror(skin: Surface, start: MidsagittalPlane, *, kept: float = KEPT) -> MidsagittalPlane:
    """The plane whose mirror image of the skin fits the skin best, where it fits best.

    Parameters
    ----------
    skin : Surface
        The face in millimetres, without the regions that shall not count: a part of which either side is left out is
        not used on the other side either.
    start : MidsagittalPlane
        From landmarks.
    kept : float
        Share of the samples that is used; the rest, what is least symmetric, does not move the plane.

    Raises
    ------
    SurfaceError
        Skin and mirror image hardly overlap at the start.
    """
    samples, target = _samples(skin), SkinTarget.of(skin)
    normal, point = start.normal, start.point

    def advance(exact: bool) -> _Step:
        nonlocal normal, point
        axes = tilt_axes(normal)
        distance = (samples.points - point) @ normal
        points = samples.points - 2.0 * distance[:, None] * normal
        normals = samples.normals - 2.0 * (samples.normals @ normal)[:, None] * normal
        rows = _mirror_rows(samples.points - point, normal, axes)
        step = _step(points, normals, target, samples.area, rows, kept, exact=exact)
        normal = normal + step.change[:2] @ axes
        normal = normal / np.linalg.norm(normal)
        point = point + step.change[2] * normal
        return step

    step = _settled(advance)
    return MidsagittalPlane(
        point=point,
        normal=normal,
        method="surface",
        residual=step.residual,
        pairs=start.pairs,
        midline=start.midline,
        weights=start.weights,
        covariance=step.covariance,
        tilt_axes=tilt_axes(normal),
    )


def _mirror_rows(
    from_point: FloatArray, normal: FloatArray, axes: FloatArray
) -> Callable[[BoolArray, FloatArray], FloatArray]:
    """How far a mirrored sample moves along a normal of the skin with both tilts and the shift of the plane.

    The mirror image x - 2 (x . n) n changes by -2 (x . e) n - 2 (x . n) e when n tilts towards e, and by 2 n with a
    shift along n.
    """

    def rows(used: BoolArray, n: FloatArray) -> FloatArray:
        along, inside = (from_point[used] @ normal)[:, None], from_point[used] @ axes.T
        towards = (n @ normal)[:, None]
        return np.concatenate([-2.0 * (inside * towards + along * (n @ axes.T)), 2.0 * towards], axis=1)

    return rows


def _samples(surface: Surface) -> _Samples:
    """Points of a surface, uniform in area, with the normals of their triangles."""
    vertices, faces = surface.vertices, surface.faces
    cumulative = np.cumsum(triangle_areas(vertices, faces, zero_if_flat=True))
    triangles, barycentric = sample_by_area(cumulative, _SAMPLES, np.random.default_rng(_SEED))
    points = interpolate(vertices, faces[triangles], barycentric)
    return _Samples(points, triangle_normals(vertices, faces[triangles]), float(cumulative[-1]))


def _step(
    points: FloatArray,
    normals: FloatArray,
    target: SkinTarget,
    area: float,
    rows: Callable[[BoolArray, FloatArray], FloatArray],
    kept: float,
    *,
    exact: bool,
) -> _Step:
    """One Gauss-Newton step of the trimmed distances to the tangent planes."""
    places, directions, counterpart = (target.closest if exact else target.closest_vertices)(points, normals)
    distance = ((points - places) * directions).sum(axis=1)
    far = np.where(counterpart, np.linalg.norm(points - places, axis=1), np.inf)
    if counterpart.sum() < _FEWEST:
        raise SurfaceError(
            f"only {int(counterpart.sum())} of {len(points)} places of the skin have a counterpart on the other "
            "surface; check that both show the region and that the landmarks belong to them"
        )
    used = far <= np.quantile(far[counterpart], kept)
    jacobian = rows(used, directions[used])
    information = jacobian.T @ jacobian
    change = -np.linalg.lstsq(information, jacobian.T @ distance[used], rcond=None)[0]
    squared = float(np.mean(distance[used] ** 2))
    independent = max(area * used.mean() / _PATCH, 1.0)
    covariance = np.linalg.pinv(information) * squared * max(used.sum() / independent, 1.0)
    return _Step(change, float(np.sqrt(squared)), covariance)


def _settled(advance: Callable[[bool], _Step]) -> _Step:
    """The last step: of some with the closest vertices until they are small, then some with the closest places."""
    for _ in range(_ROUNDS):
        change = advance(False).change
        turn, shift = np.split(change, [(len(change) + 1) // 2])  # of three numbers two turn, of six three
        if 100.0 * np.linalg.norm(turn) + np.linalg.norm(shift) < _STILL:
            break
    for _ in range(_EXACT_ROUNDS - 1):
        advance(True)
    return advance(True)
