"""Small whole files of every format that is read: what the damaged ones are made from."""

from __future__ import annotations

import base64
import json
import struct
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sgcn_core.io.formats import WRITABLE_LANDMARK_SUFFIXES, WRITABLE_MESH_SUFFIXES
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface


@dataclass(frozen=True)
class Sample:
    """One input: a file with those it refers to, or a folder of slices.

    Attributes
    ----------
    kind : {"surface", "landmarks", "volume"}
    main : str
        Name of the file that is opened; "" where the folder itself is.
    files : mapping of name to bytes
    note : str
        Which variant it is, later also what was done to it.
    """

    kind: str
    main: str
    files: Mapping[str, bytes]
    note: str

    @property
    def suffix(self) -> str:
        """Of the main file; two parts where the format has two."""
        stem = next(iter(self.files)) if not self.main else self.main
        return stem[stem.index(".") :]


def whole_samples() -> list[Sample]:
    """Every format and its variants, always the same."""
    with tempfile.TemporaryDirectory(prefix="sgcn-seeds-") as folder:
        return [*_surfaces(Path(folder)), *_landmarks(Path(folder)), *_volumes(Path(folder))]


def _patch() -> tuple[np.ndarray, np.ndarray]:
    """A bumpy patch of 5 x 5 vertices, 120 mm wide, and its 32 triangles."""
    x, y = np.meshgrid(np.linspace(-60, 60, 5), np.linspace(-60, 60, 5))
    vertices = np.stack([x, y, 20 * np.cos(x / 40) * np.cos(y / 50)], axis=-1).reshape(-1, 3).round(3)
    corner = (np.arange(4)[:, None] * 5 + np.arange(4)).ravel()
    quads = np.stack([corner, corner + 1, corner + 6, corner + 5], axis=1)
    return vertices, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _surfaces(folder: Path) -> Iterator[Sample]:
    vertices, faces = _patch()
    surface = Surface(vertices, faces, "mm", "LPS")
    for suffix in WRITABLE_MESH_SUFFIXES:
        path = write_surface(surface, folder / f"scan{suffix}")
        yield Sample("surface", path.name, {path.name: path.read_bytes()}, f"{suffix} as written here")
    yield from _text_surfaces(vertices, faces)
    yield from _vtk_surfaces(vertices, faces, folder)
    yield from _gltf(vertices, faces)


def _text_surfaces(vertices: np.ndarray, faces: np.ndarray) -> Iterator[Sample]:
    points = [" ".join(map(str, row)) for row in vertices.tolist()]
    corners = [" ".join(map(str, row)) for row in faces.tolist()]
    counted = "\n".join(f"3 {row}" for row in corners)
    textured = ["f " + " ".join(f"{i + 1}/{i + 1}/1" for i in row) for row in faces.tolist()]
    lines = ["# Vertices: 25", "# 1 unit = 1.0 mm", *(f"v {row}" for row in points), "vt 0 0", "vn 0 0 1", *textured]
    lines += ["f -1 -2 -3 -4"]
    header = "element vertex 25\nproperty float x\nproperty float y\nproperty float z\nelement face 32\n"
    lists = "property list uchar int vertex_indices\nend_header\n"
    facets = "".join(
        "facet normal 0 0 1\nouter loop\n" + "".join(f"vertex {points[i]}\n" for i in row) + "endloop\nendfacet\n"
        for row in faces.tolist()
    )
    yield _surface("scan.obj", "\n".join(lines), "OBJ with texture, normals, a quad and comments")
    yield _surface("scan.xyz", "25\n" + "\n".join(f"{row} 0 0 1" for row in points), "XYZ with normals")
    yield _surface("scan.off", "OFF\n25 32 0\n" + "\n".join(points) + "\n" + counted, "OFF")
    wrl = "#VRML V2.0 utf8\nShape { geometry IndexedFaceSet { coord Coordinate { point [\n" + ",\n".join(points)
    wrl += " ] }\ncoordIndex [ " + ", -1, ".join(row.replace(" ", ", ") for row in corners) + ", -1 ] } }\n"
    yield _surface("scan.wrl", wrl, "VRML")
    yield _surface("scan.ply", f"ply\nformat ascii 1.0\n{header}{lists}" + "\n".join(points) + "\n" + counted, "ascii")
    yield _surface("scan.stl", f"solid scan\n{facets}endsolid scan\n", "ascii STL")
    big = vertices.astype(">f4").tobytes() + b"".join(struct.pack(">B3i", 3, *row) for row in faces.tolist())
    yield _surface("scan.ply", f"ply\nformat binary_big_endian 1.0\n{header}{lists}".encode() + big, "big-endian")
    coloured = header.replace("float z\n", "float z\nproperty uchar red\n")
    body = b"".join(struct.pack("<3fB", *row, 200) for row in vertices.tolist())
    body += b"".join(struct.pack("<B3i", 3, *row) for row in faces.tolist()[:-1]) + struct.pack("<B4i", 4, 0, 1, 6, 5)
    yield _surface("scan.ply", f"ply\nformat binary_little_endian 1.0\n{coloured}{lists}".encode() + body, "mixed")


