"""Dense samples of the regions of generated people, with their landmarks, on disk.

A person costs a tenth of a second, a patch of it next to nothing: people are drawn once, with all that lies on the
skin; what a scanner does is drawn anew whenever a patch is used (``research.local_pass.source``).

Samples lie on the curved surface through the vertices and their normals (Phong tessellation, Boubekeur and Alexa 2008),
and have its normals: at this density the triangles of a population's mesh would give its vertices away.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from research.local_pass.regions import MIRROR, REGIONS, LocalRegion
from research.synthesis.effect_mask import EffectMask
from research.synthesis.generator import FaceGenerator
from research.synthesis.normals import vertex_normals
from research.synthesis.options import GeneratorOptions
from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw
from research.synthesis.sample_pools import SamplePools
from research.synthesis.surface_effects import EffectOptions

# Samples for each node, many of which cannot be seen; how far they reach beyond the region, millimetres.
_SPARE, BEYOND = 3.6, 10.0
_POOLS = 12
# How far samples move from the triangle to the curved surface.
_CURVED = 0.6

# What is worst on real scans is common here.
EFFECTS = EffectOptions(
    strap=0.0,
    eye_spikes=0.3,
    lids_smeared=0.4,
    fissure_closed=0.25,
    eye_craters=0.25,
    lips_smeared=0.3,
    nostrils_filled=0.4,
    camera_offsets=0.2,
    smoothing=0.6,
)
_OPTIONS = GeneratorOptions(effects=EFFECTS, scan=None, quiet=0.2)


class PatchMaker:
    """Draws people of one population and samples their regions.

    Parameters
    ----------
    model : Population
    prototype : (L, 3), head frame, millimetres
    regions : those to sample
    seed : int
    """

    def __init__(self, model: Population, prototype: Tensor, regions: Sequence[LocalRegion], *, seed: int) -> None:
        self.model, self.seed, self.regions = model, seed, tuple(regions)
        self.source = FaceGenerator(model, options=_OPTIONS, pools=1, pool_size=64, prototype=prototype, seed=seed)
        self.column = {label: i for i, label in enumerate(model.labels)}
        self.centres: dict[tuple[str, bool], Tensor] = {}
        self.pools: dict[tuple[str, bool], SamplePools] = {}
        for region in self.regions:
            for labels, mirrored in region.sides:
                self._prepare(region, labels, mirrored, prototype)

    def _prepare(self, region: LocalRegion, labels: tuple[str, ...], mirrored: bool, prototype: Tensor) -> None:
        key = (region.name, mirrored)
        centre = prototype[[self.column[label] for label in labels]].mean(0)
        vertices, faces = self.model.neutral.numpy(), self.model.faces.numpy()
        off = np.linalg.norm(vertices[faces].mean(1) - centre.numpy(), axis=1)
        near = np.flatnonzero(off < region.reach + BEYOND)
        size = int(_SPARE * region.nodes)
        self.centres[key] = centre
        self.pools[key] = SamplePools.drawn(self.model, near, count=_POOLS, size=size, seed=self.seed)

    def patches(self, step: int, count: int) -> dict[str, dict[str, NDArray[np.generic]]]:
        """Of each region ``points`` (n, S, 6) float16, positions about the region's mean centre and normals, and
        ``landmarks`` (n, K, 3), NaN where absent or unknown; ``known`` (n, K)."""
        draw = Draw.seeded(self.model.device, self.seed, 0x10CA1, step)
        vertices, landmarks, seen, _ = self.source.people(draw, EffectMask(draw, count, _OPTIONS.quiet))
        normals = vertex_normals(vertices, self.model.faces)
        landmarks = landmarks.masked_fill(~seen[..., None], torch.nan)
        found: dict[str, dict[str, NDArray[np.generic]]] = {}
        for region in self.regions:
            sides = [self._side(region, *side, vertices, normals, landmarks, draw) for side in region.sides]
            found[region.name] = {name: np.concatenate([side[name] for side in sides]) for name in sides[0]}
        return found

    def _side(
        self,
        region: LocalRegion,
        labels: tuple[str, ...],
        mirrored: bool,
        vertices: Tensor,
        normals: Tensor,
        landmarks: Tensor,
        draw: Draw,
    ) -> dict[str, NDArray[np.generic]]:
        pools = self.pools[region.name, mirrored]
        chosen = draw.integers(_POOLS, len(vertices))
        corners = self.model.faces[pools.triangles[chosen]]
        points, facing = curved_samples(vertices, normals, corners, pools.weights[chosen])
        columns = [self.column[label] for label in labels]
        centre, flip = self.centres[region.name, mirrored], torch.ones(3)
        if mirrored:
            flip = torch.tensor(MIRROR, dtype=torch.float32)
        return {
            "points": torch.cat([(points - centre) * flip, facing * flip], 2).half().numpy(),
            "landmarks": ((landmarks[:, columns] - centre) * flip).numpy(),
            "known": self.model.known[columns].expand(len(vertices), -1).numpy(),
        }


def curved_samples(vertices: Tensor, normals: Tensor, corners: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Points and normals (B, S, 3) on the curved surface over triangles with corners (B, S, 3)."""
    each = torch.arange(len(vertices))[:, None, None]
    around, facing = vertices[each, corners], normals[each, corners]
    flat = (weights[..., None] * around).sum(2)
    off = ((flat[:, :, None] - around) * facing).sum(3, keepdim=True)
    round_ = flat - (weights[..., None] * off * facing).sum(2)
    normal = torch.nn.functional.normalize((weights[..., None] * facing).sum(2), dim=2)
    return torch.lerp(flat, round_, _CURVED), normal


def main() -> None:
    """Make patches and write them, a file for each batch."""
    parser = argparse.ArgumentParser(prog="python -m research.local_pass.patches", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with ict, makehuman and gnm")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=400)
    parser.add_argument("--faces", type=int, default=16, help="people of a batch")
    parser.add_argument("--shares", type=float, nargs=3, default=(0.4, 0.25, 0.35), help="ict, makehuman, gnm")
    parser.add_argument("--regions", nargs="+", choices=tuple(REGIONS), default=list(REGIONS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    from research.synthesis.face_model import FaceModel
    from research.synthesis.populations import load_others
    from sgcn_core.detector import LandmarkDetector

    torch.set_num_threads(1)
    known = LandmarkDetector.from_pretrained().checkpoint
    prototype = torch.tensor(known.prototype * known.crop_radius + known.crop_centre, dtype=torch.float32)
    people: dict[str, Population] = {"ict": FaceModel.load(options.data / "ict" / "ict_facekit.npz")}
    people |= load_others(options.data / "makehuman", options.data / "gnm" / "gnm_head.npz")
    regions = [REGIONS[name] for name in options.regions]
    makers = {name: PatchMaker(model, prototype, regions, seed=options.seed) for name, model in people.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    for number in range(options.batches):
        name = str(rng.choice(list(makers), p=np.array(options.shares) / sum(options.shares)))
        path = options.out / f"{number:04d}_{name}.npz"
        if path.exists():
            continue
        made = makers[name].patches(number, options.faces)
        arrays: dict[str, Any] = {f"{region}_{key}": v for region, values in made.items() for key, v in values.items()}
        part = path.with_suffix(".part.npz")
        np.savez(part, **arrays)
        part.replace(path)


if __name__ == "__main__":
    main()
