"""Compute the package's low-resolution mean face from generated people: sgcn_core/resources/mean_face.npz.

python research/figures/make_mean_face.py --model ict_facekit.npz --clinical ict_clinical_vertices.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

from research.synthesis.alignment import aligned
from research.synthesis.face_model import FaceModel
from research.synthesis.generator import mean_shape
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions, draw_vertices
from sgcn_core.geometry.vtk_bridge import to_polydata

OUTPUT = Path(__file__).resolve().parents[2] / "sgcn_core" / "resources" / "mean_face.npz"
REACH = 60.0  # millimetres from the nearest landmark: some forehead and neck for a natural look


def mean_vertices(model: FaceModel, people: int) -> np.ndarray:
    """Mean of aligned people with a neutral expression: (V, 3), head frame, millimetres."""
    shape = ShapeOptions(expressive=0.0, blink=0.0)
    draw = Draw(torch.Generator().manual_seed(1))
    prototype = mean_shape(model, shape)
    total = torch.zeros_like(model.neutral)
    for _ in range(people // 32):
        vertices = draw_vertices(model, shape, draw, 32)
        total += aligned(vertices, vertices[:, model.landmarks], prototype)[0].sum(0)
    return (total / (people // 32 * 32)).double().numpy()


def decimate(vertices: np.ndarray, faces: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Quadric decimation to about ``target`` triangles."""
    decimation = vtkQuadricDecimation()
    decimation.SetInputData(to_polydata(vertices, faces))
    decimation.SetTargetReduction(1.0 - target / len(faces))
    decimation.Update()
    result = decimation.GetOutput()
    triangles = vtk_to_numpy(result.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return vtk_to_numpy(result.GetPoints().GetData()), triangles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clinical", type=Path, required=True)
    parser.add_argument("--people", type=int, default=1024)
    parser.add_argument("--triangles", type=int, default=6000)
    options = parser.parse_args()
    model = FaceModel.load(options.model, options.clinical)
    vertices, faces = mean_vertices(model, options.people), model.faces.numpy()
    near = cKDTree(vertices[model.landmarks.numpy()]).query(vertices[faces].mean(1))[0] < REACH
    used, compact = np.unique(faces[near], return_inverse=True)
    vertices, faces = decimate(vertices[used], compact.reshape(-1, 3), options.triangles)
    np.savez_compressed(OUTPUT, vertices=vertices.round(2).astype(np.float32), faces=faces.astype(np.int32))
    print(f"{OUTPUT.name}: {len(vertices)} vertices, {len(faces)} triangles, {OUTPUT.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
