"""FaceScape: the topologically uniform (TU) models, and the multi-view scans with the landmarks of their TU models.

Layout as FaceScape's documentation describes it (``doc/doc_tu_model.md``, ``doc/doc_mview_model.md`` of
https://github.com/zhuhao-nju/facescape): ``ID/models_reg/1_neutral.obj`` and ``ID/1_neutral.ply``. The vertex numbers
of the 68 landmarks are in the toolkit's ``predef/landmark_indices.npz`` (entry ``v10`` for these models), scale and
pose between both kinds in its ``predef/Rt_scale_dict.json``: ID -> number of the expression -> [scale, 3x4 matrix].

Not stated by FaceScape and assumed here: the coordinates of TU models are millimetres, +x the subject's left, +y up,
+z out of the face, and a point p of a multi-view scan is ``R (scale p) + t`` in the TU model (so the toolkit's users
apply it). The order of the 68 points is that of iBUG; their places differ from it at brows and contour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.datasets.base import IBUG68, Experiment, Face, FaceDataset, Sample, at_vertices, read_json
from sgcn_core.errors import FileFormatError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import unit_of

EXPRESSIONS: tuple[str, ...] = (
    *("neutral", "smile", "mouth_stretch", "anger", "jaw_left", "jaw_right", "jaw_forward", "mouth_left"),
    *("mouth_right", "dimpler", "chin_raiser", "lip_puckerer", "lip_funneler", "sadness", "lip_roll", "grin"),
    *("cheek_blowing", "eye_closed", "brow_raiser", "brow_lower"),
)
"""The twenty expressions; number 1 is the first."""

EMOTIONS: tuple[str, ...] = ("neutral", "smile", "anger", "sadness")
OTHERS: tuple[str, ...] = tuple(name for name in EXPRESSIONS if name not in EMOTIONS)
"""The sixteen of the paper's set FS Expressions."""

CROP_Z = -75.0
"""Below this z the paper's published code cuts the TU models off (``src/datasets/dataset.py``), millimetres."""

_NAME = re.compile(r"(\d{1,2})_(\w+)")


class FaceScape(FaceDataset):
    """TU models with their 68 landmarks.

    Below the root: ``landmark_indices.npz``, and ``ID/models_reg/1_neutral.obj`` ... or ``ID/1_neutral.obj`` ...,
    themselves or in folders ``raw`` or ``facescape_trainset_001_100`` ... as the archives unpack.
    """

    name = "facescape"
    title = "FaceScape (TU models)"
    labels = IBUG68
    paper_crop = f"z > {CROP_Z:g} mm in the model's coordinates, as the paper's published code"
    experiments = (
        Experiment(
            "FS Neutral",
            ("neutral",),
            {"FS Neutral": ("neutral",), "FS Expressions": OTHERS},
            {"FS Neutral": "0.371 ± 0.227", "FS Expressions": "1.932 ± 1.204"},
        ),
        Experiment(
            "FS Emotions",
            EMOTIONS,
            {"FS Emotions": EMOTIONS, "FS Expressions": OTHERS},
            {"FS Emotions": "0.477 ± 0.255", "FS Expressions": "1.825 ± 1.108"},
        ),
    )
    shared = ("landmark_indices.npz", "Rt_scale_dict.json")

    def layout(self) -> str:
        return "landmark_indices.npz and ID/models_reg/1_neutral.obj ... 20_brow_lower.obj"

    def find(self) -> Iterable[Sample]:
        for subject, path in _models(self.root):
            if (expression := _expression(path)) is not None:
                yield Sample(f"{subject}-{path.stem}", subject, expression, path)

    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        surface = read_surface(sample.file, unit=self.unit)
        landmarks = at_vertices(surface, self.vertex_numbers, "landmark_indices.npz")
        return Face(_cut(surface, surface.vertices) if cropped else surface, landmarks)

    @cached_property
    def vertex_numbers(self) -> NDArray[np.int64]:
        """Vertices (68,) of the landmarks on a TU model."""
        path = self.needed(
            "landmark_indices.npz", why="with the vertices of the landmarks (FaceScape's toolkit/predef)"
        )
        try:
            with np.load(path, allow_pickle=False) as archive:
                numbers = np.asarray(archive["v10"])
        except (OSError, ValueError, KeyError) as error:
            raise FileFormatError(f"cannot read the entry v10 of {path}: {error}; copy it again") from error
        if numbers.shape != (68,) or numbers.dtype.kind not in "iu":
            raise FileFormatError(
                f"the entry v10 of {path} is not 68 whole numbers but {numbers.dtype} {numbers.shape}"
            )
        return numbers.astype(np.int64)


