"""Draw what scanners make of eyes, lips and nostrils: docs/images/scanner_effects.png, a close-up of each effect.

python -m research.figures.make_scanner_effects --gnm gnm_head.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from research.documentation.definitions import ROOT
from research.synthesis.close_up import scan_maker, scan_pictures, views
from research.synthesis.gnm import GnmHead
from research.synthesis.options import GeneratorOptions
from sgcn_core.viz.canvas import Canvas
from sgcn_core.viz.views import INK, PAPER

PICTURE = ROOT / "docs" / "images" / "scanner_effects.png"
# Item of the generator, its name, region, which of the two looks, number of the scan.
PANELS = (
    ("lids_smeared", "lids and lashes smeared", "eyes", 0, 3),
    ("fissure_closed", "fissure closed", "eyes", 1, 1),
    ("eye_craters", "craters and spikes", "eyes", 1, 1),
    ("eye_holes", "eye holes", "eyes", 0, 3),
    ("narrow_fissure", "narrow fissure", "eyes", 0, 1),
    ("lips_smeared", "lips smeared", "mouth", 0, 2),
    ("nostrils_filled", "nostrils filled", "nose", 1, 1),
    ("camera_offsets", "steps between cameras", "eyes", 0, 3),
)
_COLUMNS, _WIDTH, _GAP, _NAME = 4, 240, 6, 26
_COLOURS = 64


def drawn(population: GnmHead) -> Canvas:
    """The panels, each with its name above."""
    maker = scan_maker(population, GeneratorOptions.clean())
    high = views(maker, "eyes", _WIDTH)[0].height + _NAME
    rows = -(-len(PANELS) // _COLUMNS)
    sheet = Canvas(_COLUMNS * (_WIDTH + _GAP) - _GAP, rows * high, PAPER)
    for panel, (item, name, region, look, number) in enumerate(PANELS):
        left, top = panel % _COLUMNS * (_WIDTH + _GAP), panel // _COLUMNS * high
        scan = maker.with_options(GeneratorOptions.only(item)).scan(number)
        chosen = views(maker, region, _WIDTH)[look]
        sheet.paste(scan_pictures(scan, region, [chosen])[0], left, top + _NAME)
        sheet.text(name, left + _WIDTH / 2, top + _NAME / 2, size=14, colour=INK, align="centre")
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m research.figures.make_scanner_effects", description=__doc__)
    parser.add_argument("--gnm", type=Path, required=True, help="gnm_head.npz")
    canvas = drawn(GnmHead.load(parser.parse_args().gnm))
    image = Image.fromarray(np.clip(canvas.pixels + 0.5, 0, 255).astype(np.uint8))
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(PICTURE.relative_to(ROOT), f"{PICTURE.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