def _surface(name: str, content: str | bytes, note: str) -> Sample:
    return Sample("surface", name, {name: content.encode() if isinstance(content, str) else content}, note)


def _vtk_surfaces(vertices: np.ndarray, faces: np.ndarray, folder: Path) -> Iterator[Sample]:
    from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    from sgcn_core.geometry.vtk_bridge import to_polydata

    def written(writer: Any, name: str, note: str) -> Sample:
        writer.SetInputData(to_polydata(vertices, faces))
        writer.SetFileName(str(folder / name))
        writer.Write()
        return _surface(name, (folder / name).read_bytes(), note)

    for version in (42, 51):
        legacy = vtkPolyDataWriter()
        legacy.SetFileVersion(version)
        yield written(legacy, "scan.vtk", f"legacy ascii {version}")
        legacy.SetFileTypeToBinary()
        yield written(legacy, "scan.vtk", f"legacy binary {version}")
    for mode, encoded, compressor in ((0, 0, 0), (1, 0, 0), (1, 0, 1), (2, 0, 0), (2, 1, 1), (2, 0, 2), (2, 0, 3)):
        writer = vtkXMLPolyDataWriter()
        writer.SetDataMode(mode)
        writer.SetEncodeAppendedData(bool(encoded))
        writer.SetCompressorType(compressor)
        yield written(writer, "scan.vtp", f"VTP mode {mode} encoded {encoded} compressor {compressor}")


def _gltf(vertices: np.ndarray, faces: np.ndarray) -> Iterator[Sample]:
    binary = (vertices / 1000).astype("<f4").tobytes() + faces.astype("<u2").tobytes()
    split = 12 * len(vertices)
    content: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "scale": [1, 1, 1]}, {"mesh": 0, "rotation": [0, 0, 0, 1]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": 4}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(vertices), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": split},
            {"buffer": 0, "byteOffset": split, "byteLength": len(binary) - split},
        ],
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    yield _surface("scan.glb", b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks, "GLB")
    content["buffers"][0]["uri"] = "scan.bin"
    yield Sample("surface", "scan.gltf", {"scan.gltf": json.dumps(content).encode(), "scan.bin": binary}, "with .bin")
    content["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    yield _surface("scan.gltf", json.dumps(content), "glTF with its buffer inside")


_OTHERS = {
    ".pp": '<!DOCTYPE PickedPoints>\n<PickedPoints>\n <point x="0" y="-100" z="1" name="prn" active="1"/>\n'
    ' <point x="-45" y="-60" z="30" name="ex_r" active="0"/>\n</PickedPoints>\n',
    ".landmarkascii": "# AmiraMesh 3D ASCII 2.0\n\ndefine Markers 2\n\nParameters {\n NumSets 1,\n}\n\n"
    "Markers { float[3] Coordinates } @1\n\n# Data section follows\n@1\n0 -100 1\n-45 -60 30\n",
    ".pts": "Version 1.0\n2\nS000 0 -100 1\nS001 -45 -60 30\n",
    ".ljson": '{"version": 2, "labels": [{"label": "eye", "mask": [0, 1]}], '
    '"landmarks": {"points": [[0, -100, 1], [-45, -60, 30]], "connectivity": []}}',
    ".bnd": "17 0 -100 1\n4 -45 -60 30\n",
    ".txt": "Name\tX (mm)\tY (mm)\tZ (mm)\nprn\t0\t-100\t1\nex_r\t-45\t-60\t30\n",
}


def _landmarks(folder: Path) -> Iterator[Sample]:
    labels = ("prn", "ex_r", "ex_l", "ibug30")
    places = np.array([[0.0, -100, 1], [-45, -60, 30], [45, -60, 30], [np.nan] * 3])
    result = LandmarkResult(labels, places, np.array([0.9, 0.8, 0.7, 0]), ("found", "found", "uncertain", "missing"))
    for suffix in WRITABLE_LANDMARK_SUFFIXES:
        path = write_landmarks(result, folder / f"scan{suffix}")
        yield Sample("landmarks", path.name, {path.name: path.read_bytes()}, f"{suffix} as written here")
    for suffix, text in _OTHERS.items():
        yield Sample("landmarks", f"scan{suffix}", {f"scan{suffix}": text.encode()}, f"{suffix} of another program")


def _volumes(folder: Path) -> Iterator[Sample]:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray((np.arange(12 * 10 * 9).reshape(12, 10, 9) % 97).astype(np.int16))
    image.SetSpacing((0.7, 0.8, 1.5))
    for name, packed in (
        ("head.nii", False),
        ("head.nii.gz", True),
        ("head.nrrd", False),
        ("head.nrrd", True),
        ("head.nhdr", False),
        ("head.mha", False),
        ("head.mha", True),
        ("head.mhd", False),
        ("head.hdr", False),
    ):
        place = Path(tempfile.mkdtemp(dir=folder))
        sitk.WriteImage(image, str(place / name), packed)
        files = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
        yield Sample("volume", name, files, f"{name} {'packed' if packed else 'raw'}")
    yield from _dicom(Path(tempfile.mkdtemp(dir=folder)))


def _dicom(folder: Path) -> Iterator[Sample]:
    import SimpleITK as sitk

    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number in range(8):
        slice_ = sitk.GetImageFromArray(np.full((1, 8, 8), 50 * number, dtype=np.int16))
        tags = {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"1.2.3.4.{number + 1}",
            "0020|000d": "1.2.3",
            "0020|000e": "1.2.3.4",
            "0020|0032": f"-10\\-20\\{number}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for key, value in tags.items():
            slice_.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"slice{number}.dcm"))
        writer.Execute(slice_)
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    yield Sample("volume", "", files, "DICOM folder")
    explicit = {f"slice{number}.dcm": _explicit_slice(number) for number in range(8)}
    yield Sample("volume", "", explicit, "DICOM folder with types and sequences")
    yield Sample("volume", "slice0.dcm", {"slice0.dcm": files["slice0.dcm"]}, "one DICOM slice")
    yield Sample("volume", "slice0.dcm", {"slice0.dcm": explicit["slice0.dcm"]}, "one DICOM slice with types")


