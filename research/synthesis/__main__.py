"""Draw a contact sheet of generated faces.

python -m research.synthesis --model ict_facekit.npz --clinical ict_clinical_vertices.json --out sheet.png
python -m research.synthesis ... --only long_hair --out long_hair.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from research.synthesis.options import ITEMS, GeneratorOptions


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m research.synthesis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="the face model, ict_facekit.npz")
    parser.add_argument("--clinical", type=Path, required=True, help="JSON object: clinical label to vertex")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=24, help="number of samples")
    parser.add_argument("--nodes", type=int, default=8000, help="points of each sample")
    parser.add_argument("--only", choices=("clean", *ITEMS), metavar="ITEM", help=f"one of clean, {', '.join(ITEMS)}")
    options = parser.parse_args()

    # After the options are read, so that --help is quick.
    from rich.console import Console

    from research.synthesis.contact_sheet import contact_sheet
    from research.synthesis.face_model import FaceModel
    from research.synthesis.generator import FaceGenerator

    model = FaceModel.load(options.model, options.clinical)
    generator = FaceGenerator(model, nodes=options.nodes, pools=2, seed=options.seed)
    if options.only:
        only = GeneratorOptions.clean() if options.only == "clean" else GeneratorOptions.only(options.only)
        generator = generator.with_options(only)
    contact_sheet(generator, count=options.count).save(options.out)
    Console(highlight=False).print(f"{options.count} samples of seed {options.seed}: {options.out}")


if __name__ == "__main__":
    main()
