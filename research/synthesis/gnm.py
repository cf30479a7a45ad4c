"""GNM's people (Google, Apache-2.0) as a third population: a head learnt from scans, with real lids, lips, ears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from research.synthesis.gnm_head import read_head
from research.synthesis.mesh_population import MeshPopulation, mesh_and_landmarks
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions, smooth_displacement

# Standard deviations of the modes' weights where ``ShapeOptions.identity`` has its default. With those of the model the
# first three, size and proportions, vary about 1.2 times as much as real people do, with the build that is added; the
# others, which are details, too little (research.synthesis.population_check).
_SIZES, _WIDTHS = 3, (1.0, 1.3)
# Standard deviations of expression weights of a person who shows one, in the model's own.
_EYES, _LOWER = 0.8, (0.4, 1.7)
# How far open lids are closed: mean and deviation of the share, of the two eyes together and of each.
_LIDS, _EACH_LID = (0.12, 0.14), 0.03


@dataclass(frozen=True, eq=False, kw_only=True)
class GnmHead(MeshPopulation):
    """Mesh, identity and expression of the GNM head; a `Population`.

    Head frame: +x the subject's left, +y up, +z out of the face; millimetres. The origin is that of the ICT model.

    Attributes
    ----------
    neutral : Tensor, shape (V, 3), the average person, eyes open
    identity : Tensor, shape (16, V, 3); weights are N(0, 1)
    eyes : Tensor, shape (2, E, V, 3), expressions of the left and of the right eye region
    lower : Tensor, shape (M, V, 3), expressions of the lower face
    closing : Tensor, shape (2, V, 3), closes the lids of the left and of the right eye; weights in [0, 1]
    The others are those of `Population`.
    """

    identity: Tensor
    eyes: Tensor
    lower: Tensor
    closing: Tensor

    @classmethod
    def load(cls, path: Path, *, device: str | torch.device = "cpu", picked: Path | None = None) -> GnmHead:
        """Read ``gnm_head.npz``; ``picked`` names the landmarks' vertices, the package's own by default.

        Raises
        ------
        ValueError
            The file holds something else.
        """
        head = read_head(Path(path), picked)
        blocks: dict[str, Any] = {
            name: torch.from_numpy(getattr(head, name)).float().to(device)
            for name in ("neutral", "identity", "eyes", "lower", "closing")
        }
        return cls(
            **blocks,
            **mesh_and_landmarks(head.faces, head.skin, head.labels, head.landmarks, device),
        )

    def draw(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Vertices (count, V, 3) of ``count`` people, head frame, millimetres.

        Left and right are made to differ as in the ICT model: the modes themselves are symmetric.
        """
        basis, modes = self.identity.flatten(1), len(self.identity)
        widths = torch.full((modes,), _WIDTHS[1], device=self.device)
        widths[:_SIZES] = _WIDTHS[0]
        weights = draw.normal(options.identity / ShapeOptions().identity, count, modes) * widths
        skew = draw.normal(options.asymmetry, count, modes)
        side = torch.tanh(self.neutral[:, :1] / 20.0)
        shape = self.neutral + (weights @ basis).view(count, -1, 3) + side * (skew @ basis).view(count, -1, 3)
        shape = shape + self._expression(options, draw, count) + self._lids(options, draw, count)
        shape = shape + smooth_displacement(self.neutral, draw, count, deviation=options.warp)
        return shape * torch.exp(draw.normal(options.build, count, 1, 3))

    def heads(self, draw: Draw, count: int) -> Tensor:
        """Vertices (count, V, 3) of heads of the model itself: weights N(0, 1), neutral, eyes open, nothing added."""
        weights = draw.normal(1.0, count, len(self.identity))
        return self.neutral + (weights @ self.identity.flatten(1)).view(count, -1, 3)

    def _expression(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Displacements (count, V, 3); the two eye regions agree in half of the faces."""
        shown = draw.chance(options.expressive, count, 1)
        eyes = draw.normal(_EYES, count, 2, self.eyes.shape[1]) * shown[..., None]
        paired = draw.chance(0.5, count, 1)
        eyes = torch.stack([eyes[:, 0], torch.where(paired, eyes[:, 0], eyes[:, 1])], 1)
        lower = draw.normal(1.0, count, len(self.lower)) * draw.uniform(*_LOWER, count, 1) * shown
        moved = eyes.flatten(1) @ self.eyes.flatten(0, 1).flatten(1) + lower @ self.lower.flatten(1)
        return moved.view(count, -1, 3)

    def _lids(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Displacements (count, V, 3) that narrow or close the lids: nobody's stand equally open."""
        natural = _LIDS[0] + draw.normal(_LIDS[1], count, 1) + draw.normal(_EACH_LID, count, 2)
        blink = draw.uniform(0.3, 1.0, count, 1) * draw.chance(options.blink, count, 1)
        share = torch.maximum(natural if options.blink else torch.zeros_like(natural), blink).clamp(max=1.0)
        return (share @ self.closing.flatten(1)).view(count, -1, 3)
