"""The visible part of the GNM head, with the landmarks picked on it: mesh, identity and expression, all linear.

Source: GNM Head v3 (Google, Apache-2.0). Its 16 identity modes are the principal components of 200 heads drawn from the
model (95 % of their variance), published in a repository beside the model's; to be derived again from the original.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PICKED = Path(__file__).parent / "resources" / "gnm_head.json"

FloatArray = NDArray[np.float64]
# Half opening angle about +z of the part of an eyeball that can be seen between the lids, degrees.
_VISIBLE_EYE = 65.0
# Inside the head: the scan shows neither the mouth's lining nor the sockets behind the lids.
_INSIDE = ("mouth_sock", "eye_sockets")
# The first expressions move the left eye region, as many more the right one, the others the lower face.
_OF_AN_EYE = 100
# An expression that moves no vertex farther than this at weight 1 (millimetres) is left out.
_SMALLEST = 0.3
# Keeps the weights that close the lids small: the lids' margins meet within 0.6 mm on average.
_RIDGE = 0.3


@dataclass(frozen=True, eq=False)
class Head:
    """Head frame: +x the subject's left, +y up, +z out of the face; millimetres.

    Attributes
    ----------
    neutral : (V, 3), the average person
    identity : (16, V, 3), modes of one standard deviation
    eyes : (2, E, V, 3), expressions of the left and of the right eye region at weight 1
    lower : (M, V, 3), expressions of the lower face
    closing : (2, V, 3), what closes the lids of the left and of the right eye
    faces : (F, 3) int64
    skin : number of skin vertices; those that follow are eyeballs
    labels, landmarks : names, and the vertex (L,) int64 of each, -1 where unknown
    mirror : (V,) int64, the vertex on the other side that corresponds to each
    """

    neutral: FloatArray
    identity: FloatArray
    eyes: FloatArray
    lower: FloatArray
    closing: FloatArray
    faces: NDArray[np.int64]
    skin: int
    labels: tuple[str, ...]
    landmarks: NDArray[np.int64]
    mirror: NDArray[np.int64]


def read_head(path: Path, picked: Path | None = None) -> Head:
    """Read ``gnm_head.npz`` and what was picked on it.

    Parameters
    ----------
    path : Path
    picked : Path, optional
        Landmarks, lids, and how the head stands in the head frame; the package's own file by default.

    Raises
    ------
    ValueError
        The file holds something else, or another topology than the landmarks were picked on.
    """
    with np.load(path, allow_pickle=False) as archive:
        missing = {"template", "mean_delta", "id_modes", "expression_int8", "source_index"} - set(archive.files)
        if missing:
            raise ValueError(f"{path} is not a GNM head: missing {sorted(missing)}")
        data = {key: archive[key] for key in archive.files}
    choice = json.loads((picked or PICKED).read_text(encoding="utf-8"))
    used, faces, skin = _visible(data)
    compact = {int(source): i for i, source in enumerate(data["source_index"][used])}
    if unknown := _sources(choice) - set(compact):
        raise ValueError(f"{path} lacks vertices {sorted(unknown)[:5]} that landmarks were picked on: give GNM Head v3")
    turn = _pitch(float(choice["pitch"]))
    average = data["template"][used] + data["mean_delta"][used].astype(np.float64)
    moves = data["expression_int8"][:, used] * data["expression_scale"][:, None].astype(np.float64)
    landmarks, slide = _landmarks(choice["landmarks"], compact)

    def placed(block: FloatArray) -> FloatArray:
        turned = block @ turn.T
        return slide(turned)

    mirror = _mirror(data["template"][used])
    eyes = moves[: 2 * _OF_AN_EYE].reshape(2, -1, *average.shape)
    closing = closing_fields(average, eyes, _lids(choice, compact), mirror)
    largest = np.linalg.norm(moves, axis=2).max(1)
    strong = np.maximum(*largest[: 2 * _OF_AN_EYE].reshape(2, -1)) > _SMALLEST
    lower = moves[2 * _OF_AN_EYE :][largest[2 * _OF_AN_EYE :] > _SMALLEST]
    return Head(
        neutral=placed(average - average[:skin].mean(0)) + np.array([0.0, *choice["origin"]]),
        identity=placed(data["id_modes"][:, used].astype(np.float64)),
        eyes=placed(eyes[:, strong]),
        lower=placed(lower),
        closing=placed(closing),
        faces=faces,
        skin=skin,
        labels=tuple(choice["landmarks"]),
        landmarks=landmarks,
        mirror=mirror,
    )


def closing_fields(
    average: FloatArray, eyes: FloatArray, lids: dict[str, NDArray[np.int64]], mirror: Any
) -> FloatArray:
    """Displacements (2, V, 3) that bring the upper lids' margins down onto the lower ones, of the model's own kind.

    The least-squares combination of an eye's expressions that does so, with a ridge.

    Parameters
    ----------
    average : (V, 3)
    eyes : (2, E, V, 3)
    lids : ``upper`` and ``lower``, the left eye's margins from the inner to the outer corner, vertices
    mirror : (V,)
    """
    fields = []
    for modes, upper, lower in (
        (eyes[0], lids["upper"], lids["lower"]),
        (eyes[1], mirror[lids["upper"]], mirror[lids["lower"]]),
    ):
        along = np.abs(average[lower, 0])
        order = np.argsort(along)
        target = np.stack(
            [np.interp(np.abs(average[upper, 0]), along[order], average[lower[order], axis]) for axis in range(3)], 1
        )
        goal = np.concatenate([target - average[upper], np.zeros((len(lower), 3))])
        basis = modes[:, np.concatenate([upper, lower])].reshape(len(modes), -1).T
        normal = basis.T @ basis + _RIDGE * np.eye(len(modes))
        weights = np.linalg.solve(normal, basis.T @ goal.ravel())
        fields.append(np.einsum("k,kvd->vd", weights, modes))
    return np.stack(fields)


def _visible(data: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Vertices that a scan can show, triangles between them re-indexed, and how many of them are skin."""
    vertices, faces, skin = data["template"], data["faces"].astype(np.int64), int(data["skin_vertices"])
    groups = _groups(data)
    inside = np.zeros(len(vertices), dtype=bool)
    for name in _INSIDE:
        inside[groups[name]] = True
    inside[groups["skin_exterior"]] = False
    kept = ~inside[faces].any(1)
    for name in ("left_eye", "right_eye"):
        ball = groups[name]
        # The outer surface alone is given: its box still spans the whole eyeball across and up.
        low, high = vertices[ball].min(0), vertices[ball].max(0)
        radius = (high[:2] - low[:2]).max() / 2.0
        middle = np.array([*(low[:2] + high[:2]) / 2.0, high[2] - radius])
        of_ball = np.isin(faces, ball).all(1)
        towards = vertices[faces[of_ball]].mean(1) - middle
        cosine = towards[:, 2] / np.linalg.norm(towards, axis=1)
        kept[of_ball] &= cosine > np.cos(np.deg2rad(_VISIBLE_EYE))
    used, compact = np.unique(faces[kept], return_inverse=True)
    return used, compact.reshape(-1, 3), int((used < skin).sum())


