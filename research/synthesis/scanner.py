"""A whole scan of a face: what stands near it, what of it the scanner keeps, and how the mesh is degraded."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor

from research.synthesis import mesh_artefacts as artefacts
from research.synthesis.effect_mask import EffectMask
from research.synthesis.eye_holes import EyeHoles
from research.synthesis.hair_shell import HairShell, HairSites
from research.synthesis.mouth import Mouth
from research.synthesis.objects import OBJECTS, ObjectPlacer, object_samples
from research.synthesis.population import Population
from research.synthesis.scan_effects import ScanOptions, add_stray, spoil_faces, visible
from research.synthesis.surface_points import Density, SurfacePoints

# The landmarks' surroundings are assessed on this many samples, as dense for few nodes as for many.
_JUDGED = 6000


class Scanner:
    """Applies ``ScanOptions`` to samples of a face.

    Parameters
    ----------
    model : Population
    options : ScanOptions
    """

    def __init__(self, model: Population, options: ScanOptions) -> None:
        self.options = options
        self.mouth = Mouth(model.labels, model.known)
        self.eye_holes = EyeHoles(model.labels, model.known)
        self.hair_sites = HairSites(model.neutral[model.landmarks[model.known]])
        shares = asdict(options)
        self.objects = ObjectPlacer(model.neutral, model.skin, {name: shares[name] for name in OBJECTS})

    def scan(
        self, skin: SurfacePoints, vertices: Tensor, landmarks: Tensor, density: Density, masks: EffectMask
    ) -> tuple[SurfacePoints, Tensor]:
        """Samples of the whole scene, of infinite rank where the scan does not show them.

        Parameters
        ----------
        skin : samples (B, P) of the face with vertices (B, V, 3) and landmarks (B, L, 3)

        Returns
        -------
        SurfacePoints (B, P + ...), and which landmarks (B, L) lie on what the scan shows: where most of the surface
        around one is gone, it is absent, however close the boundary may be
        """
        own = skin.points.shape[1]
        scene = self._scene(skin, vertices, landmarks, density, masks)
        keep = visible(
            scene.points,
            scene.normals,
            scene.eye,
            self.options,
            masks.draw,
            masks=masks,
            exists=scene.rank.isfinite(),
            pixel=1.4 * density.spacing,
        )
        keep &= self.eye_holes.outside(scene.points, landmarks, self.options.eye_holes, masks)
        shown = mostly_kept(landmarks, skin.points[:, :_JUDGED], keep[:, :own][:, :_JUDGED])
        keep &= artefacts.thinned(scene.points, self.options.density, masks)
        rank = scene.rank.masked_fill(~keep, torch.inf)
        return SurfacePoints(scene.points, scene.normals, rank, scene.eye), shown

    def _scene(
        self, skin: SurfacePoints, vertices: Tensor, landmarks: Tensor, density: Density, masks: EffectMask
    ) -> SurfacePoints:
        """The skin, of infinite rank where something covers it, and what covers it or stands near it."""
        draw, count, covered = masks.draw, masks.count, torch.zeros_like(skin.eye)
        hair = HairShell.drawn(self.options.long_hair, masks)
        sheets = self.objects.place(vertices, skin.points, skin.normals, masks)
        haired, near = torch.nonzero(hair.worn[:, 0])[:, 0], torch.nonzero(sheets.exists.any(1))[:, 0]
        hair, sheets = hair.of(haired), sheets.of(near)
        covered[haired] |= hair.covers(skin.points[haired])
        covered[near] |= sheets.cover(skin.points[near])
        extra = hair.samples(self.hair_sites, density, draw).of_batch(haired, count)
        extra = extra.joined(object_samples(sheets, density, draw).of_batch(near, count))
        lips = self.mouth.samples(landmarks, self.options.open_mouth, masks, density)
        extra = extra if lips is None else extra.joined(lips)
        bare = SurfacePoints(skin.points, skin.normals, skin.rank.masked_fill(covered, torch.inf), skin.eye)
        return bare.joined(extra.compact())

    def mesh(
        self, points: Tensor, normals: Tensor, landmarks: Tensor, masks: EffectMask
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What becomes of the nodes (B, N, 3).

        Points, normals, landmarks (B, L, 3), and which samples (B,) show no face.
        """
        options, draw = self.options, masks.draw
        points, normals, spoiled = spoil_faces(points, normals, options, draw)
        points, normals = artefacts.add_doubled_patch(points, normals, options.doubled, masks)
        points, normals = add_stray(points, normals, options, masks)
        warp = artefacts.scanner_warp(options.warp, masks)
        points, landmarks = warp(points), warp(landmarks)
        points = artefacts.add_threshold_bias(points, normals, options.threshold_bias, masks)
        points, normals = artefacts.add_facets(points, normals, options.facets, masks)
        points, normals = artefacts.add_staircase(points, normals, options.staircase, masks)
        points = artefacts.add_point_noise(points, normals, options.point_noise, masks)
        return points, artefacts.add_normal_noise(normals, options.normal_noise, masks), landmarks, spoiled


def mostly_kept(landmarks: Tensor, points: Tensor, kept: Tensor, around: int = 5) -> Tensor:
    """Whether most of the points nearest to each landmark (B, L) are kept."""
    nearest = torch.cdist(landmarks, points).topk(around, dim=2, largest=False).indices
    flags = torch.gather(kept, 1, nearest.flatten(1)).view(nearest.shape)
    return flags.sum(2) * 2 > around
