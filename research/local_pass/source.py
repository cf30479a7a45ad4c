"""Batches for the network of a region: stored patches, seen by another scanner every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch

from research.local_pass.outside import evenly, on_the_outside
from research.local_pass.regions import LocalRegion
from research.synthesis import mesh_artefacts as artefacts
from research.synthesis.alignment import axis_angle_rotations
from research.synthesis.effect_mask import EffectMask
from research.synthesis.eye_holes import EyeHoles
from research.synthesis.generator import first_survivors
from research.synthesis.graph_batch import nearest_neighbours, normalised_batch
from research.synthesis.random_tensors import Draw
from research.synthesis.scan_effects import ScanOptions, visible
from research.synthesis.scanner import mostly_kept
from sgcn_core.training.own.examples import Names

NEIGHBOURS = 12
# Normals are means over so many neighbours, in training and in use: triangles of every mesh look alike.
SMOOTHED = 6

# Cuts and what stands near the head lie far from most regions.
SCAN = ScanOptions(
    front_only=0.0, no_flanks=0.0, no_ears=0.0, low_forehead=0.0, no_chin=0.0, tilted_cut=0.0,
    holes=0.25, no_eyes=0.0, eye_holes=0.12, few_cameras=0.0, doubled=0.06, warp=0.3,
)  # fmt: skip
# What the first pass leaves: of the pose (degrees, share), and of the centre of the region (millimetres), often and
# seldom.
_TURN, _STRETCH, _SHIFT, _FAR, _OFTEN_FAR = 3.0, 0.03, 1.2, 3.0, 0.15


class PatchSource:
    """Draws from the files of ``research.local_pass.patches`` (``sgcn_core.training.source.Source``).

    Parameters
    ----------
    region : LocalRegion
    folder : Path
    centre : (3,), of the region in the head frame, millimetres, left side
    prototype : (K, 3), mean landmarks about that centre, millimetres
    files : slice of the sorted files, to leave some for validation
    """

    def __init__(self, region: LocalRegion, folder: Path, centre: Tensor, prototype: Tensor, *, files: slice) -> None:
        self.region, self.nodes, self.model = region, region.nodes, Names(region.labels, torch.device("cpu"))
        self.centre, self.prototype = centre.float(), prototype.float()
        known = torch.ones(len(region.labels), dtype=torch.bool)
        self.eye_holes = EyeHoles(region.labels, known)
        self._stored: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._paths = sorted(path for path in folder.glob("*.npz") if ".part" not in path.name)[files]

    def _load(self, path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if path.name not in self._stored:
            with np.load(path) as stored:
                name = self.region.name
                self._stored[path.name] = tuple(stored[f"{name}_{key}"] for key in ("points", "landmarks", "known"))
        return self._stored[path.name]

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """``count`` patches; the same step and stream give the same, of the same files."""
        rng = np.random.default_rng((stream, step, 0xBA7C4))
        draw = Draw.seeded(torch.device("cpu"), stream, step, 0x5EE2)
        chosen = []
        for _ in range(count):
            stored = self._load(self._paths[rng.integers(len(self._paths))])
            row = rng.integers(len(stored[0]))
            chosen.append([torch.from_numpy(values[row]) for values in stored])
        samples, landmarks, known = (torch.stack(values) for values in zip(*chosen, strict=True))
        return self._scanned(samples[..., :3].float(), samples[..., 3:].float(), landmarks, known, draw)

    def _scanned(self, points: Tensor, normals: Tensor, landmarks: Tensor, known: Tensor, draw: Draw) -> Batch:
        count, scan, masks = len(points), SCAN, EffectMask(draw, len(points), 0.2)
        there = landmarks.nan_to_num(1e4) + self.centre
        eye = torch.zeros(points.shape[:2], dtype=torch.bool)
        outside = on_the_outside(points, normals)
        keep = visible(points + self.centre, normals, eye, scan, draw, masks=masks, pixel=2.5)
        keep &= self.eye_holes.outside(points + self.centre, there, scan.eye_holes, masks)
        # What is inside the head counts for nothing, not even as the surface around a landmark.
        shown = mostly_kept(there - self.centre, points.masked_fill(~outside[..., None], -1e4), keep)
        keep &= outside
        keep &= artefacts.thinned(points, scan.density, masks)
        turn = axis_angle_rotations(draw.normal(_TURN * torch.pi / 180.0 / 3**0.5, count, 3)).transpose(1, 2)
        far = draw.chance(_OFTEN_FAR, count, 1, 1)
        shift = draw.normal(1.0, count, 1, 3) * torch.where(far, _FAR, _SHIFT)
        stretch = torch.exp(draw.normal(_STRETCH, count, 1, 1))
        # The true middle of the region, missed by what the first pass errs; the rest follows from the pose.
        middle = torch.nan_to_num(landmarks.nanmean(1, keepdim=True)) + shift
        points, landmarks = (stretch * ((values - middle) @ turn) for values in (points, landmarks))
        normals = normals @ turn
        inside = keep & (points.norm(dim=2) < self.region.reach)
        inside = evenly(points, inside, draw.uniform(0.0, 10.0, count, 1, 3))
        rank = torch.arange(points.shape[1]).float().repeat(count, 1).masked_fill(~inside, torch.inf)
        nodes = first_survivors(rank, self.nodes)[..., None].expand(-1, -1, 3)
        points, normals = torch.gather(points, 1, nodes), torch.gather(normals, 1, nodes)
        points, normals = artefacts.add_doubled_patch(points, normals, scan.doubled, masks)
        warp = artefacts.scanner_warp(scan.warp, masks)
        points, landmarks = warp(points), warp(landmarks)
        points = artefacts.add_threshold_bias(points, normals, scan.threshold_bias, masks)
        points, normals = artefacts.add_facets(points, normals, scan.facets, masks)
        points, normals = artefacts.add_staircase(points, normals, scan.staircase, masks)
        points = artefacts.add_point_noise(points, normals, scan.point_noise, masks)
        normals = artefacts.add_normal_noise(normals, scan.normal_noise, masks)
        landmarks = landmarks.masked_fill(~shown[..., None], torch.nan)
        return self._graphs(points, normals, landmarks, known)

    def _graphs(self, points: Tensor, normals: Tensor, landmarks: Tensor, known: Tensor) -> Batch:
        """Fine and coarse graphs of nodes (B, N, 3), divided by the region's reach, with smoothed normals."""
        reach = self.region.reach
        points, landmarks, prototype = points / reach, landmarks / reach, self.prototype / reach
        near = nearest_neighbours(points, NEIGHBOURS)
        each = torch.arange(len(points))[:, None, None]
        return normalised_batch(
            points,
            torch.nn.functional.normalize(normals[each, near[..., :SMOOTHED]].mean(2), dim=2),
            landmarks,
            near=near,
            prototype=prototype,
            known=known,
            millimetres=torch.full((len(points),), reach),
        )
