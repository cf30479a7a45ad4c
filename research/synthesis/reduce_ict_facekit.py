"""Make the reduced statistical face that the package ships from ``ict_facekit.npz`` (ICT-FaceKit, USC ICT, MIT).

python -m research.synthesis.reduce_ict_facekit ict_facekit.npz

Written to ``sgcn_core/resources/dense_face/face.npz``. What is kept:

- the skin of the face from the hairline to below the chin and back to the angles of the jaw, without the ears and what
  lies inside nostrils, lips and lids: vertices that can be seen from in front or from the side;
- identity and expression as principal components over this skin (by area), each exactly symmetric or exactly
  antisymmetric, and therefore stored for the right half and the midline alone;
- vertices of the landmarks. Millimetres, +x the subject's left, +y up, +z out of the face.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from research.synthesis.face_model import FaceModel
from sgcn_core.geometry.triangles import triangle_areas, vertex_normals
from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.io.atomic import replacing

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OUT = Path(__file__).parents[2] / "sgcn_core" / "resources" / "dense_face" / "face.npz"
IDENTITIES, EXPRESSIONS = 50, 25

_FACE = (0, 6706)  # the model's "narrow face"
_AROUND = (8200, 9409)  # temples, jaw and neck; the ears lie between both
_FOREHEAD, _CHIN, _BACK = 100.0, -90.0, 14.0  # mm, highest, lowest and rearmost
_WEIGHT = 0.3  # standard deviation of the weight of an expression
# Degrees to the side and upwards, from which a vertex may be seen.
_SIDES = ((0, 0), (35, 0), (70, 0), (35, -40), (0, -40), (0, 35), (80, -30))
_DIRECTIONS = (*_SIDES, *((-across, upwards) for across, upwards in _SIDES if across))
_MIRROR = np.array([-1.0, 1.0, 1.0])


def reduced(model: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``face.npz``.

    Returns
    -------
    dict of arrays
        ``half`` (H, 3), vertices of the right half with the midline; ``paired`` (P,), rows of those off the midline,
        whose mirror images follow as rows H to H + P - 1; ``identity`` (50, H, 3) and ``expression`` (25, H, 3), modes
        of one standard deviation; ``identity_sign``, ``expression_sign``, +1 for a symmetric mode and -1 for an
        antisymmetric one; ``faces`` (F, 3); ``labels`` and ``landmarks``, their vertices.
    """
    face = FaceModel.load(model)
    neutral = face.neutral.numpy()[: face.skin].astype(np.float64)
    with np.load(model, allow_pickle=False) as archive:
        partner, source = archive["mirror_idx"].astype(np.int64), str(archive["source"])
    faces = face.faces.numpy()
    faces = faces[(faces < face.skin).all(axis=1)]
    kept, faces = _skin(neutral, faces, partner)
    order, paired = _halves(neutral, kept, partner)
    new = np.full(len(neutral), -1, dtype=np.int64)
    new[order] = np.arange(len(order))
    faces, count = new[faces], len(order) - len(paired)
    vertices = neutral[order]
    mirror = np.concatenate([np.arange(count), paired])
    mirror[paired] = count + np.arange(len(paired))
    right = faces[(faces < count).all(axis=1)]  # quads are cut along one diagonal on both sides
    faces = np.concatenate([right, mirror[right][:, ::-1]])
    thirds = np.repeat(triangle_areas(vertices, faces) / 3.0, 3)
    area = np.bincount(faces.ravel(), thirds, minlength=len(order)).astype(np.float64)
    found: dict[str, NDArray[Any]] = {"half": vertices[:count].astype(np.float32), "paired": paired.astype(np.int32)}
    for name, modes, number in (
        ("identity", face.identity.numpy(), IDENTITIES),
        ("expression", face.expression.numpy() * _WEIGHT, EXPRESSIONS),
    ):
        components, signs = _components(modes[:, order].astype(np.float64), mirror, area, number)
        found[name], found[f"{name}_sign"] = components[:, :count].astype(np.float16), signs.astype(np.int8)
    rows = new[face.landmarks.numpy()]
    present = rows >= 0
    found["faces"], found["landmarks"] = faces.astype(np.int16), rows[present].astype(np.int16)
    found["labels"] = np.array([label for label, there in zip(face.labels, present, strict=True) if there])
    found["source"] = np.array(source)
    return found


