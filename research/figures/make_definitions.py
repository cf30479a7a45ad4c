"""Draw every group of landmarks on the mean face, from the front and from the side: docs/images/definitions/*.png.

python -m research.figures.make_definitions
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from numpy.typing import NDArray
from PIL import Image

from research.documentation.definitions import ROOT, by_group, landmark_files, picture_name, read_json
from sgcn_core.detector import LandmarkDetector
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex

FloatArray = NDArray[np.float64]

FOLDER = ROOT / "docs" / "images" / "definitions"
# Axes of the head frame (+x the subject's left, +y up, +z out of the face) to the right, upwards and at the viewer.
VIEWS = {"front": (0, 1, 2), "left side": (2, 1, 0)}
_FLIPPED = {"left side": -1.0}  # seen from the subject's left the face looks to the left
_DOTS = 75
_GREYS, _RED, _BLUE = 40, (200, 30, 30), (16, 16, 106)
_MARGIN, _LEAST = 14.0, 45.0  # millimetres around the landmarks, and half of a picture's least width


def mean_face() -> tuple[FloatArray, NDArray[np.int64]]:
    """Vertices (V, 3), head frame, millimetres, and faces (F, 3) of the package's mean face."""
    with resources.as_file(resources.files("sgcn_core") / "resources" / "mean_face.npz") as path, np.load(path) as file:
        return file["vertices"].astype(np.float64), file["faces"].astype(np.int64)


def mean_landmarks(vertices: FloatArray, faces: NDArray[np.int64]) -> dict[str, FloatArray]:
    """Label -> (3,): the mean landmarks of the shipped weights, on the mean face."""
    known = LandmarkDetector.from_pretrained().checkpoint
    places = known.prototype * known.crop_radius + np.array(known.crop_centre)
    return dict(zip(known.labels, closest_on_surface(places, SurfaceIndex(vertices, faces)), strict=True))


def draw_view(
    axes: Axes, vertices: FloatArray, faces: NDArray[np.int64], points: dict[str, FloatArray], view: str
) -> None:
    """The face in grey, and the landmarks with their labels."""
    right, up, towards = VIEWS[view]
    flip = np.array([_FLIPPED.get(view, 1.0), 1.0])
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = np.zeros(3)
    light[towards], light[1], light[right] = 0.85, 0.45, 0.28 * flip[0]
    shade = np.clip(normals @ (light / np.linalg.norm(light)), 0.0, 1.0)
    seen = normals[:, towards] > 0.0
    order = np.flatnonzero(seen)[np.argsort(corners[seen].mean(1)[:, towards])]
    grey = 0.30 + 0.62 * shade[order, None].repeat(3, 1)
    flat = corners[order][:, :, [right, up]] * flip
    axes.add_collection(PolyCollection(flat, facecolors=grey, edgecolors=grey, lw=0.3))
    placed = np.array(list(points.values()))[:, [right, up]] * flip
    axes.plot(*placed.T, "o", color="#c81e1e", markersize=5.5, markeredgecolor="white", markeredgewidth=0.6)
    middle = placed.mean(0)
    half = np.maximum((placed.max(0) - placed.min(0)).max() / 2.0 + _MARGIN, _LEAST)
    centre = (placed.max(0) + placed.min(0)) / 2.0
    for label, place in zip(points, placed, strict=True):
        away = place - middle
        side = 1.0 if away[0] >= 0.0 else -1.0
        axes.annotate(
            label.removeprefix("ibug"),
            place,
            xytext=(7.0 * side, 5.0 if away[1] >= 0.0 else -5.0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=9,
            color="#10106a",
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.7},
        )
    axes.set(
        xlim=(centre[0] - half, centre[0] + half),
        ylim=(centre[1] - half, centre[1] + half),
    )
    axes.set_title(view, fontsize=10, y=0.96)
    axes.set_aspect("equal")
    axes.axis("off")


def draw_group(
    vertices: FloatArray, faces: NDArray[np.int64], labels: Sequence[str], places: dict[str, FloatArray], path: Path
) -> None:
    """One picture: from the front all landmarks, from the left side those of the midline and the left."""
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.7), dpi=_DOTS, layout="constrained")
    points = {label: places[label] for label in labels}
    draw_view(axes[0], vertices, faces, points, "front")
    near = {label: place for label, place in points.items() if place[0] > -2.0}
    draw_view(axes[1], vertices, faces, near, "left side")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    plt.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(drawn).convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE).save(path, optimize=True)


def _palette() -> Image.Image:
    """Greys, and the colours of dots and labels with half of white: a small file that keeps the few red pixels."""
    greys = [(round(255 * k / (_GREYS - 1)),) * 3 for k in range(_GREYS)]
    halves = [tuple((value + 255) // 2 for value in colour) for colour in (_RED, _BLUE)]
    colours = [*greys, _RED, _BLUE, *halves]
    image = Image.new("P", (1, 1))
    image.putpalette([value for colour in colours for value in colour])
    return image


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    vertices, faces = mean_face()
    places = mean_landmarks(vertices, faces)
    for file in landmark_files():
        described = read_json(file)
        for group, landmarks in by_group(described).items():
            path = FOLDER / picture_name(described["name"], group)
            draw_group(vertices, faces, [each["label"] for each in landmarks], places, path)
            print(path.relative_to(ROOT), f"{path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
