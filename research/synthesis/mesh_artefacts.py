"""What the making of a mesh does to its surface: steps, facets, doubled layers, warps, noise; on sampled points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from research.synthesis.alignment import axis_angle_rotations
from research.synthesis.effect_mask import EffectMask


def add_staircase(points: Tensor, normals: Tensor, share: float, masks: EffectMask) -> tuple[Tensor, Tensor]:
    """Terraces of a segmented CT or MR volume with voxels of 0.5-2 mm, smoothed by a random amount.

    Positions move towards the planes of the voxels' grid and normals towards the 26 directions that triangles of
    marching cubes on a binary volume have.
    """
    draw, count = masks.draw, masks.count
    grid = axis_angle_rotations(draw.normal(0.25, count, 3))
    voxel = draw.uniform(0.5, 1.2, count, 1, 3)
    voxel[..., 2] = draw.uniform(0.5, 2.0, count, 1)
    strength = draw.uniform(0.3, 1.0, count, 1, 1) * masks.sample(share, 1, 1)
    local, facing = points @ grid, normals @ grid
    snapped = torch.lerp(local, torch.round(local / voxel) * voxel, strength)
    steepest = facing.abs().amax(2, keepdim=True).clamp(min=1e-6)
    # A slope is made of steps: the flatter it is, the fewer triangles of it are steep.
    dither = draw.uniform(-0.5, 0.5, *points.shape)
    coarse = normalize(torch.round(facing / steepest + dither * (facing.abs() < steepest)), dim=2)
    facing = normalize(torch.lerp(facing, coarse, 0.7 * strength), dim=2)
    return snapped @ grid.transpose(1, 2), facing @ grid.transpose(1, 2)


def add_facets(points: Tensor, normals: Tensor, share: float, masks: EffectMask) -> tuple[Tensor, Tensor]:
    """The large flat triangles of a decimated mesh: patches of 3-12 mm, flattened, one normal each."""
    faces = masks.some(share)
    size = masks.draw.uniform(3.0, 12.0, masks.count, 1, 1)[faces]
    shift = masks.draw.uniform(0.0, 12.0, masks.count, 1, 3)[faces]
    turn = axis_angle_rotations(masks.draw.normal(2.0, masks.count, 3))[faces]
    if len(faces) == 0:
        return points, normals
    chosen, facing = points[faces], normals[faces]
    # Wavy cells: the triangles of a decimated mesh follow no grid.
    local = (chosen @ turn + shift) / size
    cells = torch.floor(local + 0.3 * torch.sin(2.1 * local.roll(1, 2))).long()
    number = torch.arange(len(faces), device=points.device)[:, None]
    key = (((number * 512 + cells[..., 0] + 256) * 512 + cells[..., 1] + 256) * 512 + cells[..., 2] + 256).flatten()
    _, patch = torch.unique(key, return_inverse=True)
    patches = int(patch.max()) + 1
    members = torch.zeros(patches, 1, device=points.device).index_add_(
        0, patch, torch.ones_like(local[..., :1]).flatten(0, 1)
    )
    centre = torch.zeros(patches, 3, device=points.device).index_add_(0, patch, chosen.flatten(0, 1)) / members
    normal = normalize(torch.zeros(patches, 3, device=points.device).index_add_(0, patch, facing.flatten(0, 1)), dim=1)
    normal, centre = normal[patch].view_as(chosen), centre[patch].view_as(chosen)
    # A patch around a sharp edge has no plane: leave it as it is.
    flat = (normal * facing).sum(2, keepdim=True) > 0.6
    off = ((chosen - centre) * normal).sum(2, keepdim=True)
    moved = torch.where(flat, chosen - off * normal, chosen)
    return points.index_copy(0, faces, moved), normals.index_copy(0, faces, torch.where(flat, normal, facing))


def add_doubled_patch(points: Tensor, normals: Tensor, share: float, masks: EffectMask) -> tuple[Tensor, Tensor]:
    """A part of the surface twice, 0.5-2 mm apart and slightly turned: two views that were not brought together."""
    draw, count = masks.draw, masks.count
    chosen = draw.integers(points.shape[1], count, 1)[..., None].expand(-1, -1, 3)
    centre, facing = torch.gather(points, 1, chosen), torch.gather(normals, 1, chosen)
    shift = normalize(facing + draw.normal(0.6, count, 1, 3), dim=2) * draw.uniform(0.5, 2.0, count, 1, 1)
    turn = axis_angle_rotations(draw.normal(0.02, count, 3)).transpose(1, 2)
    near = (points - centre).norm(dim=2, keepdim=True) < draw.uniform(25.0, 75.0, count, 1, 1)
    second = near & draw.chance(0.5, *points.shape[:2], 1) & masks.sample(share, 1, 1)
    moved = (points - centre) @ turn + centre + shift
    return torch.where(second, moved, points), torch.where(second, normals @ turn, normals)


def scanner_warp(share: float, masks: EffectMask, waves: int = 5) -> Warp:
    """A low-frequency warp of 0.5-1.5 mm, waves of 60-200 mm."""
    draw, count = masks.draw, masks.count
    direction = normalize(draw.normal(1.0, count, 3, waves), dim=1)
    amount = draw.uniform(0.5, 1.5, count, 1, 1) * masks.sample(share, 1, 1)
    return Warp(
        direction * (2.0 * torch.pi / draw.uniform(60.0, 200.0, count, 1, waves)),
        draw.uniform(0.0, 2.0 * torch.pi, count, 1, waves),
        normalize(draw.normal(1.0, count, waves, 3), dim=2) * amount * (2.0 / waves) ** 0.5,
    )


class Warp:
    """Smooth displacement of space: a sum of plane waves. It moves the landmarks with the surface."""

    def __init__(self, frequency: Tensor, phase: Tensor, amplitude: Tensor) -> None:
        self.frequency, self.phase, self.amplitude = frequency, phase, amplitude

    def __call__(self, points: Tensor) -> Tensor:
        return points + torch.sin(points @ self.frequency + self.phase) @ self.amplitude


def add_threshold_bias(points: Tensor, normals: Tensor, share: float, masks: EffectMask) -> Tensor:
    """The iso-surface of a volume lies up to 1 mm inside or outside of the skin."""
    bias = masks.draw.uniform(-1.0, 1.0, masks.count, 1, 1) * masks.sample(share, 1, 1)
    return points + bias * normals


def add_point_noise(points: Tensor, normals: Tensor, share: float, masks: EffectMask) -> Tensor:
    """Sensor noise along the normal, its standard deviation up to 0.6 mm."""
    deviation = masks.draw.uniform(0.05, 0.6, masks.count, 1, 1) * masks.sample(share, 1, 1, always=True)
    return points + deviation * masks.draw.normal(1.0, *points.shape[:2], 1) * normals


def add_normal_noise(normals: Tensor, share: float, masks: EffectMask) -> Tensor:
    """Noise of the normals, up to about 0.3 radians: what triangles of a noisy mesh show."""
    deviation = 0.3 * masks.draw.uniform(0.0, 1.0, masks.count, 1, 1).pow(1.5) * masks.sample(share, 1, 1, always=True)
    return normalize(normals + deviation * masks.draw.normal(1.0, *normals.shape), dim=2)


def thinned(points: Tensor, share: float, masks: EffectMask) -> Tensor:
    """Which points (B, P) stay where the density is uneven: a smooth field of 0.2 to 1 over the surface."""
    draw, count = masks.draw, masks.count
    frequency = normalize(draw.normal(1.0, count, 3, 3), dim=1) * (
        2.0 * torch.pi / draw.uniform(70.0, 250.0, count, 1, 3)
    )
    field = torch.sin(points @ frequency + draw.uniform(0.0, 2.0 * torch.pi, count, 1, 3)).mean(2)
    odds = (0.6 + 0.8 * field).clamp(0.2, 1.0)
    return (draw.uniform(0.0, 1.0, *odds.shape) < odds) | ~masks.sample(share, 1)