def _skin(vertices: FloatArray, faces: IntArray, partner: IntArray) -> tuple[IntArray, IntArray]:
    """Vertices and triangles that are kept: seen from some side, within the limits, the same on both sides."""
    row, (_, y, z) = np.arange(len(vertices)), vertices.T
    within = ((row < _FACE[1]) | ((row >= _AROUND[0]) & (row < _AROUND[1]))) & (z > _BACK)
    within &= (y < _FOREHEAD) & (y > _CHIN) & _seen(vertices, faces)
    within &= within[partner]
    for _ in range(3):  # a vertex of fewer than two triangles hangs on a corner
        faces = faces[within[faces].all(axis=1)]
        within = np.bincount(faces.ravel(), minlength=len(vertices)) >= 2
        within &= within[partner]
    faces = faces[within[faces].all(axis=1)]
    return np.unique(faces), faces


def _seen(vertices: FloatArray, faces: IntArray) -> NDArray[np.bool_]:
    """Whether the way outwards from a vertex is free in at least one of some directions from in front and the sides."""
    from vtkmodules.vtkCommonCore import vtkIdList, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkStaticCellLocator

    locator = vtkStaticCellLocator()
    locator.SetDataSet(to_polydata(vertices, faces))
    locator.BuildLocator()
    points, cells = vtkPoints(), vtkIdList()
    normals = vertex_normals(vertices, faces)
    seen = np.zeros(len(vertices), dtype=bool)
    for across, upwards in np.radians(_DIRECTIONS):
        towards = np.array([np.sin(across) * np.cos(upwards), np.sin(upwards), np.cos(across) * np.cos(upwards)])
        for row in np.flatnonzero(~seen & (normals @ towards > 0.15)):
            start = vertices[row] + 0.4 * normals[row]
            hit = locator.IntersectWithLine(start.tolist(), (start + 300.0 * towards).tolist(), 1e-6, points, cells)
            seen[row] = not hit
    return seen


def _halves(vertices: FloatArray, kept: IntArray, partner: IntArray) -> tuple[IntArray, IntArray]:
    """Order of the vertices, right half with midline first, and the rows in it of those that have a partner."""
    x = vertices[kept, 0]
    right = kept[(partner[kept] == kept) | (x < 0)]
    paired = np.flatnonzero(partner[right] != right)
    return np.concatenate([right, partner[right[paired]]]), paired


def _components(
    modes: FloatArray, mirror: IntArray, area: FloatArray, number: int
) -> tuple[FloatArray, NDArray[np.float64]]:
    """The largest components (number, V, 3) of the modes' symmetric and antisymmetric parts, and their signs."""
    image = modes[:, mirror] * _MIRROR
    root = np.sqrt(area)[None, :, None]
    values, vectors, signs = [], [], []
    for sign in (1.0, -1.0):
        part = ((modes + sign * image) / 2.0 * root).reshape(len(modes), -1)
        _, singular, right = np.linalg.svd(part, full_matrices=False)
        values.append(singular)
        vectors.append((singular[:, None] * right).reshape(modes.shape) / root)
        signs.append(np.full(len(singular), sign))
    largest = np.argsort(-np.concatenate(values), kind="stable")[:number]
    return np.concatenate(vectors)[largest], np.concatenate(signs)[largest]


def main(
    model: Annotated[Path, typer.Argument(metavar="FILE", help="ict_facekit.npz, see pack_ict_facekit.")],
    out: Annotated[Path, typer.Option(metavar="FILE")] = OUT,
) -> None:
    """Make the reduced face of the package."""
    found = reduced(model)
    with replacing(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **found)  # type: ignore[arg-type]
    vertices = len(found["half"]) + len(found["paired"])
    print(f"{out}: {vertices} vertices, {len(found['faces'])} triangles, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    typer.run(main)
