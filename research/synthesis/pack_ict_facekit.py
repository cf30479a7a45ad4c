"""Pack the published files of ICT-FaceKit (USC ICT, MIT) into the ``ict_facekit.npz`` that training reads.

git clone https://github.com/ICT-VGL/ICT-FaceKit
python -m research.synthesis.pack_ict_facekit ICT-FaceKit --out ict_facekit.npz

Read from its folder ``FaceXModel``: ``generic_neutral_mesh.obj``, ``identity000.obj`` and following, one OBJ file per
expression, and the names of the expressions in ``vertex_indices.json``. Vertex ranges and landmark vertices are those
of its README. Units are the model's own: centimetres, +x the subject's left, +y up, +z out of the face.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from scipy.spatial import KDTree

from sgcn_core.errors import FileFormatError
from sgcn_core.io.atomic import replacing

Array = np.ndarray[Any, np.dtype[Any]]

NEUTRAL, CONFIGURATION = "generic_neutral_mesh.obj", "vertex_indices.json"
# Prefix of the keys -> [first, last) of the vertices: skin; mouth and eye sockets; both eyeballs.
BLOCKS: dict[str, tuple[int, int]] = {"": (0, 11248), "sock_": (11248, 14062), "eye_": (21451, 24591)}
REGIONS: dict[str, tuple[int, int]] = {
    "narrow_face": (0, 6706),
    "face": (0, 9409),
    "head_neck": (9409, 11248),
    "mouth_socket": (11248, 13294),
    "eye_socket_L": (13294, 13678),
    "eye_socket_R": (13678, 14062),
    "eyeball_L": (21451, 23021),
    "eyeball_R": (23021, 24591),
    "sclera_L": (21451, 22221),
    "iris_L": (22221, 23021),
    "sclera_R": (23021, 23791),
    "iris_R": (23791, 24591),
}
LANDMARKS = {
    "landmarks68": "1225 1888 1052 367 1719 1722 2199 1447 966 3661 4390 3927 3924 2608 3272 4088 3443 268 493 1914 "
    "2044 1401 3615 4240 4114 2734 2509 978 4527 4942 4857 1140 2075 1147 4269 3360 1507 1542 1537 1528 1518 1511 "
    "3742 3751 3756 3721 3725 3732 5708 5695 2081 0 4275 6200 6213 6346 6461 5518 5957 5841 5702 5711 5533 6216 6207 "
    "6470 5517 5966",
    "jaw_right": "1278 1272 12 1834 243 781 2199 1447",
    "jaw_left": "3661 4390 3022 2484 4036 2253 3490 3496",
    "jaw_right_ext": "1280 1278 1275 1272 1248 12 820 1834 1902 243 844 781 1673 2199 801 1447 800",
    "jaw_left_ext": "3041 3661 3042 4390 3880 3022 3085 2484 4102 4036 3061 2253 3466 3490 3493 3496 3498",
}


def pack(repository: Path, blocks: Mapping[str, tuple[int, int]] = BLOCKS) -> dict[str, Array]:
    """The arrays of ``ict_facekit.npz``.

    Parameters
    ----------
    repository : folder
        A checkout of ICT-FaceKit, or its folder ``FaceXModel``.
    blocks : mapping of prefix to (first, last)
        Vertices to keep, and what the names of their arrays begin with.

    Returns
    -------
    dict of arrays
        For each block ``neutral`` (V, 3), ``id_modes`` (I, V, 3), ``ex_modes`` (E, V, 3) in centimetres, ``polys``
        (Q, 4; -1 where a polygon has three corners) and ``faces`` (F, 3) with indices into the block; landmark and
        region indices; ``mirror_idx`` (V,), the skin vertex nearest to each one's mirror image.

    Raises
    ------
    FileNotFoundError
        A file of the published layout is missing.
    FileFormatError
        A file does not hold what it should, such as another number of vertices.
    """
    folder = repository / "FaceXModel" if (repository / "FaceXModel").is_dir() else repository
    neutral, polygons = read_obj(_present(folder / NEUTRAL))
    last = max(end for _, end in blocks.values())
    if len(neutral) < last:
        raise FileFormatError(f"{folder / NEUTRAL}: {len(neutral)} vertices, at least {last} expected")
    expressions = _expression_names(_present(folder / CONFIGURATION))
    identities = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    if not identities:
        raise FileNotFoundError(f"{folder} holds no identity000.obj; give a checkout of ICT-FaceKit")
    id_modes = np.stack([_mode(path, neutral) for path in identities])
    ex_modes = np.stack([_mode(_present(folder / f"{name}.obj"), neutral) for name in expressions])
    packed: dict[str, Array] = {}
    for prefix, (first, end) in blocks.items():
        quads = _polygons_within(polygons, first, end)
        packed[f"{prefix}neutral"] = neutral[first:end].astype(np.float32)
        packed[f"{prefix}id_modes"] = id_modes[:, first:end]
        packed[f"{prefix}ex_modes"] = ex_modes[:, first:end]
        packed[f"{prefix}polys"] = quads
        packed[f"{prefix}faces"] = triangles_of(quads)
        packed[f"{prefix}vertex_range"] = np.array([first, end], np.int32)
    packed |= {name: np.array(text.split(), np.int32) for name, text in LANDMARKS.items()}
    contour = (packed["jaw_right"], packed["landmarks68"][8:9], packed["jaw_left"], packed["landmarks68"][17:])
    packed["landmarks68_jawline"] = np.concatenate(contour)
    packed["expression_names"] = np.array(expressions)
    packed["region_names"] = np.array(list(REGIONS))
    packed["region_ranges"] = np.array(list(REGIONS.values()), np.int32)
    packed["mirror_idx"] = mirror_vertices(packed["neutral"])
    packed["units_to_mm"] = np.float32(10.0)
    packed["source"] = np.array("ICT-FaceKit, (c) 2020 USC Institute for Creative Technologies, MIT licence")
    packed["doc"] = np.array(__doc__)
    return packed


def read_obj(path: Path) -> tuple[Array, list[list[int]]]:
    """Vertices (V, 3) and polygons of an OBJ file, indices from 0, in the order of the file.

    trimesh is not used here: it makes triangles of the quads, which are kept for subdivision.
    """
    vertices, polygons = [], []
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("v "):
                    vertices.append([float(number) for number in line.split()[1:4]])
                elif line.startswith("f "):
                    polygons.append([int(corner.partition("/")[0]) - 1 for corner in line.split()[1:]])
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}") from error
    return np.array(vertices, np.float64).reshape(-1, 3), polygons


def triangles_of(quads: Array) -> Array:
    """Triangles (F, 3) of polygons (Q, 4): corners 0, 1, 2, then 0, 2, 3 where there is a fourth corner."""
    both = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
    return both[both[:, 2] >= 0]


def mirror_vertices(neutral: Array) -> Array:
    """For each vertex the one nearest to its image in the plane x = 0."""
    return KDTree(neutral).query(neutral * [-1.0, 1.0, 1.0])[1].astype(np.int32)


def _present(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; give a checkout of ICT-FaceKit, or its folder FaceXModel")
    return path


def _expression_names(path: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["expressions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path}: no list of names under 'expressions'") from error


def _mode(path: Path, neutral: Array) -> Array:
    """What a shape adds to the neutral one."""
    vertices, _ = read_obj(path)
    if vertices.shape != neutral.shape:
        raise FileFormatError(f"{path}: {len(vertices)} vertices, {len(neutral)} expected as in {NEUTRAL}")
    return (vertices - neutral).astype(np.float32)


def _polygons_within(polygons: list[list[int]], first: int, end: int) -> Array:
    """Polygons (Q, 4) of three or four corners that lie within [first, end), indices from `first`."""
    kept = [corners for corners in polygons if all(first <= corner < end for corner in corners)]
    if any(len(corners) not in (3, 4) for corners in kept):
        raise FileFormatError(f"{NEUTRAL}: a polygon with neither three nor four corners")
    rows = [[corner - first for corner in corners] + [-1] * (4 - len(corners)) for corners in kept]
    return np.array(rows, np.int32).reshape(-1, 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m research.synthesis.pack_ict_facekit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("repository", type=Path, help="a checkout of ICT-FaceKit, or its folder FaceXModel")
    parser.add_argument("--out", type=Path, default=Path("ict_facekit.npz"), help="file to write")
    options = parser.parse_args()
    try:
        packed = pack(options.repository)
        with replacing(options.out) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **packed)  # type: ignore[arg-type]
    except (OSError, FileFormatError) as error:
        parser.exit(3, f"error: {error}\n")
    identities, expressions = len(packed["id_modes"]), len(packed["ex_modes"])
    Console(highlight=False).print(f"{identities} identities, {expressions} expressions: {options.out}")


if __name__ == "__main__":
    main()
