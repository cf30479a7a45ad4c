"""Files that a scan consists of beside the one that is named: textures, materials, buffers, raw voxels.

They belong to the input: results never take their place, and data that lie in them count for its checksum. What cannot
be read refers to nothing; errors are the readers' to tell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

_MOST_BYTES = 64 * 2**20  # of a text file that is searched
_HEADER_BYTES = 2**16
_LONGEST_NAME = 1024
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".basis")
_TEXTURE = re.compile(
    rb"^[ \t]*(?:map_\w+|bump|disp|decal|refl|norm)[ \t]+(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE
)
_MATERIAL = re.compile(rb"^[ \t]*mtllib[ \t]+(.*?)[ \t\r]*$", re.MULTILINE)
_PLY_TEXTURE = re.compile(rb"^comment[ \t]+TextureFile[ \t]+(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE)
_VOXELS = re.compile(
    rb"^[ \t]*(?:ElementDataFile[ \t]*=|data ?file:)[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE
)


def referred_files(path: Path) -> set[Path]:
    """Existing files that a mesh, a material or a header refers to, at any remove."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        for name in _names(file):
            other = file.parent / name
            if other not in found and _is_file(other):
                found.add(other)
                waiting.append(other)
    return found


def data_files(path: Path) -> list[Path]:
    """Files beside a header that hold its geometry or its voxels, in the order of their names."""
    if path.suffix.lower() not in (".gltf", ".glb", ".mhd", ".nhdr", ".nrrd", ".hdr", ".img"):
        return []
    return sorted(file for file in referred_files(path) if file.suffix.lower() not in _PICTURES and file != path)


def textures_beside(picture: Path) -> set[Path]:
    """Files that any material, glTF or PLY file in the folder of a picture, or in the one above, refers to."""
    found: set[Path] = set()
    for folder in (picture.parent, picture.parent.parent):
        try:
            entries = list(folder.iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.suffix.lower() in (".mtl", ".gltf", ".glb", ".ply"):
                found |= referred_files(entry)
    return found


def _names(file: Path) -> Iterator[str]:
    try:
        yield from {
            ".obj": _obj_names,
            ".mtl": _mtl_names,
            ".ply": _ply_names,
            ".gltf": _gltf_names,
            ".glb": _glb_names,
            ".mhd": _voxel_names,
            ".nhdr": _voxel_names,
            ".nrrd": _voxel_names,
            ".hdr": _analyze_names,
            ".img": _analyze_names,
        }.get(file.suffix.lower(), _no_names)(file)
    except (OSError, ValueError, RecursionError):
        return


def _no_names(file: Path) -> Iterator[str]:
    return iter(())


def _obj_names(file: Path) -> Iterator[str]:
    yield from _listed(_MATERIAL, _start(file, _MOST_BYTES))


def _mtl_names(file: Path) -> Iterator[str]:
    yield from _listed(_TEXTURE, _start(file, _MOST_BYTES))


def _ply_names(file: Path) -> Iterator[str]:
    yield from _listed(_PLY_TEXTURE, _start(file, _HEADER_BYTES).partition(b"end_header")[0])


def _voxel_names(file: Path) -> Iterator[str]:
    yield from _listed(_VOXELS, _start(file, _HEADER_BYTES))


def _analyze_names(file: Path) -> Iterator[str]:
    yield from (file.stem + suffix for suffix in (".hdr", ".img", ".img.gz"))


def _gltf_names(file: Path) -> Iterator[str]:
    yield from _uris(_start(file, _MOST_BYTES))


def _glb_names(file: Path) -> Iterator[str]:
    with file.open("rb") as stream:
        stream.seek(12)
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(20)
        yield from _uris(stream.read(min(length, _MOST_BYTES)))


def _uris(text: bytes) -> Iterator[str]:
    document = json.loads(text)
    for kind in ("buffers", "images"):
        for entry in document.get(kind, ()) if isinstance(document, dict) else ():
            uri = entry.get("uri") if isinstance(entry, dict) else None
            if isinstance(uri, str) and not uri.startswith("data:"):
                yield unquote(uri)


def _listed(pattern: re.Pattern[bytes], text: bytes) -> Iterator[str]:
    """Names as they stand, and without the options that may come before them."""
    for match in pattern.finditer(text):
        line = match.group(1).decode("utf-8", "surrogateescape").strip('"').replace("\\", "/")
        if len(line) > _LONGEST_NAME:
            continue
        words = line.split(" ")
        yield from (" ".join(words[first:]) for first in range(len(words)))


def _start(file: Path, most: int) -> bytes:
    with file.open("rb") as stream:
        return stream.read(most)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
