"""How consistently weights place landmarks on a population that they were not trained on.

python -m research.training.consistency --population gnm --gnm gnm_head.npz

Clean neutral heads, adults, in the head frame, in millimetres. From detection minus truth the mean of each landmark
over all heads is taken off, since it is a matter of definition; what is left is the detector's. Weights whose record
names the population (``research.training.record``) are refused unless ``--seen`` is given: what they say of people they
know is no control.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from research.synthesis.face_model import FaceModel
from research.synthesis.generator import extremum_solver
from research.synthesis.gnm import GnmHead
from research.synthesis.makehuman import MakeHuman
from research.synthesis.population import Population
from research.synthesis.populations import DATA, load_population
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions
from research.training.record import shown
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
    detector: LandmarkDetector, model: Population, heads: int, *, seed: int = 0, shape: ShapeOptions | None = None
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
        vertices = _plain(model, draw) if shape is None else model.draw(shape, draw, 1)
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


def never_found(detected: FloatArray) -> NDArray[np.bool_]:
    """Which landmarks (L,) were found on none of the heads (H, L, 3): the weights may not know where they are.

    A network without the ICT model, say, has never seen the angle of the jaw labelled.
    """
    return np.asarray(~np.isfinite(detected).all(axis=2).any(axis=0))


def _plain(model: Population, draw: Draw) -> Tensor:
    """Vertices (1, V, 3) of a head as the model's makers mean it to vary, nothing added.

    The ICT model's weights and GNM's are N(0, 1). MakeHuman has no statistics: its features vary as in the generator.
    """
    if isinstance(model, GnmHead):
        return model.heads(draw, 1)
    options = replace(_VARIED, asymmetry=0.0, build=0.0, warp=0.0)
    return model.draw(replace(options, identity=1.0) if isinstance(model, FaceModel) else options, draw, 1)


def standing(info: Mapping[str, Any], population: str, *, seen: bool = False) -> str:
    """How weights with this record stand to a population, for the title.

    Parameters
    ----------
    info : the record that the weights hold
    seen : whether it is known that they were trained on it

    Raises
    ------
    ValueError
        They were trained on it, or do not say on what, and ``seen`` is False.
    """
    told = shown(info)
    if told.populations is None:
        if not seen:
            raise ValueError(f"{told.gap}; add --seen to measure them all the same")
        return f"{told.gap}: no control"
    # MakeHuman's children are of the same mesh and the same targets.
    if told.populations & {population, "children" if population == "makehuman" else population}:
        if not seen:
            raise ValueError(
                f"trained on {', '.join(sorted(told.populations))}: on {population} their consistency is no control; "
                "take weights or a population for which it is one, or add --seen"
            )
        return f"trained on {population}: no control"
    return f"not trained on {population}" + (f" as far as is recorded ({told.gap})" if told.gap else "")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m research.training.consistency", description=__doc__)
    parser.add_argument("--population", choices=tuple(DATA), help="left out: the one whose data are given")
    parser.add_argument("--model", type=Path, help="ict_facekit.npz")
    parser.add_argument("--makehuman", type=Path, help="folder of MakeHuman's data")
    parser.add_argument("--gnm", type=Path, help="gnm_head.npz")
    parser.add_argument("--weights", type=Path, help="weights (safetensors), default the shipped ones")
    parser.add_argument("--seen", action="store_true", help="also where the weights were trained on the population")
    parser.add_argument("--heads", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--varied", action="store_true", help="with the generator's asymmetry, build and width")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args(arguments)
    given = [name for name, option in DATA.items() if getattr(options, option) is not None]
    if options.population is None:
        if len(given) != 1:
            parser.error("give the data of one population (--model, --makehuman or --gnm), or name it (--population)")
        options.population = given[0]
    elif options.population not in given:
        parser.error(f"--population {options.population} needs its data: --{DATA[options.population]}")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    detector, name = LandmarkDetector.from_pretrained(options.weights), options.population
    try:
        about = standing(detector.checkpoint.info, name, seen=options.seen)
    except ValueError as error:
        raise SystemExit(f"{options.weights or 'the shipped weights'}: {error}") from error
    people = load_population(name, getattr(options, DATA[name]))
    labels, detected, truth = measure(
        detector,
        people.adults() if isinstance(people, MakeHuman) else people,
        options.heads,
        seed=options.seed,
        shape=_VARIED if options.varied else None,
    )
    never, names = never_found(detected), np.array(labels)
    if never.all():
        raise SystemExit(f"no landmark was found on any of {options.heads} heads of {name}: train these weights longer")
    labels, detected, truth = tuple(names[~never].tolist()), detected[:, ~never], truth[:, ~never]
    rest, mean = residuals(detected, truth)
    spread = np.linalg.norm(rest, axis=2)
    each = np.nanmean(spread, axis=0)
    good = np.array([well_defined(label) for label in labels])
    console = Console(width=120, highlight=False)
    console.print(f"weights {detector.checkpoint.sha256[:8]}, {options.heads} heads of {name}, {len(labels)} landmarks")
    console.print(about)
    console.print(
        f"consistency: mean {each.mean():.2f} mm; well-defined {each[good].mean():.2f}, others {each[~good].mean():.2f}"
    )
    if never.any():
        console.print(f"found on none of the heads, left out: {', '.join(names[never])}")
    whole = np.nanmean(np.linalg.norm(detected - truth, axis=2))
    console.print(f"not found: {np.isnan(spread).mean():.4f}; with the mean offset {whole:.2f} mm")
    console.print("\n| landmark | spread, mm | mean offset +x left, +y up, +z out, mm |\n|---|---|---|")
    for column in np.argsort(each):
        x, y, z = mean[column]
        console.print(f"| {labels[column]} | {each[column]:.2f} | {x:+.1f} {y:+.1f} {z:+.1f} |")


if __name__ == "__main__":
    main()
