"""Draw generated faces: a contact sheet, close-ups, or the landmarks of a population.

python -m research.synthesis --model ict_facekit.npz --out sheet.png
python -m research.synthesis --model ict_facekit.npz --only long_hair --out long_hair.png
python -m research.synthesis --population gnm --gnm gnm_head.npz --only lids_smeared --region eyes --out lids.png
python -m research.synthesis --population makehuman --makehuman makehuman --landmarks --out landmarks.png

With --region and --only every person is drawn without the effect, too, to the left. A red dot is a landmark on the
surface, a blue ring one from which it is more than 1 mm away.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from research.synthesis.close_up import OF_SAMPLES, REGIONS
from research.synthesis.face_model import CLINICAL_VERTICES
from research.synthesis.options import ITEMS, GeneratorOptions
from research.synthesis.populations import DATA, load_population
from sgcn_core.types.landmarks import LANDMARK_SETS

if TYPE_CHECKING:
    from research.synthesis.population import Population
    from sgcn_core.viz.canvas import Canvas


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options; ends the process where they do not fit together."""
    parser = argparse.ArgumentParser(
        prog="python -m research.synthesis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--population", choices=tuple(DATA), default="ict", help="default: ict")
    parser.add_argument("--model", type=Path, help="ict_facekit.npz")
    parser.add_argument(
        "--clinical",
        type=Path,
        default=CLINICAL_VERTICES,
        help="JSON: clinical label -> vertex of the ICT model; ours by default",
    )
    parser.add_argument("--makehuman", type=Path, help="folder of MakeHuman's base mesh and targets")
    parser.add_argument("--gnm", type=Path, help="gnm_head.npz")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=24, help="number of samples")
    parser.add_argument("--nodes", type=int, default=8000, help="points of each sample; not of close-ups")
    parser.add_argument("--only", choices=("clean", *ITEMS), metavar="ITEM", help=f"one of clean, {', '.join(ITEMS)}")
    parser.add_argument("--region", choices=tuple(REGIONS), help="close-ups of this part of the face")
    parser.add_argument(
        "--landmarks",
        nargs="?",
        const="all",
        choices=LANDMARK_SETS,
        help="the average person with the landmarks of a set, from four sides, in place of samples",
    )
    options = parser.parse_args(arguments)
    if getattr(options, DATA[options.population]) is None:
        parser.error(f"--population {options.population} needs --{DATA[options.population]}")
    if options.landmarks and options.only:
        parser.error("--landmarks draws the average person: leave --only out")
    if options.region and options.only in OF_SAMPLES:
        parser.error(f"{options.only} changes no mesh and is not seen in a close-up: leave --region out")
    return options


def load(options: argparse.Namespace) -> Population:
    """The population that was asked for."""
    data = getattr(options, DATA[options.population])
    return load_population(options.population, data, clinical=options.clinical)


def picture(population: Population, options: argparse.Namespace) -> Canvas:
    """What the options ask for."""
    from research.synthesis.close_up import close_ups, scan_maker
    from research.synthesis.contact_sheet import contact_sheet
    from research.synthesis.generator import FaceGenerator
    from research.synthesis.landmark_picture import landmark_picture

    if options.landmarks:
        return landmark_picture(population, landmark_set=options.landmarks, region=options.region)
    clean = GeneratorOptions.clean()
    varied = {None: GeneratorOptions(), "clean": clean}.get(options.only) or GeneratorOptions.only(options.only)
    if options.region:
        maker = scan_maker(population, varied, seed=options.seed)
        plain = None if options.only in (None, "clean") else maker.with_options(clean)
        return close_ups(maker, options.region, plain=plain, count=options.count)
    generator = FaceGenerator(population, nodes=options.nodes, pools=2, seed=options.seed, options=varied)
    return contact_sheet(generator, count=options.count)


def main() -> None:
    from rich.console import Console

    options = parsed()
    picture(load(options), options).save(options.out)
    what = "landmarks" if options.landmarks else f"{options.count} samples of seed {options.seed}"
    Console(highlight=False).print(f"{options.population}, {what}: {options.out}")


if __name__ == "__main__":
    main()
