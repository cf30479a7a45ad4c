"""How much generated people vary, region by region, beside real ones.

python -m research.synthesis.population_check --data DIR --model ict_facekit.npz --makehuman DIR --gnm gnm_head.npz

DIR holds ``population/`` (standard deviation of 1,548 registered real faces, ANSUR II) and ``scans/`` (23 landmarks of
85 people). Neutral adults. ``--children`` sets MakeHuman's children beside its adults: there are no measures of real
children to hold them against.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from scipy.spatial import cKDTree

from research.synthesis.face_model import FaceModel
from research.synthesis.generator import extremum_solver
from research.synthesis.makehuman import MakeHuman
from research.synthesis.population import Population
from research.synthesis.populations import load_others
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions

FloatArray = NDArray[np.float64]
_NEUTRAL = ShapeOptions(expressive=0.0, blink=0.0)
_AT_ONCE, _STREAM = 10, 0x90
# Skin within this distance of one of its landmarks is of a region, millimetres.
_AROUND = 7.0
REGIONS: dict[str, tuple[str, ...]] = {
    "brows": tuple(f"ibug{i}" for i in range(17, 27)),
    "eyes": ("en_r", "en_l", "ex_r", "ex_l", "ps_r", "ps_l", "pi_r", "pi_l"),
    "nose root": ("n", "se", "mf_r", "mf_l"),
    "nose bridge": ("mnd", "ibug28", "ibug29"),
    "nose tip": ("prn", "c"),
    "nasal wings": ("al_r", "al_l", "ac_r", "ac_l", "sbal_r", "sbal_l"),
    "upper lip": ("sn", "spl", "ls", "cph_r", "cph_l"),
    "lower lip": ("li", "ibug55", "ibug59"),
    "mouth corners": ("ch_r", "ch_l"),
    "chin": ("sl", "pg", "gn", "ibug8"),
    "cheeks": ("chk_r", "chk_l"),
}
# Rows of the 85 people's array and the distances compared.
_PEOPLE = (
    *("prn", "ac_l", "ac_r", "sn", "se", "n", "ex_l", "ex_r", "en_l", "en_r", "t_l", "t_r"),
    *("ls", "cph_l", "cph_r", "ch_l", "ch_r", "sto", "li", "sl", "gn", "obi_l", "obi_r"),
)
_DISTANCES = (
    *(("en_r", "en_l"), ("ex_r", "ex_l"), ("en_l", "ex_l"), ("se", "sn"), ("sn", "prn"), ("ac_r", "ac_l")),
    *(("cph_r", "cph_l"), ("ch_r", "ch_l"), ("sn", "ls"), ("ls", "li"), ("li", "sl"), ("se", "li"), ("t_r", "t_l")),
    *(("t_l", "sn"), ("obi_r", "obi_l")),
)
# Measures of ANSUR II between two landmarks of ours.
_HEAD = {"bizygomaticbreadth": ("zy_r", "zy_l"), "mentonsellionlength": ("se", "me"), "earlength": ("sa_l", "sba_l")}


@dataclass(frozen=True, eq=False)
class Sample:
    """Neutral people of a population, millimetres.

    vertices (N, V, 3) of the skin; landmarks: label to (N, 3), those of an extremum solved.
    """

    population: Population
    vertices: FloatArray
    landmarks: dict[str, FloatArray]

    @classmethod
    def drawn(cls, population: Population, people: int, seed: int = 0) -> Sample:
        solver = extremum_solver(population)
        vertices, landmarks = [], []
        for number in range(people // _AT_ONCE):
            drawn = population.draw(_NEUTRAL, Draw.seeded(population.device, seed, _STREAM, number), _AT_ONCE)
            landmarks.append(solver.solve(drawn))
            vertices.append(drawn[:, : population.skin])
        places = torch.cat(landmarks).double().numpy()
        known = zip(population.labels, population.known.tolist(), strict=True)
        return cls(
            population,
            torch.cat(vertices).double().numpy(),
            {label: places[:, i] for i, (label, there) in enumerate(known) if there},
        )

    def distance(self, first: str, last: str) -> FloatArray | None:
        """Of two landmarks (N,), None where the population lacks one."""
        if first not in self.landmarks or last not in self.landmarks:
            return None
        return np.asarray(np.linalg.norm(self.landmarks[first] - self.landmarks[last], axis=1))

    def between_eyes(self) -> FloatArray:
        """Distance (N,) of the middles of the palpebral fissures."""
        right, left = ((self.landmarks[f"en_{side}"] + self.landmarks[f"ex_{side}"]) / 2.0 for side in "rl")
        return np.asarray(np.linalg.norm(right - left, axis=1))

    def size(self) -> FloatArray:
        """Centroid size (N,): root of the sum of squared distances of all landmarks from their mean."""
        places = np.stack(list(self.landmarks.values()), 1)
        return np.asarray(np.sqrt(np.square(places - places.mean(1, keepdims=True)).sum((1, 2))))


def spread(shapes: FloatArray, rounds: int = 3) -> FloatArray:
    """Standard deviation (V,), millimetres, of each point of ``shapes`` (N, V, 3) after rigid alignment to the mean."""
    aligned = shapes - shapes.mean(1, keepdims=True)
    for _ in range(rounds):
        mean = aligned.mean(0)
        u, _, vt = np.linalg.svd(np.einsum("nvi,vj->nij", aligned, mean))
        sign = np.linalg.det(u @ vt)
        u[:, :, 2] *= sign[:, None]
        aligned = aligned @ (u @ vt)
    return np.asarray(np.sqrt(aligned.var(0).sum(1)))


def by_region(points: FloatArray, deviation: FloatArray, landmarks: dict[str, FloatArray]) -> dict[str, float]:
    """Root mean square of ``deviation`` (V,) of the points (V, 3) around the landmarks of each region that has any."""
    tree, found = cKDTree(points), {}
    for name, labels in REGIONS.items():
        places = [landmarks[label] for label in labels if label in landmarks]
        if places:
            near = np.unique(np.concatenate([tree.query_ball_point(place, _AROUND) for place in places]).astype(int))
            if len(near):
                found[name] = float(np.sqrt(np.square(deviation[near]).mean()))
    return found


def face_of(sample: Sample, mean_face: FloatArray, face_landmarks: dict[str, FloatArray]) -> NDArray[np.int64]:
    """The skin vertices of the average person that a registered face covers as well.

    Parameters
    ----------
    mean_face : (M, 3), in any frame, millimetres
    face_landmarks : label to (3,) on it
    """
    population = sample.population
    neutral = population.neutral.double().numpy()
    at = {
        label: int(vertex) for label, vertex in zip(population.labels, population.landmarks, strict=True) if vertex >= 0
    }
    shared = [label for label in face_landmarks if label in at]
    ours, theirs = neutral[[at[label] for label in shared]], np.stack([face_landmarks[label] for label in shared])
    centred, other = theirs - theirs.mean(0), ours - ours.mean(0)
    u, s, vt = np.linalg.svd(centred.T @ other)
    scale = s.sum() / np.square(centred).sum()
    moved = scale * (mean_face - theirs.mean(0)) @ (u @ vt) + ours.mean(0)
    distance = cKDTree(moved).query(neutral[: population.skin])[0]
    return np.flatnonzero(distance < _AROUND)


def region_rows(samples: dict[str, Sample], file: Path) -> list[list[str]]:
    """A row for each region: real, and each population divided by it, all relative to the whole face."""
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.types.surface import Surface

    with np.load(file) as archive:
        mean, deviation = archive["mean"].astype(float), np.linalg.norm(archive["sd"].astype(float), axis=1)
        faces = archive["faces"].astype(np.int64)
    found = LandmarkDetector.from_pretrained().detect(Surface(vertices=mean, faces=faces, unit="mm"), unit="mm")
    landmarks = {
        label: place for label, place in zip(found.labels, found.positions, strict=True) if not np.isnan(place[0])
    }
    real = by_region(mean, deviation / np.sqrt(np.square(deviation).mean()), landmarks)
    ours = {}
    for name, sample in samples.items():
        face = face_of(sample, mean, landmarks)
        varied = spread(sample.vertices[:, face])
        at = zip(sample.population.labels, sample.population.landmarks.tolist(), strict=True)
        neutral = sample.population.neutral.double().numpy()
        places = {label: neutral[vertex] for label, vertex in at if vertex >= 0}
        whole = np.sqrt(np.square(varied).mean())
        ours[name] = by_region(neutral[face], varied / whole, places) | {"whole face, mm": float(whole)}
    rows = [
        [region, f"{value:.2f}", *(f"{own[region] / value:.2f}" if region in own else "-" for own in ours.values())]
        for region, value in real.items()
    ]
    whole = float(np.sqrt(np.square(deviation).mean()))
    return [*rows, ["whole face, mm", f"{whole:.2f}", *(f"{ours[name]['whole face, mm']:.2f}" for name in samples)]]


def people_rows(samples: dict[str, Sample], file: Path) -> list[list[str]]:
    """Mean and deviation of distances of 85 real people, and each population's."""
    real = np.load(file)
    rows = []
    for first, last in _DISTANCES:
        measured = np.linalg.norm(real[_PEOPLE.index(first)] - real[_PEOPLE.index(last)], axis=0)
        ours = [sample.distance(first, last) for sample in samples.values()]
        rows.append([f"{first} - {last}", _figures(measured), *(_figures(values) for values in ours)])
    return rows


