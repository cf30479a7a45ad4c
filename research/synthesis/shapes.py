"""Shapes of people: identity, asymmetry, build and expression of the face model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from research.synthesis.random_tensors import Draw

if TYPE_CHECKING:
    from research.synthesis.face_model import FaceModel


@dataclass(frozen=True, kw_only=True)
class ShapeOptions:
    """How far faces vary. Lengths in millimetres; a zero switches the item off.

    Parameters
    ----------
    identity : standard deviation of the identity weights.
    asymmetry : standard deviation of the weights that differ between left and right.
    build : standard deviation of the logarithm of the stretch along each axis.
    warp : standard deviation of each of a few smooth local displacements.
    expressive : share of faces that are not neutral.
    blink : share of faces with lids partly or wholly closed.
    """

    identity: float = 1.15
    asymmetry: float = 0.25
    build: float = 0.04
    warp: float = 1.6
    expressive: float = 0.6
    blink: float = 0.25


_OPPOSED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"))


def draw_vertices(model: FaceModel, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
    """Vertices (count, V, 3) of ``count`` people, head frame, millimetres."""
    weights = draw.normal(options.identity, count, len(model.identity))
    skew = draw.normal(options.asymmetry, count, len(model.identity))
    side = torch.tanh(model.neutral[:, :1] / 20.0)
    basis = model.identity.flatten(1)
    shape = model.neutral + (weights @ basis).view(count, -1, 3) + side * (skew @ basis).view(count, -1, 3)
    expression = draw_expressions(model.expression_names, options, draw, count)
    shape = shape + (expression @ model.expression.flatten(1)).view(count, -1, 3)
    shape = shape + smooth_displacement(model.neutral, draw, count, deviation=options.warp)
    return shape * torch.exp(draw.normal(options.build, count, 1, 3))


def draw_expressions(names: tuple[str, ...], options: ShapeOptions, draw: Draw, count: int) -> Tensor:
    """Expression weights (count, E) in [0, 1].

    A few of the shapes are active; left and right agree in half of the faces; ``mouthClose`` corrects ``jawOpen``
    and stays below 0.85 of it; opposed movements are never added.
    """
    column = {name: i for i, name in enumerate(names)}
    weights = draw.uniform(0.0, 0.8, count, len(names)) * draw.chance(0.12, count, len(names))
    paired = draw.chance(0.5, count)
    for name, right in column.items():
        left = column.get(name.removesuffix("_R") + "_L")
        if name.endswith("_R") and left is not None:
            weights[:, right] = torch.where(paired, weights[:, left], weights[:, right])
    jaw = draw.uniform(0.0, 0.8, count) * draw.chance(0.25, count)
    weights[:, column["jawOpen"]] = jaw
    weights[:, column["mouthClose"]] = draw.uniform(0.0, 0.85, count) * jaw * draw.chance(0.3, count)
    for first, second in _OPPOSED:
        keep = draw.chance(0.5, count)
        weights[:, column[first]] *= keep
        weights[:, column[second]] *= ~keep
    weights *= draw.chance(options.expressive, count, 1)
    blink = draw.uniform(0.3, 1.0, count) * draw.chance(options.blink, count)
    for name in ("eyeBlink_L", "eyeBlink_R"):
        weights[:, column[name]] = torch.maximum(blink, weights[:, column[name]])
    return weights


def smooth_displacement(neutral: Tensor, draw: Draw, count: int, *, deviation: float, bumps: int = 6) -> Tensor:
    """Sum of a few Gaussian bumps of 20-50 mm in random directions: (count, V, 3), millimetres."""
    centres = neutral[draw.integers(len(neutral), count, bumps)]
    widths = draw.uniform(20.0, 50.0, count, bumps, 1)
    squared = torch.cdist(centres, neutral.expand(count, -1, -1)).square()
    weights = torch.exp(-squared / (2.0 * widths.square()))
    return weights.transpose(1, 2) @ draw.normal(deviation, count, bumps, 3)
