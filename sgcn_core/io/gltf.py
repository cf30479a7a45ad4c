"""glTF 2.0 (.gltf, .glb): triangles of the scene, placed by its nodes.

Sections in the comments are those of the Khronos specification, glTF 2.0, revision 2.0.1. Not read with trimesh 5.2:
it takes sparse accessors for zeros and normalised integers for plain ones, leaves out fans, reverses the order of the
nodes, and builds every instance before anything can count them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.gltf_buffers import Buffers, listed
from sgcn_core.io.mesh_data import MeshData, fan_triangles, strip_triangles

_COMPRESSION = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_MOST_PLACED = 20_000_000  # vertices or triangles, instances counted
_DEEPEST = 200


def read_gltf(path: Path) -> MeshData:
    """Read all meshes of the scene, placed by their nodes' transforms, one after the other; metres by specification."""
    content, binary = _document(path.read_bytes())
    required = content.get("extensionsRequired")
    compressed = [name for name in _COMPRESSION if isinstance(required, list) and name in required]
    if compressed:
        raise FileFormatError(f"it is compressed with {', '.join(compressed)}; export it again without compression")
    try:
        buffers = Buffers(content, binary, path.parent)
        placed = list(_placed_meshes(content))
        _check_number(content, [mesh for mesh, _ in placed])
        known = {mesh: _mesh(content, buffers, mesh) for mesh in dict.fromkeys(mesh for mesh, _ in placed)}
    except (TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"its JSON part does not have the expected structure ({error})") from error
    parts = [_moved(part, matrix) for mesh, matrix in placed for part in known[mesh]]
    if not parts:
        raise FileFormatError("it holds no triangle meshes")
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts[:-1]])
    faces = [faces + start for (_, faces), start in zip(parts, starts, strict=True)]
    return MeshData(np.concatenate([vertices for vertices, _ in parts]), np.concatenate(faces), None, "m")


def _document(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON part and the binary chunk (4.4)."""
    text, binary = data, b""
    if data[:4] == b"glTF":
        length = int.from_bytes(data[12:16], "little")
        text, rest = data[20 : 20 + length], data[20 + length :]
        if len(data) < int.from_bytes(data[8:12], "little") or len(text) < length:
            raise FileFormatError("it is shorter than its header says; it is truncated")
        if rest[4:8] == b"BIN\0":
            binary = rest[8 : 8 + int.from_bytes(rest[:4], "little")]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError("its JSON part is damaged") from error
    if not isinstance(content, dict):
        raise FileFormatError("its JSON part is damaged: it is not an object")
    return content, binary


Part = tuple[NDArray[np.float64], NDArray[np.int64]]


def _placed_meshes(content: dict[str, Any]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Meshes and their transforms along the tree of nodes (3.5.2, 3.5.3); no node has two parents."""
    met: set[int] = set()
    waiting = [(node, np.eye(4), 0) for node in reversed(_roots(content))]
    while waiting:
        number, outer, depth = waiting.pop()
        if number in met or depth > _DEEPEST:
            raise FileFormatError(f"its nodes are not a tree: node {number} has two parents, or nesting is too deep")
        met.add(number)
        node = listed(content, "nodes", number)
        matrix = outer @ _matrix(node)
        waiting += [(child, matrix, depth + 1) for child in reversed(_numbers(node.get("children")))]
        if node.get("mesh") is not None:
            listed(content, "meshes", node["mesh"])
            yield node["mesh"], matrix


def _check_number(content: dict[str, Any], meshes: list[int]) -> None:
    """Count what the scene shows before it is built: nodes and primitives may use the same vertices many times."""
    sizes: dict[int, int] = {}
    for mesh in dict.fromkeys(meshes):
        sizes[mesh] = 0
        for primitive in listed(content, "meshes", mesh)["primitives"]:
            used = [primitive["attributes"].get("POSITION"), primitive.get("indices")]
            counts = [listed(content, "accessors", number).get("count", 0) for number in used if number is not None]
            sizes[mesh] += max((count for count in counts if type(count) is int), default=0)
    total = sum(sizes[mesh] for mesh in meshes)
    if total > 3 * _MOST_PLACED:
        raise FileFormatError(
            f"its scene shows {total} vertices and corners of triangles, more than the {3 * _MOST_PLACED} that are "
            "read; export the head alone"
        )


def _roots(content: dict[str, Any]) -> list[int]:
    if content.get("scenes"):
        return _numbers(listed(content, "scenes", content.get("scene", 0)).get("nodes"))
    nodes = content.get("nodes") or []
    children = {child for node in nodes for child in _numbers(node.get("children"))}
    return [number for number in range(len(nodes)) if number not in children]


def _numbers(values: Any) -> list[int]:
    """A list of references, empty where there is none."""
    if values is None:
        return []
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise FileFormatError(f"expected a list of integers, received {str(values)[:40]!r}")
    return values


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """4x4 from `matrix`, column by column, or from scale, rotation (a unit quaternion) and translation (3.5.3)."""
    if "matrix" in node:
        return np.asarray(_vector(node["matrix"], 16).reshape(4, 4).T)
    x, y, z, w = _vector(node.get("rotation", [0, 0, 0, 1]), 4)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= _vector(node.get("scale", [1, 1, 1]), 3)
    matrix[:3, 3] = _vector(node.get("translation", [0, 0, 0]), 3)
    return matrix


def _vector(values: Any, count: int) -> NDArray[np.float64]:
    vector = np.array(values, dtype=np.float64)
    if vector.shape != (count,) or not np.isfinite(vector).all():
        raise FileFormatError(f"a node's transform needs {count} finite numbers, received {str(values)[:80]}")
    return vector


def _moved(part: Part, matrix: NDArray[np.float64]) -> Part:
    """A mirroring transform turns the triangles, so that their fronts stay in front (3.7.4)."""
    vertices, faces = part
    faces = faces[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else faces
    return vertices @ matrix[:3, :3].T + matrix[:3, 3], faces


def _mesh(content: dict[str, Any], buffers: Buffers, number: int) -> list[Part]:
    """Vertices and triangles of each primitive that is made of triangles (3.7.2)."""
    parts: list[Part] = []
    for primitive in listed(content, "meshes", number)["primitives"]:
        mode, position = primitive.get("mode", _TRIANGLES), primitive["attributes"].get("POSITION")
        if mode not in (_TRIANGLES, _STRIP, _FAN) or position is None:
            continue
        vertices = buffers.positions(position)
        indices = primitive.get("indices")
        corners = np.arange(len(vertices)) if indices is None else buffers.accessor(indices, "SCALAR")[:, 0]
        faces = _triangles(mode, corners.astype(np.int64))
        if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise FileFormatError(f"a triangle refers to vertex {faces.max()}, but there are {len(vertices)}")
        if len(faces):
            parts.append((vertices, faces))
    return parts


def _triangles(mode: int, corners: NDArray[np.int64]) -> NDArray[np.int64]:
    if mode == _TRIANGLES:
        if len(corners) % 3:
            raise FileFormatError(f"{len(corners)} corners do not make triangles; it is damaged")
        return corners.reshape(-1, 3)
    cut = strip_triangles if mode == _STRIP else fan_triangles
    return cut(np.array([len(corners)]), corners)
