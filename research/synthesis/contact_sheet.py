"""A picture of many generated samples: every point a small disc, shaded by its normal, every landmark a dot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from research.synthesis.generator import FaceGenerator, FacePoints
from sgcn_core.graph.crop import CROP_CENTRE
from sgcn_core.viz.views import AMBIENT, BACKGROUND, GROUP_COLOURS, LIGHTS, SKIN

FloatArray = NDArray[np.float64]
_MILLIMETRES = 250.0  # shown along each side of a view
_AT_ONCE = 4  # faces generated in one go
_DOT = 1.9  # millimetres
# Turn of each view about the vertical axis, degrees: half from the subject's right and half from the left.
_VIEWS = (-40.0, 40.0)


def contact_sheet(
    generator: FaceGenerator, *, count: int = 24, columns: int = 4, side: int = 300, start: int = 0
) -> Image.Image:
    """Draw ``count`` samples, each from two sides.

    Parameters
    ----------
    generator : FaceGenerator
    count : int, number of samples
    columns : int, samples in a row
    side : int, pixels of each of the two views of a sample
    start : int, step of the generator that the first samples come from
    """
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * side * len(_VIEWS), rows * side), (255, 255, 255))
    for first in range(0, count, _AT_ONCE):
        faces = generator.faces_at(start + first // _AT_ONCE, _AT_ONCE)
        for member in range(min(_AT_ONCE, count - first)):
            row, column = divmod(first + member, columns)
            for number, turn in enumerate(_VIEWS):
                picture = _view(faces, member, turn, side)
                sheet.paste(Image.fromarray(picture), ((column * len(_VIEWS) + number) * side, row * side))
    return sheet


def _view(faces: FacePoints, member: int, turn: float, side: int) -> NDArray[np.uint8]:
    points, normals, landmarks = (
        tensor[member].cpu().double().numpy() for tensor in (faces.points, faces.normals, faces.landmarks)
    )
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    rotation = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
    points, landmarks = (rotation @ (array - CROP_CENTRE).T for array in (points, landmarks))
    normals = rotation @ normals.T
    spacing = (68000.0 / points.shape[1]) ** 0.5
    image = np.tile(np.asarray(BACKGROUND), (side * side, 1))
    depth = np.full(side * side, -np.inf)
    _splat(image, depth, points, _brightness(normals)[:, None] * np.asarray(SKIN), 1.2 * spacing, side)
    there = ~np.isnan(landmarks[0])
    colours = np.asarray([GROUP_COLOURS[i % len(GROUP_COLOURS)] for i in range(landmarks.shape[1])])
    # Dots are drawn a little in front of the surface that they lie on.
    lifted = landmarks[:, there] + np.array([[0.0], [0.0], [6.0]])
    _splat(image, depth, lifted, colours[there], _DOT, side)
    return np.asarray(np.clip(image * 255.0 + 0.5, 0, 255), dtype=np.uint8).reshape(side, side, 3)


def _brightness(normals: FloatArray) -> FloatArray:
    """Of points seen along -z; those that face away are dark."""
    total = np.full(normals.shape[1], AMBIENT)
    for position, strength in LIGHTS:
        towards = np.asarray(position) / np.linalg.norm(position)
        total += strength * np.maximum(towards @ normals, 0.0)
    return np.where(normals[2] < 0.0, 0.35, total)


def _splat(
    image: FloatArray, depth: FloatArray, points: FloatArray, colours: FloatArray, radius: float, side: int
) -> None:
    """Draw discs of ``radius`` millimetres that face the viewer; the nearest wins each pixel. In place."""
    pixels = side / _MILLIMETRES
    reach = max(int(np.ceil(radius * pixels)), 1)
    column, row = points[0] * pixels + side / 2, side / 2 - points[1] * pixels
    for dx in range(-reach, reach + 1):
        for dy in range(-reach, reach + 1):
            if dx * dx + dy * dy > (radius * pixels) ** 2:
                continue
            x, y = np.floor(column + dx).astype(int), np.floor(row + dy).astype(int)
            inside = np.flatnonzero((x >= 0) & (x < side) & (y >= 0) & (y < side))
            inside = inside[np.argsort(points[2, inside], kind="stable")]
            pixel = y[inside] * side + x[inside]
            # The last of several points in a pixel is the nearest.
            last = np.full(side * side, -1)
            last[pixel] = inside
            winner = np.flatnonzero(last >= 0)
            nearer = winner[points[2, last[winner]] > depth[winner]]
            depth[nearer], image[nearer] = points[2, last[nearer]], colours[last[nearer]]
