"""A head of simple shapes as a volume, whose skin is known exactly: for the tests of skin and volumes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.volume import Volume

Array = NDArray[np.float64]

_RADII = np.array([72.0, 92.0, 105.0])
_NECK_RADIUS, _NECK_BELOW = 52.0, -30.0
NOSTRIL = np.array([0.0, -1.0, -0.25])  # direction from the centre in which the airway opens

HOUNSFIELD = {"air": -1000.0, "flesh": 40.0, "bone": 700.0, "table": 150.0, "foam": -900.0}
MR_LIKE = {"air": 0.0, "flesh": 400.0, "bone": 15.0, "table": 0.0, "foam": 0.0}


@dataclass(frozen=True, eq=False)
class VoxelHead:
    """What is put in the scanner, and how it is scanned.

    The head is an ellipsoid around the origin on a round neck, in LPS, mm: bone under the skin, a sinus, and an airway
    from a nostril to the neck.

    Attributes
    ----------
    tissue : dict
        Grey values of air, flesh, bone, table and foam.
    low, high : 3 floats
        Field of view, x, y, z in the image's own axes, mm.
    spacing : 3 floats
    direction : (3, 3) array
        Turns the image's axes; the head stays upright in LPS.
    noise : float
        Standard deviation; in MR the magnitude of complex noise.
    table, tube : bool
        A hollow table with a cradle of foam behind the head; a tube in front of the mouth.
    """

    tissue: dict[str, float] = field(default_factory=lambda: HOUNSFIELD)
    low: tuple[float, float, float] = (-110.0, -115.0, -120.0)
    high: tuple[float, float, float] = (110.0, 130.0, 125.0)
    spacing: tuple[float, float, float] = (3.0, 3.0, 3.0)
    direction: Array = field(default_factory=lambda: np.eye(3))
    noise: float = 0.0
    table: bool = False
    tube: bool = False
    bias: float = 0.0

    def volume(self, *, modality: str | None = None, dtype: type = np.int16) -> Volume:
        """The scan; partial volume is exact for flat surfaces across an axis, and near enough for the others."""
        size = [round((b - a) / s) for a, b, s in zip(self.low, self.high, self.spacing, strict=True)]
        axes = [a + s * (np.arange(n) + 0.5) for a, s, n in zip(self.low, self.spacing, size, strict=True)]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        points = np.stack([x, y, z], axis=-1).reshape(-1, 3) @ self.direction.T
        values = self._grey_values(points)
        origin = self.direction @ [axis[0] for axis in axes]
        array = values.reshape(x.shape)
        array = np.round(array) if np.issubdtype(dtype, np.integer) else array
        return Volume(array.astype(dtype), np.array(self.spacing), origin, self.direction, modality, "head.nii")

    def _grey_values(self, points: Array) -> Array:
        grey = self.tissue
        blur = float(np.mean(self.spacing))
        values = np.full(len(points), grey["air"])

        def put(distance: Array, value: float) -> None:
            nonlocal values
            share = np.clip(0.5 - distance / blur, 0.0, 1.0)
            values = values + share * (value - values)

        if self.table:
            put(_slab(points, 96.0, 112.0), grey["foam"])
            put(_slab(points, 112.0, 116.0), grey["table"])
            put(_slab(points, 123.0, 126.0), grey["table"])
        if self.tube:
            put(np.hypot(points[:, 0] - 10, points[:, 1] + 105) - 4.0, grey["table"])
        skin = skin_distance(points)
        put(skin, grey["flesh"])
        put(np.maximum(skin + 6.0, -(skin + 12.0)), grey["bone"])
        put(np.linalg.norm(points - [0, -60, 20], axis=1) - 14.0, grey["air"])
        for distance in _airway(points):
            put(distance, grey["air"])
        if self.bias:
            values = values * (1 + self.bias * points[:, 2] / 110.0)
        return self._with_noise(values)

    def _with_noise(self, values: Array) -> Array:
        draw = np.random.default_rng(0)
        if not self.noise:
            return values
        if self.tissue["air"] < 0:
            return values + draw.normal(0, self.noise, len(values))
        return np.hypot(values + draw.normal(0, self.noise, len(values)), draw.normal(0, self.noise, len(values)))


def skin_distance(points: Array) -> Array:
    """Signed distance of the skin, mm, negative inside; first order, so right near the skin."""
    inner = np.linalg.norm(points / _RADII, axis=1)
    slope = np.linalg.norm(points / _RADII**2, axis=1)
    ellipsoid = np.divide(inner * (inner - 1), slope, out=np.full_like(inner, -50.0), where=slope > 1e-9)
    neck = np.maximum(np.hypot(points[:, 0], points[:, 1] - 10) - _NECK_RADIUS, points[:, 2] - _NECK_BELOW)
    return np.minimum(ellipsoid, neck)


def _airway(points: Array) -> list[Array]:
    """A nostril of 8 mm, from the skin to a pharynx of 20 mm, and that down through the neck."""
    towards = NOSTRIL / np.linalg.norm(NOSTRIL)
    along = points @ towards
    nostril = np.maximum(np.linalg.norm(points - along[:, None] * towards, axis=1) - 4.0, 20.0 - along)
    pharynx = np.maximum(np.hypot(points[:, 0], points[:, 1] + 20) - 10.0, points[:, 2] - 5.0)
    return [nostril, pharynx]


def _slab(points: Array, front: float, back: float) -> Array:
    return np.maximum(front - points[:, 1], points[:, 1] - back)