def _groups(data: dict[str, Any]) -> dict[str, NDArray[np.int64]]:
    ends = np.cumsum(data["group_sizes"])[:-1]
    return dict(zip((str(name) for name in data["group_names"]), np.split(data["group_members"], ends), strict=True))


def _sources(choice: dict[str, Any]) -> set[int]:
    points = {int(vertex) for corners in choice["landmarks"].values() for vertex, _ in corners}
    return points | {int(vertex) for margin in choice["lids"].values() for vertex in margin}


def _lids(choice: dict[str, Any], compact: dict[int, int]) -> dict[str, NDArray[np.int64]]:
    return {name: np.array([compact[int(v)] for v in margin]) for name, margin in choice["lids"].items()}


def _landmarks(points: dict[str, list[list[float]]], compact: dict[int, int]) -> tuple[NDArray[np.int64], Any]:
    """Vertices (L,) of the landmarks, and what slides them in any block (..., V, 3) to their place in a triangle."""
    landmarks = np.full(len(points), -1, dtype=np.int64)
    rows = {}
    for number, corners in enumerate(points.values()):
        if corners:
            ids = np.array([compact[int(vertex)] for vertex, _ in corners])
            landmarks[number] = ids[0]
            rows[int(ids[0])] = ids, np.array([weight for _, weight in corners])

    def slide(block: FloatArray) -> FloatArray:
        moved = block.copy()
        for vertex, (ids, weights) in rows.items():
            moved[..., vertex, :] = np.einsum("k,...kd->...d", weights, block[..., ids, :])
        return moved

    return landmarks, slide


def _mirror(template: FloatArray) -> NDArray[np.int64]:
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(template).query(template * [-1.0, 1.0, 1.0])[1], dtype=np.int64)


def _pitch(degrees: float) -> FloatArray:
    """Turn about +x that lifts the face by ``degrees``."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, cosine, sine], [0.0, -sine, cosine]])
