"""A small z-buffer in NumPy, for systems without OpenGL."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sgcn_core.viz.views import AMBIENT, BACKGROUND, LIGHTS, Array, ColouredMesh, DrawnView, View

_CANDIDATES_AT_ONCE = 2_000_000


def draw(mesh: ColouredMesh, view: View) -> DrawnView:
    """Draw a mesh given in the head frame with smooth shading.

    Every triangle offers the pixels of its bounding box; those whose centre lies inside compete by depth.
    """
    seen = view.mesh(mesh)
    pixels = view.to_pixels(mesh.vertices)
    depth = np.full(view.width * view.height, -np.inf)
    winner = np.full(view.width * view.height, -1, dtype=np.int64)
    for triangles, pixel, weights in _coverage(pixels, mesh.faces, view.width, view.height):
        offered = np.einsum("nk,nk->n", weights, seen.vertices[mesh.faces[triangles], 2])
        _keep_nearest(depth, winner, pixel, triangles, offered)
    shaded = _shade(seen, pixels, winner, view)
    shape = (view.height, view.width)
    return DrawnView(shaded.reshape(*shape, 3), depth.reshape(shape).astype(np.float32))


def _coverage(
    pixels: Array, faces: NDArray[np.int64], width: int, height: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Array]]:
    """Chunks of (triangle, pixel, barycentric weights) for every pixel centre inside a triangle."""
    corners = pixels[faces]
    low = np.clip(np.floor(corners.min(axis=1)), 0, (width, height)).astype(np.int64)
    high = np.clip(np.ceil(corners.max(axis=1)), 0, (width, height)).astype(np.int64)
    boxes = np.maximum(high - low, 0)
    used = np.flatnonzero(boxes.prod(axis=1))
    ends = np.cumsum(boxes[used].prod(axis=1))
    start = 0
    while start < len(used):
        reached = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, reached + _CANDIDATES_AT_ONCE)), start + 1)
        yield _inside(corners, low, boxes, used[start:stop], width)
        start = stop


def _inside(
    corners: Array, low: NDArray[np.int64], boxes: NDArray[np.int64], chosen: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    sizes = boxes[chosen].prod(axis=1)
    triangles = np.repeat(chosen, sizes)
    within = np.arange(len(triangles)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    column = low[triangles, 0] + within % boxes[triangles, 0]
    row = low[triangles, 1] + within // boxes[triangles, 0]
    weights = _barycentric(corners[triangles], np.stack([column + 0.5, row + 0.5], axis=1))
    inside = (weights >= 0).all(axis=1)
    return triangles[inside], (row * width + column)[inside], weights[inside]


def _barycentric(corners: Array, points: Array) -> Array:
    """(N, 3) weights of 2D points in 2D triangles; -1 in a triangle without area."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = _cross(b - a, c - a)
    flat = np.abs(area) < 1e-12
    safe = np.where(flat, 1.0, area)
    second = _cross(points - a, c - a) / safe
    third = _cross(b - a, points - a) / safe
    weights = np.stack([1 - second - third, second, third], axis=1)
    weights[flat] = -1.0
    return weights


def _cross(u: Array, v: Array) -> Array:
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])


def _keep_nearest(
    depth: Array, winner: NDArray[np.int64], pixel: NDArray[np.int64], triangles: NDArray[np.int64], offered: Array
) -> None:
    """Update depth and winner in place."""
    if not len(pixel):
        return
    order = np.lexsort((offered, pixel))
    last = np.flatnonzero(np.append(np.diff(pixel[order]) > 0, True))
    best = order[last]
    better = offered[best] > depth[pixel[best]]
    depth[pixel[best][better]] = offered[best][better]
    winner[pixel[best][better]] = triangles[best][better]


def _shade(seen: ColouredMesh, pixels: Array, winner: NDArray[np.int64], view: View) -> NDArray[np.uint8]:
    image = np.tile(np.asarray(BACKGROUND), (len(winner), 1))
    drawn = np.flatnonzero(winner >= 0)
    faces = seen.faces[winner[drawn]]
    centres = np.stack([drawn % view.width + 0.5, drawn // view.width + 0.5], axis=1)
    weights = _barycentric(pixels[faces], centres)
    normals = np.einsum("nk,nkd->nd", weights, seen.normals[faces])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    normals *= np.where(normals[:, 2:] < 0, -1.0, 1.0)  # lit from both sides: a scan's triangles may face inwards
    brightness = np.full(len(drawn), AMBIENT)
    for position, strength in LIGHTS:
        towards = np.asarray(position) / np.linalg.norm(position)
        brightness += strength * np.maximum(normals @ towards, 0.0)
    brightness = 1.0 - seen.shading * (1.0 - brightness)
    image[drawn] = np.einsum("nk,nkd->nd", weights, seen.colours[faces]) * brightness[:, None]
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), dtype=np.uint8)
