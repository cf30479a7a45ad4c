"""Make the sample data of the Slicer extension: the package's own face, upright in Slicer, and its thumbnail.

python research/figures/make_slicer_sample.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sgcn_core import Surface, demo_surface, write_surface
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.viz.software import draw
from sgcn_core.viz.views import FRONT, SKIN, ColouredMesh, View

FOLDER = Path(__file__).resolve().parents[2] / "FacialLandmarks3D" / "Resources" / "SampleData"
NAME = "FacialLandmarks3DFace"
WIDTH, HEIGHT, OVERSAMPLING = 260, 280, 3
BACKGROUND = (38, 44, 56)
# From the frame of the head (left, up, out of the face) to that of the patient (left, back, up).
TO_LPS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    face = demo_surface()
    centred = face.vertices - face.vertices.mean(axis=0)
    print(write_surface(Surface(centred @ TO_LPS.T, face.faces, unit="mm", frame="LPS"), FOLDER / f"{NAME}.ply"))
    thumbnail(face).save(FOLDER / f"{NAME}.png", optimize=True)
    print(FOLDER / f"{NAME}.png")


def thumbnail(face: Surface) -> Image.Image:
    """The face from the front."""
    low, high = face.bounds
    width, height = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING
    scale = 0.9 * min(width / (high - low)[0], height / (high - low)[1])
    view = View(FRONT, (low + high) / 2, float(scale), width, height)
    colours = np.broadcast_to(np.array(SKIN), face.vertices.shape)
    drawn = draw(ColouredMesh(face.vertices, face.faces, vertex_normals(face.vertices, face.faces), colours), view)
    alpha = Image.fromarray(np.where(np.isfinite(drawn.depth), 255, 0).astype(np.uint8))
    picture = Image.new("RGB", (width, height), BACKGROUND)
    picture.paste(Image.fromarray(drawn.image), mask=alpha)
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
