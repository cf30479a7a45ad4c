"""The package's own mean face: template of the pose estimate, and where the demonstration face comes from."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from sgcn_core.surface import Surface


@lru_cache(maxsize=1)
def mean_face() -> Surface:
    """Mean of generated people: about 3,000 vertices, head frame, millimetres, lids open, lips closed."""
    with as_file(files("sgcn_core") / "resources" / "mean_face.npz") as path, np.load(Path(path)) as archive:
        return Surface(vertices=archive["vertices"], faces=archive["faces"], unit="mm", source="mean face")