def ansur_rows(samples: dict[str, Sample], file: Path) -> list[list[str]]:
    """The same of head measures of ANSUR II, women and men in equal numbers."""
    table: dict[str, list[tuple[float, float]]] = {}
    for row in csv.DictReader(file.open(encoding="utf-8")):
        table.setdefault(row["measure_mm"], []).append((float(row["mean"]), float(row["sd"])))
    rows = []
    measures = {name: [sample.distance(*ends) for sample in samples.values()] for name, ends in _HEAD.items()}
    measures["interpupillarybreadth"] = [sample.between_eyes() for sample in samples.values()]
    for name, ours in measures.items():
        means, deviations = np.array(table[name]).T
        pooled = np.sqrt(np.square(deviations).mean() + means.var())
        rows.append([name, f"{means.mean():.1f} ± {pooled:.1f}", *(_figures(values) for values in ours)])
    return rows


def children_rows(adults: Sample, children: Sample) -> list[list[str]]:
    """Distances of both, the ratio of their means, and that ratio over the one of the whole face (centroid sizes)."""
    both = (adults, children)
    measures: dict[str, Sequence[FloatArray | None]]
    measures = {f"{first} - {last}": [each.distance(first, last) for each in both] for first, last in _DISTANCES}
    measures |= {name: [each.distance(*ends) for each in both] for name, ends in _HEAD.items()}
    measures["interpupillarybreadth"] = [each.between_eyes() for each in both]
    measures["centroid size"] = sizes = [each.size() for each in both]
    whole, rows = sizes[1].mean() / sizes[0].mean(), []
    for name, (grown, small) in measures.items():
        if grown is not None and small is not None:
            ratio = small.mean() / grown.mean()
            rows.append([name, _figures(grown), _figures(small), f"{ratio:.2f}", f"{ratio / whole:.2f}"])
    return rows


