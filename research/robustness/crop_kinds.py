"""Generated heads, cropped as scans usually are: whole, bust, face only, half, three quarters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.options import GeneratorOptions
from research.synthesis.population import Population
from sgcn_core.geometry.triangles import triangle_normals
from sgcn_core.graph.crop import CROP_CENTRE
from sgcn_core.types.surface import Surface

KINDS: tuple[str, ...] = ("as scanned", "whole head", "bust", "face only", "half face", "three quarters")

# A face only: within this of the middle of the face; half a face: from a little beyond the midline; three quarters:
# what a camera sees from 45 degrees. Millimetres of the head frame, and the cosine to the camera.
_FACE_RADIUS = (82.0, 100.0)
_MIDLINE = 14.0
_GRAZING = 0.15


@dataclass(frozen=True, eq=False)
class CutHead:
    """A generated head in the head frame, what was cut from it, and its landmarks that are left."""

    name: str
    kind: str
    surface: Surface
    scan: GeneratedScan


class HeadCutter:
    """Makes heads of every kind in turn, each a function of the seed and its number.

    Parameters
    ----------
    populations : take turns
    seed : int
    """

    def __init__(self, populations: Sequence[Population], *, seed: int = 0) -> None:
        self.seed = seed
        clean = GeneratorOptions.clean()
        self._scanned = [ScanMaker(people, seed=seed, posed=False) for people in populations]
        self._whole = [ScanMaker(people, options=clean, seed=seed, posed=False) for people in populations]
        self._busts = [ScanMaker(people, seed=seed, posed=False, shoulders=1.0) for people in populations]

    def head(self, number: int) -> CutHead:
        """The head with this number."""
        kind = KINDS[number % len(KINDS)]
        makers = {"as scanned": self._scanned, "bust": self._busts}.get(kind, self._whole)
        scan = makers[(number // len(KINDS)) % len(makers)].scan(number)
        rng = np.random.default_rng((self.seed, number))
        return CutHead(f"{kind} {number}", kind, _cut(scan, kind, rng), scan)


def _cut(scan: GeneratedScan, kind: str, rng: np.random.Generator) -> Surface:
    surface, centroids = scan.surface, scan.centroids()
    side = rng.choice([-1.0, 1.0])
    if kind == "face only":
        kept = np.linalg.norm(centroids - np.array(CROP_CENTRE), axis=1) < rng.uniform(*_FACE_RADIUS)
    elif kind == "half face":
        kept = (side * centroids[:, 0] > -_MIDLINE) & (centroids[:, 2] > rng.uniform(-40.0, 20.0))
    elif kind == "three quarters":
        camera = np.array([side, 0.0, 1.0]) / np.sqrt(2.0)
        kept = scan.to_head.apply_to_normals(triangle_normals(surface.vertices, surface.faces)) @ camera > _GRAZING
    else:
        return surface
    return surface.clipped(kept).compacted()
