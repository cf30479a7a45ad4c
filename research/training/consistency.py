"""How consistently weights place landmarks: ``python -m research.training.consistency --gnm gnm_head.npz``.

Clean heads of the GNM model in the head frame, in millimetres. From detection minus truth the mean of each landmark
over all heads is taken off, since it is a matter of definition; what is left is the detector's. Run it with weights
that were not trained on the model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from research.synthesis.generator import extremum_solver
from research.synthesis.gnm import GnmHead
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.types.surface import Surface
from sgcn_core.uncertainty.domain import well_defined

FloatArray = NDArray[np.float64]
# As the generator makes them, neutral, eyes open.
_VARIED = ShapeOptions(expressive=0.0, blink=0.0)
_STREAM = 0xC0


def residuals(detected: FloatArray, truth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Detection minus truth without its mean, and that mean.

    Parameters
    ----------
    detected, truth : (H, L, 3), H heads in one frame; NaN where a landmark was not found

    Returns
    -------
    (H, L, 3) and (L, 3)
    """
    off = detected - truth
    mean = np.nanmean(off, axis=0)
    return off - mean, mean


def measure(
    detector: LandmarkDetector, model: GnmHead, heads: int, *, seed: int = 0, shape: ShapeOptions | None = None
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Labels of the landmarks that both know, detected positions and true ones, (H, L, 3) each.

    The heads are those of the model itself, or vary as ``shape`` says.
    """
    solver = extremum_solver(model)
    faces, known = model.faces.numpy(), model.known.tolist()
    labels = tuple(
        label for label, here in zip(model.labels, known, strict=True) if here and label in detector.checkpoint.labels
    )
    columns = [model.labels.index(label) for label in labels]
    detected, truth = [], []
    for number in range(heads):
        draw = Draw.seeded(model.device, seed, _STREAM, number)
        vertices = model.heads(draw, 1) if shape is None else model.draw(shape, draw, 1)
        truth.append(solver.solve(vertices)[0].double().numpy()[columns])
        surface = Surface(vertices=vertices[0].double().numpy(), faces=faces, unit="mm")
        try:
            found = detector.detect(surface, unit="mm")
        except FaceNotFoundError:
            detected.append(np.full((len(labels), 3), np.nan))
            continue
        place = dict(zip(found.labels, found.positions, strict=True))
        detected.append(np.stack([place[label] for label in labels]))
    return labels, np.stack(detected), np.stack(truth)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m research.training.consistency", description=__doc__)
    parser.add_argument("--gnm", type=Path, required=True, help="gnm_head.npz")
    parser.add_argument("--weights", type=Path, help="weights (safetensors), default the shipped ones")
    parser.add_argument("--heads", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--varied", action="store_true", help="with the generator's asymmetry, build and width")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    detector = LandmarkDetector.from_pretrained(options.weights)
    labels, detected, truth = measure(
        detector,
        GnmHead.load(options.gnm),
        options.heads,
        seed=options.seed,
        shape=_VARIED if options.varied else None,
    )
    rest, mean = residuals(detected, truth)
    spread = np.linalg.norm(rest, axis=2)
    each = np.nanmean(spread, axis=0)
    good = np.array([well_defined(label) for label in labels])
    console = Console(width=120, highlight=False)
    console.print(f"weights {detector.checkpoint.sha256[:8]}, {options.heads} heads, {len(labels)} landmarks")
    console.print(
        f"consistency: mean {each.mean():.2f} mm; well-defined {each[good].mean():.2f}, others {each[~good].mean():.2f}"
    )
    whole = np.nanmean(np.linalg.norm(detected - truth, axis=2))
    console.print(f"not found: {np.isnan(spread).mean():.4f}; with the mean offset {whole:.2f} mm")
    console.print("\n| landmark | spread, mm | mean offset +x left, +y up, +z out, mm |\n|---|---|---|")
    for column in np.argsort(each):
        x, y, z = mean[column]
        console.print(f"| {labels[column]} | {each[column]:.2f} | {x:+.1f} {y:+.1f} {z:+.1f} |")


if __name__ == "__main__":
    main()
