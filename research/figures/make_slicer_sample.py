"""Make the sample data of the Slicer extension: the package's own face, upright in Slicer, and its thumbnail.

And the same face after a change of the chin that is known, in another pose, with the landmarks of both.

python research/figures/make_slicer_sample.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from research.synthesis.scan_meshes import HEAD_TO_LPS
from sgcn_core import LandmarkDetector, LandmarkResult, Surface, demo_surface, write_landmarks, write_surface
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.viz.software import draw
from sgcn_core.viz.views import FRONT, SKIN, ColouredMesh, View

FOLDER = Path(__file__).resolve().parents[2] / "FacialLandmarks3D" / "Resources" / "SampleData"
NAME = "FacialLandmarks3DFace"
WIDTH, HEIGHT, OVERSAMPLING = 260, 280, 3
BACKGROUND = (38, 44, 56)

BEFORE, AFTER = "FacialLandmarks3DBefore", "FacialLandmarks3DAfter"
# The chin comes forward and to the subject's left, most at the pogonion; and the head is held in another way.
ADVANCE = np.array([2.0, -6.0, 0.0])
REACH_MM = 16.0
TURN_DEGREES, SHIFT = 6.0, np.array([8.0, -5.0, 12.0])


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    face = demo_surface()
    centred = face.vertices - face.vertices.mean(axis=0)
    before = Surface(centred @ HEAD_TO_LPS.T, face.faces, unit="mm", frame="LPS")
    print(write_surface(before, FOLDER / f"{NAME}.ply"))
    thumbnail(face).save(FOLDER / f"{NAME}.png", optimize=True)
    print(FOLDER / f"{NAME}.png")
    detector = LandmarkDetector.from_pretrained()
    result = detector.detect(before, landmark_set="clinical")
    after = operated(before, result.position("pg"))
    print(write_surface(after, FOLDER / f"{AFTER}.ply"))
    for found, name in ((result, BEFORE), (detector.detect(after, landmark_set="clinical"), AFTER)):
        print(write_landmarks(without_times(found), FOLDER / f"{name}.mrk.json"))


def operated(face: Surface, chin: np.ndarray) -> Surface:
    """The face after `ADVANCE`, which fades out around the chin (3,) with a normal curve, and in another pose."""
    share = np.exp(-0.5 * (np.linalg.norm(face.vertices - chin, axis=1) / REACH_MM) ** 2)
    moved = face.vertices + share[:, None] * ADVANCE
    turn = Rotation.from_euler("y", TURN_DEGREES, degrees=True).as_matrix()
    return Surface(moved @ turn.T + SHIFT, face.faces, unit="mm", frame="LPS")


def without_times(result: LandmarkResult) -> LandmarkResult:
    """The same landmarks; times of one computer say nothing to others."""
    return replace(result, info={name: value for name, value in result.info.items() if name != "stages"})


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