def _explicit_slice(number: int) -> bytes:
    """A slice in explicit little-endian, with a sequence of undefined length (DICOM PS3.5, 7.1.2 and 7.5)."""

    def element(group: int, name: int, kind: bytes, value: bytes | str) -> bytes:
        content = value.encode() if isinstance(value, str) else value
        content += (b"\0" if kind == b"UI" else b" ") * (len(content) % 2)
        long = struct.pack("<HI", 0, len(content)) if kind in (b"OB", b"OW") else struct.pack("<H", len(content))
        return struct.pack("<HH2s", group, name, kind) + long + content

    def whole(name: int, value: int) -> bytes:
        return element(0x0028, name, b"US", struct.pack("<H", value))

    image = f"1.2.3.4.{number + 1}"
    storage = "1.2.840.10008.5.1.4.1.1.2"
    meta = element(2, 1, b"OB", b"\0\1") + element(2, 2, b"UI", storage) + element(2, 3, b"UI", image)
    meta += element(2, 0x10, b"UI", "1.2.840.10008.1.2.1") + element(2, 0x12, b"UI", "1.2.3")
    inner = element(8, 0x1150, b"UI", storage) + element(8, 0x1155, b"UI", "1.2.9")
    items = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    parts = [
        *(element(8, 0x16, b"UI", storage), element(8, 0x18, b"UI", image), element(8, 0x60, b"CS", "CT")),
        struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF) + items,
        *(element(0x20, 0xD, b"UI", "1.2.3"), element(0x20, 0xE, b"UI", "1.2.3.5")),
        *(element(0x20, 0x32, b"DS", f"-10\\-20\\{number}"), element(0x20, 0x37, b"DS", "1\\0\\0\\0\\1\\0")),
        *(whole(2, 1), element(0x28, 4, b"CS", "MONOCHROME2"), whole(0x10, 8), whole(0x11, 8)),
        element(0x28, 0x30, b"DS", "1\\1"),
        *(whole(0x100, 16), whole(0x101, 16), whole(0x102, 15), whole(0x103, 1)),
        *(element(0x28, 0x1052, b"DS", "0"), element(0x28, 0x1053, b"DS", "1")),
        element(0x7FE0, 0x10, b"OW", struct.pack("<h", 50 * number) * 64),
    ]
    length = element(2, 0, b"UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + b"".join(parts)
