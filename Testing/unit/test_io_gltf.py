"""Reading glTF: placed and joined meshes, quantised ones, damage."""

from __future__ import annotations

import base64
import json
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from mesh_files import put

from sgcn_core.errors import FileFormatError
from sgcn_core.io.meshes import read_surface


def glb(extra: dict[str, object] | None = None) -> bytes:
    """One triangle placed twice: moved by (10, 0, 0), and turned by 90 degrees about z and doubled under a parent."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype="<f4")
    binary = points.tobytes() + np.array([0, 1, 2], dtype="<u2").tobytes() + b"\0\0"
    content = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [
            {"mesh": 0, "translation": [10, 0, 0]},
            {"children": [2], "scale": [2, 2, 2]},
            {"mesh": 0, "rotation": [0, 0, 0.5**0.5, 0.5**0.5]},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 6}],
        "buffers": [{"byteLength": 44}],
        **(extra or {}),
    }
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def test_gltf_meshes_are_placed_and_joined(tmp_path: Path) -> None:
    surface = read_surface(put(tmp_path, "a.glb", glb()))
    triangles = surface.vertices[surface.faces]
    expected = np.array([[[10.0, 0, 0], [11, 0, 0], [10, 1, 0]], [[0, 0, 0], [0, 2, 0], [-2, 0, 0]]])
    np.testing.assert_allclose(triangles[np.argsort(-triangles[:, 0, 0])], expected, atol=1e-6)
    assert surface.unit == "m"


def test_cut_and_compressed_gltf_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = glb()
    for end in range(4, len(whole), 60):
        with pytest.raises(FileFormatError, match="GLB"):
            read_surface(put(tmp_path, "a.glb", whole[:end]))
    for name in ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression"):
        packed = glb({"extensionsRequired": [name]})
        with pytest.raises(FileFormatError, match=rf"{name}.*export it again without compression"):
            read_surface(put(tmp_path, "a.glb", packed))
    assert capfd.readouterr() == ("", "")


def test_quantised_gltf_is_read(tmp_path: Path) -> None:
    """Unsigned shorts as they are, and normalised ones, which stand for 0 to 1 (KHR_mesh_quantization)."""
    for normalised in (False, True):
        points = np.array([[0, 0, 0], [65535, 0, 0], [0, 13107, 0]], dtype="<u2")
        binary = points.tobytes() + b"\0\0" + np.arange(3, dtype="<u2").tobytes() + b"\0\0"
        accessor = {"bufferView": 0, "componentType": 5123, "count": 3, "type": "VEC3", "normalized": normalised}
        content = {
            "asset": {"version": "2.0"},
            "extensionsRequired": ["KHR_mesh_quantization"],
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0, "scale": [2, 2, 2], "translation": [1, 0, 0]}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
            "accessors": [accessor, {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"}],
            "bufferViews": [{"buffer": 0, "byteLength": 18}, {"buffer": 0, "byteOffset": 20, "byteLength": 6}],
            "buffers": [{"uri": "a.bin", "byteLength": len(binary)}],
        }
        put(tmp_path, "a.bin", binary)
        surface = read_surface(put(tmp_path, "a.gltf", json.dumps(content)))
        expected = points / (65535 if normalised else 1) * 2 + [1, 0, 0]
        np.testing.assert_allclose(surface.vertices, expected)


def test_instances_are_counted_before_they_are_built(tmp_path: Path) -> None:
    """A small file that shows the same thousand vertices a hundred million times."""
    primitives = [{"attributes": {"POSITION": 0}}] * 3000
    nodes = [{"mesh": 0}] * 50
    content = {
        **{"asset": {"version": "2.0"}, "scenes": [{"nodes": list(range(50))}], "nodes": nodes},
        "meshes": [{"primitives": primitives}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 999, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 999 * 12}],
        "buffers": [{"uri": "data:;base64," + base64.b64encode(bytes(999 * 12)).decode(), "byteLength": 999 * 12}],
    }
    began = time.process_time()
    with pytest.raises(FileFormatError, match=r"a\.gltf.*shows 149850000 vertices"):
        read_surface(put(tmp_path, "a.gltf", json.dumps(content)))
    assert time.process_time() - began < 2.0
