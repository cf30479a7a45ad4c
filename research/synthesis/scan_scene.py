"""Meshes of what stands near a generated head: long hair and the sheets of ``research.synthesis.objects``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from research.synthesis.hair_shell import HairShell
from research.synthesis.objects import Sheets
from research.synthesis.scan_meshes import Mesh, compacted

# Spacing of the meshes, millimetres, and the angle from the face that hair is drawn over, radians.
_SPACING = 2.0
_WIDEST, _LOWEST, _HIGHEST = 2.9, -150.0, 135.0
_AXIS_Z = 10.0
_HAIR_RADIUS = 105.0


def hair_mesh(hair: HairShell) -> Mesh | None:
    """The outside of the first head's long hair; None where it wears none."""
    if not bool(hair.worn[0]):
        return None
    columns = int(2.0 * _WIDEST * _HAIR_RADIUS / _SPACING)
    rows = int((_HIGHEST - _LOWEST) / _SPACING)
    y, angle = torch.meshgrid(
        torch.linspace(_HIGHEST, _LOWEST, rows), torch.linspace(-_WIDEST, _WIDEST, columns), indexing="ij"
    )
    angle, y = angle.reshape(1, -1), y.reshape(1, -1)
    radius = hair.radius(angle, y)[0]
    points = torch.stack([radius * torch.sin(angle[0]), y[0], radius * torch.cos(angle[0]) + _AXIS_Z], 1)
    return _grid_mesh(points, hair.spans(angle, y)[0], rows, columns)


def sheet_meshes(sheets: Sheets) -> list[Mesh]:
    """Every sheet that stands near the first head, its front outside."""
    return [mesh for slot in torch.nonzero(sheets.exists[0])[:, 0].tolist() if (mesh := _sheet_mesh(sheets, slot))]


def _sheet_mesh(sheets: Sheets, slot: int) -> Mesh | None:
    one = Sheets(**{name: value[:1, slot : slot + 1] for name, value in vars(sheets).items()})
    half_u, half_v = one.half[0, 0].tolist()
    columns, rows = (max(int(2.0 * half / _SPACING), 6) for half in (half_u, half_v))
    v, u = torch.meshgrid(
        torch.linspace(half_v, -half_v, rows), torch.linspace(-half_u, half_u, columns), indexing="ij"
    )
    local = torch.stack([u.reshape(-1), v.reshape(-1)], 1)[None, None]
    height = one._height(local)[0, 0]
    frame = torch.stack([one.right[0, 0], one.up[0, 0], one.front[0, 0]])
    points = one.centre[0, 0] + torch.cat([local[0, 0], height[:, None]], 1) @ frame
    return _grid_mesh(points, one._inside(local)[0, 0], rows, columns)


def _grid_mesh(points: Tensor, exists: Tensor, rows: int, columns: int) -> Mesh | None:
    """Triangles of a grid (rows from top to bottom, columns from left to right) whose three corners exist."""
    ids: NDArray[np.int64] = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    a, b, c, d = (corner.ravel() for corner in (ids[:-1, :-1], ids[1:, :-1], ids[:-1, 1:], ids[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    faces = faces[exists.numpy()[faces].all(1)]
    return compacted(Mesh(points.double().numpy(), faces)) if len(faces) else None
