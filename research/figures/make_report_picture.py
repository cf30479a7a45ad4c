"""Draw the picture of the page on reports again: docs/images/report.png, from a demo face with a shifted chin.

python -m research.figures.make_report_picture

Needs Chromium, and Pillow (which matplotlib brings). The time that the report took is printed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from research.figures.small_png import save_small
from sgcn_core import LandmarkDetector, demo_surface
from sgcn_core.report.build import Report, ReportCase, build_report
from sgcn_core.report.page import Section, render_page
from sgcn_core.types.surface import Surface

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "report.png"
SIZE = (760, 1350)
SHIFT = 6.0  # mm, of the chin to the subject's left


def shifted_chin(surface: Surface) -> Surface:
    """The face with its chin and lower lip moved to the subject's left, less so towards the ears and the nose."""
    left, up, out = surface.vertices.T
    share = np.clip((-20 - up) / 50, 0, 1) * np.clip((out - 20) / 60, 0, 1)
    return surface.with_(vertices=np.stack([left + SHIFT * share, up, out], axis=1))


def sections(report: Report) -> list[tuple[Section, ...]]:
    """What each half of the picture shows."""
    named = {section.key: section for section in report.page.sections}
    views = replace(named["views"], figures=named["views"].figures[:3])
    chosen = [figure for figure in named["measurements"].figures if figure.caption.startswith(("Ricketts", "Powell"))]
    drawings = replace(named["measurements"], figures=tuple(chosen), tables=(), text=())
    symmetry = replace(named["symmetry"], figures=named["symmetry"].figures[1:], tables=(), notes=())
    table = replace(named["measurements"].tables[0], page_rows=tuple(range(9)), note="")
    return [(views,), (drawings, symmetry, replace(named["measurements"], title="Table", figures=(), tables=(table,)))]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no Chromium here; install it, for instance with apt-get install chromium")
    surface = shifted_chin(demo_surface())
    result = LandmarkDetector.from_pretrained().detect(surface)
    began = time.perf_counter()
    report = build_report(ReportCase(result=result, surface=surface))
    report.html()
    print(f"report of {len(surface.vertices)} vertices in {time.perf_counter() - began:.1f} s")
    canvas = Image.new("RGB", (2 * SIZE[0], SIZE[1]), "white")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, chosen in enumerate(sections(report)):
            page, shot = folder / f"{number}.html", folder / f"{number}.png"
            page.write_text(render_page(replace(report.page, sections=chosen)), encoding="utf-8")
            command = [
                browser,
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                f"--user-data-dir={folder / 'profile'}",
            ]
            command += [f"--window-size={SIZE[0]},{SIZE[1]}", f"--screenshot={shot}", page.as_uri()]
            subprocess.run(command, check=True, capture_output=True, timeout=300)
            canvas.paste(Image.open(shot).convert("RGB"), (number * SIZE[0], 0))
    smaller = canvas.resize((canvas.width * 4 // 5, canvas.height * 4 // 5), Image.Resampling.LANCZOS)
    print(save_small(smaller, PICTURE))


if __name__ == "__main__":
    main()
