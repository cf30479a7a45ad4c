"""What lies on the skin of a scanned person: hair, beard, brows, collar; and what a scanner does to the mesh."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from sgcn_core.datasets.face_model import FaceModel
from sgcn_core.datasets.random_tensors import Draw

# Height of the hairline over the depth z of the head, on the neutral face (millimetres, head frame).
_HAIRLINE_Z = (-60.0, -10.0, 15.0, 60.0, 105.0)
_HAIRLINE_Y = (-60.0, -30.0, 35.0, 70.0, 88.0)
# A landmark under more hair than this cannot be seen.
_COVERED = 5.0
# Vertices of eyeball and lid that are closer than this on the neutral face smear into each other under smoothing.
_EYE_TO_LID = 3.0


@dataclass(frozen=True, kw_only=True)
class EffectOptions:
    """Share of faces that show each effect."""

    hair: float = 0.6
    long_hair: float = 0.2
    beard: float = 0.15
    brows: float = 0.4
    collar: float = 0.25
    smoothing: float = 0.4
    mesh_noise: float = 0.6


class SurfaceEffects:
    """Displaces the vertices of generated faces by the effects of ``EffectOptions``.

    Parameters
    ----------
    model : FaceModel, gives the regions
    options : EffectOptions
    """

    def __init__(self, model: FaceModel, options: EffectOptions) -> None:
        self.options = options
        self.neutral = model.neutral
        self.faces = model.faces
        self.landmarks = model.landmarks
        x, y, z = model.neutral.unbind(1)
        skin = torch.arange(len(x), device=model.device) < model.skin
        self.scalp_height = y - _interpolate(z, _HAIRLINE_Z, _HAIRLINE_Y)
        self.not_ear = torch.where(z < 30.0, torch.sigmoid((73.0 - x.abs()) / 2.0), torch.ones_like(x)) * skin
        lips = ((x / 30.0).square() + ((y + 35.0) / 13.0).square() < 1.0) & (z > 70.0)
        self.beard = torch.sigmoid((-28.0 - y) / 4.0) * torch.sigmoid((y + 100.0) / 4.0) * (z > 15.0) * ~lips * skin
        self.neck = torch.sigmoid((-86.0 - y + 0.12 * (z - 60.0)) / 4.0) * skin
        brows = model.neutral[model.landmarks[17:27]]
        self.brows = torch.sigmoid((6.0 - torch.cdist(model.neutral, brows).min(1).values) / 1.5) * skin
        self.side = torch.sigmoid((38.0 - z) / 5.0) * skin
        self.average = _neighbour_average(model)

    def apply(self, vertices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Displaced vertices (B, V, 3) and which landmarks (B, L) are still visible."""
        count = len(vertices)
        vertices = self._smooth(vertices, draw)
        hair = self._hair(draw, count)
        height = hair + self._layer(self.beard, self.options.beard, (1.0, 7.0), draw, count)
        height = height + self._layer(self.brows, self.options.brows, (0.3, 2.0), draw, count)
        height = height + self._layer(self.neck, self.options.collar, (3.0, 30.0), draw, count)
        vertices = vertices + height[..., None] * vertex_normals(vertices, self.faces)
        amount = draw.uniform(0.0, 0.35, count, 1, 1) * draw.chance(self.options.mesh_noise, count, 1, 1)
        vertices = vertices + amount * draw.normal(1.0, *vertices.shape)
        return vertices, hair[:, self.landmarks] < _COVERED

    def _hair(self, draw: Draw, count: int) -> Tensor:
        offset = draw.normal(9.0, count, 1)
        short = torch.sigmoid((self.scalp_height - offset) / 4.0) * self.not_ear
        long = draw.chance(self.options.long_hair, count, 1) * torch.maximum(short, self.side)
        region = torch.maximum(short, long)
        return self._layer(region, self.options.hair, (2.0, 20.0), draw, count)

    def _layer(self, region: Tensor, share: float, thickness: tuple[float, float], draw: Draw, count: int) -> Tensor:
        """Height (B, V) of a rough layer over a region."""
        base = draw.uniform(*thickness, count, 1) * draw.chance(share, count, 1)
        return region * base * (1.0 + draw.uniform(0.1, 0.5, count, 1) * self._lumps(draw, count)).clamp(min=0.0)

    def _lumps(self, draw: Draw, count: int, waves: int = 8) -> Tensor:
        """Random waves of 6-40 mm over the surface, variance about one: (B, V)."""
        direction = torch.nn.functional.normalize(draw.normal(1.0, count, 3, waves), dim=1)
        frequency = 2.0 * torch.pi / draw.uniform(6.0, 40.0, count, 1, waves)
        phase = draw.uniform(0.0, 2.0 * torch.pi, count, 1, waves)
        return torch.sin(self.neutral @ (direction * frequency) + phase).sum(2) * (2.0 / waves) ** 0.5

    def _smooth(self, vertices: Tensor, draw: Draw, most: int = 12) -> Tensor:
        """Laplacian smoothing by 1 to ``most`` half steps in some of the faces."""
        steps = (draw.integers(most, len(vertices)) + 1) * draw.chance(self.options.smoothing, len(vertices))
        for step in range(int(steps.max())):
            active = torch.nonzero(steps > step)[:, 0]
            chosen = vertices[active]
            stacked = chosen.transpose(0, 1).reshape(vertices.shape[1], -1)
            average = (self.average @ stacked).view(vertices.shape[1], len(active), 3).transpose(0, 1)
            vertices = vertices.index_copy(0, active, 0.5 * (chosen + average))
        return vertices


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Area-weighted unit normals (B, V, 3)."""
    a, b, c = (vertices[:, faces[:, i]] for i in range(3))
    normals = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(1, faces[:, corner], normals)
    return torch.nn.functional.normalize(total, dim=2)


def _interpolate(values: Tensor, knots: tuple[float, ...], heights: tuple[float, ...]) -> Tensor:
    """Piecewise linear function of ``values``, constant outside the knots."""
    x = torch.tensor(knots, device=values.device)
    y = torch.tensor(heights, device=values.device)
    index = torch.searchsorted(x, values.contiguous()).clamp(1, len(knots) - 1)
    share = ((values - x[index - 1]) / (x[index] - x[index - 1])).clamp(0.0, 1.0)
    return torch.lerp(y[index - 1], y[index], share)


def _neighbour_average(model: FaceModel) -> Tensor:
    """Sparse matrix (V, V) that averages over the neighbours of each vertex.

    Eyeballs and lids touch in a scan: vertices of the two that lie close are neighbours as well.
    """
    count, skin = len(model.neutral), model.skin
    distance = torch.cdist(model.neutral[skin:], model.neutral[:skin])
    eye, lid = torch.nonzero(distance < _EYE_TO_LID, as_tuple=True)
    faces = model.faces
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]], torch.stack([eye + skin, lid], 1)])
    edges = torch.unique(torch.cat([edges, edges.flip(1)]), dim=0)
    degree = torch.bincount(edges[:, 0], minlength=count).to(torch.float32)
    values = 1.0 / degree[edges[:, 0]]
    matrix = torch.sparse_coo_tensor(edges.T, values, (count, count), check_invariants=False).coalesce()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return matrix.to_sparse_csr()