def _figures(values: FloatArray | None) -> str:
    return "-" if values is None else f"{values.mean():.1f} ± {values.std():.1f}"


def _print(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    console.print(f"\n| {' | '.join(headings)} |\n{'|---' * len(headings)}|")
    for row in rows:
        console.print(f"| {' | '.join(row)} |")


def main() -> None:
    """Draw, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m research.synthesis.population_check", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with population/ and scans/")
    parser.add_argument("--model", type=Path, help="ict_facekit.npz")
    parser.add_argument("--makehuman", type=Path, help="folder of MakeHuman's data")
    parser.add_argument("--gnm", type=Path, help="gnm_head.npz")
    parser.add_argument("--children", action="store_true", help="MakeHuman's children beside its adults")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args()
    if options.children and not options.makehuman:
        parser.error("--children are MakeHuman's: give the folder of its data (--makehuman)")
    torch.set_num_threads(options.threads)
    populations: dict[str, Population] = {"ict": FaceModel.load(options.model)} if options.model else {}
    populations |= load_others(options.makehuman, options.gnm, children=options.children)
    if isinstance(makehuman := populations.get("makehuman"), MakeHuman):
        populations["makehuman"] = makehuman.adults()
    samples = {name: Sample.drawn(people, options.people, options.seed) for name, people in populations.items()}
    children = samples.pop("children", None)
    console = Console(width=140, highlight=False)
    console.print(f"Neutral adults, {options.people} of each; - where a population lacks the landmarks.")
    for title, rows in (
        ("region", region_rows(samples, options.data / "population" / "real_faces_1548.npz")),
        ("85 people, mm", people_rows(samples, options.data / "scans" / "real_people_23x3x85.npy")),
        ("ANSUR II, mm", ansur_rows(samples, options.data / "population" / "ansur2_head.csv")),
    ):
        real = "real, relative" if title == "region" else "real"
        _print(console, [title, real, *samples], rows)
    if children is not None:
        console.print("\nMakeHuman's children, from birth to about 14 years; no real ones to hold them against.")
        headings = ["MakeHuman, mm", "adults", "children", "ratio", "ratio over the face's"]
        _print(console, headings, children_rows(samples["makehuman"], children))


if __name__ == "__main__":
    main()
