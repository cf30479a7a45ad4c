"""docs/results.md is made of the tables beside the experiments, and of nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from research.figures.make_results import DETAILS, PAGE, RESULTS, SECTIONS, results_page
from sgcn_core.evaluation.tables import Table

NAMES = {name for _, _, tables, _ in SECTIONS for name in tables} | set(DETAILS)


def test_the_page_is_what_the_tables_give() -> None:
    page = PAGE.read_text(encoding="utf-8")
    machine = re.search(r"Machine: (.+?)\. Human", page)
    assert machine
    assert results_page(RESULTS, PAGE.parent / "images", machine[1]) == page


def test_every_table_has_its_title_and_its_place_on_the_page() -> None:
    assert {path.stem for path in RESULTS.glob("*.csv")} == NAMES
    assert set(json.loads((RESULTS / "titles.json").read_text(encoding="utf-8"))) == NAMES
    assert not list(RESULTS.glob("*.md"))


def test_a_table_comes_back_from_its_file_as_it_was_printed(tmp_path: Path) -> None:
    rows = [
        {"what": "a.ply", "landmarks": 7, "mean mm": 1.256, "95 %": float("nan"), "refused": None},
        {"what": "b|c, d", "landmarks": 0, "mean mm": 1e-15, "95 %": 12.0, "refused": "no face"},
    ]
    table = Table("scans", "Errors on scans.", rows)
    table.write(tmp_path)
    Table("other", "Another.", rows).write(tmp_path)
    page = results_page(tmp_path, tmp_path / "images", "a machine")
    assert f"Errors on scans.\n\n{table.markdown()}\n" in page
    assert "| a.ply | 7 | 1.26 | - | - |\n| b/c, d | 0 | 0.00 | 12.00 | no face |" in page


def test_the_page_says_what_was_not_measured(tmp_path: Path) -> None:
    results, images = tmp_path / "results", tmp_path / "images"
    results.mkdir()
    (results / "paper_over_t.png").write_bytes(b"\x89PNG")
    page = results_page(results, images, "a machine")
    assert "*paper_table1: not measured yet.*" in page and "Machine: a machine" in page
    assert "(images/paper_over_t.png)" in page and (images / "paper_over_t.png").exists()
    assert "paper_over_nodes.png" not in page
