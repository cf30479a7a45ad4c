"""MakeHuman's people (CC0) as a second population: from babies to old age, three ancestries, on a mesh of its own."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from research.synthesis.makehuman_files import BaseMesh, read_base, read_target, target_files
from research.synthesis.makehuman_head import Head, build_head
from research.synthesis.makehuman_weights import ADULTHOOD, CHILDHOOD, TargetWeights
from research.synthesis.mesh_population import MeshPopulation, mesh_and_landmarks
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions, smooth_displacement

# A target that moves no vertex of the head farther than this, millimetres, is left out.
_SMALLEST = 0.4
# MakeHuman's adults are smaller than real ones by this factor (research.synthesis.population_check).
_SIZE = 1.07


@dataclass(frozen=True, eq=False, kw_only=True)
class MakeHuman(MeshPopulation):
    """Head of MakeHuman's base mesh, subdivided, and what its targets do to it; a `Population`.

    Head frame: +x the subject's left, +y up, +z out of the face; millimetres. The origin is that of the ICT model.

    Attributes
    ----------
    neutral : Tensor, shape (V, 3), the average young adult
    targets : Tensor, shape (T, V, 3), displacements from ``base`` at weight 1
    base : Tensor, shape (V, 3), MakeHuman's mesh without any target, which looks like nobody
    weights : draws the targets' weights
    The others are those of `Population`.
    """

    targets: Tensor
    base: Tensor
    weights: TargetWeights

    @classmethod
    def load(cls, folder: Path, *, device: str | torch.device = "cpu", picked: Path | None = None) -> MakeHuman:
        """Read MakeHuman's data: ``3dobjs/base.obj`` and ``targets/``.

        Parameters
        ----------
        folder : Path
        picked : Path, optional
            Which vertices are inside the head and where the landmarks are; the package's own file for mesh hm08.

        Raises
        ------
        ValueError
            The folder holds something else.
        """
        mesh = read_base(Path(folder) / "3dobjs" / "base.obj")
        head = build_head(mesh, picked)
        names, targets = _targets(mesh, head, Path(folder) / "targets")
        base = torch.from_numpy((head.matrix @ mesh.vertices).astype(np.float32)).to(device)
        moves = torch.from_numpy(targets).to(device)
        weights = TargetWeights(names, moves.norm(dim=2).amax(1))
        neutral = base + torch.einsum("t,tvd->vd", weights.average_adult(), moves)
        to_origin = torch.tensor(_ORIGIN, device=device) - neutral[head.landmarks[head.landmarks >= 0]].mean(0)
        return cls(
            neutral=neutral + to_origin,
            targets=moves,
            base=base + to_origin,
            weights=weights,
            **mesh_and_landmarks(head.faces, head.skin, head.labels, head.landmarks, device),
        )

    def children(self) -> MakeHuman:
        """The same with nobody older than about 14 years: babies, small children, school children alike."""
        return self._aged(CHILDHOOD)

    def adults(self) -> MakeHuman:
        """The same with nobody younger than about 25 years."""
        return self._aged(ADULTHOOD)

    def _aged(self, ages: tuple[float, float]) -> MakeHuman:
        weights = copy(self.weights)
        weights.ages = ages
        return replace(self, weights=weights)

    def draw(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Vertices (count, V, 3) of ``count`` people in millimetres; a child's head has a child's size.

        ``options.identity`` scales how far features vary around what age, sex and ancestry give; a zero leaves plain
        people of random age, sex and ancestry.
        """
        weights = self.weights.draw(options, draw, count)
        shape = self.base + (weights @ self.targets.flatten(1)).view(count, -1, 3)
        shape = shape + smooth_displacement(self.neutral, draw, count, deviation=options.warp)
        return shape * (_SIZE * torch.exp(draw.normal(options.build, count, 1, 3)))


# Mean of the known landmarks, where the ICT model's landmarks have theirs.
_ORIGIN = (0.0, 2.1, 85.7)


def _targets(mesh: BaseMesh, head: Head, folder: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and displacements (T, V, 3) of the targets that change the head; without the shift of its landmarks.

    A whole-body target lifts the head by the length of the legs: that is taken off.
    """
    names, moves = [], []
    known = head.landmarks[head.landmarks >= 0]
    for name, path in target_files(folder).items():
        if not TargetWeights.uses(name):
            continue
        moved = head.matrix @ read_target(path, len(mesh.vertices))
        if name.startswith("macrodetails/"):
            moved = moved - moved[known].mean(0)
        if np.linalg.norm(moved, axis=1).max() > _SMALLEST:
            names.append(name)
            moves.append(moved.astype(np.float32))
    return tuple(names), np.stack(moves)
