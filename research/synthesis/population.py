"""What the generator needs of a source of people, whatever it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from research.synthesis.random_tensors import Draw
    from research.synthesis.shapes import ShapeOptions


class Population(Protocol):
    """A mesh whose vertices take the shape of one person after another; its triangles and landmarks stay the same.

    Head frame: +x the subject's left, +y up, +z out of the face; millimetres.

    Attributes
    ----------
    neutral : Tensor, shape (V, 3), the average person
    faces : Tensor of int64, shape (F, 3)
    skin : number of skin vertices; those that follow are eyeballs
    labels : landmark names, L of them
    landmarks : Tensor of int64, shape (L,), the vertex of each landmark, -1 where ``known`` is False
    known : Tensor of bool, shape (L,), whether the landmark has a vertex on this mesh
    device : where all of it lies
    """

    @property
    def neutral(self) -> Tensor: ...

    @property
    def faces(self) -> Tensor: ...

    @property
    def skin(self) -> int: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def landmarks(self) -> Tensor: ...

    @property
    def known(self) -> Tensor: ...

    @property
    def device(self) -> torch.device: ...

    def draw(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Vertices (count, V, 3) of ``count`` people, roughly in the head frame, in millimetres of the person."""
        ...
