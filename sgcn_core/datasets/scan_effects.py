"""What a scan shows of a face: cuts, holes, missing flanks, stray pieces and noise, on sampled points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sgcn_core.canonical import CROP_CENTRE
from sgcn_core.datasets.alignment import axis_angle_rotations
from sgcn_core.datasets.random_tensors import Draw


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """Share of scans with each effect, and the strongest noise (millimetres; normals in radians, about)."""

    front_only: float = 0.3
    no_flanks: float = 0.15
    no_ears: float = 0.15
    low_forehead: float = 0.12
    no_chin: float = 0.04
    tilted_cut: float = 0.1
    holes: float = 0.4
    no_eyes: float = 0.1
    few_cameras: float = 0.25
    stray: float = 0.12
    point_noise: float = 0.5
    normal_noise: float = 0.25
    no_face: float = 0.05


def visible(points: Tensor, normals: Tensor, eye: Tensor, options: ScanOptions, draw: Draw) -> Tensor:
    """Which points (B, P) a scan keeps.

    Parameters
    ----------
    points, normals : Tensor, shape (B, P, 3), head frame, millimetres
    eye : Tensor of bool, shape (B, P), True on an eyeball
    """
    count = len(points)
    keep = _planes(points, options, draw)
    keep &= ~(eye & draw.chance(options.no_eyes, count, 1))
    keep &= _seen_by_cameras(normals, options, draw)
    return keep & _outside_holes(points, options, draw)


def _planes(points: Tensor, options: ScanOptions, draw: Draw) -> Tensor:
    """Cuts by planes that scanners and operators leave."""
    count = len(points)
    x, y, z = points.unbind(2)

    def unless(share: float, keep: Tensor) -> Tensor:
        return keep | ~draw.chance(share, count, 1)

    wobble = draw.normal(0.15, count, 1) * x + draw.normal(0.25, count, 1) * y
    keep = unless(options.front_only, z + wobble > draw.uniform(-20.0, 62.0, count, 1))
    keep &= unless(options.no_flanks, x.abs() < draw.uniform(58.0, 85.0, count, 1))
    keep &= unless(options.no_ears, (x.abs() < draw.uniform(66.0, 74.0, count, 1)) | (z > 30.0))
    keep &= unless(options.low_forehead, y < draw.uniform(48.0, 85.0, count, 1))
    keep &= unless(options.no_chin, y > draw.uniform(-80.0, -50.0, count, 1))
    normal = normalize(draw.normal(1.0, count, 3, 1), dim=1)
    centre = torch.tensor([0.0, 0.0, 80.0], device=points.device)
    distance = ((points - centre) @ normal)[..., 0]
    return keep & unless(options.tilted_cut, distance < draw.uniform(10.0, 60.0, count, 1))


def _seen_by_cameras(normals: Tensor, options: ScanOptions, draw: Draw) -> Tensor:
    """A scan from one to three cameras loses what faces away from all of them."""
    count = len(normals)
    direction = draw.normal(1.0, count, 3, 3) * torch.tensor([0.8, 0.25, 0.0], device=normals.device)
    direction[..., 2] = 1.0
    direction[:, 1:] = torch.where(draw.chance(0.5, count, 2, 1), direction[:, 1:], direction[:, :1])
    cosine = (normals @ normalize(direction, dim=2).transpose(1, 2)).max(2).values
    seen = cosine > draw.uniform(0.05, 0.35, count, 1)
    return seen | ~draw.chance(options.few_cameras, count, 1)


def _outside_holes(points: Tensor, options: ScanOptions, draw: Draw, most: int = 5) -> Tensor:
    """Round holes of 4-25 mm anywhere."""
    count, size, _ = points.shape
    chosen = draw.integers(size, count, most)
    centres = torch.gather(points, 1, chosen[..., None].expand(-1, -1, 3))
    radii = 4.0 + 21.0 * draw.uniform(0.0, 1.0, count, 1, most).square()
    radii = radii * draw.chance(0.5, count, 1, most) * draw.chance(options.holes, count, 1, 1)
    return (torch.cdist(points, centres) >= radii).all(2)


def add_noise(points: Tensor, normals: Tensor, options: ScanOptions, draw: Draw) -> tuple[Tensor, Tensor]:
    """Sensor noise along the normal and on the normals themselves."""
    count, size, _ = points.shape
    height = draw.normal(1.0, count, size, 1) * draw.uniform(0.0, options.point_noise, count, 1, 1)
    rough = draw.normal(1.0, count, size, 3) * draw.uniform(0.0, options.normal_noise, count, 1, 1)
    return points + height * normals, normalize(normals + rough, dim=2)


def add_stray(points: Tensor, normals: Tensor, options: ScanOptions, draw: Draw) -> tuple[Tensor, Tensor]:
    """Turn a few nodes into a flat scrap that floats in front of the face: cloth, strap, hand, hair."""
    count, size, _ = points.shape
    chosen = draw.integers(size, count, 1)[..., None].expand(-1, -1, 3)
    facing = torch.gather(normals, 1, chosen)
    centre = torch.gather(points, 1, chosen) + facing * draw.uniform(4.0, 40.0, count, 1, 1)
    scrap_normal = normalize(facing + draw.normal(0.5, count, 1, 3), dim=2)
    offset = draw.normal(1.0, count, size, 3) * draw.uniform(4.0, 18.0, count, 1, 1)
    offset = offset - (offset * scrap_normal).sum(2, keepdim=True) * scrap_normal * 0.95
    share = draw.uniform(0.01, 0.06, count, 1, 1) * draw.chance(options.stray, count, 1, 1)
    moved = draw.uniform(0.0, 1.0, count, size, 1) < share
    rough = normalize(scrap_normal + draw.normal(0.2, count, size, 3), dim=2)
    return torch.where(moved, centre + offset, points), torch.where(moved, rough, normals)


def spoil_faces(points: Tensor, normals: Tensor, options: ScanOptions, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """Turn a few samples into what must not be taken for a face: a face turned far away, or a smooth lump.

    Returns
    -------
    points, normals (B, N, 3), and which samples (B,) show no face now
    """
    count = len(points)
    centre = torch.tensor(CROP_CENTRE, device=points.device)
    axis = normalize(draw.normal(1.0, count, 3), dim=1)
    turn = axis_angle_rotations(axis * draw.uniform(1.2, torch.pi, count, 1))
    turned, turned_normals = (points - centre) @ turn.transpose(1, 2) + centre, normals @ turn.transpose(1, 2)
    lump, lump_normals = _lumps(points - centre, draw)
    spoiled, as_lump = draw.chance(options.no_face, count, 1, 1), draw.chance(0.5, count, 1, 1)
    points = torch.where(spoiled, torch.where(as_lump, lump + centre, turned), points)
    normals = torch.where(spoiled, torch.where(as_lump, lump_normals, turned_normals), normals)
    return points, normals, spoiled[:, 0, 0]


def _lumps(points: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """The points moved radially onto a wavy ellipsoid of the size of a head, with about its normals."""
    count = len(points)
    axes = draw.uniform(55.0, 125.0, count, 1, 3)
    direction = normalize(points / axes, dim=2)
    frequency = draw.normal(2.5, count, 3, 4)
    waves = torch.sin(direction @ frequency + draw.uniform(0.0, 2.0 * torch.pi, count, 1, 4)).mean(2, keepdim=True)
    height = 1.0 + draw.uniform(0.0, 0.2, count, 1, 1) * waves
    return height * axes * direction, normalize(direction / axes, dim=2)
