"""What a scan shows of a face: cuts, holes, what no camera sees, stray scraps, samples without a face."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from research.synthesis.alignment import axis_angle_rotations
from research.synthesis.effect_mask import EffectMask
from research.synthesis.occlusion import camera_directions, seen_from
from research.synthesis.random_tensors import Draw
from sgcn_core.graph.crop import CROP_CENTRE


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """Share of scans with each effect; 0 switches it off.

    Parameters
    ----------
    front_only, no_flanks, no_ears, low_forehead, no_chin, tilted_cut : cut by a plane
    holes : round holes of 4-25 mm
    no_eyes : the eyeballs are missing
    eye_holes : ragged holes over the palpebral fissures and some of the lids
    few_cameras : one to three cameras, which see neither what turns away nor what something else hides
    long_hair : a bulky shell over ears, temples, nape, at times the forehead
    head_rest : pads or the wings of a shell beside the head
    headphones : over the ears
    neckwear : scarf or standing collar
    shoulder : pulled up beside the neck
    chin_rest : cup under the chin
    hand : fingers on the skin
    islands : loose pieces near the head
    stray : a flat scrap of points in front of the face
    open_mouth : where the mouth is open, teeth and tongue close it (else it is a hole)
    doubled : a part of the surface twice, 0.5-2 mm apart
    warp : low-frequency warp of 0.5-1.5 mm, which moves the landmarks with the surface
    staircase : terraces of voxels of 0.5-2 mm
    threshold_bias : the whole surface up to 1 mm inside or outside of the skin
    facets : flat patches of 3-12 mm, as of a decimated mesh
    density : uneven density of the nodes
    point_noise : noise along the normal of up to 0.6 mm
    normal_noise : noise of the normals of up to 0.3 radians
    no_face : a sample without a face
    """

    front_only: float = 0.3
    no_flanks: float = 0.15
    no_ears: float = 0.15
    low_forehead: float = 0.12
    no_chin: float = 0.05
    tilted_cut: float = 0.1
    holes: float = 0.35
    no_eyes: float = 0.1
    eye_holes: float = 0.08
    few_cameras: float = 0.35
    long_hair: float = 0.2
    head_rest: float = 0.08
    headphones: float = 0.04
    neckwear: float = 0.12
    shoulder: float = 0.08
    chin_rest: float = 0.04
    hand: float = 0.05
    islands: float = 0.12
    stray: float = 0.08
    open_mouth: float = 0.6
    doubled: float = 0.08
    warp: float = 0.2
    staircase: float = 0.12
    threshold_bias: float = 0.1
    facets: float = 0.2
    density: float = 0.25
    point_noise: float = 0.8
    normal_noise: float = 0.8
    no_face: float = 0.05


def visible(
    points: Tensor,
    normals: Tensor,
    eye: Tensor,
    options: ScanOptions,
    draw: Draw,
    *,
    masks: EffectMask | None = None,
    exists: Tensor | None = None,
    pixel: float = 4.0,
) -> Tensor:
    """Which points (B, P) a scan keeps.

    Parameters
    ----------
    points, normals : Tensor, shape (B, P, 3), head frame, millimetres
    eye : Tensor of bool, shape (B, P), True on an eyeball
    masks : sampler of the effect masks of these faces, a new one by default
    exists : Tensor of bool, shape (B, P), which points there are; all by default
    pixel : of the cameras, not below the spacing of the points, millimetres
    """
    masks = masks or EffectMask(draw, len(points))
    keep = _planes(points, options, masks)
    if exists is not None:
        keep &= exists
    keep &= ~(eye & masks.sample(options.no_eyes, 1))
    keep &= _outside_holes(points, options, masks)
    return _seen_by_cameras(points, normals, keep, options, masks, pixel)


def _planes(points: Tensor, options: ScanOptions, masks: EffectMask) -> Tensor:
    """Cuts by planes that scanners and operators leave."""
    draw, count = masks.draw, masks.count
    x, y, z = points.unbind(2)

    def unless(share: float, keep: Tensor) -> Tensor:
        return keep | ~masks.sample(share, 1)

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


def _seen_by_cameras(
    points: Tensor, normals: Tensor, keep: Tensor, options: ScanOptions, masks: EffectMask, pixel: float
) -> Tensor:
    """A scan from a few cameras loses what faces away from all of them and what lies behind something else."""
    cameras = camera_directions(masks.draw, masks.count)
    grazing = masks.draw.uniform(0.05, 0.35, masks.count, 1, 1)
    faces = masks.some(options.few_cameras)
    # What is cut away hides nothing: the rest of the scene is moved out of sight.
    there = torch.where(keep[faces, :, None], points[faces], -1000.0 * cameras[faces, :1])
    seen = seen_from(there, normals[faces], cameras[faces], grazing=grazing[faces], pixel=pixel)
    return keep.index_copy(0, faces, keep[faces] & seen)


def _outside_holes(points: Tensor, options: ScanOptions, masks: EffectMask, most: int = 5) -> Tensor:
    """Round holes of 4-25 mm anywhere."""
    draw, (count, size, _) = masks.draw, points.shape
    chosen = draw.integers(size, count, most)
    centres = torch.gather(points, 1, chosen[..., None].expand(-1, -1, 3))
    radii = 4.0 + 21.0 * draw.uniform(0.0, 1.0, count, 1, most).square()
    radii = radii * draw.chance(0.5, count, 1, most) * masks.sample(options.holes, 1, 1)
    return (torch.cdist(points, centres) >= radii).all(2)


def add_stray(points: Tensor, normals: Tensor, options: ScanOptions, masks: EffectMask) -> tuple[Tensor, Tensor]:
    """Turn a few nodes into a flat scrap that floats in front of the face: cloth, strap, hand, hair."""
    draw, (count, size, _) = masks.draw, points.shape
    chosen = draw.integers(size, count, 1)[..., None].expand(-1, -1, 3)
    facing = torch.gather(normals, 1, chosen)
    centre = torch.gather(points, 1, chosen) + facing * draw.uniform(4.0, 40.0, count, 1, 1)
    scrap_normal = normalize(facing + draw.normal(0.5, count, 1, 3), dim=2)
    offset = draw.normal(1.0, count, size, 3) * draw.uniform(4.0, 18.0, count, 1, 1)
    offset = offset - (offset * scrap_normal).sum(2, keepdim=True) * scrap_normal * 0.95
    share = draw.uniform(0.01, 0.06, count, 1, 1) * masks.sample(options.stray, 1, 1)
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
