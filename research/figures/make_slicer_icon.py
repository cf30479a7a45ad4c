"""Draw the icon of the Slicer extension and of its module: the package's own face with landmarks found on it.

python research/figures/make_slicer_icon.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sgcn_core import LandmarkDetector, demo_surface
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.viz.software import draw
from sgcn_core.viz.views import FRONT, SKIN, ColouredMesh, View

ROOT = Path(__file__).resolve().parents[2]
FILES = (ROOT / "Resources" / "FacialLandmarks3D.png", ROOT / "FacialLandmarks3D/Resources/Icons/FacialLandmarks3D.png")
SIZE, OVERSAMPLING = 128, 4
SHOWN = ("n", "en_l", "en_r", "ex_l", "ex_r", "prn", "al_l", "al_r", "ls", "li", "ch_l", "ch_r", "pg", "zy_l", "zy_r")
DOT, RIM, RADIUS = (24, 150, 70, 255), (255, 255, 255, 255), 3.4


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    face = demo_surface()
    result = LandmarkDetector.from_pretrained().detect(face, landmark_set="clinical").select(SHOWN)
    colours = np.broadcast_to(np.array(SKIN), face.vertices.shape)
    low, high = face.bounds
    pixels = SIZE * OVERSAMPLING
    view = View(FRONT, (low + high) / 2, 0.97 * pixels / float((high - low)[:2].max()), pixels, pixels)
    mesh = ColouredMesh(face.vertices, face.faces, vertex_normals(face.vertices, face.faces), colours)
    drawn = draw(mesh, view)
    alpha = np.where(np.isfinite(drawn.depth), 255, 0).astype(np.uint8)
    picture = Image.fromarray(np.dstack([drawn.image, alpha]), "RGBA")
    pen = ImageDraw.Draw(picture)
    for column, row in view.to_pixels(result.positions):
        for radius, colour in ((RADIUS + 1.0, RIM), (RADIUS, DOT)):
            reach = radius * OVERSAMPLING
            pen.ellipse((column - reach, row - reach, column + reach, row + reach), fill=colour)
    icon = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    for file in FILES:
        file.parent.mkdir(parents=True, exist_ok=True)
        icon.save(file, optimize=True)
        print(file)


if __name__ == "__main__":
    main()
