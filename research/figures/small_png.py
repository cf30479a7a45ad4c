"""Pictures of shaded surfaces as small PNG files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def save_small(image: Image.Image, path: Path) -> Path:
    """With 64 levels of each colour: more are not seen, and the noise of shading costs the most."""
    image.point(lambda level: level // 4 * 4 + 2).save(path, optimize=True)
    return path
