"""The skin around an opening of the face as a relief: heights over a plane, and the smooth surface that bridges it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

# The bridge is fitted to the skin within this many half widths of the opening, beyond the part that it replaces.
_RIM = 0.75
# Width over which an edge is soft, millimetres.
_EDGE = 0.8
# Keeps the fit tame where little skin is left, relative to the number of vertices.
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Opening:
    """Where an opening of the average face lies and which vertices are near.

    Attributes
    ----------
    ends : columns of the two landmarks at the ends of its long axis
    across : columns of two landmarks whose mean is the middle in the short direction
    half_height : of an ellipse around it, millimetres
    towards : (x, y, z) unit vector, outwards
    near : Tensor of int64, (P,), vertices that any effect can reach
    skin : Tensor of bool, (P,), whether each is skin; the others are eyeballs
    """

    ends: tuple[int, int]
    across: tuple[int, int]
    half_height: float
    towards: tuple[float, float, float]
    near: Tensor
    skin: Tensor


@dataclass(frozen=True, eq=False)
class Relief:
    """Vertices near an opening of each face in its own plane.

    Attributes
    ----------
    plane : Tensor, shape (B, P, 2), along the long and the short axis, in half widths and half heights of the opening
    height : Tensor, shape (B, P), outwards, millimetres
    axes : Tensor, shape (B, 3, 3), unit rows: long axis, short axis, outwards
    half_width : Tensor, shape (B,), millimetres
    between : Tensor, shape (B, P), 1 between the two edges of the opening, which meet at its ends; 0 beyond them
    skin : Tensor of bool, shape (P,)
    """

    plane: Tensor
    height: Tensor
    axes: Tensor
    half_width: Tensor
    between: Tensor
    skin: Tensor

    @classmethod
    def of(cls, opening: Opening, vertices: Tensor, landmarks: Tensor) -> Relief:
        """Of faces (B, V, 3) whose landmarks are (B, L, 3)."""
        first, last = (landmarks[:, end] for end in opening.ends)
        outwards = vertices.new_tensor(opening.towards).expand_as(first)
        along = normalize(last - first, dim=1)
        outwards = normalize(outwards - (outwards * along).sum(1, keepdim=True) * along, dim=1)
        axes = torch.stack([along, torch.linalg.cross(outwards, along), outwards], 1)
        middle = (first + last) / 2.0
        centre = landmarks[:, list(opening.across)].mean(1)
        middle = middle + ((centre - middle) * axes[:, 1]).sum(1, keepdim=True) * axes[:, 1]
        local = (vertices[:, opening.near] - middle[:, None]) @ axes.transpose(1, 2)
        half_width = ((last - first).norm(dim=1) / 2.0).clamp(min=2.0)
        plane = torch.stack([local[..., 0] / half_width[:, None], local[..., 1] / opening.half_height], 2)
        gap = (landmarks[:, opening.across[0]] - landmarks[:, opening.across[1]]).norm(dim=1) / 2.0
        lens = gap[:, None] * (1.0 - plane[..., 0].square()) - local[..., 1].abs()
        return cls(plane, local[..., 2], axes, half_width, (lens / _EDGE).clamp(0.0, 1.0), opening.skin)

    @property
    def radius(self) -> Tensor:
        """Distance (B, P) from the middle: 1 on the ellipse through the ends."""
        return self.plane.norm(dim=2)

    def bridge(self, reach: Tensor) -> Tensor:
        """Heights (B, P) of the smooth surface over all that lies within ``reach`` (B, 1) half widths.

        The least-squares polynomial of third order along and second order across through the skin around it.
        """
        radius = self.radius
        weight = (
            torch.exp(-0.5 * ((radius - reach - _RIM / 2.0) / (_RIM / 2.0)).square()) * (radius > reach) * self.skin
        )
        x, y = self.plane.unbind(2)
        terms = torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y, x * x * x, x * x * y], 2)
        weighted = terms * weight[..., None]
        normal = weighted.transpose(1, 2) @ terms
        ridge = _RIDGE * normal.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-6)
        normal = normal + ridge[:, None, None] * torch.eye(terms.shape[2], device=x.device)
        fitted = torch.linalg.solve(normal, weighted.transpose(1, 2) @ self.height[..., None])
        return (terms @ fitted)[..., 0]

    def moved(self, vertices: Tensor, opening: Opening, rise: Tensor) -> Tensor:
        """``vertices`` (B, V, 3) with those near the opening ``rise`` (B, P) millimetres further out."""
        shift = rise[..., None] * self.axes[:, None, 2]
        return vertices.index_add(1, opening.near, shift)


def within(radius: Tensor, reach: Tensor, soft: float = 0.3) -> Tensor:
    """1 inside of ``reach``, falling smoothly to 0 over the last part ``soft`` before it."""
    share = ((reach - radius) / soft).clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
