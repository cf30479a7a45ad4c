"""Time and spacing of our Poisson-disk sampling beside Open3D's, on the same surface, in alternating runs.

    python research/benchmarks/poisson_disk.py
    python research/benchmarks/poisson_disk.py --mesh face.ply --repeats 15

Open3D comes with the extra `bench`; without it only our side is measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.sampling.elimination import largest_radius
from sgcn_core.sampling.poisson_disk import sample_poisson_disk

Sampler = Callable[[int], np.ndarray]


def face_like_surface(columns: int = 260, rows: int = 142) -> tuple[np.ndarray, np.ndarray]:
    """An open half ellipsoid of head size (mm) with a nose and two eye sockets; 36,920 vertices by default."""
    around, up = np.meshgrid(np.linspace(-1.5, 1.5, columns), np.linspace(-1.35, 1.35, rows))
    nose = 0.25 * np.exp(-((around / 0.18) ** 2) - ((up + 0.1) / 0.25) ** 2)
    sockets = 0.06 * np.exp(-(((np.abs(around) - 0.4) / 0.15) ** 2) - ((up - 0.25) / 0.1) ** 2)
    relief = 1 + nose - sockets
    axes = (75 * np.sin(around) * np.cos(up), 110 * np.sin(up), 95 * np.cos(around) * np.cos(up))
    number = np.arange(columns * rows).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return np.stack([axis * relief for axis in axes], axis=-1).reshape(-1, 3), faces


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a mesh file."""
    from sgcn_core.io.meshes import read_surface

    surface = read_surface(path)
    return surface.vertices, surface.faces


def open3d_sampler(vertices: np.ndarray, faces: np.ndarray, count: int) -> Sampler:
    """Open3D's sampler on this mesh; ImportError if Open3D cannot be loaded."""
    import open3d

    mesh = open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(vertices), open3d.utility.Vector3iVector(faces.astype(np.int32))
    )

    def sample(seed: int) -> np.ndarray:
        open3d.utility.random.seed(seed)
        return np.asarray(mesh.sample_points_poisson_disk(count).points)

    return sample


def spacing_statistics(points: np.ndarray, area: float) -> dict[str, float]:
    """Distance of each point to the nearest other one, as a fraction of a perfect hexagonal lattice's."""
    found = cKDTree(points).query(points, k=[2])[0]
    nearest = np.ravel(found) / (2 * largest_radius(area, len(points)))
    return {"min": float(nearest.min()), "mean": float(nearest.mean()), "std": float(nearest.std())}


def timed(sampler: Sampler, seed: int) -> tuple[float, np.ndarray]:
    """Seconds of one call, and its points."""
    start = time.perf_counter()
    points = sampler(seed)
    return time.perf_counter() - start, points


def run(repeats: int = 11, *, count: int = 8000, mesh: Path | None = None) -> dict[str, Any]:
    """Measure both samplers, one run of each in turn after a warm-up.

    Returns
    -------
    dict
        JSON-able: ``ours`` and ``open3d`` (None, with ``open3d_missing`` saying why) hold ``seconds``, ``median`` and
        ``spacing``; ``ratio`` is Open3D's median over ours; the rest describes mesh and machine.
    """
    vertices, faces = face_like_surface() if mesh is None else read_mesh(mesh)
    area = float(triangle_areas(vertices, faces).sum())
    samplers: dict[str, Sampler] = {
        "ours": lambda seed: sample_poisson_disk(vertices, faces, count, seed=seed).points,
    }
    result: dict[str, Any] = {
        "count": count,
        "vertices": len(vertices),
        "triangles": len(faces),
        "processor": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "numpy": np.__version__,
        "open3d": None,
        "ratio": None,
    }
    try:
        samplers["open3d"] = open3d_sampler(vertices, faces, count)
    except (ImportError, OSError) as error:
        result["open3d_missing"] = f"{error}; install it with: pip install 'sgcn-core[bench]'"
    seconds: dict[str, list[float]] = {name: [] for name in samplers}
    last = {name: sampler(0) for name, sampler in samplers.items()}
    for seed in range(1, repeats + 1):
        for name, sampler in samplers.items():
            elapsed, last[name] = timed(sampler, seed)
            seconds[name].append(elapsed)
    for name in samplers:
        result[name] = {
            "seconds": seconds[name],
            "median": statistics.median(seconds[name]),
            "spacing": spacing_statistics(last[name], area),
        }
    if result["open3d"]:
        result["ratio"] = result["open3d"]["median"] / result["ours"]["median"]
    return result


def report(result: dict[str, Any]) -> str:
    """The result as a table."""
    lines = [
        f"{result['count']} points from {result['vertices']} vertices, {result['triangles']} triangles "
        f"({result['processor']}, NumPy {result['numpy']})",
        f"{'':10}{'median s':>10}{'fastest':>10}{'slowest':>10}   nearest neighbour / hexagonal: min, mean, std",
    ]
    for name in ("ours", "open3d"):
        side = result[name]
        if side:
            spacing = side["spacing"]
            lines.append(
                f"{name:10}{side['median']:10.3f}{min(side['seconds']):10.3f}{max(side['seconds']):10.3f}"
                f"   {spacing['min']:.3f}, {spacing['mean']:.3f}, {spacing['std']:.3f}"
            )
    if result["ratio"]:
        lines.append(f"Open3D takes {result['ratio']:.2f} times as long")
    else:
        lines.append(f"Open3D not measured: {result['open3d_missing']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mesh", type=Path, help="mesh file; without it, a generated face-like surface")
    parser.add_argument("--count", type=int, default=8000, help="number of points")
    parser.add_argument("--repeats", type=int, default=11, help="runs of each side")
    arguments = parser.parse_args()
    print(report(run(arguments.repeats, count=arguments.count, mesh=arguments.mesh)))


if __name__ == "__main__":
    main()
