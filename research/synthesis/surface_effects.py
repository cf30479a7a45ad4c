"""What lies on the skin of a scanned person: hair, beard, collar, straps; and what a scanner does to the mesh."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from research.synthesis.effect_mask import EffectMask
from research.synthesis.normals import vertex_normals
from research.synthesis.openings import Openings, Shares
from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw

# Height of the hairline over the depth z of the head, on the neutral face (millimetres, head frame).
_HAIRLINE_Z = (-60.0, -10.0, 15.0, 60.0, 105.0)
_HAIRLINE_Y = (-60.0, -30.0, 35.0, 70.0, 88.0)
# A landmark under more hair or cloth than this cannot be seen.
_COVERED = 5.0
# Vertices of eyeball and lid that are closer than this on the neutral face smear into each other under smoothing.
_EYE_TO_LID = 3.0
_HEAD_CENTRE = (0.0, 0.0, 15.0)
_BROWS = tuple(f"ibug{i}" for i in range(17, 27))
_EARS = tuple(f"{name}_{side}" for name in ("t", "sa", "pa", "pra", "sba", "obs", "obi") for side in "rl")


@dataclass(frozen=True, kw_only=True)
class EffectOptions:
    """Share of faces that show each effect; 0 switches it off.

    Parameters
    ----------
    hair : a rough layer of 2-20 mm over the scalp (long hair: ``ScanOptions.long_hair``)
    fringe : the layer reaches down the forehead
    beard, moustache, brows : rough layers; the landmarks stay on the skin below
    collar : the neck is 3-30 mm thicker
    strap : a band around forehead or chin, 1-3 mm thick, that presses the skin in by up to 4 mm
    eye_spikes : spikes and craters of 1-6 mm over the cornea
    lids_smeared : lashes and lids are smeared over the palpebral fissure
    fissure_closed : a membrane closes the fissure, or its two ends
    eye_craters : craters and spikes of 2-10 mm in place of the iris
    lips_smeared : the line between the lips is smeared
    nostrils_filled : nostrils are shallow or filled
    camera_offsets : steps of 0.3-1.5 mm at lids and nostrils, where the patches of two cameras meet
    smoothing : Laplacian smoothing; the landmarks are brought onto the smoothed surface
    mesh_noise : jitter of the vertices by up to 0.35 mm
    """

    hair: float = 0.6
    fringe: float = 0.12
    beard: float = 0.12
    moustache: float = 0.1
    brows: float = 0.4
    collar: float = 0.15
    strap: float = 0.06
    eye_spikes: float = 0.25
    lids_smeared: float = 0.2
    fissure_closed: float = 0.15
    eye_craters: float = 0.12
    lips_smeared: float = 0.15
    nostrils_filled: float = 0.25
    camera_offsets: float = 0.12
    smoothing: float = 0.5
    mesh_noise: float = 0.5


class SurfaceEffects:
    """Changes the vertices of generated faces by the effects of ``EffectOptions``.

    Three steps: ``smooth`` slides vertices along the skin, ``reshape`` moves the skin in and out and the landmarks with
    it, ``cover`` lays something over it, which moves no landmark.

    Parameters
    ----------
    model : Population, gives the regions
    options : EffectOptions
    """

    def __init__(self, model: Population, options: EffectOptions) -> None:
        self.options = options
        self.neutral = model.neutral
        self.faces = model.faces
        self.landmarks = model.landmarks.clamp(min=0)
        x, y, z = model.neutral.unbind(1)
        skin = torch.arange(len(x), device=model.device) < model.skin
        self.skin = skin
        self.scalp_height = y - _interpolate(z, _HAIRLINE_Z, _HAIRLINE_Y)
        self.not_ear = torch.sigmoid((_distance_to(model, _EARS) - 15.0) / 2.0) * skin
        self.forehead = torch.sigmoid((z - 40.0) / 5.0) * torch.sigmoid((y - 40.0) / 3.0) * skin
        lips = ((x / 30.0).square() + ((y + 35.0) / 13.0).square() < 1.0) & (z > 70.0)
        self.beard = torch.sigmoid((-28.0 - y) / 4.0) * torch.sigmoid((y + 100.0) / 4.0) * (z > 15.0) * ~lips * skin
        upper = torch.sigmoid((y + 29.0) / 1.5) * torch.sigmoid((-13.0 - y) / 2.0)
        self.moustache = upper * torch.sigmoid((26.0 - x.abs()) / 3.0) * (z > 85.0) * skin
        self.neck = torch.sigmoid((-86.0 - y + 0.12 * (z - 60.0)) / 4.0) * skin
        self.brows = torch.sigmoid((6.0 - _distance_to(model, _BROWS)) / 1.5) * skin
        self.average = _neighbour_average(model)
        self.openings = Openings(model, Shares(**{f.name: getattr(options, f.name) for f in fields(Shares)}))

    def apply(self, vertices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Changed vertices (B, V, 3) and which landmarks (B, L) are still visible."""
        masks = EffectMask(draw, len(vertices))
        vertices, below = self.reshape(self.smooth(vertices, masks), masks)
        vertices, seen = self.cover(vertices, masks)
        return vertices, seen & ~below

    def reshape(self, vertices: Tensor, masks: EffectMask) -> tuple[Tensor, Tensor]:
        """What moves the skin in or out, and no vertex along it.

        Vertices (B, V, 3), and which landmarks (B, L) a strap hides.
        """
        return self._strap(self.openings.apply(vertices, masks), masks)

    def cover(self, vertices: Tensor, masks: EffectMask) -> tuple[Tensor, Tensor]:
        """What lies on the skin, and the noise of the mesh: vertices (B, V, 3), and the landmarks (B, L) still seen."""
        draw, count, options = masks.draw, masks.count, self.options
        lumps = self._lumps(draw, count)
        hair = self._hair(lumps, masks)
        height = hair + self._layer(self.beard, options.beard, (1.0, 7.0), lumps, masks)
        height = height + self._layer(self.moustache, options.moustache, (1.0, 5.0), lumps, masks)
        height = height + self._layer(self.brows, options.brows, (0.3, 2.0), lumps, masks)
        collar = self._layer(self.neck, options.collar, (3.0, 30.0), lumps, masks)
        vertices = vertices + (height + collar)[..., None] * vertex_normals(vertices, self.faces)
        vertices = self._eye_spikes(vertices, masks)
        amount = draw.uniform(0.0, 0.35, count, 1, 1) * masks.sample(options.mesh_noise, 1, 1)
        vertices = vertices + amount * draw.normal(1.0, *vertices.shape)
        return vertices, (hair + collar)[:, self.landmarks] < _COVERED

    def _hair(self, lumps: Tensor, masks: EffectMask) -> Tensor:
        draw, count = masks.draw, masks.count
        offset = draw.normal(9.0, count, 1)
        region = torch.sigmoid((self.scalp_height - offset) / 4.0) * self.not_ear
        hair = self._layer(region, self.options.hair, (2.0, 20.0), lumps, masks, always=True)
        fringe = torch.sigmoid((self.scalp_height + draw.uniform(10.0, 42.0, count, 1)) / 2.0) * self.forehead
        return torch.maximum(hair, self._layer(fringe, self.options.fringe, (5.0, 18.0), lumps, masks))

    def _layer(
        self,
        region: Tensor,
        share: float,
        thickness: tuple[float, float],
        lumps: Tensor,
        masks: EffectMask,
        *,
        always: bool = False,
    ) -> Tensor:
        """Height (B, V) of a rough layer over a region."""
        draw, count = masks.draw, masks.count
        base = draw.uniform(*thickness, count, 1) * masks.sample(share, 1, always=always)
        return region * base * (1.0 + draw.uniform(0.1, 0.5, count, 1) * lumps).clamp(min=0.0)

    def _strap(self, vertices: Tensor, masks: EffectMask) -> tuple[Tensor, Tensor]:
        """A band in a plane through the head: around the forehead, or from the chin over the crown."""
        draw, count = masks.draw, masks.count
        around_chin = draw.chance(0.5, count, 1)
        height = torch.where(around_chin, draw.uniform(-82.0, -58.0, count, 1), draw.uniform(42.0, 78.0, count, 1))
        through = torch.cat([torch.zeros_like(height), height, torch.full_like(height, 92.0)], 1)
        slope = torch.where(around_chin, draw.uniform(0.9, 3.0, count, 1), draw.normal(0.2, count, 1))
        normal = torch.cat([draw.normal(0.06, count, 1), torch.ones_like(slope), slope], 1)
        normal = torch.nn.functional.normalize(normal, dim=1)
        distance = ((vertices - through[:, None]) @ normal[..., None])[..., 0].abs()
        half = draw.uniform(7.0, 17.0, count, 1)
        press = draw.uniform(0.5, 4.0, count, 1) * torch.exp(-0.5 * (distance / half).square())
        band = torch.sigmoid((half - distance) / 0.7)
        raised = draw.uniform(1.0, 3.0, count, 1) * band - press
        centre = torch.tensor(_HEAD_CENTRE, device=vertices.device)
        outward = torch.nn.functional.normalize(vertices - centre, dim=2)
        worn = masks.sample(self.options.strap, 1) & self.skin & (vertices[..., 1] > -95.0)
        vertices = vertices + (worn * raised)[..., None] * outward
        return vertices, (worn & (band > 0.5))[:, self.landmarks]

    def _eye_spikes(self, vertices: Tensor, masks: EffectMask) -> Tensor:
        """Bumps and dents of the eyeballs, where a scanner sees through the cornea or glare blinds it."""
        draw, count = masks.draw, masks.count
        skin = int(self.skin.sum())
        eyes = vertices[:, skin:]
        if eyes.shape[1] == 0:
            return vertices
        moved = torch.zeros_like(eyes[..., 2])
        for side in (-1.0, 1.0):
            ball = side * self.neutral[skin:, 0] > 0.0
            centre = self.neutral[skin:][ball].mean(0)[:2] + draw.normal(3.0, count, 2)
            width = draw.uniform(1.5, 4.5, count, 1)
            amount = draw.uniform(-6.0, 6.0, count, 1) * masks.sample(self.options.eye_spikes, 1)
            away = (self.neutral[skin:, :2] - centre[:, None]).square().sum(2)
            moved = moved + ball * amount * torch.exp(-0.5 * away / width.square())
        rough = (0.35 * draw.normal(1.0, *moved.shape) + 1.0) * moved
        bumpy = torch.stack([eyes[..., 0], eyes[..., 1], eyes[..., 2] + rough], 2)
        return torch.cat([vertices[:, :skin], bumpy], 1)

    def _lumps(self, draw: Draw, count: int, waves: int = 8) -> Tensor:
        """Random waves of 6-40 mm over the surface, variance about one: (B, V)."""
        direction = torch.nn.functional.normalize(draw.normal(1.0, count, 3, waves), dim=1)
        frequency = 2.0 * torch.pi / draw.uniform(6.0, 40.0, count, 1, waves)
        phase = draw.uniform(0.0, 2.0 * torch.pi, count, 1, waves)
        return torch.sin(self.neutral @ (direction * frequency) + phase).sum(2) * (2.0 / waves) ** 0.5

    def smooth(self, vertices: Tensor, masks: EffectMask, most: int = 20) -> Tensor:
        """Laplacian smoothing by 1 to ``most`` half steps in some of the faces."""
        steps = (masks.draw.integers(most, masks.count) + 1) * masks.sample(self.options.smoothing)
        for step in range(int(steps.max())):
            active = torch.nonzero(steps > step)[:, 0]
            chosen = vertices[active]
            stacked = chosen.transpose(0, 1).reshape(vertices.shape[1], -1)
            average = (self.average @ stacked).view(vertices.shape[1], len(active), 3).transpose(0, 1)
            vertices = vertices.index_copy(0, active, 0.5 * (chosen + average))
        return vertices


def _distance_to(model: Population, labels: tuple[str, ...]) -> Tensor:
    """Distance (V,) of the average head's vertices to the nearest of some landmarks; huge where none is known."""
    known = [int(v) for v, label in zip(model.landmarks, model.labels, strict=True) if label in labels and v >= 0]
    landmarks = model.neutral[known] if known else model.neutral.new_full((1, 3), 1e4)
    return torch.cdist(model.neutral, landmarks).min(1).values


def _interpolate(values: Tensor, knots: tuple[float, ...], heights: tuple[float, ...]) -> Tensor:
    """Piecewise linear function of ``values``, constant outside the knots."""
    x = torch.tensor(knots, device=values.device)
    y = torch.tensor(heights, device=values.device)
    index = torch.searchsorted(x, values.contiguous()).clamp(1, len(knots) - 1)
    share = ((values - x[index - 1]) / (x[index] - x[index - 1])).clamp(0.0, 1.0)
    return torch.lerp(y[index - 1], y[index], share)


def _neighbour_average(model: Population) -> Tensor:
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
