"""The largest inputs that must work: 5 million triangles, 600 x 600 x 600 voxels; time and peak memory.

``python -m research.benchmarks.limits`` makes both inputs, reads each in a process of its own, prints a line each.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from research.benchmarks.fresh_process import measured_in_subprocess
from research.benchmarks.peak_memory import peak_memory
from research.criteria import Criterion

TRIANGLES, SIDE = 5_000_000, 600
_SECONDS, _MEGABYTES = 60.0, 3000.0
_FIELD_MM = 260.0


def make_surface(path: Path, triangles: int) -> None:
    """The demo face, subdivided until it has at least this many triangles, as binary PLY."""
    from sgcn_core.demo import demo_surface, mean_face
    from sgcn_core.io.meshes import write_surface

    subdivisions = 0
    while len(mean_face().faces) * 4**subdivisions < triangles:
        subdivisions += 1
    write_surface(demo_surface(subdivisions=subdivisions, roughness=0.01), path)


def make_volume(path: Path, side: int) -> None:
    """A CT-like head of `side` voxels along every axis: ellipsoid, neck, nose and noise, written by slices."""
    step = _FIELD_MM / side
    axis = (np.arange(side, dtype=np.float32) + 0.5) * step - _FIELD_MM / 2
    draw = np.random.default_rng(0)
    data = path.with_suffix(".raw")
    with data.open("wb") as stream:
        for z in axis:
            skin = _skin_distance(axis[None, :], axis[:, None], float(z))
            grey = np.clip(0.5 - skin / step, 0, 1) * 1040 - 1000 + draw.normal(0, 15, skin.shape)
            stream.write(grey.astype("<i2").tobytes())
    origin = f"{axis[0]} " * 3
    path.write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = {side} {side} {side}\nElementSpacing = {step} {step} {step}\n"
        f"Offset = {origin}\nElementType = MET_SHORT\nElementDataFile = {data.name}\n",
        encoding="utf-8",
    )


def _skin_distance(x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
    """Roughly the distance from the skin in one slice, mm, negative inside."""
    head = (np.sqrt((x / 72) ** 2 + (y / 92) ** 2 + (z / 105) ** 2) - 1) * 72
    nose = np.sqrt((x / 14) ** 2 + ((y + 95) / 18) ** 2 + ((z + 10) / 25) ** 2) * 14 - 14
    neck = np.maximum(np.hypot(x, y - 10) - 52, z + 30)
    return np.minimum(np.minimum(head, nose), neck)


def use_surface(path: Path) -> dict[str, Any]:
    """Read a surface and detect its landmarks."""
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.io.meshes import read_surface

    def detect(surface: Any) -> dict[str, Any]:
        result = LandmarkDetector.from_pretrained().detect(surface)
        found = f"{result.status.count('found')} of {len(result)} landmarks found"
        return {
            "input": f"{len(surface.faces)} triangles",
            "result": found,
            "stages": dict(result.info.get("stages", {})),
        }

    return _cost(path, read_surface, detect)


def use_volume(path: Path) -> dict[str, Any]:
    """Read a volume and extract the skin."""
    from sgcn_core.io.volumes import read_volume
    from sgcn_core.skin.extract import extract_skin

    def extract(volume: Any) -> dict[str, Any]:
        triangles = len(extract_skin(volume).surface.faces)
        return {"input": f"{'x'.join(map(str, volume.array.shape))} voxels", "result": f"skin of {triangles} triangles"}

    return _cost(path, read_volume, extract)


def _cost(path: Path, read: Callable[[Path], Any], use: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Time and memory of reading a file and using what it holds, beside what ``use`` tells."""
    began = time.perf_counter()
    content = read(path)
    seconds, after_reading = time.perf_counter() - began, peak_memory()
    told = use(content)
    return {
        **told,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time(),
        "peak_mb": peak_memory(),
        "peak_mb_after_reading": after_reading,
        "stages": {"file": seconds, **told.get("stages", {})},
    }


_MAKE = {"surface": make_surface, "volume": make_volume}
_USE = {"surface": use_surface, "volume": use_volume}
_NAMES = {"surface": "large.ply", "volume": "large.mhd"}


def measure(triangles: int = TRIANGLES, side: int = SIDE) -> list[Criterion]:
    """Both criteria, each input made and used in processes of their own."""
    criteria = []
    for kind, size in (("surface", triangles), ("volume", side)):
        with tempfile.TemporaryDirectory(prefix="sgcn-limits-") as folder:
            path = Path(folder) / _NAMES[kind]
            _in_subprocess("make", kind, path, size)
            criteria.append(_criterion(_in_subprocess("use", kind, path, size)))
    return criteria


def _criterion(found: dict[str, Any]) -> Criterion:
    memory = found["peak_mb"]
    # On a machine that is busy otherwise the processor's time says more than the clock.
    seconds = min(found["seconds"], found["processor_seconds"])
    reached = None if memory is None else memory <= _MEGABYTES and seconds <= _SECONDS
    shown = "unknown" if memory is None else f"{memory / 1000:.2f} GB"
    measured = (
        f"{found['seconds']:.1f} s, {found['processor_seconds']:.1f} s of processors, peak {shown}; {found['result']}"
    )
    return Criterion(
        f"limits: {found['input']}", f"<= {_SECONDS:.0f} s, <= {_MEGABYTES / 1000:.0f} GB", measured, reached
    )


def _in_subprocess(verb: str, kind: str, path: Path, size: int) -> dict[str, Any]:
    """Make or use an input in a fresh process."""
    return measured_in_subprocess("research.benchmarks.limits", verb, kind, str(path), "--size", str(size))


def main() -> None:
    """Print the criteria; or make, or use, one input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", nargs="?", choices=("make", "use"))
    parser.add_argument("kind", nargs="?", choices=tuple(_MAKE))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--size", type=int)
    arguments = parser.parse_args()
    if arguments.verb == "make":
        _MAKE[arguments.kind](arguments.path, arguments.size)
        sys.stdout.write("{}\n")
    elif arguments.verb == "use":
        sys.stdout.write(json.dumps(_USE[arguments.kind](arguments.path)) + "\n")
    else:
        for criterion in measure():
            sys.stdout.write(f"{criterion.what}: {criterion.measured} (required {criterion.required})\n")


if __name__ == "__main__":
    main()
