"""What the pose network learns from: patches of generated scans, each with the head as it lies around the patch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from research.synthesis.generated_scan import ScanMaker
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.crop import CROP_CENTRE
from sgcn_core.pose.network import UNIT
from sgcn_core.pose.patches import ANGLES, polar_patches
from sgcn_core.pose.probe import probe_surface

FloatArray = NDArray[np.float64]

FACE, OTHER, OPEN = 1, 0, -1
"""Whether a patch lies on a face; open where it may be said either way."""

# A patch on the face: its centre no further than this from the middle (millimetres of the head frame), looking forwards
# at least a little, and not straight up or down, where the upward direction has no angle.
_ON_FACE, _OFF_FACE = 100.0, 125.0
_FORWARD, _BACKWARD = -0.1, -0.35
_UPRIGHT = 0.9
# A scan that shows fewer landmarks teaches nothing about faces, and cannot serve as a negative.
_FEWEST_LANDMARKS = 20
_PROBE = 14_000


@dataclass(frozen=True, eq=False)
class Probe:
    """Points and outward normals (N, 3) of a scan, and from it to the head frame; None where there is no head."""

    points: FloatArray
    normals: FloatArray
    to_head: Similarity | None


@dataclass(frozen=True, eq=False)
class Examples:
    """P patches and what they should say.

    Attributes
    ----------
    images : (P, C, A) float16
    state : (P,), FACE or OTHER
    place, axes, log_size : (P, 3), (P, 3, 3), (P,), of the head in the frame of the patch, see ``PoseVotes``
    """

    images: Tensor
    state: Tensor
    place: Tensor
    axes: Tensor
    log_size: Tensor

    def __len__(self) -> int:
        return len(self.state)

    def take(self, which: Tensor) -> Examples:
        return Examples(
            self.images[which], self.state[which], self.place[which], self.axes[which], self.log_size[which]
        )

    @classmethod
    def together(cls, parts: Iterable[Examples]) -> Examples:
        listed = list(parts)
        return cls(
            *(
                torch.cat([getattr(part, name) for part in listed])
                for name in ("images", "state", "place", "axes", "log_size")
            )
        )

    def at_angles(self) -> tuple[Tensor, Tensor, Tensor]:
        """The two angles (P, 2) beside the upward direction, their weights (P, 2), the predictions there (P, 2, 10)."""
        up = self.axes[:, :, 1]
        place = torch.atan2(up[:, 1], up[:, 0]) / (2.0 * torch.pi) * ANGLES
        lower = torch.floor(place)
        beside = torch.stack([lower, lower + 1.0], dim=1)
        share = (place - lower)[:, None]
        weights = torch.cat([1.0 - share, share], dim=1)
        back = about_normal(-beside * (2.0 * torch.pi / ANGLES))
        turned = (back @ self.place[:, None, :, None])[..., 0]
        wanted = targets(turned, back @ self.axes[:, None], self.log_size[:, None].expand(-1, 2))
        return beside.long() % ANGLES, weights, wanted


def stored_probe(maker: ScanMaker, number: int, folder: Path) -> Probe | None:
    """Probe of generated scan ``number``, kept in ``folder``; None if it shows too little of a face."""
    path = folder / f"{maker.seed}-{number:05d}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scan = maker.scan(number)
        seen = probe_surface(scan.surface.vertices, scan.surface.faces, count=_PROBE, seed=number)
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            points=seen.points.astype(np.float32),
            normals=seen.normals.astype(np.float32),
            to_head=scan.to_head.as_matrix(),
            there=len(scan.landmarks),
        )
        part.replace(path)
    with np.load(path) as stored:
        if stored["there"] < _FEWEST_LANDMARKS:
            return None
        pose = Similarity.from_matrix(stored["to_head"])
        return Probe(stored["points"].astype(np.float64), stored["normals"].astype(np.float64), pose)


def examples_of(probe: Probe, rng: np.random.Generator, *, patches: int) -> Examples:
    """Patches of one probe, thinned, cut, mirrored, roughened and resized at random."""
    probe = _varied(probe, rng)
    state = _states(probe)
    usable = np.flatnonzero(state != OPEN)
    # As many on the face as elsewhere, as far as there are.
    weight = np.where(state[usable] == FACE, 1.0 / max((state == FACE).sum(), 1), 1.0 / max((state == OTHER).sum(), 1))
    centres = rng.choice(usable, min(patches, len(usable)), replace=False, p=weight / weight.sum())
    found = polar_patches(probe.points, probe.normals, centres)
    to_head = probe.to_head or Similarity.identity()
    middle = to_head.inverse().apply(np.array(CROP_CENTRE))
    back = found.frames.transpose(0, 2, 1)
    return Examples(
        torch.tensor(found.images).half(),
        torch.from_numpy(state[centres]),
        torch.from_numpy((back @ (middle - found.origins)[..., None])[..., 0]).float(),
        torch.from_numpy(back @ to_head.rotation.T).float(),
        torch.full((len(centres),), -float(np.log(to_head.scale))),
    )


def _varied(probe: Probe, rng: np.random.Generator) -> Probe:
    points, normals, pose = probe.points, probe.normals, probe.to_head
    kept = rng.permutation(len(points))[: int(np.exp(rng.uniform(np.log(1500), np.log(7000))))]
    if rng.random() < 0.35:
        kept = kept[_half_space(points[kept], rng)]
    points, normals = points[kept], normals[kept]
    if rng.random() < 0.5:
        points, normals, pose = _mirrored(points, normals, pose)
    size = float(np.exp(rng.normal(0.0, 0.08)))
    points = size * points + rng.normal(0.0, rng.uniform(0.0, 1.0), points.shape)
    normals = normals + rng.normal(0.0, rng.uniform(0.0, 0.3), normals.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Probe(points, normals, None if pose is None else pose @ Similarity(1.0 / size, np.eye(3), np.zeros(3)))


def _half_space(points: FloatArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    """What a plane leaves of the points, at least 40 %."""
    normal = rng.normal(size=3)
    height = points @ normal
    return height <= np.quantile(height, rng.uniform(0.4, 1.0))


def _mirrored(
    points: FloatArray, normals: FloatArray, pose: Similarity | None
) -> tuple[FloatArray, FloatArray, Similarity | None]:
    """Another person: left and right exchanged, the pose with them."""
    flip = np.array([-1.0, 1.0, 1.0])
    if pose is not None:
        # Mirrored in the scan (F) and again in the head (F): the pose stays a rotation.
        rotation = flip[:, None] * pose.rotation * flip
        pose = Similarity(pose.scale, rotation, flip * pose.translation)
    return points * flip, normals * flip, pose


def _states(probe: Probe) -> NDArray[np.int64]:
    if probe.to_head is None:
        return np.full(len(probe.points), OTHER)
    places = probe.to_head.apply(probe.points)
    directions = probe.to_head.apply_to_normals(probe.normals)
    apart = np.linalg.norm(places - np.array(CROP_CENTRE), axis=1)
    forward, upright = directions[:, 2], np.abs(directions[:, 1])
    state = np.full(len(places), OPEN)
    state[(apart > _OFF_FACE) | (forward < _BACKWARD)] = OTHER
    state[(apart < _ON_FACE) & (forward > _FORWARD) & (upright < _UPRIGHT)] = FACE
    return state


def example_sets(probes: Iterable[Probe], *, patches: int, seed: int) -> Iterator[Examples]:
    """Examples of every probe, a function of the seed."""
    for number, probe in enumerate(probes):
        yield examples_of(probe, np.random.default_rng((seed, number)), patches=patches)


def targets(places: Tensor, axes: Tensor, log_size: Tensor) -> Tensor:
    """Targets of a patch (..., 10), from places (..., 3), axes (..., 3, 3) and sizes (...)."""
    return torch.cat([places / UNIT, axes[..., 0], axes[..., 1], log_size[..., None]], dim=-1)


def about_normal(angles: Tensor) -> Tensor:
    """Turns (..., 3, 3) about the third axis, from angles (...)."""
    cosine, sine, zero, one = angles.cos(), angles.sin(), torch.zeros_like(angles), torch.ones_like(angles)
    rows = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], -1)
    turns: Tensor = rows.unflatten(-1, (3, 3))
    return turns
