"""DAD-3DHeads: FLAME meshes fitted to images, with the matrices that project them.

Layout as its repository describes it (https://github.com/PinataFarms/DAD-3DHeads): ``train/train.json`` and
``val/val.json`` list ``item_id``, ``bbox`` and ``attributes``; ``train/annotations/ID.json`` holds ``vertices``,
``model_view_matrix`` and ``projection_matrix``. The test set has no annotations.

What has to be added to the folder, because neither DAD-3DHeads nor the paper publish it with the data: the triangles of
FLAME (``flame_faces.npy``, ``flame_mesh_faces.pt`` of the repository, or a mesh ``flame.obj``), the landmarks
(``landmark_vertices.json`` of name: vertex, or ``.txt`` with one number a line; the paper's list of 122 is not
published) and for the paper's crop the vertices of the head (``head_vertices.npy``, in the repository
``model_training/model/static/flame_indices/head.npy``). The unit of the vertices is not stated: metres are assumed,
as FLAME has, and checked by the size of the head.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sgcn_core.datasets.base import Camera, Experiment, Face, FaceDataset, Sample, at_vertices, read_json
from sgcn_core.errors import FileFormatError
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

PAPER_LANDMARKS = 122
# A head with its neck, millimetres; beyond, the unit is another one.
_SIZES = (120.0, 600.0)


class Dad3dHeads(FaceDataset):
    """FLAME meshes whose landmarks are vertices; every item counts as a subject of its own, as in the paper."""

    name = "dad3dheads"
    title = "DAD-3DHeads"
    paper_crop = "the vertices of the head, without neck and eyeballs"
    experiments = (Experiment("DAD-3DH", (), {"DAD-3DH": ()}),)
    assumed_unit = "m"
    shared = (
        *("landmark_vertices.json", "landmark_vertices.txt", "head_vertices.npy"),
        *("flame_faces.npy", "flame_mesh_faces.pt", "flame.obj"),
    )

    def layout(self) -> str:
        return (
            "train/train.json, train/annotations/ID.json, val/val.json, val/annotations/ID.json, triangles of FLAME as "
            "flame_faces.npy, flame_mesh_faces.pt or flame.obj, and landmark_vertices.json or .txt"
        )

    @cached_property
    def vertex_numbers(self) -> dict[str, int]:
        """Vertex of each landmark, by its name."""
        path = self.needed("landmark_vertices.json", "landmark_vertices.txt", why="with the vertices of the landmarks")
        if path.suffix == ".json":
            numbers = read_json(path)
        else:
            words = path.read_text(encoding="utf-8-sig").split()
            numbers = {f"dad{place}": word for place, word in enumerate(words, start=1)}
        try:
            found = {str(name): int(number) for name, number in numbers.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise FileFormatError(f"{path} does not hold numbers of vertices: {error}") from error
        if len(found) < 4 or len(set(found.values())) != len(found):
            raise FileFormatError(f"{path} holds {len(found)} landmarks; at least 4 different vertices are needed")
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.vertex_numbers)

    @cached_property
    def faces(self) -> NDArray[np.int64]:
        """Triangles (F, 3) of FLAME."""
        path = self.needed("flame_faces.npy", "flame_mesh_faces.pt", "flame.obj", why="the triangles of FLAME")
        if path.suffix == ".obj":
            return read_surface(path).faces
        try:
            if path.suffix == ".npy":
                faces = np.load(path, allow_pickle=False)
            else:
                import torch

                faces = torch.load(path, map_location="cpu", weights_only=True).numpy()
        except Exception as error:  # what a damaged archive raises is the library's
            raise FileFormatError(f"cannot read the triangles in {path}: {error}") from error
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise FileFormatError(f"{path} does not hold triangles (F, 3) but an array {faces.shape}")
        return np.asarray(faces, dtype=np.int64)

    @cached_property
    def head(self) -> NDArray[np.bool_]:
        """Which triangles lie on the head alone."""
        path = self.needed("head_vertices.npy", why="the vertices of the head, which the paper's crop needs")
        try:
            numbers = np.load(path, allow_pickle=False)
            part = np.zeros(int(self.faces.max()) + 1, dtype=bool)
            part[numbers] = True
        except (OSError, ValueError, IndexError) as error:
            raise FileFormatError(f"{path} does not hold vertices of FLAME: {error}") from error
        return np.asarray(part[self.faces].all(axis=1))

    def find(self) -> Iterable[Sample]:
        for part in ("train", "val"):
            table = self.root / part / f"{part}.json"
            for item in read_json(table) if table.is_file() else ():
                try:
                    key = str(item["item_id"])
                    traits = {str(name): str(value).lower() for name, value in item.get("attributes", {}).items()}
                    traits["bbox"] = json.dumps(item["bbox"])
                except (AttributeError, KeyError, TypeError) as error:
                    raise FileFormatError(f"{table} does not list item_id and bbox of every item: {error!r}") from error
                file = self.root / part / "annotations" / f"{key}.json"
                if file.is_file():
                    yield Sample(key, key, part, file, (), traits)

    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        content = read_json(sample.file)
        try:
            vertices = np.array(content["vertices"], dtype=np.float64).reshape(-1, 3)
            model_view, projection = (
                np.array(content[name], dtype=np.float64).reshape(4, 4)
                for name in ("model_view_matrix", "projection_matrix")
            )
            box = np.array(json.loads(sample.attributes["bbox"]), dtype=np.float64).reshape(4)
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(
                f"{sample.file} does not hold vertices, model_view_matrix and projection_matrix: {error}"
            ) from error
        surface = Surface(vertices, self.faces, self.unit, source=str(sample.file))
        self._check_size(surface)
        numbers = np.array(list(self.vertex_numbers.values()), dtype=np.int64)
        landmarks = at_vertices(surface, numbers, "landmark_vertices")
        if cropped:
            surface = surface.clipped(self.head).compacted()
        return Face(surface, landmarks, Camera(model_view, projection, box))

    def _check_size(self, surface: Surface) -> None:
        height = float(surface.extent.max()) * in_mm(self.unit or "m")
        if not _SIZES[0] < height < _SIZES[1]:
            raise FileFormatError(
                f"{surface.source} is {height:.3g} mm tall in {self.unit}, no head; state the unit of its vertices "
                "with --unit, such as 100mm"
            )
