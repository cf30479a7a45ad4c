"""Draw the README's pictures again: docs/images/*.png.

python -m research.figures.make_pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from research.figures.small_png import save_small
from sgcn_core import LandmarkDetector, demo_surface, render_landmarks

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    surface = demo_surface()
    detector = LandmarkDetector.from_pretrained()
    for landmark_set in ("clinical", "ibug68"):
        result = detector.detect(surface, landmark_set=landmark_set)
        path = render_landmarks(surface, result, FOLDER / f"{landmark_set}.png", title=f"demo face, {landmark_set}")
        print(save_small(Image.open(path).convert("RGB"), path))


if __name__ == "__main__":
    main()