class FaceScapeMultiView(FaceScape):
    """Multi-view scans, with the landmarks of the TU model of the same person and expression.

    Below the root: ``mview/ID/1_neutral.ply`` ..., ``tu/`` as of :class:`FaceScape` without the vertex list,
    ``landmark_indices.npz`` and ``Rt_scale_dict.json``. The landmarks lie on the TU model, near the scan's surface and
    not on it.
    """

    name = "facescape-multiview"
    title = "FaceScape (multi-view scans)"
    assumed_unit = None

    def layout(self) -> str:
        return (
            "landmark_indices.npz, Rt_scale_dict.json, the scans mview/ID/1_neutral.ply ... and the TU models "
            "tu/ID/models_reg/1_neutral.obj ..."
        )

    def find(self) -> Iterable[Sample]:
        models = {(subject, path.stem): path for subject, path in _models(self.root / "tu")}
        for folder in _people(self.root / "mview"):
            for path in folder.glob("*.ply"):
                model = models.get((folder.name, path.stem))
                if (expression := _expression(path)) is not None and model is not None:
                    yield Sample(f"{folder.name}-{path.stem}", folder.name, expression, path, (model,))

    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        model = read_surface(sample.more[0])
        to_model = self.to_model(sample)
        surface = read_surface(sample.file, unit=self.unit or unit_of(to_model.scale))
        landmarks = to_model.inverse().apply(at_vertices(model, self.vertex_numbers, "landmark_indices.npz"))
        return Face(_cut(surface, to_model.apply(surface.vertices)) if cropped else surface, landmarks)

    @cached_property
    def poses(self) -> Any:
        """ID -> number of the expression -> scale and 3x4 matrix, as the file has them."""
        return read_json(
            self.needed("Rt_scale_dict.json", why="with the poses of the scans (FaceScape's toolkit/predef)")
        )

    def to_model(self, sample: Sample) -> Similarity:
        """From the coordinates of a scan to those of its TU model, in millimetres."""
        poses, number = self.poses, sample.file.stem.partition("_")[0]
        try:
            scale, matrix = poses[sample.subject][number]
            pose = np.array(matrix, dtype=np.float64)
            return Similarity(float(scale), pose[:3, :3], pose[:3, 3])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise FileFormatError(
                f"{self.root / 'Rt_scale_dict.json'} has no scale and rotation of ID {sample.subject}, expression "
                f"{number} ({error}); copy it again"
            ) from error


def _people(root: Path) -> list[Path]:
    """Folders named by a number, in the root or in the folders that the archives unpack to."""
    if not root.is_dir():
        return []
    entries = [entry for entry in root.iterdir() if entry.is_dir()]
    within = [entry for entry in entries if entry.name == "raw" or entry.name.startswith("facescape_trainset")]
    inner = [entry for folder in within for entry in folder.iterdir() if entry.is_dir()]
    return [entry for entry in (*entries, *inner) if entry.name.isdecimal()]


def _models(root: Path) -> Iterator[tuple[str, Path]]:
    """Subject and file of every TU model."""
    for folder in _people(root):
        for path in (*folder.glob("models_reg/*.obj"), *folder.glob("*.obj")):
            yield folder.name, path


def _expression(path: Path) -> str | None:
    """Expression of a file such as ``3_mouth_stretch.obj``; None for other files. Number and name must agree."""
    found = _NAME.fullmatch(path.stem)
    if found is None or not 1 <= int(found.group(1)) <= len(EXPRESSIONS):
        return None
    expression = EXPRESSIONS[int(found.group(1)) - 1]
    if found.group(2) != expression:
        raise FileFormatError(
            f"{path} is named {found.group(2)!r}; number {found.group(1)} of FaceScape is {expression!r}"
        )
    return expression


def _cut(surface: Surface, in_model: NDArray[np.float64]) -> Surface:
    """Without the triangles of which a vertex lies behind `CROP_Z` in the coordinates of the TU model."""
    kept = (in_model[:, 2] > CROP_Z)[surface.faces].all(axis=1)
    if not kept.any():
        raise FileFormatError(
            f"nothing of {surface.source} lies in front of z = {CROP_Z:g} mm; check its unit and axes"
        )
    return surface.clipped(kept).compacted()
