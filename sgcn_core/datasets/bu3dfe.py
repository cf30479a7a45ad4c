"""BU-3DFE: 100 subjects, the neutral face and six expressions at four levels, 83 feature points each.

Layout: ``F0001/F0001_AN01WH_F3D.wrl`` with ``F0001_AN01WH_F3D.bnd`` beside it; the name tells sex and number of the
subject, expression (NE neutral, AN anger, DI disgust, FE fear, HA happiness, SA sadness, SU surprise) with its level,
and ancestry. Lines of a .bnd are read as published programs of users read them: number of a vertex, x, y, z. Assumed
and not verified here on the data: millimetres, +x the subject's left, +y up, +z out of the face. The paper does not use
this dataset; it is split by subject like the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from sgcn_core.datasets.base import Experiment, Face, FaceDataset, Sample
from sgcn_core.errors import FileFormatError
from sgcn_core.io.bu3dfe_landmarks import PREFIX
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface

POINTS = 83
_NAME = re.compile(r"([FM]\d{4})_(NE|AN|DI|FE|HA|SA|SU)(0[0-4])(\w{2})_F3D")


class Bu3dfe(FaceDataset):
    """Cropped face models (``_F3D``) with 83 points, called bu1 ... bu83; files ``_RAW`` are left out."""

    name = "bu3dfe"
    title = "BU-3DFE"
    labels = tuple(f"{PREFIX}{number}" for number in range(1, POINTS + 1))
    experiments = (Experiment("BU-3DFE", (), {"BU-3DFE": ()}),)

    def layout(self) -> str:
        return "F0001/F0001_AN01WH_F3D.wrl with F0001_AN01WH_F3D.bnd beside it, ... M0044/..."

    def find(self) -> Iterable[Sample]:
        for path in self.root.glob("[FM][0-9][0-9][0-9][0-9]/*_F3D.wrl"):
            found, points = _NAME.fullmatch(path.stem), path.with_suffix(".bnd")
            if found is not None and points.is_file():
                yield Sample(path.stem, found.group(1), found.group(2) + found.group(3), path, (points,))

    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        points = read_landmarks(sample.more[0])
        if points.labels != self.labels:
            raise FileFormatError(f"{sample.more[0]} holds {len(points)} points, not {POINTS}; unpack it again")
        return Face(read_surface(sample.file, unit=self.unit), np.array(points.positions))
